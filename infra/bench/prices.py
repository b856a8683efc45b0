"""What AWS charges in us-east-1, on demand, list price without any free tier, and what had to be assumed beside it.

`source` is the page the figure was read on. A figure that nobody has looked up is marked: check it before
you rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one million of a thing (for gigabytes: for one)."""

    usd: float
    source: str
    verified: bool = True


MAIL = "SES mail"
SECRETS = "KMS decryptions"

PER_MILLION: Mapping[str, Price] = {
    "state transitions": Price(25.0, "aws.amazon.com/step-functions/pricing, Standard workflows"),
    "DynamoDB write units": Price(0.625, "airbyte.com, DynamoDB pricing after November 2024"),
    "DynamoDB read units": Price(0.125, "airbyte.com, DynamoDB pricing after November 2024"),
    "HTTP API requests": Price(1.0, "awsforengineers.com, API Gateway pricing"),
    "SQS requests": Price(0.40, "cloudburn.io, SQS pricing 2026: standard queue, 64 KB are a request"),
    "S3 puts": Price(5.0, "cloudkaramchari.com, PUT requests of S3 Standard: an example of USD 0.005 for 1,000"),
    "S3 gets": Price(0.40, "from memory", verified=False),
    "SNS publishes": Price(0.50, "factualminds.com, SNS pricing 2026-06"),
    MAIL: Price(100.0, "acecloudinterviews.com, SES: USD 0.10 for 1,000; the same for receiving is from memory"),
    SECRETS: Price(3.0, "from memory", verified=False),
    "X-Ray traces": Price(5.0, "aws.amazon.com/xray/pricing"),
    "Lambda requests": Price(0.20, "cloudchipr.com, Lambda pricing"),
    "Lambda GB-seconds": Price(13.3334, "cloudchipr.com, Lambda pricing, arm64"),
    "log bytes": Price(0.0005, "duckbillgroup.com, CloudWatch Logs: USD 0.50 for a gigabyte, first tier"),
}

UNVERIFIED_RULES = (
    "a transition is charged for every state entered and nothing for start and end",
    "a write of a transaction counts twice in the table and once in an index; a condition check counts twice",
    "X-Ray records every execution: its sampling takes the first of each second, and there seldom is a second one",
)

# Assumed: nothing here ran on Lambda. A million messages a month are 23 a minute: every message is alone in its batch.
OWN_MILLISECONDS = 5
CALL_MILLISECONDS = 10
PLATFORM_MILLISECONDS = 300
ACCESS_LOG_BYTES = 350  # a line of the HTTP API's access log as template.yaml words it


def usd(item: str, quantity: float) -> float:
    """What that much of it costs."""
    return quantity * PER_MILLION[item].usd / 1e6
