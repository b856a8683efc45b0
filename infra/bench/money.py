"""The bill as figures and lines."""

from __future__ import annotations

from collections.abc import Iterator

from infra.bench import bill, prices
from infra.bench.bill import Bill
from infra.bench.metering import Invocation
from infra.bench.parts import Measured
from infra.bench.table import Line

_AIMS = {"webhook": "1", "intake": "<= 3"}
_TRANSITIONS = dict(zip(bill.MIX, ("1", "4", "7"), strict=True))
_CASE = f"{bill.MESSAGES} messages a customer, 20 % warned, 5 % breached"


def measured() -> Measured:
    """Count and add up. Nothing is timed, so once is enough."""
    found = bill.measure()
    lines = (*_calls(found), *_transitions(found), *_dollars(found))
    return Measured(_figures(found), lines)


def _calls(found: Bill) -> Iterator[Line]:
    for step, path in found.steps():
        calls = step.calls_for_the_work
        yield Line(
            part="aws calls",
            what=f"{step.function}: {step.label}",
            figure=f"{calls.total()}",
            against=_spelled(step),
            aim=_AIMS.get(step.function, ""),
            repetitions=f"counted once, {path}",
        )


def _spelled(step: Invocation) -> str:
    """The calls by name, and what they write and read in DynamoDB's units."""
    calls = ", ".join(f"{name.partition(':')[2]} {n}" for name, n in sorted(step.calls_for_the_work.items()))
    writes, reads = step.charged["DynamoDB write units"], step.charged["DynamoDB read units"]
    return f"{calls}; {writes:g} write and {reads:g} read units" if writes or reads else calls


def _transitions(found: Bill) -> Iterator[Line]:
    for name, entered in found.transitions().items():
        states = " ".join(found.travelled[name].states)
        yield Line(
            part="transitions",
            what=name,
            figure=f"{entered}",
            against=states,
            aim=_TRANSITIONS[name],
            repetitions="definition walked once",
        )


def _dollars(found: Bill) -> Iterator[Line]:
    without_mail, by_item = found.without_mail(), found.per_million()
    yield _dollar_line("all but mail", without_mail, _CASE, aim="<= 20")
    for item, cost in sorted(by_item.items(), key=lambda pair: -pair[1]):
        if item != prices.MAIL:
            price = prices.PER_MILLION[item]
            source = price.source if price.verified else f"{price.source}: NOT VERIFIED"
            yield _dollar_line(f"  {item}", cost, f"{cost / without_mail:.0%}; {source}")
    yield _dollar_line(
        prices.MAIL, by_item[prices.MAIL], "a mail for every hand-off, warning and breach, and the answer"
    )
    yield _dollar_line(
        f"{prices.SECRETS}, a month", found.secrets_a_month(), "one process of each function; from memory"
    )
    for name in found.travelled:
        yield _dollar_line(f"if all: {name}", found.of_path(name), "without mail")
    added = found.of_path(bill.AFTER_HOURS) - found.of_path(bill.IN_TIME)
    yield _dollar_line("  so an acknowledgement adds", added, f"one to every {bill.MESSAGES} messages")


def _dollar_line(what: str, usd: float, against: str, aim: str = "") -> Line:
    return Line(part="USD per million", what=what, figure=f"{usd:.2f}", against=against, aim=aim)


def _figures(found: Bill) -> dict[str, object]:
    return {
        "aws_calls": {f"{step.function}: {step.label}": dict(step.calls) for step, _ in found.steps()},
        "transitions": found.transitions(),
        "quantities": {name: dict(travelled.charged) for name, travelled in found.travelled.items()},
        "usd_per_million": found.per_million(),
        "usd_per_million_without_mail": found.without_mail(),
        "usd_a_month_for_secrets": found.secrets_a_month(),
        "usd_per_million_of_path_without_mail": {name: found.of_path(name) for name in found.travelled},
        "prices_not_verified": [item for item, price in prices.PER_MILLION.items() if not price.verified],
        "rules_not_verified": list(prices.UNVERIFIED_RULES),
    }
