"""Faults between the parts of a policy file: names that lead nowhere, rules that can never count, people given twice.

Read from the data as written and forgiving about its shape, so that these faults are told together with all others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shared.policy.lines import Fault, Written

_Rule = dict[str, object]
_RULES = {"rules": "rules", "listening": "listening rules"}


def faults(written: Written, channels: Collection[str] | None) -> Iterator[Fault]:
    """All of them. With `channels`, rules may speak of those only."""
    data = written.data if isinstance(written.data, dict) else {}
    rules, listening = _objects(data.get("rules")), _objects(data.get("listening"))
    yield from _calendars(rules, data.get("calendars"), written)
    yield from _order(rules, written)
    yield from _contradictions(listening, written)
    for group, listed in (("rules", rules), ("listening", listening)):
        yield from _names(group, listed, written)
        if channels is not None:
            yield from _channels(group, listed, channels, written)
    for group in ("agents", "escalation"):
        yield from _people(group, _objects(data.get(group)), written)


def _calendars(rules: list[_Rule], calendars: object, written: Written) -> Iterator[Fault]:
    if not isinstance(calendars, dict):
        return
    for place, rule in enumerate(rules):
        named = rule.get("calendar")
        if isinstance(named, str) and named not in calendars:
            there = ", ".join(calendars)
            yield Fault(
                f"rule {_name(rule)}: there is no calendar {named}; there are: {there}", _at(written, place, "calendar")
            )


def _order(rules: list[_Rule], written: Written) -> Iterator[Fault]:
    """The first match wins: what an earlier rule covers is never reached, and the last one must cover everything."""
    for place, rule in enumerate(rules):
        earlier = next((each for each in rules[:place] if _covers(each, rule)), None)
        if earlier is not None:
            reason = f"rule {_name(rule)} can never count: {_name(earlier)} before it matches all it matches"
            yield Fault(reason, _at(written, place))
    if rules and (_said(rules[-1], "channels") or _said(rules[-1], "surfaces")):
        reason = f"the last rule, {_name(rules[-1])}, must match everything: leave out its channels and surfaces"
        yield Fault(reason, _at(written, len(rules) - 1))


def _contradictions(listening: list[_Rule], written: Written) -> Iterator[Fault]:
    """What is looked for must not be what excludes: such a rule finds nothing for ever, without a word."""
    for place, rule in enumerate(listening):
        unwanted = {" ".join(each.casefold().split()) for each in _said(rule, "exclude")} - {""}
        for phrase in sorted(_said(rule, "phrases")):
            words = " ".join(phrase.casefold().split())
            shut_out = next((each for each in sorted(unwanted) if each in words), None)
            if shut_out is not None:
                reason = f"listening rule {_name(rule)} never finds {phrase!r}: it excludes {shut_out!r}"
                yield Fault(reason, written.line(("listening", place, "exclude")))


def _names(group: str, rules: list[_Rule], written: Written) -> Iterator[Fault]:
    names = [rule.get("name") for rule in rules]
    for place, name in enumerate(names):
        if name is not None and name in names[:place]:
            yield Fault(f"two {_RULES[group]} are called {name}", written.line((group, place, "name")))


def _channels(group: str, rules: list[_Rule], channels: Collection[str], written: Written) -> Iterator[Fault]:
    for place, rule in enumerate(rules):
        for unknown in sorted(_said(rule, "channels") - set(channels)):
            there = ", ".join(sorted(channels))
            reason = f"{_RULES[group][:-1]} {_name(rule)}: there is no channel {unknown}; there are: {there}"
            yield Fault(reason, written.line((group, place, "channels")))


def _people(group: str, people: list[_Rule], written: Written) -> Iterator[Fault]:
    addresses = [str(person.get("address")).casefold() for person in people]
    for place, address in enumerate(addresses):
        if address in addresses[:place]:
            yield Fault(f"{group}: {address} is given twice", written.line((group, place)))


def _covers(earlier: _Rule, later: _Rule) -> bool:
    return all(
        not _said(earlier, key) or (_said(later, key) and _said(later, key) <= _said(earlier, key))
        for key in ("channels", "surfaces")
    )


def _said(rule: _Rule, key: str) -> set[str]:
    listed = rule.get(key)
    return {each for each in listed if isinstance(each, str)} if isinstance(listed, list) else set()


def _objects(value: object) -> list[_Rule]:
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []


def _name(rule: _Rule) -> str:
    return str(rule.get("name", "without a name"))


def _at(written: Written, place: int, *path: str) -> int | None:
    return written.line(("rules", place, *path))
