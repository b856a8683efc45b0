"""The policy file: what may stand in it, and how it becomes the domain's Policy.

A bad file is refused as a whole, with every fault and its line. policy.yaml explains the keys to those who write it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from shared.domain import policy
from shared.domain.calendar import Calendar, Interval
from shared.domain.events import Surface
from shared.domain.listening import ListeningRule
from shared.errors import Misconfigured
from shared.policy import across, fields, hours, lines
from shared.policy.lines import Fault

ALWAYS = "always"

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml")


def load(
    text: str, *, desk_address: str, name: str = "policy.yaml", channels: Collection[str] | None = None
) -> policy.Policy:
    """The policy of a file's text. Its version is the file's own and a short hash of its content.

    `desk_address` stands in where the file names no agents or no escalation. With `channels`, a rule, also one of
    listening, for a channel that is not among them is a fault. Raises Misconfigured with all faults, one a line.
    """
    written = lines.read(text)
    document, faults = _read(written, channels)
    if not fields.is_address(desk_address):
        faults = (*faults, Fault(f"the desk's address {desk_address!r} is no mail address; set DESK_ADDRESS"))
    if faults or document is None:
        raise Misconfigured("\n".join(_told(name, fault) for fault in sorted(faults, key=lambda f: f.line or 0)))
    content = hashlib.sha256(text.encode()).hexdigest()[:8]
    return document.policy(desk_address, f"{document.version}+{content}")


def read_packaged(file_name: str, desk_address: str, channels: Collection[str] | None = None) -> policy.Policy:
    """The policy of a file in this folder. Raises Misconfigured, also for a name that is no file of this folder."""
    here = Path(__file__).parent
    if not _FILE_NAME.fullmatch(file_name) or not (here / file_name).is_file():
        there = ", ".join(sorted(each.name for each in here.iterdir() if _FILE_NAME.fullmatch(each.name)))
        raise Misconfigured(f"There is no policy file {file_name[:80]!r} in shared/policy/. There are: {there}.")
    try:
        text = (here / file_name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file_name}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error
    return load(text, desk_address=desk_address, name=file_name, channels=channels)


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Document.model_json_schema()}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hours(_Model):
    """Opening hours of a week, or the word `always`. A day by its own name replaces what weekdays or weekend say."""

    weekdays: fields.Day = None
    weekend: fields.Day = None
    monday: fields.Day = None
    tuesday: fields.Day = None
    wednesday: fields.Day = None
    thursday: fields.Day = None
    friday: fields.Day = None
    saturday: fields.Day = None
    sunday: fields.Day = None

    @property
    def week(self) -> dict[int, tuple[Interval, ...]]:
        """The intervals of each weekday, 0 = Monday."""
        groups = [self.weekdays] * 5 + [self.weekend] * 2
        named = [getattr(self, day) for day in hours.WEEKDAYS]
        chosen = [group if own is None else own for group, own in zip(groups, named, strict=True)]
        return {weekday: intervals or () for weekday, intervals in enumerate(chosen)}

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, written: object) -> object:
        return dict.fromkeys(("weekdays", "weekend"), "00:00-24:00") if written == ALWAYS else written

    @model_validator(mode="after")
    def _can_be_kept(self) -> Hours:
        if not any(self.week.values()):
            raise ValueError("no day has hours: a calendar that never opens answers nobody")
        collisions = tuple(hours.collisions(self.week))
        if collisions:
            raise ValueError("; ".join(collisions))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        by_day = handler.resolve_ref_schema(handler(core_schema))
        for day in by_day["properties"].values():
            day.pop("default", None)
        return {"title": "Hours", "anyOf": [{"const": ALWAYS}, by_day]}


class Hourly(_Model):
    """A calendar: a zone and the hours kept in it."""

    zone: fields.Zone
    hours: Hours


class Rule(_Model):
    """Targets for the messages of some channels and surfaces; without either, for all."""

    name: fields.Name
    channels: Annotated[tuple[fields.Name, ...], Field(min_length=1)] | None = None
    surfaces: Annotated[tuple[Surface, ...], Field(min_length=1)] | None = None
    calendar: fields.Name
    first_response: fields.SomeTime
    warn_after: Annotated[float, Field(gt=0, lt=1)] = 0.5
    acknowledge: bool | None = None

    def rule(self) -> policy.Rule:
        """As the domain knows it."""
        return policy.Rule(
            name=self.name,
            calendar=self.calendar,
            first_response=self.first_response,
            warn_after=self.warn_after,
            channels=frozenset(self.channels or ()),
            surfaces=frozenset(self.surfaces or ()),
            acknowledge=self.acknowledge,
        )


class Agent(_Model):
    """Somebody with a mailbox."""

    address: fields.Address
    name: fields.PersonName = ""


class Acknowledging(_Model):
    """The after-hours answer."""

    text: fields.Words
    max_age: fields.SomeTime = Field(timedelta(minutes=15), json_schema_extra={"default": "15m"})
    quiet_after_person: fields.Length = Field(timedelta(minutes=30), json_schema_extra={"default": "30m"})


class Listening(_Model):
    """What to look for where nobody speaks to us."""

    name: fields.Name
    phrases: Annotated[tuple[fields.Phrase, ...], Field(min_length=1, max_length=20)]
    exclude: Annotated[tuple[fields.Phrase, ...], Field(max_length=100)] = ()
    languages: Annotated[tuple[fields.Language, ...], Field(min_length=1)] | None = None
    channels: Annotated[tuple[fields.Name, ...], Field(min_length=1)] | None = None
    per_day: Annotated[int, Field(ge=1, le=10_000)] = 50

    def rule(self) -> ListeningRule:
        """As the domain knows it."""
        return ListeningRule(
            name=self.name,
            phrases=self.phrases,
            exclude=self.exclude,
            languages=frozenset(self.languages or ()),
            channels=frozenset(self.channels or ()),
            per_day=self.per_day,
        )


class Document(_Model):
    """The whole file."""

    model_config = ConfigDict(title="Nightdesk policy")

    version: fields.Version
    company: fields.Company
    calendars: Annotated[dict[fields.Name, Hourly], Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    agents: Annotated[tuple[Agent, ...], Field(min_length=1)] | None = None
    escalation: Annotated[tuple[Agent, ...], Field(min_length=1)] | None = None
    acknowledging: Acknowledging
    listening: tuple[Listening, ...] = ()

    def policy(self, desk_address: str, version: str) -> policy.Policy:
        """As the domain knows it."""
        return policy.Policy(
            version=version,
            company=self.company,
            calendars={name: Calendar(each.zone, each.hours.week) for name, each in self.calendars.items()},
            rules=tuple(each.rule() for each in self.rules),
            agents=_people(self.agents, desk_address),
            escalate_to=_people(self.escalation, desk_address),
            acknowledging=policy.Acknowledging(
                text=self.acknowledging.text,
                max_age=self.acknowledging.max_age,
                quiet_after_person=self.acknowledging.quiet_after_person,
            ),
            listening=tuple(each.rule() for each in self.listening),
        )


def _people(listed: tuple[Agent, ...] | None, desk_address: str) -> tuple[policy.Agent, ...]:
    if listed is None:
        return (policy.Agent(desk_address),)
    return tuple(policy.Agent(each.address, each.name) for each in listed)


def _read(written: lines.Written, channels: Collection[str] | None) -> tuple[Document | None, tuple[Fault, ...]]:
    """The document, or what is wrong with it; both kinds of faults are looked for before anything is said."""
    faults = list(written.faults)
    if not isinstance(written.data, dict):
        empty = Fault("there is no policy in it; the file that comes with Nightdesk shows what belongs there")
        return None, tuple(faults or [empty])
    faults.extend(across.faults(written, channels))
    try:
        return Document.model_validate(written.data), tuple(faults)
    except ValidationError as error:
        return None, (*faults, *(_fault(each, written) for each in error.errors(include_url=False)))


def _fault(error: ErrorDetails, written: lines.Written) -> Fault:
    place, context = error["loc"], error.get("ctx", {})
    if error["type"] == fields.HOURS_FAULT:
        item = (context["item"],) if "item" in context else ()
        return Fault(error["msg"], written.line((*place, *item)))
    line, around = written.line(place), _shown(place[:-1])
    if error["type"] == "extra_forbidden":
        return Fault(f"{around}there is no key {place[-1]}{_hint(str(place[-1]))}", line)
    if error["type"] == "missing":
        return Fault(f"{around}{place[-1]} is missing", line)
    reason = context["error"] if error["type"] == "value_error" else error["msg"][:1].lower() + error["msg"][1:]
    return Fault(f"{_shown(place)}{reason}", line)


def _hint(key: str) -> str:
    models = (Document, Hourly, Hours, Rule, Agent, Acknowledging, Listening)
    close = get_close_matches(key, {known for model in models for known in model.model_fields}, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _shown(place: tuple[str | int, ...]) -> str:
    """A place as people read it: `rules[2].first_response: `, nothing for the whole file."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"{steps.removeprefix('.')}: " if steps else ""


def _told(name: str, fault: Fault) -> str:
    return f"{name} line {fault.line}: {fault.reason}" if fault.line else f"{name}: {fault.reason}"
