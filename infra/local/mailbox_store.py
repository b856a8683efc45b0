"""The mails the mailbox has received and what was answered to them: .eml files and one index, in a directory."""

from __future__ import annotations

import email
import email.policy
import email.utils
import json
import secrets
import threading
from dataclasses import asdict, dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path

from shared.errors import Fault, NightdeskError
from shared.mail.markup import page_lines


class NoSuchMail(NightdeskError):
    """No mail has this id. The message says what to do."""

    fault = Fault.SENDER
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that was handed in. `ses_ids` has one entry for each copy."""

    sender: str
    recipient: str
    at: str
    ses_ids: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A line of the index: the envelope, the time as ISO 8601, the answers."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    at: str
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as a client shows it."""

    received: Received
    sender: str
    to: str
    reply_to: str
    subject: str
    date: str
    message_id: str
    in_reply_to: str
    references: str
    text: str
    headers: tuple[tuple[str, str], ...]

    @property
    def first_line(self) -> str:
        """The beginning of the text."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")

    def as_json(self) -> dict[str, object]:
        """The mail as plain data."""
        return {
            "id": self.received.id,
            "from": self.sender,
            "to": ", ".join(self.received.recipients),
            "reply_to": self.reply_to,
            "subject": self.subject,
            "text": self.text,
            "at": self.received.at,
            "answered": bool(self.received.answers),
            "message_id": self.message_id,
            "answers": [
                {"from": a.sender, "to": a.recipient, "at": a.at, "ses_ids": list(a.ses_ids), "text": a.text}
                for a in self.received.answers
            ],
        }


@dataclass(slots=True)
class Store:
    """The directory. Safe to use from many threads; what is stored is on disk when a method returns."""

    folder: Path
    _mails: list[Received] = field(default_factory=list, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        index = self.folder / "index.json"
        if index.exists():
            self._mails = [_received(line) for line in json.loads(index.read_text("utf-8"))]

    def put(self, sender: str, recipients: tuple[str, ...], raw: bytes, at: str) -> Received:
        """Keep a mail that came in."""
        with self._lock:
            received = Received(id=secrets.token_hex(4), sender=sender, recipients=recipients, at=at)
            (self.folder / f"{received.id}.eml").write_bytes(raw)
            self._mails.append(received)
            self._save()
            return received

    def mails(self) -> tuple[Mail, ...]:
        """All mails, newest first."""
        with self._lock:
            return tuple(self._read(received) for received in reversed(self._mails))

    def mail(self, mail_id: str) -> Mail:
        """One mail by its id. Raises NoSuchMail."""
        with self._lock:
            return self._read(self._find(mail_id))

    def named(self, message_id: str) -> Received | None:
        """The mail with this Message-ID, if it is here."""
        with self._lock:
            found = (mail.received for mail in self.mails() if message_id and mail.message_id == message_id)
            return next(found, None)

    def put_answer(self, mail_id: str, answer: Answer, mime: bytes) -> None:
        """Keep what was answered to a mail. Raises NoSuchMail."""
        with self._lock:
            received = self._find(mail_id)
            (self.folder / f"{mail_id}.answer.eml").write_bytes(mime)
            self._replace(replace(received, answers=(*received.answers, answer)))

    def put_copy(self, mail_id: str, ses_id: str) -> None:
        """Note that the last answer was handed in once more. Raises NoSuchMail."""
        with self._lock:
            received = self._find(mail_id)
            *earlier, last = received.answers
            last = replace(last, ses_ids=(*last.ses_ids, ses_id))
            self._replace(replace(received, answers=(*earlier, last)))

    def last_answer(self, mail_id: str) -> tuple[Answer, bytes]:
        """The last answer to a mail and its MIME. Raises NoSuchMail, also where there was none."""
        with self._lock:
            answers = self._find(mail_id).answers
            if not answers:
                raise NoSuchMail(f"The mail {mail_id} was not answered yet: answer it first.")
            return answers[-1], (self.folder / f"{mail_id}.answer.eml").read_bytes()

    def _find(self, mail_id: str) -> Received:
        for received in self._mails:
            if received.id == mail_id:
                return received
        raise NoSuchMail(f"There is no mail {mail_id[:40]!r}. `nightdesk inbox` lists those there are.")

    def _replace(self, changed: Received) -> None:
        self._mails = [changed if received.id == changed.id else received for received in self._mails]
        self._save()

    def _save(self) -> None:
        draft = self.folder / "index.new"
        draft.write_text(json.dumps([asdict(r) for r in self._mails], indent=1), "utf-8", "replace")
        draft.replace(self.folder / "index.json")

    def _read(self, received: Received) -> Mail:
        return read(received, (self.folder / f"{received.id}.eml").read_bytes())


def read(received: Received, raw: bytes) -> Mail:
    """A mail out of its MIME. Total: what cannot be read is shown as well as possible."""
    mime = email.message_from_bytes(raw, policy=email.policy.default)
    headers = tuple((name, _plain(mime, name, n)) for n, name in _numbered(mime.keys()))
    by_name = {name.lower(): value for name, value in reversed(headers)}
    return Mail(
        received=received,
        sender=by_name.get("from", received.sender),
        to=by_name.get("to", ", ".join(received.recipients)),
        reply_to=by_name.get("reply-to", ""),
        subject=by_name.get("subject", ""),
        date=by_name.get("date", ""),
        message_id=by_name.get("message-id", "").strip(),
        in_reply_to=by_name.get("in-reply-to", "").strip(),
        references=by_name.get("references", ""),
        text=_text(mime),
        headers=headers,
    )


def _received(line: dict[str, object]) -> Received:
    answers = line.pop("answers")
    recipients = line.pop("recipients")
    if not isinstance(answers, list) or not isinstance(recipients, list):
        raise TypeError("index.json was not written by this program: remove the mailbox's state directory.")
    read_answers = tuple(Answer(**{**answer, "ses_ids": tuple(answer["ses_ids"])}) for answer in answers)
    return Received(**line, recipients=tuple(recipients), answers=read_answers)  # type: ignore[arg-type]  # our own file


def _numbered(names: list[str]) -> list[tuple[int, str]]:
    """Each name with how many of the same name came before it."""
    return [(sum(n.lower() == name.lower() for n in names[:i]), name) for i, name in enumerate(names)]


def _plain(mime: EmailMessage, name: str, number: int) -> str:
    """A header's value, decoded where it can be."""
    try:
        return str(mime.get_all(name, [])[number])
    except (ValueError, IndexError, LookupError, AttributeError):  # the parser of the standard library on odd input
        raw = [value for key, value in mime.raw_items() if key.lower() == name.lower()]
        return str(raw[number])


def _text(mime: EmailMessage) -> str:
    part = mime.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except (LookupError, ValueError, AttributeError):  # unknown charset, or a part that is no text
        payload = part.get_payload(decode=True)
        content = payload.decode("latin-1") if isinstance(payload, bytes) else str(part.get_payload())
    is_html = part.get_content_subtype() == "html"
    return (page_lines(content) if is_html else content).replace("\r\n", "\n").strip("\n")


def bare(address: str) -> str:
    """The address without its display name; the first of a list."""
    return email.utils.parseaddr(address)[1]
