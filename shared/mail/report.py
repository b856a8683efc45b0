"""Mail to agents about what does not get through: no customer is named here, for nobody knows yet who wrote."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.notices import Mail, Notice
from shared.domain.policy import Agent
from shared.mail import wording
from shared.mail.blocks import Envelope, mail, words
from shared.mail.cleaning import header_text

LONGEST_REASON = 1_000

_WHAT = {"renew": "its credentials"}  # of the feeds that are not read from the platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What people have to know of, and where to look. `about` names it for programs: ids, never words."""

    channel: str
    account_id: str
    happened: str  # a sentence
    reason: str  # a sentence; may be empty
    advice: str  # a sentence
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """In whose name the desk writes."""

    company: str
    sender: str  # bare address of the desk
    mail_domain: str


def not_fetched(channel: str, account_id: str, reference: str, reason: str) -> Trouble:
    """Something new that a platform pointed at and did not give."""
    place = wording.channel_name(channel)
    return Trouble(
        channel=channel,
        account_id=account_id,
        happened=f"Something new on {place} could not be fetched: {header_text(reference, 300)}",
        reason=reason,
        advice=f"Look there: open {place} and answer it there. No time runs for it here.",
        about=reference,
    )


def not_read(channel: str, account_id: str, feed: str, phrase: str, reason: str) -> Trouble:
    """A feed that cannot be read, or is read with gaps, or credentials that cannot be renewed."""
    place, named = wording.channel_name(channel), header_text(phrase, 100)
    what = f'the search for "{named}"' if named else _WHAT.get(feed, header_text(feed, 100))
    return Trouble(
        channel=channel,
        account_id=account_id,
        happened=f"Nightdesk has trouble with {place} ({what}): what people write there may not reach you.",
        reason=reason,
        advice=f"Until that is put right, look at {place} yourselves. You are told again once a day at most.",
        about=feed,
    )


def report(trouble: Trouble, agent: Agent, sender: Sender) -> Mail:
    """The mail that tells an agent of it. It has no address for an answer: there is nothing to post."""
    reason = header_text(trouble.reason, LONGEST_REASON)
    return mail(
        Envelope(
            conversation=None,
            agent=agent,
            company=sender.company,
            sender=sender.sender,
            reply_to=None,
            mail_domain=sender.mail_domain,
            subject=f"[Nightdesk] {trouble.channel}: look there",
        ),
        [
            words(trouble.happened, f"Reason: {reason}" if reason else ""),
            words(trouble.advice),
            words(f"Account: {header_text(trouble.account_id, 100)}"),
        ],
    )


def notice(trouble: Trouble) -> Notice:
    """The short word to subscribers of the fan-out topic."""
    return Notice(
        kind="trouble",
        subject=header_text(f"Nightdesk trouble: {trouble.channel}", 100),
        facts={"channel": trouble.channel, "account_id": trouble.account_id, "about": trouble.about[:300]},
    )
