"""The counting part, run as `make bench` runs it: in a process of its own, because it plays AWS and takes the time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.infra.stack import ROOT


@pytest.fixture(scope="module")
def counted():
    command = [sys.executable, "-m", "infra.bench", "--json", "--only", "money"]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return json.loads(ended.stdout)["money"]


def test_a_delivery_costs_the_webhook_one_call(counted):
    calls = {name for name in counted["aws_calls"]["webhook: delivery"] if not name.startswith("ssm:")}
    assert calls == {"sqs:SendMessage"}


def test_a_message_costs_intake_three_calls_at_most(counted):
    steps = [calls for step, calls in counted["aws_calls"].items() if step.startswith("intake")]
    assert [sum(calls.values()) for calls in steps] == [3, 3]


def test_an_obligation_takes_one_transition_in_time_four_after_a_warning_and_seven_on_a_breach(counted):
    assert list(counted["transitions"].values()) == [1, 4, 7]


def test_the_bill_is_the_sum_of_its_items_without_mail(counted):
    items = counted["usd_per_million"]
    without_mail = sum(items.values()) - items["SES mail"]
    assert counted["usd_per_million_without_mail"] == pytest.approx(without_mail)
