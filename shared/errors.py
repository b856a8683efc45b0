"""The family of errors: each type says whose fault it is, whether to try again, and the HTTP status it means."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who has to act for the next try to succeed."""

    SENDER = "sender"
    US = "us"
    PROVIDER = "provider"


class NightdeskError(Exception):
    """Base of every error Nightdesk raises on purpose."""

    fault: ClassVar[Fault] = Fault.US
    retry: ClassVar[bool] = False
    status: ClassVar[int] = 500


class SignatureRejected(NightdeskError):
    """The delivery does not prove where it comes from. The reason never holds the expected signature."""

    fault = Fault.SENDER
    status = 401


class UnknownChannel(NightdeskError):
    """No file in shared/channels/ has this name."""

    fault = Fault.SENDER
    status = 404


class BodyTooLarge(NightdeskError):
    """The body is longer than the desk takes."""

    fault = Fault.SENDER
    status = 413


class Unreadable(NightdeskError):
    """The bytes are authentic but not what the platform documents. They go to quarantine with this reason."""

    fault = Fault.SENDER
    status = 200


class Conflict(NightdeskError):
    """Somebody else committed first. Read again, decide again."""

    fault = Fault.US
    retry = True
    status = 409


class Unavailable(NightdeskError):
    """A service did not answer in time. Whether it did the work is not known: repeat only what is idempotent."""

    fault = Fault.PROVIDER
    retry = True
    status = 503


class Misconfigured(NightdeskError):
    """A setting, secret or policy is missing or wrong. The message names it and says where to put it right."""

    fault = Fault.US
    status = 500
