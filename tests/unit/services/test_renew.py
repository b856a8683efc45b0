from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret, Unclear
from shared.domain.records import Intent, Watch
from shared.domain.watching import LEASE, TROUBLE_AFTER
from shared.errors import Conflict, Unavailable
from shared.services.renew import MOST_STORINGS, Account, Renewed, Renewer
from tests.fakes.desk import MemoryDesk
from tests.fakes.given import CountingIds, FakeSecrets, FixedClock

ACCOUNT = Account("rotating", "acme")
LIFE = timedelta(hours=2)
BEFORE = timedelta(minutes=30)


class Died(BaseException):
    """The invocation's process ended here."""


@dataclass
class RotatingChannel:
    """Its refresh tokens work once: r1 brings r2 and so on."""

    RENEW_BEFORE: timedelta = BEFORE
    refused: Refused | None = None
    none: bool = False

    def expires(self, secret: Secret) -> datetime | None:
        ends = secret.credentials.get("ends")
        return None if ends is None else datetime.fromisoformat(ends)

    def renew(self, secret: Secret, now: datetime) -> Call | Refused | None:
        if self.none or self.refused is not None:
            return self.refused
        return Call(method="POST", url="https://rotating.example/token", body=secret.credentials["refresh"].encode())

    def renewed(self, secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
        if answer.status != 200:
            refusal = Refusal.BLOCKED if answer.status == 400 else Refusal.LATER
            return Refused(refusal=refusal, reason=f"It answered {answer.status}.")
        return replace(secret, credentials=json.loads(answer.body))

    def __call__(self, name: str) -> Any:
        return self


@dataclass
class RotatingPlatform:
    """Knows one refresh token; one shown again costs the account everything it was given."""

    clock: FixedClock
    valid: str = "r1"
    used: list[str] = field(default_factory=list)
    script: list[Answer | Refused | str] = field(default_factory=list)  # "lost": done, and nobody heard of it

    def post(self, outbound: Any) -> Any:
        raise NotImplementedError

    def perform(self, call: Call) -> Answer | Refused | Unclear:
        scripted = self.script.pop(0) if self.script else None
        if isinstance(scripted, Answer | Refused):
            return scripted
        token = (call.body or b"").decode()
        self.used.append(token)
        if token != self.valid:
            self.valid = "revoked"
            return Answer(status=400)
        self.valid = f"r{int(token[1:]) + 1}"
        ends = (self.clock.now() + LIFE).isoformat()
        if scripted == "lost":
            return Unclear("The answer was lost.")
        return Answer(status=200, body=json.dumps({"refresh": self.valid, "ends": ends}).encode())


class Crossing:
    """Ports whose calls are counted; one of them may be where the process ends."""

    def __init__(self, dies_at: int = 0, *, after: bool = False) -> None:
        self.calls, self.dies_at, self.after = 0, dies_at, after

    def port(self, inner: Any) -> Any:
        return _Port(self, inner)

    def cross(self, act: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.dies_at and not self.after:
            raise Died
        result = act()
        if self.calls == self.dies_at:
            raise Died
        return result


class _Port:
    def __init__(self, crossing: Crossing, inner: Any) -> None:
        self._crossing, self._inner = crossing, inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return lambda *args, **named: self._crossing.cross(lambda: method(*args, **named))


@dataclass
class Office:
    """A renewer and all it knows; the credentials end in twenty minutes."""

    clock: FixedClock = field(default_factory=FixedClock)
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    channel: RotatingChannel = field(default_factory=RotatingChannel)
    ids: CountingIds = field(default_factory=CountingIds)

    def __post_init__(self) -> None:
        self.ends = self.clock.now() + timedelta(minutes=20)
        self.platform = RotatingPlatform(self.clock)
        self.secrets = FakeSecrets()
        self.keep({"refresh": "r1", "ends": self.ends.isoformat()})

    def keep(self, credentials: Mapping[str, str]) -> None:
        self.secrets.store("rotating", Secret(account_id="acme", credentials=credentials))

    def renewer(self, crossing: Crossing | None = None) -> Renewer:
        port = (crossing or Crossing()).port
        return Renewer(port(self.desk), port(self.secrets), port(self.platform), self.channel, self.clock, self.ids)

    def renew(self) -> Renewed:
        return self.renewer().renew(ACCOUNT)

    @property
    def watch(self) -> Watch:
        found = self.desk.records[ACCOUNT.key]
        assert isinstance(found, Watch)
        return found

    @property
    def refresh(self) -> str:
        return self.secrets.account("rotating", "acme").credentials["refresh"]


@pytest.fixture
def office():
    return Office()


def test_credentials_about_to_end_are_renewed_and_stored(office):
    assert office.renewer().due() == [ACCOUNT]

    assert office.renew() is Renewed.RENEWED

    assert office.refresh == office.platform.valid == "r2"
    assert office.watch.owner is None
    assert office.renewer().due() == []
    assert office.renew() is Renewed.NOT_DUE


def test_credentials_with_time_left_are_left_alone(office):
    office.keep({"refresh": "r1", "ends": (office.clock.now() + BEFORE + timedelta(seconds=1)).isoformat()})

    assert office.renewer().due() == []
    assert office.renew() is Renewed.NOT_DUE
    assert office.platform.used == []


def test_credentials_without_an_end_are_left_alone(office):
    office.keep({"refresh": "r1"})

    assert office.renewer().due() == []
    assert office.renew() is Renewed.NOT_DUE


def test_a_channel_that_renews_nothing_has_nothing_to_do(office):
    renewer = replace(office.renewer(), channels=lambda _: object())

    assert renewer.due() == []
    assert renewer.renew(ACCOUNT) is Renewed.NOTHING


def test_who_keeps_old_credentials_reads_them_anew_before_it_renews(office):
    kept = office.secrets.account("rotating", "acme")
    office.renew()

    class Stale(FakeSecrets):
        def account(self, name, account_id):
            return kept  # five minutes old

        def fresh(self, name, account_id):
            return office.secrets.fresh(name, account_id)

    stale = Stale()

    assert replace(office.renewer(), secrets=stale).renew(ACCOUNT) is Renewed.NOT_DUE
    assert office.platform.used == ["r1"]


def test_while_one_renews_another_does_not(office):
    office.desk.commit([Watch(channel="rotating", account_id="acme", feed="renew", owner="other",
                              lease_until=office.clock.now() + LEASE)])  # fmt: skip

    assert office.renew() is Renewed.HELD
    assert office.platform.used == []


def test_who_loses_the_race_for_the_lease_makes_no_call(office):
    class Loses(MemoryDesk):
        def commit(self, records, unchanged=()):
            raise Conflict("somebody was faster")

    assert replace(office.renewer(), desk=Loses()).renew(ACCOUNT) is Renewed.HELD
    assert office.platform.used == []


def test_a_claim_whose_answer_is_lost_counts_where_it_stands(office):
    class Forgetful(MemoryDesk):
        forgets = True

        def commit(self, records, unchanged=()):
            super().commit(records, unchanged)
            if self.forgets:
                self.forgets = False
                raise Unavailable("the answer was lost")

    office.desk = Forgetful()

    assert office.renew() is Renewed.RENEWED
    assert office.platform.used == ["r1"]


class TestALostAnswer:
    def test_is_never_followed_by_a_second_call_while_the_credentials_work(self, office):
        office.platform.script = ["lost"]

        assert office.renew() is Renewed.IN_DOUBT
        office.clock.advance(timedelta(minutes=19))
        assert office.renew() is Renewed.RESTING

        assert office.platform.used == ["r1"]

    def test_is_told_to_people_with_what_to_do_by_when(self, office):
        office.platform.script = ["lost"]

        office.renew()

        assert office.watch.intents == (Intent.REPORT,)
        assert office.watch.reason is not None
        assert "nightdesk connect rotating" in office.watch.reason
        assert "2026-11-20T12:20:00Z" in office.watch.reason

    def test_is_tried_again_once_nothing_is_left_to_be_lost(self, office):
        office.platform.script = ["lost"]
        office.renew()

        office.clock.at = office.ends
        assert office.renew() is Renewed.BLOCKED

        assert office.platform.used == ["r1", "r1"]

    def test_is_over_as_soon_as_somebody_has_connected_the_account_again(self, office):
        office.platform.script = ["lost"]
        office.renew()
        office.keep({"refresh": "r9", "ends": (office.clock.now() + LIFE).isoformat()})

        assert office.renew() is Renewed.NOT_DUE

    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_may_also_be_a_fault_of_the_platform(self, office, status):
        office.platform.script = [Answer(status=status)]

        assert office.renew() is Renewed.IN_DOUBT


@pytest.mark.parametrize(
    "answer", [Answer(status=429), Answer(status=503), Refused(refusal=Refusal.LATER, reason="No.")]
)
def test_what_was_certainly_not_done_is_tried_again_after_a_rest(office, answer):
    office.platform.script = [answer]

    assert office.renew() is Renewed.REFUSED
    assert office.watch.intents == ()
    assert office.renew() is Renewed.RESTING
    office.clock.advance(timedelta(minutes=1))
    assert office.renew() is Renewed.RENEWED


def test_people_are_told_when_it_fails_for_an_hour(office):
    office.channel.RENEW_BEFORE = timedelta(hours=12)
    office.platform.script = [Answer(status=429) for _ in range(9)]
    until = office.clock.now() + TROUBLE_AFTER

    while office.clock.now() < until:
        office.renew()
        assert office.watch.intents == ()
        office.clock.at = office.watch.rest_until
    office.renew()

    assert office.watch.intents == (Intent.REPORT,)


def test_credentials_that_are_refused_for_good_are_told_of_at_once_and_not_asked_for_at_full_rate(office):
    office.platform.valid = "r7"

    assert office.renew() is Renewed.BLOCKED
    assert office.watch.intents == (Intent.REPORT,)
    assert office.renew() is Renewed.RESTING


def test_a_refusal_of_our_own_needs_no_lease_and_is_told_of(office):
    office.channel.refused = Refused(refusal=Refusal.BLOCKED, reason="There is no client id.")

    assert office.renew() is Renewed.BLOCKED
    assert (office.watch.reason or "").startswith("There is no client id.")


def test_credentials_that_end_and_that_nothing_renews_are_told_of_in_time(office):
    office.channel.none = True

    assert office.renew() is Renewed.BLOCKED
    assert "nothing renews them" in (office.watch.reason or "")
    assert office.platform.used == []


def test_storing_is_insisted_on(office):
    failures = [Unavailable("away")] * (MOST_STORINGS - 1)
    store = office.secrets.store

    def unsteady(name: str, secret: Secret) -> None:
        if failures:
            raise failures.pop()
        store(name, secret)

    office.secrets.store = unsteady

    assert office.renew() is Renewed.RENEWED
    assert office.refresh == "r2"


def test_what_cannot_be_stored_is_in_doubt(office):
    def away(name: str, secret: Secret) -> None:
        raise Unavailable("away")

    office.secrets.store = away

    assert office.renew() is Renewed.IN_DOUBT
    assert office.platform.used == ["r1"]
    assert office.watch.intents == (Intent.REPORT,)


@pytest.mark.parametrize("after", [False, True])
def test_wherever_a_run_ends_no_refresh_token_is_shown_twice_while_it_matters_and_people_are_told(after):
    rehearsal = Crossing()
    Office().renewer(rehearsal).renew(ACCOUNT)
    for call in range(1, rehearsal.calls + 1):
        office = Office()
        with pytest.raises(Died):
            office.renewer(Crossing(call, after=after)).renew(ACCOUNT)
        turns = []
        while office.clock.now() < office.ends - LEASE:
            turns.append(office.renew())
            office.clock.advance(LEASE)

        assert len(office.platform.used) == len(set(office.platform.used)) <= 1, call
        well = office.refresh == office.platform.valid != "r1"
        told = Intent.REPORT in office.watch.intents
        assert well != told, (call, turns)
