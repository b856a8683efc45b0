"""Mail and notices to people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st
from moto.ses.models import ses_backends

from shared.adapters.clients import Clients
from shared.adapters.mailer import SesMailer
from shared.adapters.notifier import SnsNotifier, _subject
from shared.domain.notices import Mail, Notice
from shared.errors import Unavailable
from tests.integration.adapters import aws

MAIL = Mail(
    sender="desk@example.org", to="agent@example.org", mime=b"From: desk@example.org\r\nSubject: x\r\n\r\nhello"
)


def test_a_mail_goes_out_as_the_mime_it_is_to_the_addresses_of_its_envelope(clients: Clients, hook: aws.Hook):
    clients.sesv2.create_email_identity(EmailIdentity="example.org")
    clients.sesv2.create_configuration_set(ConfigurationSetName="nightdesk")
    said: list[Any] = []
    hook(clients.sesv2, "provide-client-params.sesv2.SendEmail", lambda params, **_: said.append(params))
    accepted = SesMailer(clients, "nightdesk").send(MAIL)
    (sent,) = ses_backends[aws.ACCOUNT][aws.REGION].sent_messages
    assert sent.id == accepted
    assert said[0] == {
        "FromEmailAddress": "desk@example.org",
        "Destination": {"ToAddresses": ["agent@example.org"]},
        "Content": {"Raw": {"Data": MAIL.mime}},
        "ConfigurationSetName": "nightdesk",
    }


def losing_every_answer(tried: list[object]) -> Callable[..., None]:
    def lost(request: object, **_: object) -> None:
        tried.append(request)
        raise ConnectionClosedError(endpoint_url="aws")

    return lost


def test_a_mail_whose_answer_was_lost_is_unavailable_and_not_sent_again(clients: Clients, hook: aws.Hook):
    tried: list[object] = []
    hook(clients.sesv2, "before-send", losing_every_answer(tried))
    with pytest.raises(Unavailable):
        SesMailer(clients, "nightdesk").send(MAIL)
    assert len(tried) == 1


def test_a_notice_whose_answer_was_lost_is_unavailable_and_not_published_again(clients: Clients, hook: aws.Hook):
    tried: list[object] = []
    hook(clients.sns, "before-send", losing_every_answer(tried))
    with pytest.raises(Unavailable):
        SnsNotifier(clients, "arn:aws:sns:eu-central-1:123456789012:hand-off").publish(NOTICE)
    assert len(tried) == 1


NOTICE = Notice(kind="breach", subject="Überfällig: 2\nfirst\tresponses", facts={"conversation_id": "c1"})


def test_a_notice_reaches_a_subscriber_with_its_facts_and_a_kind_to_filter_by(clients: Clients):
    topic = clients.sns.create_topic(Name="hand-off")["TopicArn"]
    queue = clients.sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.REGION}:{aws.ACCOUNT}:subscriber"
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SnsNotifier(clients, topic).publish(NOTICE)
    (message,) = clients.sqs.receive_message(QueueUrl=queue)["Messages"]
    heard = json.loads(message["Body"])
    assert heard["Subject"] == "?berf?llig: 2 first responses"
    assert heard["MessageAttributes"] == {"kind": {"Type": "String", "Value": "breach"}}
    assert json.loads(heard["Message"]) == {
        "kind": "breach",
        "subject": NOTICE.subject,
        "facts": {"conversation_id": "c1"},
    }


@given(st.text(max_size=300))
def test_any_subject_becomes_one_that_sns_takes(text: str):
    subject = _subject(text)
    assert 1 <= len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()
    assert subject == subject.strip()
