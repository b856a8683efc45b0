"""What a million messages cost: calls counted on each path, times public prices, in the mix of a common desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.bench import prices
from infra.bench.journey import Path, Travelled, travel
from infra.bench.metering import Invocation

_OPEN = datetime(
    2026, 3, 20, 10, 0, tzinfo=UTC
)  # a Friday; policy.yaml: open, a warning after 15 minutes, due after 25
_CLOSED = datetime(2026, 3, 19, 20, 0, tzinfo=UTC)
_NEXT_MORNING = datetime(2026, 3, 20, 9, 10, tzinfo=UTC) - _CLOSED  # within WhatsApp's 24 hours

IN_TIME, WARNED, BREACHED = "answered in time", "answered after a warning", "answered after the breach"
BURST, AFTER_HOURS = "in time, written in one go", "in time, after hours"
MIX: Mapping[str, float] = {IN_TIME: 0.80, WARNED: 0.15, BREACHED: 0.05}  # 20 % warned, of these a quarter breached
MESSAGES = 3  # of a waiting customer
_FIVE_MINUTES_A_MONTH = 30 * 24 * 12
_PATHS = (
    Path(IN_TIME, _OPEN, timedelta(minutes=10), MESSAGES),
    Path(WARNED, _OPEN, timedelta(minutes=20), MESSAGES),
    Path(BREACHED, _OPEN, timedelta(minutes=40), MESSAGES),
    Path(BURST, _OPEN, timedelta(minutes=10), MESSAGES, apart=timedelta(seconds=1), in_one_go=True),
    Path(AFTER_HOURS, _CLOSED, _NEXT_MORNING, MESSAGES),
)


@dataclass(frozen=True, slots=True)
class Bill:
    """What was travelled, by name of the path."""

    travelled: Mapping[str, Travelled]

    def per_million(self) -> dict[str, float]:
        """USD by item for a million messages in the mix, mail fees among them."""
        return {item: self._in_the_mix(item) for item in prices.PER_MILLION if item != prices.SECRETS}

    def without_mail(self) -> float:
        """The same in one sum, but for the fees of mail."""
        return sum(cost for item, cost in self.per_million().items() if item != prices.MAIL)

    def of_path(self, name: str) -> float:
        """USD of a million messages that all go one path, without the fees of mail."""
        charged = self.travelled[name].charged
        ours = [(item, quantity) for item, quantity in charged.items() if item not in {prices.MAIL, prices.SECRETS}]
        return sum(prices.usd(item, quantity) for item, quantity in ours) * 1e6 / MESSAGES

    def secrets_a_month(self) -> float:
        """USD a month for the secrets: each function that reads some asks once in five minutes, however much comes."""
        invocations = [one for travelled in self.travelled.values() for one in travelled.invocations]
        readers = {one.function for one in invocations if prices.SECRETS in one.charged}
        return prices.usd(prices.SECRETS, len(readers) * _FIVE_MINUTES_A_MONTH)

    def transitions(self) -> dict[str, int]:
        """States entered on each path of the mix."""
        return {name: len(self.travelled[name].states) for name in MIX}

    def steps(self) -> Iterator[tuple[Invocation, str]]:
        """Every kind of invocation once, as it was first met, with the path it was met on."""
        seen: set[tuple[str, str]] = set()
        for name, travelled in self.travelled.items():
            for invocation in travelled.invocations:
                if (invocation.function, invocation.label) not in seen:
                    seen.add((invocation.function, invocation.label))
                    yield invocation, name

    def _in_the_mix(self, item: str) -> float:
        quantity = sum(share * self.travelled[name].charged.get(item, 0) for name, share in MIX.items())
        return prices.usd(item, quantity) * 1e6 / MESSAGES


def measure() -> Bill:
    """Send a customer down each path."""
    return Bill({path.name: travel(path) for path in _PATHS})
