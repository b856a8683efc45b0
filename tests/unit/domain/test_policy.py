from __future__ import annotations

from datetime import timedelta

from shared.domain.events import Surface
from shared.domain.policy import Agent, Rule
from tests.unit.domain.build import calendar_always, calendar_weekdays, policy


def rule(name: str, **changes) -> Rule:
    return Rule(name=name, first_response=timedelta(minutes=5), warn_after=0.5, **{"calendar": "office", **changes})


RULES = (
    rule("reviews", channels=frozenset({"facebook"}), surfaces=frozenset({Surface.REVIEW}), calendar="night"),
    rule("facebook", channels=frozenset({"facebook", "instagram"})),
    rule("comments", surfaces=frozenset({Surface.COMMENT})),
    rule("rest"),
)
POLICY = policy(rules=RULES, calendars={"office": calendar_weekdays(), "night": calendar_always()})


def test_the_first_rule_that_matches_counts():
    asked = [("facebook", Surface.REVIEW), ("facebook", Surface.COMMENT), ("x", Surface.COMMENT), ("x", Surface.DM)]
    assert [POLICY.rule(*each).name for each in asked] == ["reviews", "facebook", "comments", "rest"]


def test_the_calendar_is_that_of_the_rule():
    assert POLICY.calendar("facebook", Surface.REVIEW) == calendar_always()
    assert POLICY.calendar("facebook", Surface.DM) == calendar_weekdays()


def test_an_agent_is_found_by_a_short_name_that_does_not_know_case():
    assert Agent("Ann@Acme.Example").agent_id == Agent("ann@acme.example", "Ann").agent_id
    assert POLICY.agent(Agent("ANN@acme.example").agent_id) == Agent("ann@acme.example", "Ann")
    assert POLICY.agent(Agent("stranger@acme.example").agent_id) is None


def test_those_who_are_told_of_a_breach_may_answer_too():
    assert POLICY.agent(Agent("lead@acme.example").agent_id) == Agent("lead@acme.example", "Lee")
