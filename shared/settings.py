"""What each function is told by its environment. All missing names are reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self

from shared.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base: a field `desk_table` is the variable DESK_TABLE. Fields without a default must be set."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """The settings in an environment. Raises Misconfigured naming every variable that is missing."""
        found = {f.name: environment.get(f.name.upper(), "") for f in fields(cls)}
        missing = [f.name.upper() for f in fields(cls) if not found[f.name] and f.default is MISSING]
        if missing:
            raise Misconfigured(f"Set {', '.join(missing)} in the function's environment (template.yaml).")
        return cls(**{name: value for name, value in found.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings(Settings):
    """Of functions/webhook."""

    inbox_queue_url: str
    archive_bucket: str  # for bodies too long for the queue
    secrets_path: str
    max_body_bytes: str = "3145728"  # WhatsApp sends up to 3 MB (Cloud API, webhooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings(Settings):
    """Of functions/intake."""

    desk_table: str
    archive_bucket: str
    policy_file: str
    desk_address: str
    inbound_sms_topic_arn: str  # what it puts into the inbox is a delivery of the channel aws_sms


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings(Settings):
    """Of functions/dispatch."""

    desk_table: str
    outbound_queue_url: str
    sla_state_machine_arn: str
    hand_off_topic_arn: str
    secrets_path: str
    policy_file: str
    mail_domain: str
    desk_address: str
    configuration_set: str
    inbox_queue_url: str  # for what a pointer named
    archive_bucket: str  # for bodies too long for the queue
    platform_origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings(Settings):
    """Of functions/clock."""

    desk_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings(Settings):
    """Of functions/send."""

    desk_table: str
    secrets_path: str
    policy_file: str
    desk_address: str
    platform_origin: str = ""  # where platforms are played instead of their own hosts; empty in production


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings(Settings):
    """Of functions/mail."""

    desk_table: str
    inbound_mail_bucket: str
    secrets_path: str
    policy_file: str
    mail_domain: str
    desk_address: str
    configuration_set: str
    inbox_queue_url: str  # for customers' own mails, and platforms' notifications
    archive_bucket: str  # for bodies too long for the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings(Settings):
    """Of functions/poll."""

    desk_table: str
    inbox_queue_url: str
    archive_bucket: str  # for bodies too long for the queue
    secrets_path: str
    policy_file: str
    desk_address: str
    platform_origin: str = ""
