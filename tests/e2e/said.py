"""Deliveries of a website as a customer's words, fresh each time."""

import json
import uuid
from datetime import UTC, datetime


def unique(what):
    """A name no other test uses, so that tests share a stack without meeting."""
    return f"{what}-{uuid.uuid4().hex[:12]}"


def message(customer, message_id, text="Where is my parcel?", account="website", at=None):
    """One message of a customer in the website's chat, as a delivery's body."""
    now = (at or datetime.now(UTC)).isoformat(timespec="seconds").replace("+00:00", "Z")
    data = {
        "account_id": account,
        "external_id": message_id,
        "direction": "inbound",
        "visibility": "direct",
        "author": {"id": customer, "name": customer.title()},
        "text": text,
        "sent_at": now,
    }
    return json.dumps({"type": "message.created", "timestamp": now, "data": data}).encode()


def conversation_of(stack, customer):
    """The one conversation of a customer."""
    (found,) = stack.desk.conversations("web", "website", customer)
    return found
