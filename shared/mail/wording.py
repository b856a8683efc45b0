"""The words of the agents' mails: times, places, lengths and names said plainly."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from shared.domain.events import Surface, Visibility
from shared.domain.exchange import Capability, Unit
from shared.domain.records import Author, Conversation, Message
from shared.mail import marker
from shared.mail.cleaning import body_text, header_text

_MOST_TEXT = 6_000  # characters of one message that a mail shows
_MOST_NAME = 60

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIRST_HALF = ("January", "February", "March", "April", "May", "June")
_MONTHS = (*_FIRST_HALF, "July", "August", "September", "October", "November", "December")
_CHANNELS = {"whatsapp": "WhatsApp", "web": "the website", "youtube": "YouTube", "linkedin": "LinkedIn"}
_CHANNELS |= {"tiktok": "TikTok", "x": "X", "sms": "SMS", "aws_sms": "SMS", "google_business": "Google"}
_CHANNELS |= {"google_play": "Google Play", "app_store": "the App Store", "email": "e-mail", "feed": "the web"}
_CHANNELS |= {"google_alerts": "the web", "youtube_studio": "YouTube", "tripadvisor": "Tripadvisor"}
_NAMED_BY_ACCOUNT = {"notice"}  # channels whose accounts are platforms
_SURFACES = {
    Surface.DM: "direct message",
    Surface.COMMENT: "comment",
    Surface.MENTION: "mention",
    Surface.REVIEW: "review",
}
_UNITS = {
    Unit.CHARACTERS: "characters",
    Unit.BYTES: "bytes (a letter of plain English is one, others are two to four)",
    Unit.UTF16: "characters (an emoji counts as two)",
    Unit.GRAPHEMES: "characters (an emoji counts as one)",
    Unit.SHORT_LINKS: "characters (every link counts as 23)",
    Unit.WEIGHTED: "characters (every link counts as 23, an emoji and many scripts' letters as two)",
    Unit.EMOJI_BYTES: "characters (an emoji counts as four to thirty)",
}


def moment(at: datetime, zone: str) -> str:
    """A time in the agent's zone: Friday 2 October 2026, 14:30 (Europe/Berlin)."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M} ({zone})"


def short_moment(at: datetime | None, zone: str) -> str:
    """The same, short: Fri 2 Oct, 14:30."""
    if at is None:
        return "time unknown"
    local = at.astimezone(ZoneInfo(zone))
    return f"{_WEEKDAYS[local.weekday()][:3]} {local.day} {_MONTHS[local.month - 1][:3]}, {local:%H:%M}"


def channel_name(channel: str) -> str:
    """The platform's name as people write it."""
    return _CHANNELS.get(channel, header_text(channel, _MOST_NAME).replace("_", " ").capitalize())


def place(conversation: Conversation) -> str:
    """The name of the platform that a conversation is on."""
    return channel_name(conversation.account_id if conversation.channel in _NAMED_BY_ACCOUNT else conversation.channel)


def surface_name(surface: Surface) -> str:
    """What it is called there."""
    return _SURFACES[surface]


def customer_name(conversation: Conversation) -> str:
    """The customer's name, else handle, else nothing that could be mistaken for either."""
    named = header_text(conversation.customer_name or "", _MOST_NAME)
    return named or header_text(conversation.customer_handle or "", _MOST_NAME) or "Unnamed customer"


def who(conversation: Conversation) -> str:
    """Name and handle; how many follow, and whether the platform has verified the person, where it is known."""
    name = customer_name(conversation)
    handle = header_text(conversation.customer_handle or "", _MOST_NAME)
    facts = [f"{name} ({handle})" if handle and handle != name else name]
    if conversation.customer_followers is not None:
        facts.append(f"{conversation.customer_followers:,} followers")
    if conversation.customer_verified is not None:
        facts.append("verified" if conversation.customer_verified else "not verified")
    return ", ".join(facts)


def where(conversation: Conversation) -> str:
    """Channel, surface, and who can read it."""
    spot = f"{place(conversation)}, {surface_name(conversation.surface)}"
    if conversation.visibility is Visibility.PUBLIC:
        return f"{spot}: public, everyone can read it"
    return f"{spot}: private, only the customer and we can read it"


def length_limit(capability: Capability) -> str:
    """How long an answer may be."""
    most = f"at most {capability.limit} {_UNITS[capability.unit]}"
    return f"{most}; a longer text is split over up to {capability.parts} posts" if capability.parts > 1 else most


def window_end(conversation: Conversation, capability: Capability) -> datetime | None:
    """Until when the platform takes a person's answer, or None where it sets no end."""
    window = capability.person_window or capability.window
    if window is None or conversation.last_inbound_at is None:
        return None
    return conversation.last_inbound_at + window


def author(message: Message, conversation: Conversation, company: str) -> str:
    """Who wrote a message."""
    if message.author is Author.PERSON:
        return f"{company} (a person)"
    if message.author is Author.BOT:
        return f"{company} (automatic)"
    return header_text(message.author_name or message.author_handle or "", _MOST_NAME) or customer_name(conversation)


def said(message: Message) -> tuple[str, ...]:
    """The lines of a message: its words, its stars, its attachments as links; or that it was taken back."""
    if message.deleted_at is not None:
        return ("(The customer deleted this message.)" if message.author is Author.CUSTOMER else "(Deleted.)",)
    lines = list(shown(message.text)) if message.text else []
    if message.rating is not None:
        lines.insert(0, f"Rating: {message.rating}")
    lines += [f"Attachment ({header_text(a.type, 40)}): {link(a.url)}" for a in message.attachments]
    return tuple(lines) or ("(No text.)",)


def shown(text: str) -> tuple[str, ...]:
    """Foreign text in lines, capped, in which nothing reorders what is read and nothing looks like our marker."""
    lines = marker.defanged(body_text(text[:_MOST_TEXT])).strip("\n").split("\n")
    if len(text) > _MOST_TEXT:
        lines.append(f"(Cut here; {len(text) - _MOST_TEXT} more characters are on the platform.)")
    return tuple(lines)


def link(url: str | None) -> str:
    """An address on one line."""
    return marker.defanged(header_text(url, 2_000)) if url else "the platform gave no link"
