"""The fan-out topic on SNS."""

from __future__ import annotations

import json

from shared.adapters.clients import Clients, aws_errors
from shared.domain.notices import Notice

LONGEST_SUBJECT = 100  # characters; SNS, Publish


class SnsNotifier:
    """Publish knows no idempotency token, so each call is one attempt."""

    def __init__(self, clients: Clients, topic_arn: str) -> None:
        self._clients = clients
        self._topic_arn = topic_arn

    def publish(self, notice: Notice) -> None:
        """Tell the subscribers; they may filter by the attribute `kind`. Raises Unavailable."""
        with aws_errors():
            self._clients.sns.publish(
                TopicArn=self._topic_arn,
                Subject=_subject(notice.subject),
                Message=json.dumps({"kind": notice.kind, "subject": notice.subject, "facts": dict(notice.facts)}),
                MessageAttributes={"kind": {"DataType": "String", "StringValue": notice.kind}},
            )


def _subject(text: str) -> str:
    """What SNS takes as a subject: printable ASCII, one line, not beginning with a blank."""
    printable = "".join(c if c.isascii() and c.isprintable() else " " if c.isspace() else "?" for c in text)
    return " ".join(printable.split())[:LONGEST_SUBJECT].strip() or "Nightdesk"
