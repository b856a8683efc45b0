"""Credentials that run out are renewed before they do: one renewal at a time, for some refresh tokens work once.

The dangerous moment lies between the platform's answer and its storing: a run that ends there takes the new credentials
with it, and the old refresh token is used up. So the call is made once. When its answer is lost, could not be stored,
or the run ended, people are told what to do, and nothing is tried again before the credentials have ended: until then
they still work, and a used refresh token shown again may make the platform revoke them. Afterwards nothing is left to
be lost (RFC 6749, 6; RFC 9700, 4.14.2: reuse of a refresh token revokes what was given for it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.domain import watching
from shared.domain.connecting import Renewing, renewing
from shared.domain.events import iso
from shared.domain.exchange import Answer, Refusal, Refused, Secret, Unclear
from shared.domain.records import Key, Watch, watch_key
from shared.errors import Conflict, Unavailable, UnknownChannel
from shared.ports import Channels, Clock, Desk, Ids, Platforms, Secrets
from shared.services.commit import until_settled

RENEW_FEED = "renew"  # the feed name of the watch that holds the lease
MOST_STORINGS = 4
MOST_OF_A_REASON = 300  # so that what is to be done stands behind it
MAY_HAVE_WORKED = frozenset({408, 500, 502, 504})  # the platform failed, perhaps after it had used up the token


class Renewed(StrEnum):
    """What became of one turn."""

    NOTHING = "nothing to renew"
    NOT_DUE = "not due"
    RESTING = "resting"
    HELD = "held"  # by another run
    RENEWED = "renewed"
    REFUSED = "refused"
    BLOCKED = "blocked"  # only people can mend it, and they are told
    IN_DOUBT = "in doubt"  # the old credentials may be used up and the new ones lost: people are told


class Account(NamedTuple):
    """One account of a channel."""

    channel: str
    account_id: str

    @property
    def key(self) -> Key:
        """Of the watch that holds the lease of its renewal."""
        return watch_key(self.channel, self.account_id, RENEW_FEED)


@dataclass(frozen=True, slots=True)
class Renewer:
    """Renews what is about to end."""

    desk: Desk
    secrets: Secrets
    platforms: Platforms
    channels: Channels
    clock: Clock
    ids: Ids

    def due(self) -> list[Account]:
        """The accounts whose credentials are about to end, by what was kept. Raises Unavailable, Misconfigured."""
        found = []
        for name, secrets in self.secrets.everything().items():
            found += [Account(name, secret.account_id) for secret in secrets if self._may_end(name, secret)]
        return found

    def renew(self, account: Account) -> Renewed:
        """Renew the credentials of one account if it is time.

        Raises Unavailable or Conflict where table or secrets did not answer, Misconfigured where there is no secret.
        """
        channel = self._renewing(account.channel)
        if channel is None:
            return Renewed.NOTHING
        if self._ends(channel, self.secrets.account(*account)) is None:
            return Renewed.NOT_DUE
        watch, now = self._watch(account), self.clock.now()
        if watching.held(watch, now):
            return Renewed.HELD
        if watch.rest_until is not None and now < watch.rest_until:
            return Renewed.RESTING
        return self._begin(account, channel, watch)

    # -- one renewal --------------------------------------------------------------------------------------------------

    def _begin(self, account: Account, channel: Renewing, watch: Watch) -> Renewed:
        """Read the credentials after the watch: whoever renewed since has moved the watch, and the claim will fail."""
        secret = self.secrets.fresh(*account)
        ends = self._ends(channel, secret)
        if ends is None:
            return self._over(watch)
        now = self.clock.now()
        if watch.owner is not None and now < ends:
            return self._in_doubt(account, watch, ends, f"A renewal that began at {iso(watch.asked_at)} did not end.")
        call = channel.renew(secret, now)
        if call is None:
            call = Refused(
                refusal=Refusal.BLOCKED, reason=f"The credentials end at {iso(ends)} and nothing renews them."
            )
        if isinstance(call, Refused):
            return self._refused(account, watch, call, ends)
        mine = self._claim(account, watch)
        if mine is None:
            return Renewed.HELD
        return self._heard(account, channel, secret, mine, self.platforms.perform(call))

    def _heard(
        self, account: Account, channel: Renewing, secret: Secret, mine: Watch, answer: Answer | Refused | Unclear
    ) -> Renewed:
        ends = channel.expires(secret) or self.clock.now()
        if isinstance(answer, Unclear):
            return self._in_doubt(account, mine, ends, answer.reason)
        if isinstance(answer, Refused):
            return self._refused(account, mine, answer, ends)
        renewed = channel.renewed(secret, answer, self.clock.now())
        if isinstance(renewed, Secret):
            return self._store(account, mine, renewed, ends)
        if renewed.refusal is Refusal.LATER and answer.status in MAY_HAVE_WORKED:
            return self._in_doubt(account, mine, ends, renewed.reason)
        return self._refused(account, mine, renewed, ends)

    def _claim(self, account: Account, watch: Watch) -> Watch | None:
        """Held by us, or None where somebody was faster. Where the commit's answer is lost, whoever stands there."""
        mine = watching.claimed(watch, self.ids.new(), self.clock.now())
        try:
            self.desk.commit([mine])
        except Conflict:
            return None
        except Unavailable:
            return mine if self._watch(account).owner == mine.owner else None
        return mine

    def _store(self, account: Account, mine: Watch, secret: Secret, ends: datetime) -> Renewed:
        """Worth insisting on: nobody else has the new credentials. To store them twice is harmless."""
        for _ in range(MOST_STORINGS):
            try:
                self.secrets.store(account.channel, secret)
            except Unavailable:
                continue
            self._settle(account, mine, self._succeeded)
            return Renewed.RENEWED
        return self._in_doubt(account, mine, ends, "The renewed credentials could not be stored.")

    def _succeeded(self, watch: Watch) -> Watch:
        return replace(watching.succeeded(watch), succeeded_at=self.clock.now())

    # -- what is written down -----------------------------------------------------------------------------------------

    def _over(self, watch: Watch) -> Renewed:
        """Somebody has stored new credentials: whatever was in doubt is not any more."""
        if watch.owner is not None or watch.failures:
            self.desk.commit([watching.released(watching.succeeded(watch))])
        return Renewed.NOT_DUE

    def _refused(self, account: Account, watch: Watch, refused: Refused, ends: datetime) -> Renewed:
        """Tell people at once where only they can mend it, and after an hour in any case."""
        now, mendable = self.clock.now(), refused.refusal is Refusal.LATER

        def after(current: Watch) -> Watch:
            failed = watching.failed(current, refused, now)
            quiet = mendable and now - (failed.failing_since or now) < watching.TROUBLE_AFTER
            return watching.reported(failed, None if quiet else _sentence(refused.reason, account, ends, now), now)

        self._settle(account, watch, after)
        return Renewed.REFUSED if mendable else Renewed.BLOCKED

    def _in_doubt(self, account: Account, watch: Watch, ends: datetime, why: str) -> Renewed:
        """Nothing is tried again while the credentials still work; people are told now, while there is time. Once the
        credentials have ended there is nothing to be lost by trying.
        """
        now = self.clock.now()
        refused = Refused(refusal=Refusal.LATER, reason=why)
        if ends <= now:
            return self._refused(account, watch, refused, ends)
        doubt = f"{why[:MOST_OF_A_REASON]} The refresh token may be used up, and its successor lost."

        def after(current: Watch) -> Watch:
            failed = replace(watching.failed(current, refused, now), rest_until=ends)
            return watching.reported(failed, _sentence(doubt, account, ends, now), now)

        self._settle(account, watch, after)
        return Renewed.IN_DOUBT

    def _settle(self, account: Account, held: Watch, change: Callable[[Watch], Watch]) -> None:
        """Change and release the watch, unless another run holds it by now."""

        def attempt() -> None:
            current = self._watch(account)
            if current.owner == held.owner:
                self.desk.commit([watching.released(change(current))])

        until_settled(attempt)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _watch(self, account: Account) -> Watch:
        found = self.desk.read([account.key]).get(account.key)
        new = Watch(channel=account.channel, account_id=account.account_id, feed=RENEW_FEED)
        return found if isinstance(found, Watch) else new

    def _ends(self, channel: Renewing, secret: Secret) -> datetime | None:
        """When the credentials end, if that is soon; None where they do not, or not yet."""
        ends = channel.expires(secret)
        return ends if ends is not None and ends <= self.clock.now() + channel.RENEW_BEFORE else None

    def _may_end(self, name: str, secret: Secret) -> bool:
        try:
            channel = self._renewing(name)
            return channel is not None and self._ends(channel, secret) is not None
        except Exception:  # noqa: BLE001 - it is met again, and told, in a turn of its own: the others are renewed
            return True

    def _renewing(self, name: str) -> Renewing | None:
        try:
            return renewing(self.channels(name))
        except UnknownChannel:
            return None


def _sentence(reason: str, account: Account, ends: datetime, now: datetime) -> str:
    when = f"before {iso(ends)}" if now < ends else "now: nothing gets through any more"
    what = f"Connect the account {account.account_id} again {when} (nightdesk connect {account.channel})."
    return f"{reason[:MOST_OF_A_REASON]} {what}"
