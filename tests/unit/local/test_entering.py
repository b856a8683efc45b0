from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from infra.local.entering import arrival, known_as, published
from infra.local.mailbox_drop import Arrival
from shared.errors import Misconfigured
from shared.mail.read import read_letter
from tests.exchanges.exchange import EVENTS

DOMAIN = "in.nightdesk.example"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MAIL = {
    "type": "mail",
    "account_id": "support",
    "message_id": "<a1@mail.customer.example>",
    "from": {"name": "Ána Example", "address": "ana@customer.example"},
    "reply_to": "ana.private@customer.example",
    "subject": "Päckchen 4711",
    "references": ["<r1@x.example>", "<r2@x.example>"],
    "in_reply_to": "<r2@x.example>",
    "text": "Where is my parcel? 📦\nAna",
    "authenticated": True,
}
EML = (
    b"From: Ana Example <ana@customer.example>\r\nTo: Support <support+x@in.nightdesk.example>, other@x.example\r\n"
    b"Subject: Hello\r\nMessage-ID: <b2@mail.customer.example>\r\n\r\nWhere is it?\r\n"
)


def mail(**changes: object) -> bytes:
    return json.dumps(MAIL | changes).encode()


def came(channel: str, body: bytes) -> Arrival:
    return arrival(channel, body, DOMAIN, NOW)


def test_a_mail_given_as_its_delivery_is_the_mail_the_desk_makes_that_delivery_of():
    letter = read_letter(came("email", mail()).mime)
    assert (letter.from_name, letter.from_address) == ("Ána Example", "ana@customer.example")
    assert (letter.reply_to, letter.subject) == (MAIL["reply_to"], MAIL["subject"])
    assert (letter.message_id, letter.in_reply_to) == (MAIL["message_id"], MAIL["in_reply_to"])
    assert list(letter.references) == MAIL["references"]
    assert letter.text == MAIL["text"]


@pytest.mark.parametrize(
    ("channel", "account", "address"),
    [("email", "support", f"support@{DOMAIN}"), ("notice", "pinterest", f"notice+pinterest@{DOMAIN}")],
)
def test_it_comes_to_the_address_of_its_account(channel: str, account: str, address: str):
    assert came(channel, mail(account_id=account)).recipients == (address,)


@pytest.mark.parametrize(
    ("said", "verdict"), [({"authenticated": False}, "FAIL"), ({}, "PASS"), ({"authenticated": True}, "PASS")]
)
def test_a_sender_that_is_not_proven_fails_dmarc(said: dict[str, object], verdict: str):
    assert came("email", mail(**said)).verdicts.get("dmarc", "PASS") == verdict


def test_mime_goes_in_byte_for_byte_to_our_address_in_it():
    found = came("email", EML)
    assert (found.mime, found.recipients, found.sender) == (EML, (f"support+x@{DOMAIN}",), "ana@customer.example")


def test_mime_to_nobody_of_ours_is_refused_with_what_to_do():
    with pytest.raises(Misconfigured, match="To"):
        came("email", EML.replace(DOMAIN.encode(), b"elsewhere.example"))


def test_the_sandbox_learns_who_wrote_from_either_form():
    assert known_as("email", mail(), DOMAIN) == mail()
    known = json.loads(known_as("email", EML, DOMAIN))
    assert (known["account_id"], known["from"]["address"]) == ("support", "ana@customer.example")
    assert known["message_id"] == "<b2@mail.customer.example>"
    noticed = EML.replace(b"support+x", b"notice+yelp")
    assert json.loads(known_as("notice", noticed, DOMAIN))["account_id"] == "yelp"


GIVEN = [file for file in sorted((EVENTS / "email").glob("message__*.json")) if ".expected." not in file.name]


@pytest.mark.parametrize("file", GIVEN, ids=lambda file: file.stem)
def test_every_mail_of_events_can_be_handed_in(file):
    found = came("email", file.read_bytes())
    read = message_from_bytes(found.mime, policy=policy.default)
    assert (read.defects, found.recipients[0].partition("@")[2]) == ([], DOMAIN)


def test_our_own_mail_still_names_the_customer_it_went_to():
    file = EVENTS / "email" / "echo__written-in-our-own-mail-program.json"
    assert "ana@customer.example" in read_letter(came("email", file.read_bytes()).mime).to


def test_a_delivery_that_names_nobody_is_a_mail_of_nobody():
    assert came("email", b'{"account_id": "support"}').sender == "nobody@customer.example"


def test_a_service_of_aws_publishes_the_message_and_the_topic_makes_the_envelope():
    assert published(json.dumps({"Type": "Notification", "Message": '{"messageBody": "x"}'}).encode()) == (
        '{"messageBody": "x"}'
    )
    assert published(b'{"messageBody": "x"}') == '{"messageBody": "x"}'
