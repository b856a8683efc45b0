"""Counts what an invocation asks of AWS, at the SDK's edge: every call passes botocore's event `before-call`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from botocore.session import Session

from infra.bench import prices
from infra.bench.capacity import Capacity

_CHARGED = {
    "sqs:SendMessage": "SQS requests",
    "s3:PutObject": "S3 puts",
    "s3:GetObject": "S3 gets",
    "sns:Publish": "SNS publishes",
    "sesv2:SendEmail": prices.MAIL,
}
SECRETS = frozenset({"ssm:GetParametersByPath", "ssm:GetParameter"})  # asked once in five minutes, whatever comes


@dataclass
class Invocation:
    """One invocation of a function: its calls by service and operation, and what of them is charged."""

    function: str
    label: str
    calls: Counter[str] = field(default_factory=Counter)
    charged: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def calls_for_the_work(self) -> Counter[str]:
        """Without those that fetch secrets."""
        return Counter({name: n for name, n in self.calls.items() if name not in SECRETS})


class Meter:
    """Hears every call of the clients that a session makes after `listen`, and charges it to the running invocation."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._running: Invocation | None = None
        self.invocations: list[Invocation] = []
        self.mails: list[bytes] = []  # bodies of SendEmail, as they went out

    def listen(self, session: Session) -> None:
        """Hear the clients of this session."""
        session.register("before-call", self._before)
        session.register("after-call", self._after)

    def begin(self, function: str, label: str) -> Invocation:
        """What is called from now on belongs to this invocation."""
        self._running = Invocation(function, label)
        self.invocations.append(self._running)
        return self._running

    @property
    def running(self) -> Invocation:
        """The present invocation."""
        if self._running is None:
            raise RuntimeError("Something called AWS outside of any invocation.")
        return self._running

    def _before(self, **heard: Any) -> None:
        model, params, context = heard["model"], heard["params"], heard["context"]
        name = f"{model.service_model.service_name}:{model.name}"
        self.running.calls[name] += 1
        if name in _CHARGED:
            self.running.charged[_CHARGED[name]] += 1
        if name == "sesv2:SendEmail":
            self.mails.append(params["body"])
        if name.startswith("dynamodb:"):
            context["asked"] = json.loads(params["body"])

    def _after(self, **heard: Any) -> None:
        model, parsed, context = heard["model"], heard["parsed"], heard["context"]
        if model.service_model.service_name == "ssm":
            self.running.charged[prices.SECRETS] += len(parsed["Parameters"]) if "Parameters" in parsed else 1
        if "asked" in context:
            asked, status = context.pop("asked"), parsed["ResponseMetadata"]["HTTPStatusCode"]
            if status >= 300:
                raise RuntimeError(f"{model.name} was answered {status}: the figures would be of another journey.")
            self.running.charged["DynamoDB write units"] += self._capacity.write_units(model.name, asked)
            self.running.charged["DynamoDB read units"] += self._capacity.read_units(model.name, asked, parsed)
