"""Every call of a port in its order, and things that happen at a call: a fault, or what somebody else does meanwhile."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.errors import Unavailable

Act = Callable[[], object]


def throttled() -> None:
    """What a port does that did nothing."""
    raise Unavailable("throttled")


def lost() -> None:
    """What a caller hears of a call whose answer did not arrive."""
    raise Unavailable("the answer was lost")


@dataclass
class Crossings:
    """The calls so far, as `port.method`; plans are used once, in the order they were made."""

    calls: list[str] = field(default_factory=list)
    _before: defaultdict[str, deque[Act]] = field(default_factory=lambda: defaultdict(deque))
    _after: defaultdict[str, deque[Act]] = field(default_factory=lambda: defaultdict(deque))

    def port(self, name: str, inner: Any) -> Any:
        """The port with its calls recorded."""
        return _Port(self, name, inner)

    def before(self, call: str, act: Act = throttled) -> None:
        """Do this before the next such call is executed; by default the call fails."""
        self._before[call].append(act)

    def after(self, call: str, act: Act = lost) -> None:
        """Do this after the next such call was executed; by default its answer is lost."""
        self._after[call].append(act)

    def named(self, *names: str) -> list[str]:
        """The calls of these names only."""
        return [call for call in self.calls if call in names]

    def cross(self, call: str, act: Callable[[], Any]) -> Any:
        """Make the call, with what is planned for it."""
        self.calls.append(call)
        if self._before[call]:
            self._before[call].popleft()()
        result = act()
        if self._after[call]:
            self._after[call].popleft()()
        return result


class _Port:
    def __init__(self, crossings: Crossings, name: str, inner: Any) -> None:
        self._crossings, self._name, self._inner = crossings, name, inner

    def __getattr__(self, method: str) -> Callable[..., Any]:
        inner = getattr(self._inner, method)
        return lambda *args, **named: self._crossings.cross(f"{self._name}.{method}", lambda: inner(*args, **named))
