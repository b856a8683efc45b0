"""Builders: a valid calendar and policy, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.domain.calendar import DAY, Calendar, Interval
from shared.domain.policy import Acknowledging, Agent, Policy, Rule

TEXT = "{greeting} This is an automatic answer from {company}. People are back {back}."


def calendar_always(zone: str = "UTC") -> Calendar:
    """Never closed."""
    return Calendar(zone, {weekday: (Interval(0, DAY),) for weekday in range(7)})


def calendar_weekdays(zone: str = "Europe/London", start: int = 9 * 60, end: int = 17 * 60) -> Calendar:
    """Monday to Friday, 09:00-17:00."""
    return Calendar(zone, {weekday: (Interval(start, end),) for weekday in range(5)})


def policy(**changes: Any) -> Policy:
    """One rule for everything: 25 minutes on weekdays, one agent, one escalation contact."""
    given = Policy(
        version="1+test",
        company="Acme",
        calendars={"office": calendar_weekdays()},
        rules=(Rule(name="all", calendar="office", first_response=timedelta(minutes=25), warn_after=0.5),),
        agents=(Agent("ann@acme.example", "Ann"),),
        escalate_to=(Agent("lead@acme.example", "Lee"),),
        acknowledging=Acknowledging(text=TEXT, max_age=timedelta(minutes=15), quiet_after_person=timedelta(minutes=30)),
    )
    return replace(given, **changes)


def at(text: str, zone: str = "UTC") -> datetime:
    """The instant of a wall-clock time like "2026-03-27 16:30" in a zone, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
