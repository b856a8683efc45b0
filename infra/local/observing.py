"""One look at everything the running stack has done: on the desk, on the platforms, in the mailbox, in its timers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from infra.local.running import Execution, RunningStack
from shared.domain.records import Conversation, Message, Obligation, Quarantined, Send

_DIRECT = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One conversation and all that belongs to it."""

    conversation: Conversation
    messages: tuple[Message, ...]
    obligations: tuple[Obligation, ...]
    sends: tuple[Send, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The state of the world at one moment."""

    cases: tuple[Case, ...]
    posts: tuple[Mapping[str, Any], ...]  # what the platforms took
    mails: tuple[Mapping[str, Any], ...]  # what the agents' mailbox holds
    notices: tuple[Mapping[str, Any], ...]  # what the fan-out topic published
    executions: tuple[Execution, ...]
    quarantined: tuple[Quarantined, ...]
    dead: Mapping[str, int]
    quiet: bool

    def case(self, customer_id: str) -> Case | None:
        """The conversation of a customer."""
        return next((c for c in self.cases if c.conversation.customer_id == customer_id), None)

    def posted_to(self, customer_id: str) -> list[Mapping[str, Any]]:
        """What a customer can read from us: in their thread, or under one of their messages."""
        case = self.case(customer_id)
        natives = {s.native_id for s in case.sends if s.native_id} if case else set()
        return [p for p in self.posts if p["recipient"] == customer_id or p["native_id"] in natives]

    def mails_about(self, customer_id: str) -> list[Mapping[str, Any]]:
        """What people were mailed about a customer's conversation."""
        case = self.case(customer_id)
        short = f"#{case.conversation.conversation_id[:6]}" if case else None
        return [m for m in self.mails if short is not None and short in m["subject"]]


class Subscriber:
    """A queue that hears what the fan-out topic publishes."""

    def __init__(self, stack: RunningStack) -> None:
        self._sqs = stack.session.create_client("sqs")
        self._url = self._sqs.create_queue(QueueName="nightdesk-observer")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        stack.session.create_client("sns").subscribe(
            TopicArn=stack.outputs["HandOffTopicArn"], Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"]
        )
        self._heard: list[Mapping[str, Any]] = []

    def heard(self) -> tuple[Mapping[str, Any], ...]:
        """All notices so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._heard.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return tuple(self._heard)


def observe(stack: RunningStack, subscriber: Subscriber) -> Seen:
    """Look at everything once."""
    desk = stack.desk
    return Seen(
        cases=tuple(
            Case(
                conversation=head,
                messages=desk.messages(head.conversation_id),
                obligations=desk.obligations(head.conversation_id),
                sends=desk.sends(head.conversation_id),
            )
            for head in stack.conversations()
        ),
        posts=tuple(get_json(f"{stack.sandbox_url}/_sandbox/posts")),
        mails=tuple(get_json(f"{stack.mailbox_url}/_mailbox/mails")),
        notices=subscriber.heard(),
        executions=stack.executions(),
        quarantined=desk.quarantined(),
        dead=stack.dead_letters(),
        quiet=stack.is_quiet(),
    )


def get_json(url: str) -> Any:  # noqa: ANN401 - whatever the part answers
    """What one of the engine's own parts answers."""
    with _DIRECT.open(url, timeout=30) as answer:
        return json.loads(answer.read())


def post_json(url: str, wish: Mapping[str, object]) -> Any:  # noqa: ANN401 - whatever the part answers
    """What one of the engine's own parts answers to a wish."""
    request = Request(url, data=json.dumps(wish).encode(), headers={"content-type": "application/json"})  # noqa: S310 - our own engine
    with _DIRECT.open(request, timeout=30) as answer:
        return json.loads(answer.read())
