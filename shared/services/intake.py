"""Step 2: raw deliveries become facts on the desk, each with the intents that follow from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain import acknowledgement, errands, ledger
from shared.domain import conversation as conversations
from shared.domain.calendar import ClosedPeriod
from shared.domain.events import Event, Kind, Surface
from shared.domain.exchange import Delivery
from shared.domain.policy import Policy
from shared.domain.records import (
    Author,
    Conversation,
    Errand,
    Intent,
    Key,
    Message,
    Quarantined,
    Record,
    Send,
    SendKind,
    conversation_key,
    message_key,
    send_key,
    short_hash,
)
from shared.errors import NightdeskError, Unreadable
from shared.ports import Archive, Channels, Clock, Desk
from shared.services.commit import until_settled
from shared.services.echoes import Echoes
from shared.services.settlement import settled_records

REPAIRED = "repaired"  # among the counts of a delivery: messages that no webhook told of


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes verified deliveries."""

    desk: Desk
    archive: Archive
    channels: Channels
    policy: Policy
    clock: Clock

    def take(self, delivery: Delivery) -> Counter[str]:
        """Keep the raw bytes, then commit every event of the delivery. Returns how many events of each kind there are,
        and under REPAIRED how many messages were missed until now.

        Raises Unavailable or Conflict after all events were tried, when one should be tried again: repeating the whole
        delivery is harmless. What can never be committed is in quarantine when this returns.
        """
        key = archive_key(delivery)
        self.archive.put(key, delivery.body)
        try:
            events = _addressed(self.channels(delivery.channel).parse(delivery.body, delivery.received_at), delivery)
        except Unreadable as error:
            self._quarantine(delivery, key, "parse", str(error), "")
            return Counter(unreadable=1)
        again: NightdeskError | None = None
        found = Counter(str(event.kind) for event in events)
        for place, event in enumerate(events):
            try:
                found[REPAIRED] += self._settle(event, delivery, key, place) and delivery.repairs
            except NightdeskError as error:
                again = error
        if again is not None:
            raise again
        return +found

    def _settle(self, event: Event, delivery: Delivery, key: str, place: int) -> bool:
        """Commit one event, or put into quarantine what no repetition can mend. Whether it is a new message."""
        try:
            return self._commit(event, delivery, key, place)
        except NightdeskError as error:
            if error.retry:
                raise
            self._quarantine(delivery, key, "commit", str(error), str(place))
        except Exception as error:  # noqa: BLE001 - the edge of one event: a fault of ours in it must not hold back its neighbours
            self._quarantine(delivery, key, "commit", f"{type(error).__name__} in Nightdesk itself", str(place))
        return False

    def _commit(self, event: Event, delivery: Delivery, key: str, place: int) -> bool:
        if event.test:
            self._quarantine(delivery, key, "commit", "A test event from the platform's dashboard.", str(place))
        elif conversations.is_from_customer(event):
            return until_settled(lambda: self._message(event, delivery, key))
        elif event.kind in {Kind.EDIT, Kind.DELETION, Kind.POINTER} and _names_message(event):
            until_settled(lambda: self._about_another(event, delivery))
        elif event.kind is Kind.ECHO and _names_message(event):
            self._echoes().heard(event, delivery.received_at, key)
        elif event.kind is Kind.STATUS:
            self._echoes().status(event)
        elif event.kind not in {Kind.READ, Kind.REACTION}:
            self._quarantine(delivery, key, "commit", f"Not understood: {event.detail or event.kind}.", str(place))
        return False

    def _message(self, event: Event, delivery: Delivery, archived: str) -> bool:
        """Store what a customer said. Whether it was new."""
        conversation_id = _known(conversations.conversation_of(event))
        now = self.clock.now()
        closed = self._closed(event)
        message_at, head_at = _message_key(event), conversation_key(conversation_id)
        ack_at = send_key(conversation_id, ledger.acknowledgement_id(closed)) if closed else None
        found = self.desk.read([k for k in (message_at, head_at, ack_at) if k is not None])
        stub, before = found.get(message_at), found.get(head_at)
        if isinstance(stub, Message) and stub.author is not None:
            self._known_already(event, before)
            return False
        message = conversations.created(
            event,
            stub if isinstance(stub, Message) else None,
            conversation_id=conversation_id,
            author=Author.CUSTOMER,
            received_at=delivery.received_at,
            archive_key=archived,
            repaired=delivery.repairs,
        )
        head = before if isinstance(before, Conversation) else None
        at = conversations.said_at(event, delivery.received_at)
        start = head or conversations.opened(event, conversation_id, at)
        after = conversations.heard(conversations.described(start, event, at), message)
        known = found.get(ack_at) if ack_at is not None else None
        acknowledged = self._acknowledgement(event, after, closed, known if isinstance(known, Send) else None)
        if acknowledged is not None and closed is not None:
            after = replace(after, acknowledged_until=closed.end)
        if message.deleted_at is None:
            message = replace(message, intents=(Intent.HAND_OFF,))
        settled = settled_records(self.desk, head, after, self.policy, now)
        answers = self._early_answers(message)
        self.desk.commit([message, *answers, *settled, *([acknowledged] if acknowledged else [])])
        return True

    def _known_already(self, event: Event, conversation: Record | None) -> None:
        """What listening found first may turn out to be said to us, when the platform tells of it too."""
        if isinstance(conversation, Conversation) and conversation.unaddressed and not event.unaddressed:
            self.desk.commit([replace(conversation, unaddressed=False)])

    def _early_answers(self, question: Message) -> tuple[Message, ...]:
        """The answers to it that came before it: now their conversation is known."""
        keys = [message_key(question.channel, question.account_id, name) for name in question.answered_by]
        found = self.desk.read(keys).values() if keys else ()
        early = (m for m in found if isinstance(m, Message) and m.conversation_id is None)
        return tuple(replace(m, conversation_id=question.conversation_id) for m in early)

    def _acknowledgement(
        self,
        event: Event,
        conversation: Conversation,
        closed: ClosedPeriod | None,
        known: Send | None,
    ) -> Send | None:
        now = self.clock.now()
        capability = self.channels(event.channel).CAPABILITIES[conversation.surface]
        if closed is None or not ledger.owes_acknowledgement(
            event,
            conversation,
            closed,
            known=known,
            policy=self.policy,
            capability=capability,
            now=now,
        ):
            return None
        words = acknowledgement.compose(
            self.policy,
            channel=conversation.channel,
            surface=conversation.surface,
            closed=closed,
            name=conversation.customer_name,
            capability=capability,
            now=now,
        )
        return Send(
            conversation_id=conversation.conversation_id,
            send_id=ledger.acknowledgement_id(closed),
            kind=SendKind.ACKNOWLEDGEMENT,
            text=words,
            in_reply_to=event.message_id,
            written_at=now,
            intents=(Intent.POST,),
            version=known.version if known is not None else 0,
        )

    def _about_another(self, event: Event, delivery: Delivery) -> None:
        """What tells of a message without being one."""
        match event.kind:
            case Kind.EDIT:
                self._edit(event, delivery)
            case Kind.DELETION:
                self._deletion(event, delivery)
            case _:
                self._pointer(event, delivery)

    def _pointer(self, event: Event, delivery: Delivery) -> None:
        told = Errand(
            channel=event.channel,
            account_id=_known(event.account_id),
            reference=_known(event.message_id),
            feed=event.detail,
            heard_at=conversations.said_at(event, delivery.received_at),
        )
        known = self.desk.read([told.key]).get(told.key)
        changed = errands.pointed(known if isinstance(known, Errand) else None, told)
        if changed is not None:
            self.desk.commit([changed])

    def _edit(self, event: Event, delivery: Delivery) -> None:
        key = _message_key(event)
        known = self.desk.read([key]).get(key)
        message = known if isinstance(known, Message) else _stub(event)
        at = conversations.said_at(event, delivery.received_at)
        changed = conversations.edited(message, event.text, event.rating, at)
        if changed == message:
            return
        again = self._reconsidered(message, changed, at, delivery)
        if again:
            changed = replace(changed, intents=tuple(dict.fromkeys((*changed.intents, Intent.HAND_OFF))))
        self.desk.commit([changed, *again])

    def _reconsidered(self, before: Message, after: Message, at: datetime, delivery: Delivery) -> tuple[Record, ...]:
        """A review that says something else now is a new one to those who answer it; nothing for any other message."""
        same = (before.text, before.rating) == (after.text, after.rating)
        if same or before.author is not Author.CUSTOMER or before.conversation_id is None:
            return ()
        head_at = conversation_key(before.conversation_id)
        head = self.desk.read([head_at]).get(head_at)
        if not isinstance(head, Conversation) or head.surface is not Surface.REVIEW:
            return ()
        anew = conversations.reconsidered(head, after, at, delivery.received_at)
        return settled_records(self.desk, head, anew, self.policy, self.clock.now())

    def _deletion(self, event: Event, delivery: Delivery) -> None:
        key = _message_key(event)
        known = self.desk.read([key]).get(key)
        message = known if isinstance(known, Message) else _stub(event)
        changed = conversations.deleted(message, conversations.said_at(event, delivery.received_at))
        if changed != message:
            self.desk.commit([changed, *self._taken_back(changed)])

    def _taken_back(self, message: Message) -> tuple[Record, ...]:
        if message.author is not Author.CUSTOMER or message.conversation_id is None:
            return ()
        head_at = conversation_key(message.conversation_id)
        head = self.desk.read([head_at]).get(head_at)
        if not isinstance(head, Conversation):
            return ()
        after = conversations.taken_back(head, message.message_id)
        if after == head:
            return ()
        return settled_records(self.desk, head, after, self.policy, self.clock.now())

    def _closed(self, event: Event) -> ClosedPeriod | None:
        if event.kind is not Kind.MESSAGE or event.surface is None:
            return None
        return self.policy.calendar(event.channel, event.surface).closed_period(self.clock.now())

    def _echoes(self) -> Echoes:
        return Echoes(self.desk, self.policy, self.clock)

    def _quarantine(self, delivery: Delivery, key: str, stage: str, reason: str, place: str) -> None:
        kept = Quarantined(
            quarantine_id=short_hash(delivery.channel, key, place),
            source=delivery.channel,
            stage=stage,
            reason=reason,
            archive_key=key,
            size=len(delivery.body),
            received_at=delivery.received_at,
        )
        if kept.key not in self.desk.read([kept.key]):
            self.desk.commit([kept])


def archive_key(delivery: Delivery) -> str:
    """Where the raw bytes of a delivery lie: by platform, day and content, so that a copy overwrites itself."""
    digest = hashlib.sha256(delivery.body).hexdigest()
    return f"deliveries/{delivery.channel}/{delivery.received_at:%Y/%m/%d}/{digest}"


def _addressed(events: Sequence[Event], delivery: Delivery) -> tuple[Event, ...]:
    """The events with the account that the delivery is for, where they do not name it themselves."""
    return tuple(replace(e, account_id=delivery.account_id) if e.account_id is None else e for e in events)


def _names_message(event: Event) -> bool:
    return event.account_id is not None and event.message_id is not None


def _message_key(event: Event) -> Key:
    return message_key(event.channel, _known(event.account_id), _known(event.message_id))


def _stub(event: Event) -> Message:
    return Message(channel=event.channel, account_id=_known(event.account_id), message_id=_known(event.message_id))


def _known(value: str | None) -> str:
    if value is None:
        raise ValueError("an id that was checked before is missing")
    return value
