"""What the services are given: time, names and secrets, all of the test's choosing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.exchange import Secret
from shared.errors import Misconfigured


@dataclass
class FixedClock:
    """Time that stands until it is moved."""

    at: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.at += by


@dataclass
class CountingIds:
    """id-1, id-2, ..."""

    prefix: str = "id"
    made: int = 0

    def new(self) -> str:
        self.made += 1
        return f"{self.prefix}-{self.made}"


@dataclass
class FakeSecrets:
    """Secrets by channel."""

    by_channel: dict[str, tuple[Secret, ...]] = field(default_factory=dict)
    keys: tuple[bytes, ...] = (b"a key that signs reply addresses",)

    def channel(self, name: str) -> tuple[Secret, ...]:
        return self.by_channel.get(name, ())

    def account(self, name: str, account_id: str) -> Secret:
        found = (secret for secret in self.channel(name) if secret.account_id == account_id)
        secret = next(found, None)
        if secret is None:
            raise Misconfigured(f"There is no secret for account {account_id} of {name}.")
        return secret

    def fresh(self, name: str, account_id: str) -> Secret:
        return self.account(name, account_id)

    def everything(self) -> Mapping[str, tuple[Secret, ...]]:
        return dict(self.by_channel)

    def store(self, name: str, secret: Secret) -> None:
        others = (one for one in self.channel(name) if one.account_id != secret.account_id)
        self.by_channel[name] = (*others, secret)

    def reply_keys(self) -> tuple[bytes, ...]:
        if not self.keys:
            raise Misconfigured("There are no reply keys.")
        return self.keys
