"""What platforms write about in their notification mails: who they come from, and what a mail of a known form says.

The forms are not documented by anyone and change without notice. Every rule is therefore a short list of subjects, and
a mail that no rule knows is handed on as a whole: nothing is lost but comfort. Links are never fetched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from shared.channels._letters import base_subject
from shared.domain.events import Surface

_LONGEST_LINK = 2_000
_MOST_LINKS = 200
_MOST_HITS = 50
_URL = re.compile(r"https?://[^\s<>\"'\[\]{}|\\^`]{3,2000}")
_DIVIDER = re.compile(
    r"(?<!-)-{3,40}[ \t]{0,4}(?:forwarded message|weitergeleitete nachricht|original message)[ \t]{0,4}-{3}-{0,40}",
    re.IGNORECASE,
)
_BUTTON = re.compile(  # what stands beside an address in the small print
    r"\W{0,3}(?:unsubscribe|to unsubscribe|view|see|reply|respond|read|open|go to|manage|help|privacy|abmelden)\b",
    re.IGNORECASE,
)
_SMALL_PRINT = re.compile(
    r"\W{0,3}(?:you(?: are|'re) receiving|this (?:e-?mail|message) was (?:sent|intended)|(?:\u00a9|\(c\)) ?20\d\d)",
    re.IGNORECASE,
)
_NAME = r"(?P<name>[^\r\n]{1,80}?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing a notice tells of. `item_id` is the platform's own id of it, `thread` of where it stands."""

    surface: Surface
    text: str
    name: str | None = None
    link: str | None = None
    item_id: str | None = None
    thread: str | None = None
    own: bool = False  # our own answer
    unaddressed: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A subject that a platform uses, and what it means."""

    subject: re.Pattern[str]
    surface: Surface
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Who sends a platform's notices: domains with all below them, or whole addresses where anybody can make the domain
    send a mail. `link` takes the id of what it points at out of a path and query.
    """

    senders: tuple[str, ...]
    forms: tuple[Form, ...] = ()
    item: re.Pattern[str] | None = None
    place: re.Pattern[str] | None = None
    read: Callable[[str], tuple[Said, ...]] | None = field(default=None)


def known(platform: str) -> str:
    """The platform's name as this file has it, however it is written in an address."""
    bare = re.sub(r"[^a-z0-9]", "", platform.casefold())
    return next((name for name in PLATFORMS if name.replace("_", "") == bare), platform.casefold())


def is_from(address: str, senders: tuple[str, ...]) -> bool:
    """Whether an address is one of these, or in one of these domains."""
    at, domain = address.rpartition("@")[1:]
    return bool(at) and any(
        address == sender if "@" in sender else bool(sender) and (domain == sender or domain.endswith("." + sender))
        for sender in senders
    )


def said(platform: str, subject: str, text: str, sender: str) -> tuple[Said, ...]:
    """What a mail tells of: by the platform's rule, else as a whole. Total, never empty."""
    rule = PLATFORMS.get(platform, Platform(senders=()))
    words = _without_forwarding(text)
    if rule.read is not None:
        return rule.read(words) or (_whole(rule, subject, words, sender),)
    line = base_subject(subject)
    for form in rule.forms:
        found = form.subject.search(line)
        if found is not None:
            return (_by_form(rule, form, found, words, sender),)
    return (_whole(rule, subject, words, sender),)


def unwrapped(link: str) -> str:
    """The target of a redirect of Google's (google.com/url, parameter url or q), without asking anybody."""
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return link
    if not re.fullmatch(r"(?:www\.)?google\.[a-z.]{2,6}", host) or parts.path != "/url":
        return link
    given = parse_qs(parts.query, max_num_fields=50)
    targets = [value for name in ("url", "q") for value in given.get(name, ())]
    return next((t for t in targets if t.startswith(("https://", "http://"))), link)


def links(text: str) -> tuple[str, ...]:
    """The addresses in a text, redirects of Google's taken off."""
    found = (
        match.group().rstrip(".,;:!?)\u201d\u00bb*_")
        for match, _ in zip(_URL.finditer(text), range(_MOST_LINKS), strict=False)
    )
    return tuple(dict.fromkeys(unwrapped(link) for link in found))


# -- by the subject ---------------------------------------------------------------------------------------------------


def _by_form(rule: Platform, form: Form, found: re.Match[str], text: str, sender: str) -> Said:
    link, item_id, thread = _place(rule, text, sender)
    named = found.groupdict().get("name")
    return Said(
        surface=form.surface,
        name=named.strip() if named else None,
        text=_quoted(text, found.group()) or _readable(text),
        link=link,
        item_id=item_id,
        thread=thread,
        own=form.own,
    )


def _whole(rule: Platform, subject: str, text: str, sender: str) -> Said:
    link, _, thread = _place(rule, text, sender)
    readable = "\n\n".join(part for part in (base_subject(subject), text.strip()) if part)
    return Said(surface=_guessed(subject), text=readable, link=link, thread=thread)


def _place(rule: Platform, text: str, sender: str) -> tuple[str | None, str | None, str | None]:
    """Link, item and thread: of the first address that names one, else the first on the platform's own site."""
    domain = sender.rpartition("@")[2]
    hosts = tuple(one.rpartition("@")[2] for one in rule.senders) or (".".join(domain.split(".")[-2:]),)
    ours = [link for link in links(text) if is_from(f"@{_host(link)}", hosts)]
    for link in ours:
        item = rule.item.search(link) if rule.item is not None else None
        place = rule.place.search(link) if rule.place is not None else None
        if item is not None or place is not None:
            item_id = item.group(1) if item is not None else None
            bare = link if item_id is not None else link.partition("?")[0]
            return bare, item_id, place.group(1) if place is not None else item_id
    return next((link for link in ours if "unsubscribe" not in link.casefold()), None), None, None


def _quoted(text: str, head: str) -> str | None:
    """What stands below the line that says the same as the subject, until the buttons and the small print."""
    words = _folded(head)
    paragraphs = re.split(r"\n[ \t>]*\n", text)
    at = next((n for n, paragraph in enumerate(paragraphs) if words in _folded(paragraph)), None)
    if at is None:
        return None
    lines = paragraphs[at].split("\n")
    after = next((n for n, line in enumerate(lines) if _folded(line) and _folded(line) in words), len(lines) - 1)
    return _readable("\n\n".join(["\n".join(lines[after + 1 :]), *paragraphs[at + 1 :]])) or None


def _readable(text: str) -> str:
    """The paragraphs before the small print, without bare addresses."""
    kept: list[str] = []
    for paragraph in re.split(r"\n[ \t>]*\n", text):
        if _is_furniture(paragraph):
            if kept:
                break
            continue
        lines = (_URL.sub("", line).strip(" <>()\t") for line in paragraph.split("\n"))
        kept.append("\n".join(line for line in lines if line))
    return "\n\n".join(words for words in kept if words)


def _is_furniture(paragraph: str) -> bool:
    """A button with its address, or the small print: never words alone, which somebody may have written."""
    words = paragraph.strip()
    return bool(_SMALL_PRINT.match(words)) or (bool(_BUTTON.match(words)) and bool(_URL.search(words)))


def _guessed(subject: str) -> Surface:
    """Where it was said, by the words that platforms use. What is not known is taken for public, to be careful."""
    words = subject.casefold()
    for surface, marks in _BY_WORD.items():
        if any(mark in words for mark in marks):
            return surface
    return Surface.MENTION


def _without_forwarding(text: str) -> str:
    """Without what a mail program puts above a mail that was forwarded by hand: the divider and the copied header."""
    found = _DIVIDER.search(text)
    if found is None:
        return text
    return text[found.end() :].lstrip("\n").partition("\n\n")[2]


def _host(link: str) -> str:
    try:
        return (urlsplit(link).hostname or "").lower()
    except ValueError:
        return ""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


# -- Google Alerts ----------------------------------------------------------------------------------------------------


def _alerts(text: str) -> tuple[Said, ...]:
    """One for each hit: a paragraph with a redirect of Google's, or the one above it. Nobody said it to us."""
    return tuple(_hits(text))[:_MOST_HITS]


def _hits(text: str) -> Iterator[Said]:
    above, seen = "", set[str]()
    for paragraph in re.split(r"\n[ \t]*\n", text):
        targets = [t for t in links(paragraph) if not is_from(f"@{_host(t)}", ("google.com",))]
        words = _readable(paragraph)
        if targets and targets[0] not in seen and (words or above):
            seen.add(targets[0])
            name = "alert-" + hashlib.sha256(targets[0].encode("utf-8", "replace")).hexdigest()[:32]
            said_there = words or above
            link = targets[0][:_LONGEST_LINK]
            yield Said(surface=Surface.MENTION, text=said_there, link=link, item_id=name, thread=name, unaddressed=True)
        above = "" if targets else words


# -- the table --------------------------------------------------------------------------------------------------------


def _form(pattern: str, surface: Surface, *, own: bool = False) -> Form:
    return Form(re.compile(pattern, re.IGNORECASE), surface, own)


_BY_WORD: Mapping[Surface, tuple[str, ...]] = {
    Surface.REVIEW: ("review", "bewertung", "avis", "rese\u00f1a", "recensione"),
    Surface.COMMENT: ("comment", "kommentar", "commentaire", "comentario", "replied to your"),
    Surface.DM: ("message", "nachricht", "messaged", "mensaje", "messaggio", "inquiry"),
}

PLATFORMS: Mapping[str, Platform] = {
    "pinterest": Platform(
        senders=("pinterest.com",),
        forms=(
            _form(rf"^{_NAME} (?:left a comment|commented) on your (?:idea )?pin", Surface.COMMENT),
            _form(rf"^{_NAME} replied to your comment", Surface.COMMENT),
            _form(rf"^{_NAME} mentioned you", Surface.MENTION),
            _form(rf"^{_NAME} (?:sent you a (?:message|pin)|messaged you)", Surface.DM),
            _form(rf"^new message from {_NAME}$", Surface.DM),
        ),
        place=re.compile(r"pinterest\.com/(?:pin|conversation)/(\w{1,40})"),
    ),
    "yelp": Platform(
        senders=("yelp.com",),
        forms=(
            _form(
                rf"^your (?:public )?(?:response|reply|comment) to {_NAME}'s review (?:has been|was|is)",
                Surface.REVIEW,
                own=True,
            ),
            _form(r"^your (?:public )?(?:response|reply|comment) (?:has been|was|is)", Surface.REVIEW, own=True),
            _form(rf"^{_NAME} (?:just )?(?:wrote|left|posted) a (?:new )?review", Surface.REVIEW),
            _form(r"^(?:you have a |you've got a )?new review", Surface.REVIEW),
            _form(rf"^(?:new )?message from {_NAME}(?: (?:for|about) .*)?$", Surface.DM),
            _form(
                rf"^{_NAME} (?:just )?(?:sent you a (?:new )?message|messaged you|is requesting a quote)", Surface.DM
            ),
        ),
        item=re.compile(r"(?:[?&]hrid=|/reviews?/)([\w-]{10,40})"),
        place=re.compile(r"/messaging/(?:[\w-]{1,60}/){0,3}?([\w-]{10,60})(?:[/?]|$)"),
    ),
    "linkedin": Platform(
        senders=("linkedin.com",),
        forms=(
            _form(rf"^{_NAME} (?:just )?(?:sent you a (?:new )?message|messaged you)", Surface.DM),
            _form(
                rf"^(?:you have (?:a|\d{{1,3}}) new messages? from|new message from|message from) {_NAME}$", Surface.DM
            ),
            _form(rf"^{_NAME} (?:just )?commented on your", Surface.COMMENT),
            _form(rf"^{_NAME} replied to your comment", Surface.COMMENT),
            _form(rf"^{_NAME} (?:just )?mentioned (?:you|your)", Surface.MENTION),
        ),
        place=re.compile(r"/(?:messaging/thread|feed/update)/([\w:%=-]{3,200})"),
    ),
    "google_alerts": Platform(senders=("googlealerts-noreply@google.com",), read=_alerts),
    "youtube_studio": Platform(
        senders=("youtube.com",),
        forms=(
            _form(rf"^{_NAME} (?:commented on|replied to)", Surface.COMMENT),
            _form(r"^new comment", Surface.COMMENT),
        ),
        item=re.compile(r"[?&]lc=([\w.-]{5,80})"),
        place=re.compile(r"[?&]v=([\w-]{6,20})"),
    ),
    "tripadvisor": Platform(
        senders=("tripadvisor.com",),
        forms=(
            _form(r"^your management response (?:has been|was|is)", Surface.REVIEW, own=True),
            _form(rf"^{_NAME} (?:just )?(?:wrote|left|posted) a (?:new )?review", Surface.REVIEW),
            _form(r"^(?:you have a |you've got a )?new review", Surface.REVIEW),
        ),
        item=re.compile(r"-r(\d{4,12})-"),
    ),
    "nextdoor": Platform(senders=("nextdoor.com",)),
    "quora": Platform(senders=("quora.com",)),
}
