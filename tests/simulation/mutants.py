"""Nightdesk as one might write it at first. The checker has to catch every one of these, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar

from shared import channels
from shared.domain import ledger
from shared.domain.events import Event, Kind
from shared.domain.exchange import Capability, Delivery, Outcome, Posted
from shared.domain.records import Conversation, Intent, Key, Message, Obligation, Record, Send, SendState, Target
from shared.domain.records import obligation_key as key_of
from shared.errors import Unavailable, Unreadable
from shared.mail.read import AgentMail
from shared.ports import Timer
from shared.services.agent_mail import AgentMails
from shared.services.answering import Answering, Ended
from shared.services.clock import ObligationClock, next_look, reached
from shared.services.dispatch import Dispatch
from shared.services.echoes import Echoes
from shared.services.intake import Intake
from shared.services.send import Carried, Sender, TryLater
from tests.simulation.checker import violations
from tests.simulation.scenarios import play
from tests.simulation.stage import Stage

CATCHING_SEEDS = 300  # within which every mutant has to be caught

T = TypeVar("T")


def remade(part: Any, kind: Callable[..., T]) -> T:
    """A part as one of another kind, with all it was given."""
    return kind(**{f.name: getattr(part, f.name) for f in fields(part)})


class Around:
    """A port with some of its methods changed."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


# -- senders ----------------------------------------------------------------------------------------------------------


class ChecksThenActs(Sender):
    """Reads the state, posts if it is not sent yet, writes the state: the naive variant."""

    def carry(self, key: Key) -> Carried:
        send, conversation = self._read(key)
        if send is None or conversation is None or send.state is SendState.SENT:
            return Carried.DONE_BEFORE
        outcome = self.platforms.post(ledger.outbound(send, conversation))
        if not isinstance(outcome, Posted):
            raise TryLater("The queue brings it back.")
        self._record_sent(send, outcome.native_id)
        return Carried.SENT


class ResendsWhatIsUnknown(Sender):
    """Takes a lost answer for a failure."""

    def _claim(self, key: Key, owner: str) -> tuple[Send, Conversation] | Carried:
        send, _ = self._read(key)
        if send is not None and send.state is SendState.UNKNOWN:
            self.desk.commit([replace(send, state=SendState.PENDING)])
        return super()._claim(key, owner)

    def _record(self, send: Send, outcome: Outcome) -> Carried:
        carried = super()._record(send, outcome)
        if carried is Carried.UNKNOWN:
            raise TryLater("Let us try that again.")
        return carried


class GoesOnWithTheRest(Sender):
    """Sends the next part whatever became of the one before it."""

    def _given_up(self, send: Send) -> tuple[Send, ...]:
        parts = super()._given_up(send)
        return tuple(replace(p, state=SendState.PENDING, queued_at=p.written_at, intents=(Intent.POST,)) for p in parts)


class RetakesTheLease(Sender):
    """Takes an expired claim for one that did nothing."""

    def _held_by_another(self, send: Send) -> Carried:
        if ledger.abandoned(send, self.clock.now()):
            self.desk.commit([replace(send, state=SendState.PENDING, owner=None, lease_until=None)])
        raise TryLater("The queue brings it back.")


class ForgetsWhatWasRefused(Sender):
    """Swallows the platform's wish to be asked later."""

    def carry(self, key: Key) -> Carried:
        try:
            return super().carry(key)
        except TryLater:
            return Carried.FAILED


# -- intake -----------------------------------------------------------------------------------------------------------


class ForgetsTombstones(Intake):
    """Has nothing to delete when the deletion comes before its message."""

    def _deletion(self, event: Event, delivery: Delivery) -> None:
        known = self.desk.read([_key(event)]).get(_key(event))
        if isinstance(known, Message) and known.author is not None:
            super()._deletion(event, delivery)


class TakesTheLastEdit(Intake):
    """Shows the edit that came last, not the one that was made last."""

    def _edit(self, event: Event, delivery: Delivery) -> None:
        known = self.desk.read([_key(event)]).get(_key(event))
        if isinstance(known, Message) and known.deleted_at is None:
            self.desk.commit([replace(known, text=event.text, edited_at=delivery.received_at)])
        else:
            super()._edit(event, delivery)


class AcknowledgesEachMessage(Intake):
    """Decides by the ledger's names alone, whatever the conversation says of its closed period."""

    def _acknowledgement(self, *args: Any) -> Send | None:
        return super()._acknowledgement(*[_unacknowledged(arg) for arg in args])


class Overwrites(Around):
    """A table without conditions: who writes last is right."""

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        stored = self.inner.inner.records

        def act() -> None:
            self.inner.store([replace(r, version=stored[r.key].version if r.key in stored else 0) for r in records])

        self.inner.world.cross("desk.commit", act)


class StartsTimersItself(Around):
    """Commits first and starts the timer then, with no intent to remember it by."""

    def __init__(self, inner: Any, dispatch: Dispatch) -> None:
        super().__init__(inner)
        self.dispatch = dispatch

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        self.inner.commit([_unstarted(record) for record in records], unchanged)
        for record in records:
            if isinstance(record, Obligation) and Intent.START_TIMER in record.intents:
                self.dispatch._start(record)


class RefusesWholeDeliveries(Around):
    """Cannot read a delivery that holds one thing it does not know."""

    def parse(self, body: bytes, received_at: datetime) -> tuple[Event, ...]:
        events: tuple[Event, ...] = self.inner.parse(body, received_at)
        if any(event.kind is Kind.UNKNOWN for event in events):
            raise Unreadable("Something in it is not known.")
        return events


class ForgetsToKeep(Around):
    """An inbox that is not asked whether it has the delivery."""

    def put(self, delivery: Delivery) -> None:
        try:
            self.inner.put(delivery)
        except Unavailable:
            return


# -- echoes -----------------------------------------------------------------------------------------------------------


class TakesUsForAPerson(Echoes):
    """Does not know our own words when they come back."""

    def _send_of(self, event: Event) -> Send | None:
        return None


class DropsEarlyAnswers(Echoes):
    """Notes that the question is answered, and drops the answer."""

    def _before_its_question(self, event: Event, known: Message | None, answer: Message, at: datetime) -> None:
        question = known or Message(
            channel=answer.channel, account_id=answer.account_id, message_id=event.in_reply_to or ""
        )
        if question.author is None:
            self.desk.commit([replace(question, answered_at=at)])


class LeavesTheFailedAnswered(Echoes):
    """Counts a reply as an answer though the platform did not deliver it."""

    def _reopened(self, send: Send) -> tuple[tuple[Record, ...], tuple[Message, ...]]:
        return (), ()


def _hearing(echoes: type[Echoes]) -> Callable[[Stage], None]:
    class Hearing(Intake):
        def _echoes(self) -> Echoes:
            return echoes(self.desk, self.policy, self.clock)

    return lambda stage: setattr(stage, "intake", remade(stage.intake, Hearing))


# -- timers and intents -----------------------------------------------------------------------------------------------


class IgnoresTheAnswer(ObligationClock):
    """Looks at the time only."""

    def look(self, conversation_id: str, target: Target, revision: int) -> datetime | None:
        key = key_of(conversation_id, target, revision)
        found = self.desk.read([key])[key]
        assert isinstance(found, Obligation)
        changed = reached(found, self.clock.now())
        if changed != found:
            self.desk.commit([changed])
        return next_look(changed)


class NamesAtRandom(Around):
    """Starts each execution by a new name."""

    def start(self, timer: Timer) -> None:
        name = f"{timer.name}-{self.inner.world.rng.getrandbits(40)}"
        self.inner.start(replace(timer, name=name))


class ForgetsBeforeItIsDone(Dispatch):
    """Clears the intents first, so that nothing is done twice."""

    def _carry_out(self, key: Key) -> tuple[Intent, ...]:
        record = self.desk.read([key]).get(key)
        if not isinstance(record, Obligation | Send):
            return super()._carry_out(key)
        self._forget(record)
        for intent in record.intents:
            self._do(intent, record)
        return record.intents


# -- agents' mail -----------------------------------------------------------------------------------------------------


class KnowsNoCopies(Answering):
    """Posts the same words again."""

    def _repeats(self, *_: Any) -> bool:
        return False


class StoresSendsAlone(Around):
    """Looks for copies and then writes, and nothing holds the two together."""

    def commit(self, records: Sequence[Record], unchanged: Sequence[Record] = ()) -> None:
        self.inner.commit([record for record in records if isinstance(record, Send)], unchanged)


class PostsTheWord(Answering):
    """Takes "done" for an answer to the customer."""

    def _done(self, conversation: Conversation, send: Send) -> Ended:
        self.desk.commit([send, conversation])
        return Ended.ACCEPTED


class KnowsNoSlot(Answering):
    """Posts a second answer where there is room for one."""

    def _capability(self, conversation: Conversation) -> Capability:
        return replace(super()._capability(conversation), single_slot=False)


class AnswersTheNewest(Answering):
    """Puts the answer below whatever waits by now."""

    def answered(self, conversation: Conversation, _: datetime) -> str | None:
        return conversation.waiting[-1].message_id if conversation.waiting else conversation.last_message_id


class BelievesMachines(AgentMails):
    """Does not ask who wrote a mail: a person or their out-of-office."""

    def _proven(self, receipt: Any, mail: AgentMail) -> Any:
        return super()._proven(receipt, replace(mail, automatic=None))


def _answering(kind: type[Answering]) -> Callable[[Stage], None]:
    class Mails(AgentMails):
        def _answering(self) -> Answering:
            return remade(super()._answering(), kind)

    return lambda stage: setattr(stage, "agent_mails", remade(stage.agent_mails, Mails))


def _part(name: str, kind: Callable[..., Any]) -> Callable[[Stage], None]:
    return lambda stage: setattr(stage, name, remade(getattr(stage, name), kind))


def _overwriting(stage: Stage) -> None:
    stage.intake = replace(stage.intake, desk=Overwrites(stage.desk))


def _starting(stage: Stage) -> None:
    stage.intake = replace(stage.intake, desk=StartsTimersItself(stage.desk, stage.dispatch))


def _refusing(stage: Stage) -> None:
    def load(name: str) -> Any:
        return RefusesWholeDeliveries(channels.load(name))

    stage.intake = replace(stage.intake, channels=load)


def _acknowledging_in_public(stage: Stage) -> None:
    policy = stage.intake.policy
    rules = tuple(replace(rule, acknowledge=True) for rule in policy.rules)
    stage.intake = replace(stage.intake, policy=replace(policy, rules=rules))


def _keeping(stage: Stage) -> None:
    stage.webhook = replace(stage.webhook, inbox=ForgetsToKeep(stage.webhook.inbox))


def _taking_at_once(stage: Stage) -> None:
    stage.agent_mails = replace(stage.agent_mails, desk=StoresSendsAlone(stage.desk))


def _naming(stage: Stage) -> None:
    stage.dispatch = replace(stage.dispatch, timers=NamesAtRandom(stage.dispatch.timers))


MUTANTS: Mapping[str, Callable[[Stage], None]] = {
    "sender checks, then acts": _part("sender", ChecksThenActs),
    "sender resends what is unknown": _part("sender", ResendsWhatIsUnknown),
    "sender retakes an expired lease": _part("sender", RetakesTheLease),
    "sender forgets what was refused": _part("sender", ForgetsWhatWasRefused),
    "webhook does not ask whether the inbox has it": _keeping,
    "intake forgets tombstones": _part("intake", ForgetsTombstones),
    "intake takes the edit that came last": _part("intake", TakesTheLastEdit),
    "intake asserts no versions": _overwriting,
    "intake refuses deliveries with junk": _refusing,
    "acknowledgement without acknowledged_until": _part("intake", AcknowledgesEachMessage),
    "acknowledgement in public": _acknowledging_in_public,
    "echo taken for a person's answer": _hearing(TakesUsForAPerson),
    "answer before its question dropped": _hearing(DropsEarlyAnswers),
    "undelivered answer still counts": _hearing(LeavesTheFailedAnswered),
    "timer started outside the transaction": _starting,
    "execution named at random": _naming,
    "look ignores the answer": _part("obligations", IgnoresTheAnswer),
    "intents forgotten before they are done": _part("dispatch", ForgetsBeforeItIsDone),
    "agent mail without the copy check": _answering(KnowsNoCopies),
    "copies of an agent mail taken at once": _taking_at_once,
    "answer attached to the newest message": _answering(AnswersTheNewest),
    "the word done posted": _answering(PostsTheWord),
    "a second answer in the one slot": _answering(KnowsNoSlot),
    "a part sent whatever became of the one before": _part("sender", GoesOnWithTheRest),
    "machine mail posted": _part("agent_mails", BelievesMachines),
}


def _key(event: Event) -> Key:
    return Message(channel=event.channel, account_id=event.account_id or "", message_id=event.message_id or "").key


def _unacknowledged(arg: Any) -> Any:
    return replace(arg, acknowledged_until=None) if isinstance(arg, Conversation) else arg


def _unstarted(record: Record) -> Record:
    if not isinstance(record, Obligation):
        return record
    return replace(record, intents=tuple(i for i in record.intents if i is not Intent.START_TIMER))


def first_caught(rig: Callable[[Stage], None], seeds: int = CATCHING_SEEDS) -> tuple[int | None, str]:
    """The first seed in which the checker objects, and its first objection; None where it never does."""
    for seed in range(seeds):
        found = violations(play(seed, rig))
        if found:
            return seed, found[0]
    return None, "not caught"
