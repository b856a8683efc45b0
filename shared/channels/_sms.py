"""What text messages share, whoever carries them: numbers, and the words that carriers answer by themselves."""

from __future__ import annotations

import re

LIMIT = 1600  # Twilio, "Message resource", Body; AWS End User Messaging SMS, SendTextMessage, MessageBody

# Twilio, "Support for opt-out keywords"; AWS End User Messaging SMS, "Required opt-out keywords". YES is left out: it
# subscribes nobody who had not left, and is what a customer answers to a question.
_COMMANDS = frozenset(
    "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT ARRET START UNSTOP HELP INFO".split()  # noqa: SIM905 - read as words
)
_NUMBER = re.compile(r"\+?[1-9][0-9]{2,14}")
_SHORTEST_FULL_NUMBER = 7  # digits; anything shorter is a short code, written without a plus sign


def is_command(text: str | None) -> bool:
    """Whether a text is nothing but a word that the carrier itself answers, such as STOP: no machine does it again."""
    return (text or "").strip().upper().replace("-", "") in _COMMANDS


def is_number(address: str | None) -> bool:
    """Whether an address is a telephone number or a short code; names of senders are neither (ITU-T E.164)."""
    return address is not None and _NUMBER.fullmatch(address) is not None


def account_of(number: str | None) -> str | None:
    """The name under which one of our own numbers is an account: its digits, whatever network is written before it."""
    return number.rpartition(":")[2].removeprefix("+") if number else None


def number_of(account_id: str) -> str:
    """The number of ours that an account names: with a plus sign unless it is a short code."""
    digits = account_id.removeprefix("+")
    return f"+{digits}" if len(digits) >= _SHORTEST_FULL_NUMBER else digits
