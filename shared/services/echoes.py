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
from shared.services.settlement import record_sent, settled_records


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
        send = self._send_by_token(event)
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
        if isinstance(send, Send) and send.state is not SendState.FAILED:
            reason = f"The platform took it and then failed to deliver it: {event.detail}."
            failed = ledger.failed(send, reason, self.clock.now())
            self.desk.commit([replace(failed, native_id=event.message_id or send.native_id)])

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

    def _conversation_id(self, event: Event) -> str | None:
        named = conversations.conversation_of(event)
        if named is not None:
            return named
        parent = self._message(event, _question(event))
        return parent.conversation_id if parent is not None else None

    def _message(self, event: Event, message_id: str | None) -> Message | None:
        if event.account_id is None or message_id is None:
            return None
        key = message_key(event.channel, event.account_id, message_id)
        found = self.desk.read([key]).get(key)
        return found if isinstance(found, Message) else None

    def _person(self, event: Event, received_at: datetime, archive_key: str) -> None:
        conversation_id = self._conversation_id(event)
        at = conversations.said_at(event, received_at)
        if conversation_id is None:
            self._answer_before_its_question(event, at)
            return
        head_at = conversation_key(conversation_id)
        found = self.desk.read([head_at]).get(head_at)
        head = found if isinstance(found, Conversation) else None
        if head is None and event.surface is None:
            return
        stub = self._message(event, event.message_id)
        if stub is not None and stub.author is not None:
            return
        author = Author.BOT if event.automated else Author.PERSON
        message = conversations.created(
            event,
            stub,
            conversation_id=conversation_id,
            author=author,
            received_at=received_at,
            archive_key=archive_key,
        )
        start = head or conversations.opened(event, conversation_id, at)
        self.desk.commit([message, *self._spoken(head, start, author, at)])

    def _spoken(
        self, head: Conversation | None, start: Conversation, author: Author, at: datetime
    ) -> tuple[Record, ...]:
        if author is Author.BOT:
            return (replace(start, last_bot_at=at),)
        after = conversations.answered_in_app(start, at)
        return settled_records(self.desk, head, after, self.policy, self.clock.now())

    def _answer_before_its_question(self, event: Event, at: datetime) -> None:
        question_id = _question(event)
        if question_id is None or event.account_id is None:
            return
        known = self._message(event, question_id)
        question = known or Message(channel=event.channel, account_id=event.account_id, message_id=question_id)
        if question.author is None and (question.answered_at is None or question.answered_at < at):
            self.desk.commit([replace(question, answered_at=at)])


def _question(event: Event) -> str | None:
    """The message that an echo answers: the one it names, else the post that opened the thread, unless it is that."""
    named = event.in_reply_to or event.thread_id
    return named if named != event.message_id else None
