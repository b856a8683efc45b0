from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Unreadable
from shared.mail.receipt import SetupNotification, Verdict, read_receipt

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def notification(*, receipt: dict[str, object] | None = None, mail: dict[str, object] | None = None) -> str:
    said = {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2026-09-02T10:15:30.123Z",
            "recipients": ["r+token@in.shop.example"],
            "spamVerdict": {"status": "PASS"},
            "virusVerdict": {"status": "PASS"},
            "dmarcVerdict": {"status": "GRAY"},
            "action": {"type": "S3", "bucketName": "inbound", "objectKey": "in/abc"},
        }
        | (receipt or {}),
        "mail": {"messageId": "abc", "source": "anna@shop.example", "destination": ["else@where.example"]}
        | (mail or {}),
    }
    return json.dumps(said)


def test_a_receipt_says_where_the_mail_lies_and_what_was_found():
    receipt = read_receipt(notification())
    assert (receipt.ses_id, receipt.bucket, receipt.object_key) == ("abc", "inbound", "in/abc")
    assert (receipt.spam, receipt.virus, receipt.dmarc) == (Verdict.PASS, Verdict.PASS, Verdict.GRAY)
    assert receipt.received_at == datetime(2026, 9, 2, 10, 15, 30, 123000, tzinfo=UTC)
    assert receipt.source == "anna@shop.example"


def test_recipients_are_those_of_the_envelope_and_not_of_the_headers():
    assert read_receipt(notification()).recipients == ("r+token@in.shop.example",)


@pytest.mark.parametrize("status", [None, 7, "pass", "SOMETHING_NEW", {}])
def test_a_verdict_that_is_missing_or_new_counts_as_no_answer(status):
    receipt = read_receipt(notification(receipt={"dmarcVerdict": {"status": status}}))
    assert receipt.dmarc is Verdict.PROCESSING_FAILED


def test_scanning_that_is_off_says_so():
    assert read_receipt(notification(receipt={"spamVerdict": {"status": "DISABLED"}})).spam is Verdict.DISABLED


@pytest.mark.parametrize("source", ["", "<>", None])
def test_a_bounce_has_no_source(source):
    assert read_receipt(notification(mail={"source": source})).source == ""


def test_the_setup_notification_is_told_from_a_mail():
    with pytest.raises(SetupNotification):
        read_receipt(notification(mail={"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}))


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "Successfully validated SNS topic",
        "[" * 100_000,
        "1" * 5_000,
        '{"notificationType": "Bounce"}',
        notification(receipt={"recipients": []}),
        notification(receipt={"recipients": "r+token@in.shop.example"}),
        notification(receipt={"timestamp": "yesterday"}),
        notification(receipt={"timestamp": "0001-01-01T00:00:00+23:00"}),
        notification(receipt={"action": {"bucketName": "inbound"}}),
        notification(mail={"messageId": "a\nb"}),
    ],
)
def test_anything_else_is_unreadable(broken):
    with pytest.raises(Unreadable):
        read_receipt(broken)


@settings(deadline=None)
@given(receipt=st.dictionaries(st.sampled_from(["timestamp", "recipients", "action", "spamVerdict"]), json_values))
def test_whatever_its_fields_hold_it_is_read_or_unreadable(receipt):
    with suppress(Unreadable):
        assert read_receipt(notification(receipt=receipt)).ses_id == "abc"
