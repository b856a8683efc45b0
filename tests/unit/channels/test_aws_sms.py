"""Text messages through AWS: a notification that is JSON in JSON, calls that the role signs, errors by their type."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import aws_sms
from shared.domain.events import Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Secret, Unclear

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = Secret(account_id="15550100999", credentials={"region": "eu-central-1"})
TEXT = Outbound(
    channel="aws_sms",
    account_id="15550100999",
    surface=Surface.DM,
    thread_id="+15550100001",
    customer_id="+15550100001",
    in_reply_to="m-1",
    text="On its way.",
    by_person=True,
    last_inbound_at=NOW - timedelta(days=9),
    client_token="c.s",
)


def called(outbound=TEXT, account=ACCOUNT):
    call = aws_sms.reply(outbound, account, NOW)
    assert isinstance(call, Call)
    return call, json.loads(call.body or b"")


def answered(kind, status=400, **more):
    body = json.dumps({"__type": f"com.amazonaws.pinpointsmsvoicev2#{kind}", **more}).encode()
    return aws_sms.outcome(Answer(status=status, body=body))


def test_a_text_is_sent_from_the_number_the_customer_wrote_to_and_signed_by_the_role():
    call, payload = called()
    assert call.url == "https://sms-voice.eu-central-1.amazonaws.com/"
    assert call.aws_service == "sms-voice"
    assert payload["OriginationIdentity"] == "+15550100999"
    assert payload["DestinationPhoneNumber"] == "+15550100001"


def test_a_text_that_could_not_be_delivered_soon_is_not_delivered_at_all():
    assert called()[1]["TimeToLive"] <= 3600


def test_a_pool_is_answered_from_where_the_account_names_one():
    account = replace(ACCOUNT, credentials={"region": "eu-central-1", "origination_identity": "pool-1"})
    assert called(account=account)[1]["OriginationIdentity"] == "pool-1"


@pytest.mark.parametrize("region", ["", "eu", "evil.example/", "eu-central-1.evil.example#"])
def test_only_a_region_of_aws_is_called(region):
    refused = aws_sms.reply(TEXT, replace(ACCOUNT, credentials={"region": region}), NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.BLOCKED


@pytest.mark.parametrize("thread", ["AMAZON", "", "+49 170 1", "../"])
def test_a_sender_without_a_number_cannot_be_answered(thread):
    refused = aws_sms.reply(replace(TEXT, thread_id=thread), ACCOUNT, NOW)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NEVER


def test_a_text_longer_than_the_service_takes_is_refused_with_the_count():
    refused = aws_sms.reply(replace(TEXT, text="x" * 1601), ACCOUNT, NOW)
    assert isinstance(refused, Refused)
    assert "1,601" in refused.reason


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("ThrottlingException", Refusal.LATER),
        ("ServiceQuotaExceededException", Refusal.BLOCKED),
        ("AccessDeniedException", Refusal.BLOCKED),
        ("ValidationException", Refusal.NEVER),
        ("SomethingNewException", Refusal.NEVER),
    ],
)
def test_an_error_means_what_its_type_says(kind, refusal):
    outcome = answered(kind)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal


def test_a_customer_who_opted_out_is_not_written_to_again():
    outcome = answered("ConflictException", Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT")
    assert isinstance(outcome, Refused)
    assert "STOP" in outcome.reason


def test_a_fault_of_the_service_leaves_open_whether_the_text_went_out():
    assert isinstance(answered("InternalServerException", 500), Unclear)


def test_a_message_id_says_that_it_has_it_and_no_id_says_nothing():
    assert aws_sms.outcome(Answer(status=200, body=b'{"MessageId": "m"}')) == Posted("m")
    assert isinstance(aws_sms.outcome(Answer(status=200, body=b"{}")), Unclear)


def test_a_number_is_proven_by_its_own_listing():
    listed = Answer(status=200, body=b'{"PhoneNumbers": [{"PhoneNumber": "+15550100999"}]}')
    proof = aws_sms.proven(listed)
    assert not isinstance(proof, Refused)
    assert proof.who == "+15550100999"
    assert isinstance(aws_sms.proven(Answer(status=200, body=b'{"PhoneNumbers": []}')), Refused)
    assert isinstance(aws_sms.proven(Answer(status=400, body=b"{}")), Refused)
