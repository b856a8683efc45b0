"""What our own account said: by us, which settles a send in doubt, or by a person in the platform's app."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain import conversation as conversations
from shared.domain import ledger
from shared.domain.events import Event
from shared.domain.policy import Policy
from shared.domain.records import (
    Author,
    Conversation,
    Key,
    Message,
    Record,
    Send,
    SendState,
    conversation_key,
    message_key,
    send_key,
)
from shared.ports import Clock, Desk
from shared.services.commit import until_settled
from shared.services.settlement import other_parts, record_sent, settled_records

MOST_REOPENED = 15  # messages that may wait again after a reply failed
MOST_TOGETHER = 21  # parts and messages in one commit, beside conversation and obligations
MOST_EARLY = 10  # answers that are kept for a question that has not come; below a post of our own it never comes


@dataclass(frozen=True, slots=True)
class Echoes:
    """Hears what comes back from the platform about our own words."""

    desk: Desk
    policy: Policy
    clock: Clock

    def heard(self, event: Event, received_at: datetime, archive_key: str) -> None:
        """Take an echo that names its message. Raises Conflict, Unavailable."""
        known = self._message(event, event.message_id)
        if known is not None and known.author is not None:
            return
        send = self._send_of(event)
        if send is None:
            until_settled(lambda: self._person(event, received_at, archive_key))
        elif send.state is not SendState.SENT:
            self._sent(send, event)

    def status(self, event: Event) -> None:
        """Take a status: it proves that a send in doubt was made, or tells that one failed after all."""
        send = self._send_by_token(event) or self._send_by_name(event)
        if send is None:
            return
        if (event.detail or "").startswith("failed"):
            until_settled(lambda: self._failed(send.key, event))
        elif send.state in {SendState.SENDING, SendState.UNKNOWN}:
            self._sent(send, event)

    def _sent(self, send: Send, event: Event) -> None:
        if event.message_id is not None:
            now = self.clock.now()
            record_sent(self.desk, self.policy, send.conversation_id, send.send_id, event.message_id, now)

    def _failed(self, key: Key, event: Event) -> None:
        send = self.desk.read([key]).get(key)
        if not isinstance(send, Send) or send.state is SendState.FAILED:
            return
        now = self.clock.now()
        reason = f"The platform took it and then failed to deliver it: {event.detail}."
        failed = replace(ledger.failed(send, reason, now), native_id=event.message_id or send.native_id)
        others = other_parts(self.desk, send)
        rest = ledger.given_up(failed, others, now)
        reopened, messages = self._reopened(send) if ledger.is_answered(send, others) else ((), ())
        left = {part.key for part in rest}
        standing = [other for other in others if other.key not in left]
        self.desk.commit([failed, *rest, *reopened], unchanged=[*messages, *standing])

    def _reopened(self, send: Send) -> tuple[tuple[Record, ...], tuple[Message, ...]]:
        """What the reply alone had answered waits again; and the messages that this rests on."""
        head_at = conversation_key(send.conversation_id)
        head = self.desk.read([head_at]).get(head_at)
        if not isinstance(head, Conversation):
            return (), ()
        replies = (s.written_at for s in ledger.answers(self.desk.sends(send.conversation_id), but=send))
        past = self.desk.messages(send.conversation_id)
        most = min(MOST_REOPENED, MOST_TOGETHER - send.parts)
        keys = [m.key for m in past if m.author is Author.CUSTOMER and m.deleted_at is None][-most:]
        found = self.desk.read(keys) if keys else {}  # the list may lag
        messages = tuple(m for m in found.values() if isinstance(m, Message))
        after = conversations.reopened(head, max(replies, default=None), messages)
        return settled_records(self.desk, head, after, self.policy, self.clock.now()), messages

    def _send_of(self, event: Event) -> Send | None:
        by_token = self._send_by_token(event)
        if by_token is not None:
            return by_token
        conversation_id = self._conversation_id(event)
        return ledger.may_be_ours(event, self.desk.sends(conversation_id)) if conversation_id else None

    def _send_by_token(self, event: Event) -> Send | None:
        conversation_id, dot, send_id = (event.client_token or "").partition(".")
        if not (conversation_id and dot and send_id):
            return None
        key = send_key(conversation_id, send_id)
        send = self.desk.read([key]).get(key)
        return send if isinstance(send, Send) else None

    def _send_by_name(self, event: Event) -> Send | None:
        """By the platform's own name for what we posted: not every platform hands our token back."""
        posted = self._message(event, event.message_id)
        if posted is None or posted.conversation_id is None or posted.author is Author.CUSTOMER:
            return None
        sends = self.desk.sends(posted.conversation_id)
        return next((send for send in sends if send.native_id == posted.message_id), None)

    def _conversation_id(self, event: Event) -> str | None:
        return _conversation_of(event, self._message(event, _question(event)))

    def _message(self, event: Event, message_id: str | None) -> Message | None:
        if event.account_id is None or message_id is None:
            return None
        key = message_key(event.channel, event.account_id, message_id)
        found = self.desk.read([key]).get(key)
        return found if isinstance(found, Message) else None

    def _person(self, event: Event, received_at: datetime, archive_key: str) -> None:
        question = self._message(event, _question(event))
        conversation_id = _conversation_of(event, question)
        stub = self._message(event, event.message_id)
        if stub is not None and stub.author is not None:
            return
        at = conversations.said_at(event, received_at)
        message = conversations.created(
            event,
            stub,
            conversation_id=conversation_id,
            author=Author.BOT if event.automated else Author.PERSON,
            received_at=received_at,
            archive_key=archive_key,
        )
        if conversation_id is None:
            self._before_its_question(event, question, message, at)
            return
        head_at = conversation_key(conversation_id)
        found = self.desk.read([head_at]).get(head_at)
        head = found if isinstance(found, Conversation) else None
        if head is None and event.surface is None:
            return
        start = head or conversations.opened(event, conversation_id, at)
        self.desk.commit([message, *self._spoken(head, start, message, at)])

    def _spoken(
        self, head: Conversation | None, start: Conversation, message: Message, at: datetime
    ) -> tuple[Record, ...]:
        if message.author is Author.BOT:
            return (replace(start, last_bot_at=at),)
        after = conversations.answered_in_app(start, at)
        return settled_records(self.desk, head, after, self.policy, self.clock.now())

    def _before_its_question(self, event: Event, known: Message | None, answer: Message, at: datetime) -> None:
        """Keep an answer whose question has not come, so that the question finds it."""
        question_id = _question(event)
        if question_id is None or (known is not None and known.author is not None):
            return
        question = known or Message(channel=answer.channel, account_id=answer.account_id, message_id=question_id)
        answered_at = question.answered_at if question.answered_at is not None else at
        if answer.author is Author.PERSON:
            question = replace(question, answered_at=max(answered_at, at))
        answered_by = (*question.answered_by, answer.message_id)[-MOST_EARLY:]
        self.desk.commit([replace(question, answered_by=answered_by), answer])


def _conversation_of(event: Event, question: Message | None) -> str | None:
    """The conversation an echo names, else that of the message it answers."""
    named = conversations.conversation_of(event)
    return named if named is not None or question is None else question.conversation_id


def _question(event: Event) -> str | None:
    """The message that an echo answers: the one it names, else the post that opened the thread, unless it is that."""
    named = event.in_reply_to or event.thread_id
    return named if named != event.message_id else None
