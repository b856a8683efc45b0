from __future__ import annotations

import pytest

from shared import bootstrap
from shared.errors import Misconfigured
from tests.integration.functions.deployed import ENVIRONMENT

BUILT = {
    "webhook": ("INBOX_QUEUE_URL", "ARCHIVE_BUCKET", "SECRETS_PATH"),
    "intake": ("DESK_TABLE", "ARCHIVE_BUCKET", "POLICY_FILE", "DESK_ADDRESS", "INBOUND_SMS_TOPIC_ARN"),
    "dispatch": ("DESK_TABLE", "OUTBOUND_QUEUE_URL", "SLA_STATE_MACHINE_ARN", "HAND_OFF_TOPIC_ARN", "MAIL_DOMAIN"),
    "clock": ("DESK_TABLE",),
    "sender": ("DESK_TABLE", "SECRETS_PATH", "POLICY_FILE", "DESK_ADDRESS"),
    "agent_mail": (
        "DESK_TABLE",
        "INBOUND_MAIL_BUCKET",
        "SECRETS_PATH",
        "MAIL_DOMAIN",
        "CONFIGURATION_SET",
        "INBOX_QUEUE_URL",
    ),
    "renewer": ("DESK_TABLE", "SECRETS_PATH"),
    "poller": ("DESK_TABLE", "INBOX_QUEUE_URL", "ARCHIVE_BUCKET", "SECRETS_PATH", "POLICY_FILE", "DESK_ADDRESS"),
}


@pytest.fixture(autouse=True)
def cold(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for made in vars(bootstrap).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


@pytest.mark.parametrize("function", BUILT)
def test_a_function_without_its_environment_names_everything_it_lacks_at_once(function):
    with pytest.raises(Misconfigured) as caught:
        getattr(bootstrap, function)()

    assert all(name in str(caught.value) for name in BUILT[function])


@pytest.mark.parametrize("function", BUILT)
def test_a_failed_start_is_not_kept_for_the_next_invocation(function, monkeypatch):
    with pytest.raises(Misconfigured):
        getattr(bootstrap, function)()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    assert getattr(bootstrap, function)() is getattr(bootstrap, function)()
