"""A mail from any bytes: an agent's answer, or what a customer or a platform wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from shared.mail import marker
from shared.mail.automatic import why_answered_by_machine, why_automatic
from shared.mail.cleaning import body_text, header_text
from shared.mail.extract import MOST_TEXT, extract
from shared.mail.markup import MOST_HTML, page_lines, reply_lines
from shared.mail.mime import Part, decoded_words, parse
from shared.mail.sender import SenderUnclear, each, one_address

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,400}>")
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_MOST_ATTACHMENTS = 50
_MOST_REFERENCES = 50
_MOST_RECIPIENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMail:
    """What a mail says, once its packing is off."""

    from_address: str | None  # lower case; only where exactly one From names exactly one address
    from_fault: str | None  # why there is no from_address
    message_id: str | None  # with its angle brackets
    subject: str
    automatic: str | None  # why it is machine mail and never to be posted, or answered
    text: str  # the reply alone: no quotes, no signature; empty where nothing was written above our line
    attachments: tuple[str, ...]  # file names, or the media type where there is none
    markers: tuple[str, ...]  # ids of the conversations whose line was found in it, in order


def read_mail(mime: bytes) -> AgentMail:
    """Read a mail. Total: whatever the bytes, there is an AgentMail, in time linear to their number."""
    mail = parse(mime)
    address, fault = _sender(mail)
    written = "\n".join(_bodies(mail))
    reply = extract(written)
    return AgentMail(
        from_address=address,
        from_fault=fault,
        message_id=_message_id(mail),
        subject=header_text(decoded_words(mail.first("subject"))),
        automatic=why_automatic(mail, address),
        text=reply.text,
        attachments=tuple(_attachments(mail))[:_MOST_ATTACHMENTS],
        markers=reply.markers or marker.named_in(_whole_html(mail)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a mail of anybody says: a customer's, or a platform's about one."""

    from_address: str | None  # lower case; only where exactly one From names exactly one address
    from_fault: str | None  # why there is no from_address
    from_name: str
    reply_to: str | None  # where the sender wants the answer, if that is one address
    to: tuple[str, ...]  # the addresses of To and Cc that can be read
    message_id: str | None  # with its angle brackets
    in_reply_to: str | None
    references: tuple[str, ...]  # oldest first
    subject: str
    automatic: str | None  # why it is machine mail
    answers_us: str | None  # why it is a machine's answer or one of our own mails, which even a notice may not be
    text: str  # what the sender wrote; all of it where nothing is left without what is quoted
    whole: str  # all of it
    attachments: tuple[str, ...]


def read_letter(mime: bytes) -> Letter:
    """Read a mail. Total: whatever the bytes, there is a Letter, in time linear to their number."""
    mail = parse(mime)
    address, fault = _sender(mail)
    whole = body_text("\n".join(_bodies(mail, page_lines))[:MOST_TEXT]).strip()
    own = extract("\n".join(_bodies(mail))).text
    return Letter(
        from_address=address,
        from_fault=fault,
        from_name=_display_name(mail.first("from")),
        reply_to=next(iter(_addresses(mail.all("reply-to"))), None),
        to=_addresses((*mail.all("to"), *mail.all("cc"))),
        message_id=_message_id(mail),
        in_reply_to=next(iter(_MESSAGE_ID.findall(mail.first("in-reply-to"))), None),
        references=tuple(_MESSAGE_ID.findall(mail.first("references")))[:_MOST_REFERENCES],
        subject=header_text(decoded_words(mail.first("subject"))),
        automatic=why_automatic(mail, address),
        answers_us=why_answered_by_machine(mail),
        text=own or whole,
        whole=whole,
        attachments=tuple(_attachments(mail))[:_MOST_ATTACHMENTS],
    )


def _display_name(value: str) -> str:
    """The name in front of an address; nothing where there is none."""
    name, bracket, _ = decoded_words(value).rpartition("<")
    return header_text(name.strip().strip('"').replace('\\"', '"')) if bracket else ""


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses of a list that are plainly written; what is not is left out."""
    found: list[str] = []
    for piece in islice(each(values), _MOST_RECIPIENTS):
        try:
            found.append(one_address((piece,)))
        except SenderUnclear:
            continue
    return tuple(dict.fromkeys(found))


def _sender(mail: Part) -> tuple[str | None, str | None]:
    try:
        return one_address(mail.all("from")), None
    except SenderUnclear as fault:
        return None, str(fault)


def _message_id(mail: Part) -> str | None:
    found = _MESSAGE_ID.search(mail.first("message-id"))
    return found.group() if found else None


def _bodies(part: Part, from_html: Callable[[str], str] = reply_lines) -> Iterator[str]:
    """The texts a reader would see, in order; of alternatives the plain one, unless it is empty."""
    kind = part.content_type.value
    if kind.startswith("multipart/"):
        inner = [list(_bodies(child, from_html)) for child in part.children]
        if kind == "multipart/alternative":
            yield from next((texts for texts in inner if "".join(texts).strip()), [])
        else:
            yield from (text for texts in inner for text in texts)
    elif _is_shown(part) and kind == "text/plain":
        yield _unflowed(part) if part.content_type.parameters.get("format", "").lower() == "flowed" else part.text
    elif _is_shown(part) and kind == "text/html":
        yield from_html(part.text)


def _is_shown(part: Part) -> bool:
    return part.disposition.value != "attachment" and not part.filename


def _unflowed(part: Part) -> str:
    """The lines of format=flowed put together again (RFC 3676): a line that ends in a blank goes on."""
    joins_bare = part.content_type.parameters.get("delsp", "").lower() == "yes"
    paragraphs: list[list[str]] = []
    depth_before, goes_on = 0, False
    for line in part.text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        content = bare.removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        piece = content[:-1] if flows and joins_bare else content
        if goes_on and depth == depth_before and content != "-- ":
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([f"{'>' * depth} {piece}" if depth else piece])
        depth_before, goes_on = depth, flows
    return "\n".join("".join(pieces) for pieces in paragraphs)


def _attachments(part: Part, *, related: bool = False) -> Iterator[str]:
    """What came beside the text. Pictures that a page only refers to are part of it, most often of a signature."""
    kind = part.content_type.value
    if kind.startswith("multipart/"):
        for child in part.children:
            yield from _attachments(child, related=kind == "multipart/related")
    elif kind not in _SIGNATURES and not (kind in {"text/plain", "text/html"} and _is_shown(part)):
        embedded = related and bool(part.first("content-id")) and part.disposition.value != "attachment"
        if not embedded:
            yield header_text(part.filename) or header_text(kind) or "attachment"


def _whole_html(part: Part) -> str:
    """All HTML of the mail, where our line may stand in what the structure marked as history."""
    if part.children:
        return "\n".join(_whole_html(child) for child in part.children)
    return part.text[:MOST_HTML] if part.content_type.value == "text/html" else ""
