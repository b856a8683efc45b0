"""The mailbox hands in what no agent writes, and the desk reads it as the delivery it was made of."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import requests

from infra.local.mailbox_drop import notification
from infra.local.mailbox_letters import letter
from infra.local.mailbox_web import Web
from shared.domain.exchange import Secret
from shared.errors import Misconfigured
from shared.mail.receipt import read_receipt
from shared.services.received_mail import ReceivedMails
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import MemoryInbox
from tests.fakes.given import FakeSecrets, FixedClock
from tests.unit.local.mails import MORNING, SETTINGS, Post, mailbox
from tests.unit.local.playground import serving_on_free_port

EVENTS = Path(__file__).parents[3] / "events"
MAILS = [p for c in ("email", "notice") for p in sorted((EVENTS / c).glob("*__*.json")) if ".expected" not in p.name]
DELIVERIES = [p for p in MAILS if not p.name.startswith("unknown")]
MIME = "From: Ana <ana@customer.example>\r\nSubject: Hello\r\n\r\nWhere is it?\r\n"


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def url(tmp_path, post):
    with serving_on_free_port(Web(mailbox(tmp_path, post)).answer) as address:
        yield address


def drop(url, wish):
    return requests.post(f"{url}/_mailbox/drop", json=wish, timeout=10)


def test_any_mime_goes_in_with_the_envelope_and_verdicts_given(url, post):
    wish = {"from": "bounce@customer.example", "to": ["support@in.nightdesk.example", "x@elsewhere.example"]}
    answer = drop(url, {**wish, "mime": MIME, "verdicts": {"dmarc": "GRAY"}})

    assert answer.json() == {"ses_id": "ses-1"}
    (arrival,) = post.arrivals
    assert arrival.mime == MIME.encode()
    assert (arrival.sender, arrival.recipients) == ("bounce@customer.example", tuple(wish["to"]))
    assert arrival.verdicts == {"dmarc": "GRAY"}


def test_bytes_that_are_no_text_go_in_as_base64(url, post):
    raw = b"Subject: \xff\r\n\r\n\xfe"
    drop(
        url,
        {"from": "a@b.example", "to": "support@in.nightdesk.example", "mime_base64": base64.b64encode(raw).decode()},
    )
    assert post.arrivals[0].mime == raw


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"from": "a@b.example", "to": "support@elsewhere.example", "mime": MIME}, 409),
        ({"from": "a@b.example", "to": "support@in.nightdesk.example"}, 400),
        ({"from": "a@b.example", "to": "support@in.nightdesk.example", "mime_base64": "%"}, 400),
        ({"from": "a@b.example", "to": [], "mime": MIME}, 400),
        ({"delivery": {"type": "message.created"}}, 500),
    ],
)
def test_what_ses_would_not_take_is_refused(url, post, wish, status):
    assert drop(url, wish).status_code == status
    assert post.arrivals == []


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_delivery_that_became_a_mail_becomes_the_same_delivery(url, post, path):
    delivery = json.loads(path.read_text("utf-8"))
    assert drop(url, {"delivery": delivery}).status_code == 200
    (arrival,) = post.arrivals

    read = received(arrival, delivery)

    same = ("type", "account_id", "message_id", "references", "in_reply_to", "subject", "reply_to", "dmarc", "outbound")
    assert {n: read.get(n) for n in same} == {n: delivery.get(n) for n in same} | {"subject": read["subject"]}
    assert read["from"]["address"] == delivery["from"]["address"]
    assert (delivery["subject"] or "") in read["subject"]
    if delivery["text"]:
        assert "".join(read["text"].split()) == "".join(delivery["text"].split())


def received(arrival, delivery):
    """What the desk puts on its inbox for the mail."""
    inbox = MemoryInbox()
    account = Secret(account_id="support", credentials={"address": "support@shop.example"})
    settings = type("Settings", (), SETTINGS | {"takes": lambda self, address: True})()
    receipt = read_receipt(json.dumps(notification(arrival, "ses-1", settings)))
    mails = ReceivedMails(
        MemoryDesk(), inbox, FakeSecrets({"email": (account,)}), FixedClock(MORNING), "in.nightdesk.example"
    )
    mails.take(receipt, arrival.mime)
    (taken,) = inbox.waiting
    assert taken.channel == ("email" if delivery["type"] == "mail" else "notice")
    return json.loads(taken.body)


def test_what_is_no_mail_cannot_become_one():
    with pytest.raises(Misconfigured):
        letter({"type": "mail", "account_id": "support", "from": {}}, "in.nightdesk.example", MORNING)
