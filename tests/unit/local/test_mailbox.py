"""The mailbox: what it keeps, what it makes of an answer, how it hands the answer in."""

from __future__ import annotations

import email
import email.policy
import json
import smtplib
import time
from dataclasses import replace
from email.message import EmailMessage

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from infra.local import mailbox_smtp
from infra.local.addresses import REGION, free_ports
from infra.local.mailbox_answer import Wish
from infra.local.mailbox_desk import Refused
from infra.local.mailbox_drop import Arrival, DropFailed, DropSettings, as_stored, into, into_aws, notification
from infra.local.mailbox_store import NoSuchMail, Received, read
from shared.errors import Misconfigured
from shared.mail.receipt import Verdict, read_receipt
from tests.unit.local.mails import MORNING, REPLY_TO, SETTINGS, Post, hand_off, mailbox, receive


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def box(tmp_path, post):
    return mailbox(tmp_path, post)


def answer_in(post: Post) -> EmailMessage:
    return email.message_from_bytes(post.arrivals[-1].mime, policy=email.policy.default)


def test_a_mail_is_kept_as_it_came_and_shown_newest_first(box, tmp_path):
    first = receive(box)
    second = receive(box, hand_off(Subject="Später"))
    assert [mail.received.id for mail in box.store.mails()] == [second, first]
    assert (tmp_path / f"{first}.eml").read_bytes() == hand_off().as_bytes()
    shown = box.store.mail(second).as_json()
    assert shown == {
        "id": second,
        "from": "Nightdesk <desk@nightdesk.example>",
        "to": "ben@shop.example",
        "reply_to": REPLY_TO,
        "subject": "Später",
        "text": "Ana wrote:\n\nWhere is my parcel?",
        "at": "2026-11-03T07:30:00Z",
        "answered": False,
        "message_id": "<m1@eu-central-1.amazonses.com>",
        "answers": [],
    }


def test_a_restart_keeps_mails_answers_and_settings(box, tmp_path, post):
    mail_id = receive(box)
    box.answer_mail(mail_id, Wish(text="Soon"))
    again = mailbox(tmp_path, post, settings=None)
    assert again.store.mail(mail_id).as_json()["answered"] is True
    assert again.redeliver(mail_id)["ses_id"] == "ses-2"


def test_an_answer_is_the_mail_a_client_would_send(box, post):
    mail_id = receive(box, hand_off(References="<m0@x>"))
    done = box.answer_mail(mail_id, Wish(text="It comes tomorrow.\n\nSorry!"))
    sent = answer_in(post)
    assert done == {"mail": mail_id, "from": "ben@shop.example", "to": REPLY_TO, "ses_id": "ses-1"}
    assert sent["From"] == "Ben Agent <ben@shop.example>"
    assert sent["To"] == REPLY_TO
    assert sent["Subject"] == "Re: Ana Example on Messenger"
    assert sent["In-Reply-To"] == "<m1@eu-central-1.amazonses.com>"
    assert sent["References"] == "<m0@x> <m1@eu-central-1.amazonses.com>"
    assert sent["Message-ID"].endswith("@shop.example>")
    assert sent.get_content().replace("\r\n", "\n") == (
        "It comes tomorrow.\n\nSorry!\n\n"
        "-- \nBen Agent\n\n"
        "On Tue, 3 Nov 2026 at 08:00, Nightdesk <desk@nightdesk.example> wrote:\n"
        "> Ana wrote:\n>\n> Where is my parcel?\n"
    )
    assert post.arrivals[0].sender == "ben@shop.example"
    assert post.arrivals[0].recipients == (REPLY_TO,)


def test_an_answer_can_be_somebody_elses_unquoted_and_under_a_given_id(box, post):
    wish = Wish(text="Hi", sender="eve@evil.example", quote=False, message_id="<same@shop.example>")
    box.answer_mail(receive(box), wish)
    sent = answer_in(post)
    assert sent["From"] == "eve@evil.example"
    assert sent["Message-ID"] == "<same@shop.example>"
    assert sent.get_content().replace("\r\n", "\n") == "Hi\n\n-- \nEve\n"


def test_a_second_copy_is_the_same_mail_under_a_new_ses_id(box, post):
    mail_id = receive(box)
    box.answer_mail(mail_id, Wish(text="Soon"))
    assert box.redeliver(mail_id)["ses_id"] == "ses-2"
    assert post.arrivals[0].mime == post.arrivals[1].mime
    (kept,) = box.store.mail(mail_id).received.answers
    assert kept.ses_ids == ("ses-1", "ses-2")


def test_a_mail_that_was_not_answered_cannot_be_delivered_again(box):
    with pytest.raises(NoSuchMail, match="answer it first"):
        box.redeliver(receive(box))


def test_an_answer_that_would_not_reach_the_desk_is_refused(box, post):
    mail_id = receive(box, hand_off(**{"Reply-To": ""}))
    with pytest.raises(Refused, match=r"desk@nightdesk\.example"):
        box.answer_mail(mail_id, Wish(text="Soon"))
    assert post.arrivals == []


@pytest.mark.parametrize("wish", [Wish(text=" \n"), Wish(text="Hi", sender="a@b.example\nBcc: c@d.example")])
def test_an_answer_that_is_no_mail_is_refused(box, post, wish):
    with pytest.raises(Refused):
        box.answer_mail(receive(box), wish)
    assert post.arrivals == []


def test_a_failed_hand_in_leaves_the_mail_unanswered(box, post):
    mail_id = receive(box)
    post.broken = True
    with pytest.raises(DropFailed):
        box.answer_mail(mail_id, Wish(text="Soon"))
    assert box.store.mail(mail_id).received.answers == ()


def test_without_settings_an_answer_says_what_to_do(tmp_path, post):
    box = mailbox(tmp_path, post, settings=None)
    with pytest.raises(Misconfigured, match="nightdesk up"):
        box.answer_mail(receive(box), Wish(text="Soon"))


@pytest.mark.parametrize("name", list(SETTINGS))
def test_settings_that_lack_something_name_it(box, name):
    with pytest.raises(Misconfigured, match=name):
        box.set_up({**SETTINGS, name: ""})


def test_a_real_mail_to_the_desks_domain_goes_in_and_marks_the_mail_answered(box, post):
    mail_id = receive(box)
    reply = EmailMessage()
    reply["From"] = "ben@shop.example"
    reply["To"] = REPLY_TO
    reply["In-Reply-To"] = "<m1@eu-central-1.amazonses.com>"
    reply.set_content("From my own client")
    box.receive("ben@shop.example", ("REPLY+abc123@IN.nightdesk.example", "boss@shop.example"), reply.as_bytes())
    assert post.arrivals[0].recipients == ("REPLY+abc123@IN.nightdesk.example",)
    assert box.store.mail(mail_id).received.answers[0].text == "From my own client"
    assert [mail.received.recipients for mail in box.store.mails()] == [("boss@shop.example",), ("ben@shop.example",)]


HOSTILE = [
    b"",
    b"\xff\xfe\x00",
    b"Subject: =?utf-8?b?////?=\n\nHi",
    b"Content-Type: text/plain; charset=klingon\n\nHi",
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: image/png\n\nabc",
    b'From: "\n\nHi',
    b"From: a@b, c@d <\nTo: ;;\nDate: yesterday\n\nHi",
    b"Message-ID: [<x\n\nHi",
    b"Subject: a\nSubject: b\n\nHi",
]


@pytest.mark.parametrize("raw", HOSTILE)
def test_any_bytes_can_be_shown(box, raw):
    box.receive("a@b.example", ("ben@shop.example",), raw)
    assert json.dumps(box.store.mails()[0].as_json())


_PIECES = st.sampled_from(
    b"""Subject: |From: |To: |Content-Type: |text/html|multipart/mixed; boundary=x|; charset=|=?utf-8?q?=E2?=|--x|--x--|
||\r\n|\x00|<|"|Message-ID: |Date: |Content-Transfer-Encoding: base64
|message/rfc822""".split(b"|")
)


@given(st.lists(_PIECES | st.binary(max_size=8), max_size=30).map(b"".join))
def test_reading_is_total(raw):
    mail = read(Received(id="1", sender="a@b.example", recipients=("c@d.example",), at="2026-11-03T07:30:00Z"), raw)
    assert isinstance(mail.text, str)


def test_an_html_mail_is_shown_as_text(box):
    mail = EmailMessage()
    mail.set_content("<style>p{}</style><p>Fish &amp; <b>chips</b></p>", subtype="html")
    assert box.store.mail(receive(box, mail)).text == "Fish & chips"


@pytest.mark.parametrize("piece", ["<", "<script ", "<style>", "</script ", "<!--"])
def test_html_that_never_ends_is_read_in_one_pass(piece):
    raw = b"Content-Type: text/html\n\n" + (piece * (250_000 // len(piece))).encode()
    begun = time.monotonic()
    read(Received(id="1", sender="a@b.example", recipients=("c@d.example",), at="2026-11-03T07:30:00Z"), raw)
    assert time.monotonic() - begun < 5


def test_mail_comes_in_by_smtp(box, post):
    port = free_ports(["smtp"], {})["smtp"]
    server = mailbox_smtp.controller(box, port)
    server.start()
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(hand_off(), "desk@nightdesk.example", ["ben@shop.example"])
            client.send_message(hand_off(), "ben@shop.example", [REPLY_TO])
            post.broken = True
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.send_message(hand_off(), "ben@shop.example", [REPLY_TO])
    finally:
        server.stop()
    assert refused.value.smtp_code == 451
    assert [mail.received.sender for mail in box.store.mails()] == ["desk@nightdesk.example"]
    assert [arrival.recipients for arrival in post.arrivals] == [(REPLY_TO,)]


ARRIVAL = Arrival(mime=hand_off().as_bytes(), sender="ben@shop.example", recipients=(REPLY_TO,), at=MORNING)


def test_the_notification_has_the_shape_of_ses():
    told = notification(ARRIVAL, "abc", DropSettings.of(SETTINGS))
    assert told["notificationType"] == "Received"
    assert told["receipt"] == {
        "timestamp": "2026-11-03T07:30:00.000Z",
        "processingTimeMillis": 222,
        "recipients": [REPLY_TO],
        "spamVerdict": {"status": "PASS"},
        "virusVerdict": {"status": "PASS"},
        "spfVerdict": {"status": "PASS"},
        "dkimVerdict": {"status": "PASS"},
        "dmarcVerdict": {"status": "PASS"},
        "action": {
            "type": "S3",
            "topicArn": SETTINGS["topic_arn"],
            "bucketName": "inbound",
            "objectKeyPrefix": "in/",
            "objectKey": "in/abc",
        },
    }
    mail = told["mail"]
    assert isinstance(mail, dict)
    assert (mail["source"], mail["messageId"], mail["destination"]) == ("ben@shop.example", "abc", [REPLY_TO])
    assert mail["commonHeaders"]["messageId"] == "<m1@eu-central-1.amazonses.com>"
    assert mail["headersTruncated"] is False


def test_the_desk_reads_the_notification():
    told = json.dumps(notification(replace(ARRIVAL, verdicts={"spam": "FAIL"}), "abc", DropSettings.of(SETTINGS)))
    receipt = read_receipt(told)
    assert (receipt.bucket, receipt.object_key, receipt.recipients) == ("inbound", "in/abc", (REPLY_TO,))
    assert (receipt.spam, receipt.virus, receipt.dmarc) == (Verdict.FAIL, Verdict.PASS, Verdict.PASS)


def test_a_failed_dmarc_names_the_domains_policy_and_stands_in_the_mail():
    failed = replace(ARRIVAL, verdicts={"dmarc": "FAIL", "virus": "GRAY"})
    told = notification(failed, "abc", DropSettings.of(SETTINGS))
    assert isinstance(told["receipt"], dict)
    assert told["receipt"]["dmarcPolicy"] == "reject"
    stored = email.message_from_bytes(as_stored(failed, "abc"), policy=email.policy.default)
    assert stored["X-SES-Virus-Verdict"] == "GRAY"
    assert "dmarc=fail" in stored["Authentication-Results"]


@pytest.mark.parametrize("verdicts", [{"taste": "PASS"}, {"spam": "MAYBE"}])
def test_a_verdict_that_ses_does_not_know_is_refused(box, verdicts):
    with pytest.raises(Misconfigured, match="verdict"):
        box.answer_mail(receive(box), Wish(text="Hi"), verdicts)


def test_the_stored_mail_is_the_clients_with_headers_of_ses_in_front():
    raw = as_stored(ARRIVAL, "abc")
    assert raw.endswith(ARRIVAL.mime)
    stored = email.message_from_bytes(raw, policy=email.policy.default)
    assert stored["X-SES-Spam-Verdict"] == "PASS"
    assert stored["Return-Path"] == "<ben@shop.example>"
    assert stored["Subject"] == "Ana Example on Messenger"


def test_mail_lands_in_the_bucket_and_is_told_on_the_topic():
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        sns = boto3.client("sns", region_name=REGION)
        sqs = boto3.client("sqs", region_name=REGION)
        s3.create_bucket(Bucket="inbound", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        topic = sns.create_topic(Name="mail")["TopicArn"]
        queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
        ses_id = into(s3, sns, DropSettings.of({**SETTINGS, "topic_arn": topic}))(ARRIVAL)
        stored = s3.get_object(Bucket="inbound", Key=f"in/{ses_id}")["Body"].read()
        (heard,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(heard["Body"])
    assert stored.endswith(ARRIVAL.mime)
    assert envelope["Subject"] == "Amazon SES Email Receipt Notification"
    assert read_receipt(envelope["Message"]).object_key == f"in/{ses_id}"


def test_a_bucket_out_of_reach_is_a_failed_hand_in():
    port = free_ports(["nobody"], {})["nobody"]
    drop = into_aws(DropSettings.of({**SETTINGS, "endpoint_url": f"http://127.0.0.1:{port}"}))
    with pytest.raises(DropFailed, match="nightdesk up"):
        drop(ARRIVAL)
