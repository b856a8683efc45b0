"""What a platform's deliveries leave out of a customer is looked up before people are told: once a day, or not at all.

Never in the way of anything: a look-up that fails, or is slow, leaves the hand-off as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.domain.connecting import Profile, Profiling, profiling
from shared.domain.exchange import Answer, Refused
from shared.domain.records import Conversation, Customer, Message, conversation_key, customer_key
from shared.ports import Channels, Clock, Desk, Platforms, Secrets
from shared.services.commit import until_settled

KEPT_FOR = timedelta(days=1)
SLOW = timedelta(seconds=2)  # a platform that takes longer is not asked for a while: mails wait behind it
REST = timedelta(minutes=10)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Profiles:
    """Completes what is known of customers."""

    desk: Desk
    channels: Channels
    secrets: Secrets
    platforms: Platforms
    clock: Clock
    resting: dict[tuple[str, str], datetime] = field(default_factory=dict)  # accounts not asked until then

    def complete(self, message: Message) -> None:
        """Add to the message's conversation what the platform tells of its customer. Raises nothing."""
        try:
            self._complete(message)
        except Exception:  # noqa: BLE001 - the edge of one look-up: the mail is more urgent than what adorns it
            return

    def _complete(self, message: Message) -> None:
        channel = profiling(self.channels(message.channel))
        if channel is None or message.conversation_id is None:
            return
        conversation = self._conversation(message.conversation_id)
        if conversation is None or conversation.customer_id is None or not _lacks(conversation):
            return
        customer = self._customer(channel, conversation, conversation.customer_id)
        if customer is not None:
            until_settled(lambda: self._describe(conversation.conversation_id, customer))

    def _customer(self, channel: Profiling, conversation: Conversation, customer_id: str) -> Customer | None:
        """What is known of the customer: from the last look-up, or from one that is made now."""
        key = customer_key(conversation.channel, conversation.account_id, customer_id)
        known = self.desk.read([key]).get(key)
        now = self.clock.now()
        if isinstance(known, Customer) and now - known.looked_up_at < KEPT_FOR:
            return known
        if self._rests(conversation, now):
            return None
        mark = _mark(conversation, customer_id, known if isinstance(known, Customer) else None, now)
        self.desk.commit([mark])  # before the call: whatever becomes of it, it is the only one of this day
        told = self._asked(channel, conversation, customer_id)
        if told is None:
            return None
        found = _told(replace(mark, version=mark.version + 1), told)
        self.desk.commit([found])
        return found

    def _asked(self, channel: Profiling, conversation: Conversation, customer_id: str) -> Profile | None:
        secret = self.secrets.account(conversation.channel, conversation.account_id)
        before = self.clock.now()
        call = channel.look_up(customer_id, secret, before)
        if isinstance(call, Refused):
            return None
        answer = self.platforms.perform(call)
        after = self.clock.now()
        if not isinstance(answer, Answer) or after - before > SLOW:
            self.resting[conversation.channel, conversation.account_id] = after + REST
        told = channel.profile(answer) if isinstance(answer, Answer) else None
        return told if isinstance(told, Profile) else None

    def _describe(self, conversation_id: str, customer: Customer) -> None:
        """What the customer's own messages told stays; only what they left out is filled in."""
        before = self._conversation(conversation_id)
        if before is None:
            return
        after = replace(
            before,
            customer_name=before.customer_name or customer.name,
            customer_handle=before.customer_handle or customer.handle,
            customer_followers=_first(before.customer_followers, customer.followers),
            customer_verified=_first(before.customer_verified, customer.verified),
        )
        if after != before:
            self.desk.commit([after])

    def _conversation(self, conversation_id: str) -> Conversation | None:
        key = conversation_key(conversation_id)
        found = self.desk.read([key]).get(key)
        return found if isinstance(found, Conversation) else None

    def _rests(self, conversation: Conversation, now: datetime) -> bool:
        until = self.resting.get((conversation.channel, conversation.account_id))
        return until is not None and now < until


def _lacks(conversation: Conversation) -> bool:
    return conversation.customer_name is None or conversation.customer_followers is None


def _mark(conversation: Conversation, customer_id: str, known: Customer | None, now: datetime) -> Customer:
    """A record that says we looked; what was known before stays until something newer is told."""
    if known is not None:
        return replace(known, looked_up_at=now)
    return Customer(
        channel=conversation.channel,
        account_id=conversation.account_id,
        customer_id=customer_id,
        looked_up_at=now,
    )


def _told(customer: Customer, told: Profile) -> Customer:
    return replace(
        customer,
        name=told.name or customer.name,
        handle=told.handle or customer.handle,
        followers=_first(told.followers, customer.followers),
        verified=_first(told.verified, customer.verified),
    )


def _first(one: T | None, other: T | None) -> T | None:
    return other if one is None else one
