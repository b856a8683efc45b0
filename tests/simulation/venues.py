"""Where customers write: how each platform tells of what happens there, and where a call of ours ends up.

The bodies are those of the platforms' webhooks. One item is one `entry`, so that several can travel in one delivery.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.exchange import Call, Secret
from shared.domain.records import conversation_id_of

PAGE = "100200300"
PROFESSIONAL = "17840000000000001"
NUMBER = "900800700"
POST = f"{PAGE}_555"
SIGNING = ("a signing key",)

SECRETS = {
    "facebook": (Secret(account_id=PAGE, signing=SIGNING, credentials={"access_token": "token"}),),
    "instagram": (
        Secret(account_id=PROFESSIONAL, signing=SIGNING, credentials={"access_token": "token", "flavour": "instagram"}),
    ),
    "whatsapp": (Secret(account_id=NUMBER, signing=SIGNING, credentials={"access_token": "token"}),),
}
OBJECTS = {"facebook": "page", "instagram": "instagram", "whatsapp": "whatsapp_business_account"}

Entry = dict[str, Any]


@dataclass(frozen=True)
class Aim:
    """What a call of ours asks a platform to do: read from the HTTP call, not from what Nightdesk believes."""

    recipient: str | None  # of a direct message
    below: str | None  # the comment, or the message that is quoted
    text: str
    token: str | None


@dataclass(frozen=True)
class Venue:
    """Direct messages of a Page (Messenger)."""

    name: str = "messenger"
    channel: str = "facebook"
    account: str = PAGE
    public: bool = False

    def thread_of(self, customer: str) -> str:
        """What the platform calls the thread of a customer."""
        return customer

    def conversation_id(self, customer: str) -> str:
        """The conversation that a customer's words belong to."""
        return conversation_id_of(self.channel, self.account, self.thread_of(customer), customer)

    def said(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        """A customer writes."""
        return self._item(customer, at, {"message": {"mid": mid, "text": text}})

    def edited(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        """A customer changes what they wrote."""
        return self._item(customer, at, {"message_edit": {"mid": mid, "text": text, "num_edit": 1}})

    def taken_back(self, customer: str, mid: str, at: datetime) -> Entry:
        """A customer takes back what they wrote."""
        return self._item(customer, at, {"message": {"mid": mid, "is_deleted": True}})

    def by_hand(self, customer: str, mid: str, text: str, at: datetime, answers: str) -> Entry:
        """A person of ours answers in the platform's own app."""
        return self.echo(customer, mid, text, at, answers, None)

    def echo(self, customer: str, mid: str, text: str, at: datetime, answers: str | None, token: str | None) -> Entry:
        """What our account said comes back."""
        message = {"mid": mid, "text": text, "is_echo": True, **({"metadata": token} if token else {})}
        return self._item(customer, at, {"message": message}, ours=True)

    def junk(self, at: datetime) -> Entry:
        """Something that no documentation tells of."""
        return self._item("1", at, {"new_thing": {"mid": "x"}})

    def aim(self, call: Call) -> Aim:
        """What a call of ours asks for."""
        payload = json.loads(call.body or b"")
        message = payload["message"]
        return Aim(payload["recipient"]["id"], None, message["text"], message.get("metadata"))

    def _item(self, customer: str, at: datetime, what: dict[str, Any], *, ours: bool = False) -> Entry:
        people = [{"id": customer}, {"id": self.account}]
        sender, recipient = people[::-1] if ours else people
        stamp = int(at.timestamp() * 1000)
        return {
            "id": self.account,
            "time": stamp,
            "messaging": [{"sender": sender, "recipient": recipient, "timestamp": stamp, **what}],
        }


@dataclass(frozen=True)
class Comments(Venue):
    """Comments below a post of the Page: many customers in one thread, everything public, echoes without a token."""

    name: str = "comments"
    public: bool = True

    def thread_of(self, customer: str) -> str:
        return POST

    def said(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        return self._change(customer, at, {"verb": "add", "comment_id": mid, "parent_id": POST, "message": text})

    def edited(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        changed = {"verb": "edited", "comment_id": mid, "parent_id": POST, "message": text}
        return self._change(customer, at, {**changed, "edited_time": int(at.timestamp())})

    def taken_back(self, customer: str, mid: str, at: datetime) -> Entry:
        return self._change(customer, at, {"verb": "remove", "comment_id": mid, "parent_id": POST})

    def echo(self, customer: str, mid: str, text: str, at: datetime, answers: str | None, token: str | None) -> Entry:
        said = {"verb": "add", "comment_id": mid, "parent_id": answers or POST, "message": text}
        return self._change(self.account, at, said)

    def aim(self, call: Call) -> Aim:
        target = call.url.rpartition("/")[0].rpartition("/")[2]
        return Aim(None, target, json.loads(call.body or b"")["message"], None)

    def _change(self, author: str, at: datetime, what: dict[str, Any]) -> Entry:
        stamp = int(at.timestamp())
        about = {"item": "comment", "post_id": POST, "from": {"id": author}, "created_time": stamp}
        return {"id": self.account, "time": stamp, "changes": [{"field": "feed", "value": {**about, **what}}]}


@dataclass(frozen=True)
class Instagram(Venue):
    """Direct messages of a professional account: an echo never carries a token of ours."""

    name: str = "instagram"
    channel: str = "instagram"
    account: str = PROFESSIONAL

    def echo(self, customer: str, mid: str, text: str, at: datetime, answers: str | None, token: str | None) -> Entry:
        return super().echo(customer, mid, text, at, answers, None)


@dataclass(frozen=True)
class WhatsApp(Venue):
    """A business number: no echo of what came by API, but statuses, which carry our token."""

    name: str = "whatsapp"
    channel: str = "whatsapp"
    account: str = NUMBER

    def said(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        return self._messages(customer, at, {"id": mid, "type": "text", "text": {"body": text}})

    def edited(self, customer: str, mid: str, text: str, at: datetime) -> Entry:
        edit = {"original_message_id": mid, "message": {"type": "text", "text": {"body": text}}}
        return self._messages(customer, at, {"id": f"{mid}-edit-{at:%H%M%S}", "type": "edit", "edit": edit})

    def taken_back(self, customer: str, mid: str, at: datetime) -> Entry:
        revoke = {"original_message_id": mid}
        return self._messages(customer, at, {"id": f"{mid}-revoke", "type": "revoke", "revoke": revoke})

    def by_hand(self, customer: str, mid: str, text: str, at: datetime, answers: str) -> Entry:
        echo = {"from": NUMBER, "to": customer, "id": mid, "timestamp": _seconds(at)}
        return self._value("smb_message_echoes", {"message_echoes": [{**echo, "type": "text", "text": {"body": text}}]})

    def status(self, customer: str, mid: str, word: str, at: datetime, token: str | None) -> Entry:
        """What became of a message of ours."""
        status: dict[str, Any] = {"id": mid, "status": word, "timestamp": _seconds(at), "recipient_id": customer}
        status |= {"biz_opaque_callback_data": token} if token else {}
        status |= {"errors": [{"code": 131026, "title": "Message undeliverable"}]} if word == "failed" else {}
        return self._value("messages", {"statuses": [status]})

    def junk(self, at: datetime) -> Entry:
        return self._value("account_update", {"event": "SOMETHING_NEW"})

    def aim(self, call: Call) -> Aim:
        payload = json.loads(call.body or b"")
        quoted = payload.get("context", {}).get("message_id")
        return Aim(
            payload["to"].removeprefix("+"), quoted, payload["text"]["body"], payload["biz_opaque_callback_data"]
        )

    def _messages(self, customer: str, at: datetime, message: dict[str, Any]) -> Entry:
        said = {"from": customer, "timestamp": _seconds(at), **message}
        return self._value("messages", {"contacts": [{"wa_id": customer}], "messages": [said]})

    def _value(self, field: str, what: dict[str, Any]) -> Entry:
        metadata = {"display_phone_number": "4930123456", "phone_number_id": NUMBER}
        return {"id": "555000111", "changes": [{"field": field, "value": {"metadata": metadata, **what}}]}


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))


MESSENGER, COMMENTS, INSTAGRAM, WHATSAPP = Venue(), Comments(), Instagram(), WhatsApp()
VENUES = (MESSENGER, COMMENTS, INSTAGRAM, WHATSAPP)


def body_of(channel: str, entries: list[Entry]) -> bytes:
    """One delivery of several items."""
    return json.dumps({"object": OBJECTS[channel], "entry": entries}).encode()
