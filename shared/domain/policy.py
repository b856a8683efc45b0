"""The company's rules as frozen data. shared/policy/model.py reads them from policy.yaml and refuses bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.calendar import Calendar
from shared.domain.events import Surface
from shared.domain.listening import ListeningRule
from shared.domain.records import short_hash


@dataclass(frozen=True, slots=True)
class Agent:
    """A person, or a shared mailbox of persons, who answers."""

    address: str
    name: str = ""

    @property
    def agent_id(self) -> str:
        """A short stable name that fits into a reply address; addresses compare without case."""
        return short_hash("agent", self.address.casefold(), characters=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Targets for the messages it matches; empty `channels` or `surfaces` match all. The first match wins."""

    name: str
    calendar: str
    first_response: timedelta  # open time
    warn_after: float  # share of the target, 0 < share < 1
    channels: frozenset[str] = frozenset()
    surfaces: frozenset[Surface] = frozenset()
    acknowledge: bool | None = None  # None: what the channel's capability says

    def matches(self, channel: str, surface: Surface) -> bool:
        """Whether the rule speaks of such a message."""
        return (not self.channels or channel in self.channels) and (not self.surfaces or surface in self.surfaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledging:
    """When and with what words customers are told that people are away."""

    text: str  # with {greeting} and {back}; see shared/domain/acknowledgement.py for the closed list
    max_age: timedelta  # a message older than this is not acknowledged any more
    quiet_after_person: timedelta  # nothing automatic within this time of a person's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a company decides."""

    version: str  # stored with every decision
    company: str
    calendars: Mapping[str, Calendar]
    rules: tuple[Rule, ...]  # the last one matches everything
    agents: tuple[Agent, ...]
    escalate_to: tuple[Agent, ...]
    acknowledging: Acknowledging
    listening: tuple[ListeningRule, ...] = ()

    def rule(self, channel: str, surface: Surface) -> Rule:
        """The first rule that matches."""
        return next(rule for rule in self.rules if rule.matches(channel, surface))

    def calendar(self, channel: str, surface: Surface) -> Calendar:
        """The hours that count for such a message."""
        return self.calendars[self.rule(channel, surface).calendar]

    def agent(self, agent_id: str) -> Agent | None:
        """The agent or escalation contact behind a short name."""
        return next((a for a in (*self.agents, *self.escalate_to) if a.agent_id == agent_id), None)
