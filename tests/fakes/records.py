"""One plausible record of each type; a test says only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.events import Attachment, Surface, Visibility
from shared.domain.records import (
    Author,
    Conversation,
    Message,
    Obligation,
    Quarantined,
    Send,
    SendKind,
    Target,
    Waiting,
    conversation_id_of,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CONVERSATION = conversation_id_of("web", "shop", "thread", "ada")


def message(**known: Any) -> Message:
    """What a customer wrote."""
    plain = Message(
        channel="web",
        account_id="shop",
        message_id="m1",
        conversation_id=CONVERSATION,
        author=Author.CUSTOMER,
        author_id="ada",
        text="Where is my parcel?",
        attachments=(Attachment("image", "https://example.org/parcel.jpg"), Attachment("audio")),
        sent_at=NOON,
        received_at=NOON,
    )
    return replace(plain, **known)


def conversation(**known: Any) -> Conversation:
    """The thread it stands in."""
    plain = Conversation(
        conversation_id=CONVERSATION,
        channel="web",
        account_id="shop",
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id="thread",
        customer_id="ada",
        opened_at=NOON,
        waiting=(Waiting("m1", NOON, NOON),),
        unhanded=("m1",),
    )
    return replace(plain, **known)


def obligation(**known: Any) -> Obligation:
    """What is owed to her: an answer within the hour."""
    plain = Obligation(
        conversation_id=CONVERSATION,
        target=Target.FIRST_RESPONSE,
        revision=1,
        channel="web",
        since=NOON,
        warn_at=NOON + timedelta(minutes=45),
        due_at=NOON + timedelta(hours=1),
        rule="dm",
        policy_version="1",
    )
    return replace(plain, **known)


def send(**known: Any) -> Send:
    """What is about to be said to her."""
    plain = Send(
        conversation_id=CONVERSATION,
        send_id="reply-1",
        kind=SendKind.REPLY,
        text="It is on its way.",
        in_reply_to="m1",
        written_at=NOON,
    )
    return replace(plain, **known)


def quarantined(**known: Any) -> Quarantined:
    """What nobody could read."""
    plain = Quarantined(
        quarantine_id="q1",
        source="web",
        stage="parse",
        reason="The body is not JSON.",
        archive_key="deliveries/q1",
        size=3,
        received_at=NOON,
    )
    return replace(plain, **known)
