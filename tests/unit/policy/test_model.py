from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.channels import names
from shared.domain.calendar import DAY, Interval
from shared.domain.events import Surface
from shared.domain.listening import ListeningRule
from shared.domain.policy import Agent, Policy
from shared.errors import Misconfigured
from shared.policy import model, schema
from shared.policy.model import load, read_packaged
from tests.unit.domain.build import at

DESK = "desk@acme.example"

GOOD = """\
version: 7
company: Acme
calendars:
  office:
    zone: Europe/Berlin
    hours:
      weekdays: ["09:00-12:00", "13:00-17:00"]
      friday: 09:00-15:00
      saturday: closed
  night:
    zone: UTC
    hours: always
rules:
- name: reviews
  channels: [facebook]
  surfaces: [review, comment]
  calendar: office
  first_response: 2h30m
  warn_after: 0.8
  acknowledge: no
- name: rest
  calendar: night
  first_response: 90s
agents:
- {address: ann@acme.example, name: Ann}
- address: team@acme.example
escalation:
- {address: lead@acme.example}
acknowledging:
  text: "{greeting} This is automatic. Back {back}."
"""


def changed(old: str, new: str, *, text: str = GOOD) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def faults(text: str, desk_address: str = DESK, **more) -> list[str]:
    with pytest.raises(Misconfigured) as refused:
        load(text, desk_address=desk_address, **more)
    return str(refused.value).splitlines()


def read_or_refused(text: str) -> Policy | Misconfigured:
    try:
        return load(text, desk_address=DESK)
    except Misconfigured as error:
        return error


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


class TestAGoodFile:
    policy = load(GOOD, desk_address=DESK)

    def test_calendars_have_zone_and_week(self):
        office = self.policy.calendars["office"]
        assert office.zone == "Europe/Berlin"
        assert office.week[0] == (Interval(540, 720), Interval(780, 1020))
        assert not office.week.get(6)

    def test_a_day_by_its_own_name_replaces_the_group(self):
        week = self.policy.calendars["office"].week
        assert week[4] == (Interval(540, 900),)
        assert week[3] == week[0]
        assert not week.get(5)

    def test_always_is_round_the_clock(self):
        assert self.policy.calendars["night"].week == {day: (Interval(0, DAY),) for day in range(7)}
        assert self.policy.calendars["night"].closed_period(at("2026-11-01 23:59")) is None

    def test_rules_keep_their_order_and_values(self):
        reviews, rest = self.policy.rules
        assert reviews.channels == {"facebook"}
        assert reviews.surfaces == {Surface.REVIEW, Surface.COMMENT}
        assert (reviews.first_response, reviews.warn_after) == (timedelta(hours=2, minutes=30), 0.8)
        assert reviews.acknowledge is False
        assert (rest.first_response, rest.warn_after, rest.acknowledge) == (timedelta(seconds=90), 0.5, None)
        assert self.policy.rule("facebook", Surface.DM) == rest

    def test_people_are_those_of_the_file(self):
        assert self.policy.agents == (Agent("ann@acme.example", "Ann"), Agent("team@acme.example"))
        assert self.policy.escalate_to == (Agent("lead@acme.example"),)

    def test_without_people_it_is_the_desk(self):
        text = GOOD[: GOOD.index("agents:")] + GOOD[GOOD.index("acknowledging:") :]
        policy = load(text, desk_address=DESK)
        assert policy.agents == policy.escalate_to == (Agent(DESK),)

    def test_times_of_acknowledging_have_defaults(self):
        assert self.policy.acknowledging.max_age == timedelta(minutes=15)
        assert self.policy.acknowledging.quiet_after_person == timedelta(minutes=30)

    def test_the_version_tells_every_change_of_the_content(self):
        again, other = load(GOOD, desk_address=DESK), load(changed("90s", "91s"), desk_address=DESK)
        assert self.policy.version == again.version
        assert self.policy.version.startswith("7+")
        assert other.version.startswith("7+")
        assert other.version != again.version


class TestFaults:
    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ('"13:00-17:00"', '"11:00-17:00"', "hours of weekdays overlap: 09:00-12:00 and 11:00-17:00"),
            ("09:00-15:00", "15:00-09:00", "hours of friday: 15:00-09:00 ends before it starts"),
            ("09:00-15:00", "09:00-09:00", "is empty"),
            ("09:00-15:00", "[]", "hours of friday are empty"),
            ("09:00-15:00", "", "hours of friday are empty"),
            ("09:00-15:00", "09:00-49:00", "impossible"),
            ("saturday: closed", "saturday: 00:00-48:00\n      sunday: 10:00-11:00", "run into those of sunday"),
            ("hours: always", "hours: {monday: closed}", "no day has hours"),
            ("hours: always", "hours: {}", "no day has hours"),
            ("hours: always", "hours: sometimes", "calendars.night.hours: input should be"),
            ("Europe/Berlin", "Europe/Berlim", "did you mean Europe/Berlin?"),
            ("Europe/Berlin", "/etc/localtime", "no IANA time zone"),
            ("Europe/Berlin", "localtime", "no IANA time zone"),
            ("Europe/Berlin", "Europe", "no IANA time zone"),
            ("calendar: night", "calendar: nigth", "rule rest: there is no calendar nigth; there are: office, night"),
            ("name: rest", "name: reviews", "two rules are called reviews"),
            ("- name: rest", "- name: rest\n  channels: [x]", "the last rule, rest, must match everything"),
            ("90s", "90", "rules[1].first_response: '90' is no length of time; write 90s, 15m"),
            ("90s", "1:30", "no length of time"),
            ("90s", "30m2h", "no length of time"),
            ("90s", "0s", "no time at all"),
            ("90s", "91d", "longer than 90 days"),
            ("90s", "-5m", "no length of time"),
            ("warn_after: 0.8", "warn_after: 1", "rules[0].warn_after: input should be less than 1"),
            ("warn_after: 0.8", "warn_after: nan", "warn_after"),
            ("acknowledge: no", "acknowledge: perhaps", "rules[0].acknowledge"),
            ("[review, comment]", "[review, coment]", "rules[0].surfaces[1]"),
            ("[facebook]", "[]", "rules[0].channels"),
            ("[facebook]", "[Face Book]", "rules[0].channels[0]"),
            ("  warn_after: 0.8", "  warn_afer: 0.8", "rules[0]: there is no key warn_afer; did you mean warn_after?"),
            ("ann@acme.example", "ann@@acme.example", "agents[0].address: 'ann@@acme.example' is no mail address"),
            ("team@acme.example", "ANN@acme.example", "ann@acme.example is given twice"),
            ("name: Ann", 'name: "Ann\\nBcc: x@y.example"', "agents[0].name"),
            ("Back {back}", "Back {back} {nmae}", "asks for {nmae}, which does not exist"),
            ("Back {back}", "Back soon", "put {back} into it"),
            ("This is automatic", "Hi", "does not say that it is automatic"),
            ("company: Acme", "company: '{company}'", "company"),
            ("company: Acme", "company: ' '", "company"),
            ("version: 7", "version: a b", "version"),
        ],
    )
    def test_each_is_told_with_its_line_and_reason(self, old, new, reason):
        text = changed(old, new)
        told = [fault for fault in faults(text, name="mine.yaml") if reason in fault]
        assert len(told) == 1, faults(text)
        assert told[0].startswith("mine.yaml line ")

    def test_the_line_is_that_of_the_guilty_interval(self):
        text = changed("09:00-15:00", '\n      - "09:00-13:00"\n      - "12:00-17:00"')
        assert faults(text) == [
            f"policy.yaml line {line_of(text, '12:00-17:00')}: hours of friday overlap: 09:00-13:00 and 12:00-17:00"
        ]

    def test_the_line_is_that_of_the_guilty_value(self):
        text = changed("90s", "soon")
        assert faults(text)[0].startswith(f"policy.yaml line {line_of(text, 'soon')}: ")

    def test_what_is_missing_is_told_at_the_place_where_it_belongs(self):
        text = changed("  calendar: night\n", "")
        assert faults(text) == [f"policy.yaml line {line_of(text, 'name: rest')}: rules[1]: calendar is missing"]

    def test_all_are_told_at_once_in_the_order_of_the_file(self):
        text = changed("90s", "soon", text=changed("Europe/Berlin", "Mars/Olympus"))
        text = changed("calendar: night", "calendar: day", text=changed("Back {back}", "Back", text=text))
        told = [int(fault.split()[2].rstrip(":")) for fault in faults(text)]
        assert len(told) == 4
        assert told == sorted(told)

    def test_a_rule_that_can_never_count_is_refused(self):
        shadowed = (
            "- name: late\n  channels: [facebook]\n  surfaces: [review]\n  calendar: night\n  first_response: 1m\n"
        )
        text = changed("- name: rest\n", shadowed + "- name: rest\n")
        assert ["rule late can never count: reviews before it matches all it matches" in f for f in faults(text)] == [
            True
        ]

    def test_a_channel_that_does_not_exist_is_refused_where_the_channels_are_known(self):
        assert load(GOOD, desk_address=DESK, channels={"facebook", "web"}).rules
        assert "rule reviews: there is no channel facebook; there are: web" in faults(GOOD, channels={"web"})[0]

    @pytest.mark.parametrize("text", ["", "# nothing", "- a", "just words", "~"])
    def test_a_file_without_a_policy_is_refused(self, text):
        assert "no policy in it" in faults(text)[0]

    def test_broken_yaml_is_told_with_its_line(self):
        assert faults("version: 1\n company: x")[0].startswith("policy.yaml line 2: not YAML")

    @pytest.mark.parametrize("key", ["version", "company", "calendars", "rules", "acknowledging"])
    def test_every_part_is_needed(self, key):
        data = yaml.load(GOOD, Loader=yaml.SafeLoader)
        del data[key]
        text = yaml.safe_dump({**data, "version": "7"} if key != "version" else data)
        assert any(f"{key} is missing" in fault for fault in faults(text))

    @pytest.mark.parametrize(
        "address", ["", "desk", "a b@x.example", "a@x.example\r\nBcc: b@x.example", "a@-x.example"]
    )
    def test_the_desks_own_address_is_checked(self, address):
        assert "DESK_ADDRESS" in faults(GOOD, address)[0]

    @settings(deadline=None, max_examples=60)
    @given(st.data())
    def test_any_damaged_file_is_read_or_refused_and_nothing_else(self, data):
        start = data.draw(st.integers(0, len(GOOD)))
        end = data.draw(st.integers(start, min(len(GOOD), start + 20)))
        text = GOOD[:start] + data.draw(st.text(alphabet="{}[]:-,\"'*&!# \n0aé~", max_size=6)) + GOOD[end:]
        assert isinstance(read_or_refused(text), Policy | Misconfigured)


LISTENING = (
    GOOD
    + """\
listening:
- name: brand
  phrases: [acme kettle, "ACME  Kettles"]
  exclude: [we are hiring]
  languages: [en, de]
  channels: [web]
  per_day: 7
- name: everywhere
  phrases: ["akme"]
"""
)


class TestListening:
    def test_rules_become_the_domains(self):
        brand, everywhere = load(LISTENING, desk_address=DESK).listening
        assert brand == ListeningRule(
            name="brand",
            phrases=("acme kettle", "ACME  Kettles"),
            exclude=("we are hiring",),
            languages=frozenset({"en", "de"}),
            channels=frozenset({"web"}),
            per_day=7,
        )
        assert everywhere == ListeningRule(name="everywhere", phrases=("akme",))

    def test_without_rules_nothing_is_listened_for(self):
        assert load(GOOD, desk_address=DESK).listening == ()
        assert load(GOOD + "listening: []\n", desk_address=DESK).listening == ()

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("name: everywhere", "name: brand", "two listening rules are called brand"),
            (
                "channels: [web]",
                "channels: [wbe]",
                "listening rule brand: there is no channel wbe; there are: facebook, web",
            ),
            (
                "[we are hiring]",
                "[we are hiring, ACME]",
                "listening rule brand never finds 'acme kettle': it excludes 'acme'",
            ),
            ("[en, de]", "[English]", "listening[0].languages[0]"),
            ("[en, de]", "[]", "listening[0].languages"),
            ("per_day: 7", "per_day: 0", "listening[0].per_day: input should be greater than or equal to 1"),
            ('["akme"]', "[]", "listening[1].phrases"),
            ('["akme"]', '["--"]', "'--' is no phrase"),
            ('["akme"]', '["a"]', "listening[1].phrases[0]"),
            ('["akme"]', '["a\\tb"]', "listening[1].phrases[0]"),
            ("  per_day: 7", "  perday: 7", "there is no key perday; did you mean per_day?"),
            ('  phrases: ["akme"]', "", "listening[1]: phrases is missing"),
        ],
    )
    def test_each_fault_is_told_with_its_line(self, old, new, reason):
        told = faults(changed(old, new, text=LISTENING), name="mine.yaml", channels={"facebook", "web"})
        assert [reason in fault and fault.startswith("mine.yaml line ") for fault in told].count(True) == 1, told

    def test_the_line_is_that_of_the_guilty_value(self):
        text = changed("[en, de]", "[English]", text=LISTENING)
        assert faults(text)[0].startswith(f"policy.yaml line {line_of(text, 'English')}: ")


class TestTheFileThatComesWithNightdesk:
    policy = read_packaged("policy.yaml", DESK)

    def test_everyone_is_owed_an_answer_on_the_same_day_and_where_nothing_is_said_in_two_hours(self):
        assert all(rule.first_response <= timedelta(hours=8) for rule in self.policy.rules)
        assert self.policy.rules[-1].first_response == timedelta(hours=2)

    @pytest.mark.parametrize(
        ("channel", "target"),
        [
            ("x", 15),
            ("facebook", 25),
            ("tumblr", 60),
            ("reddit", 120),
            ("linkedin", 480),
            ("youtube", 480),
            ("yelp", 480),
        ],
    )
    def test_channels_that_the_trade_speaks_of_have_its_targets(self, channel, target):
        assert self.policy.rule(channel, Surface.COMMENT).first_response == timedelta(minutes=target)

    def test_every_channel_in_it_exists_and_its_example_of_listening_can_be_used(self):
        text = (Path(schema.FILE).parent / "policy.yaml").read_text(encoding="utf-8")
        example = text[text.index("# listening:") :].partition("\n\n")[0].replace("\n# ", "\n")[2:]
        assert load(text + example, desk_address=DESK, channels=names()).listening[0].per_day == 30
        assert self.policy.listening == ()

    def test_messengers_have_the_ideal_target_and_are_warned_after_a_quarter_of_an_hour(self):
        for channel in ("facebook", "instagram", "whatsapp"):
            rule = self.policy.rule(channel, Surface.DM)
            assert rule.first_response == timedelta(minutes=25)
            assert rule.first_response * rule.warn_after == timedelta(minutes=15)

    def test_people_are_there_on_weekdays_from_nine_to_five(self):
        calendar = self.policy.calendar("web", Surface.DM)
        assert calendar.is_open(at("2026-07-06 08:00"))
        assert not calendar.is_open(at("2026-07-06 16:00"))
        assert not calendar.is_open(at("2026-07-11 12:00"))

    def test_no_rule_answers_by_machine_where_the_channel_would_not(self):
        assert all(rule.acknowledge is None for rule in self.policy.rules)

    @pytest.mark.parametrize(
        "name", ["../policy.yaml", "/etc/passwd", "none.yaml", "", "model.py", "a/policy.yaml", ".yaml"]
    )
    def test_only_files_of_the_folder_are_read(self, name):
        with pytest.raises(Misconfigured, match="There is no policy file"):
            read_packaged(name, DESK)


class TestAFolderOfPolicies:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        self.folder = tmp_path
        monkeypatch.setattr(model, "__file__", str(tmp_path / "model.py"))

    def test_a_file_beside_the_model_is_read_under_its_own_name(self):
        (self.folder / "demo.yaml").write_text(changed("90s", "soon"), encoding="utf-8")
        with pytest.raises(Misconfigured, match=r"^demo.yaml line \d+: rules\[1\].first_response: 'soon'"):
            read_packaged("demo.yaml", DESK)

    def test_a_file_in_another_encoding_is_refused(self):
        (self.folder / "old.yaml").write_bytes("company: Müller".encode("latin-1"))
        with pytest.raises(Misconfigured, match=r"old\.yaml: byte 10 is not UTF-8"):
            read_packaged("old.yaml", DESK)

    def test_the_files_there_are_named(self):
        (self.folder / "demo.yaml").write_text(GOOD, encoding="utf-8")
        with pytest.raises(Misconfigured, match=r"There are: demo\.yaml\."):
            read_packaged("deno.yaml", DESK)


class TestTheSchema:
    def test_the_committed_file_is_that_of_the_model(self):
        assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run python -m shared.policy.schema"

    def test_it_names_every_key_of_the_file_that_comes_with_nightdesk(self):
        data = yaml.safe_load((Path(schema.FILE).parent / "policy.yaml").read_text(encoding="utf-8"))
        known = json.loads(schema.text())
        assert set(data) <= set(known["properties"])
        assert set(known["required"]) <= set(data)
        assert known["additionalProperties"] is False

    def test_defaults_are_written_as_in_the_file(self):
        acknowledging = json.loads(schema.text())["$defs"]["Acknowledging"]["properties"]
        assert (acknowledging["max_age"]["default"], acknowledging["quiet_after_person"]["default"]) == ("15m", "30m")
