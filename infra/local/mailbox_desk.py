"""What the mailbox does: take a mail, answer it as the agent it went to, hand the answer in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from infra.local.mailbox_answer import Wish, compose, recipient
from infra.local.mailbox_drop import Arrival, Drop, DropSettings, into_aws
from infra.local.mailbox_letters import letter
from infra.local.mailbox_store import Answer, Mail, Received, Store, bare, read
from shared.domain.events import iso
from shared.errors import Misconfigured, NightdeskError


class Refused(NightdeskError):
    """The answer would not reach the desk. The message says why."""

    status = 409


class Mailbox:
    """Mails, answers and where they go. Safe to use from many threads."""

    def __init__(
        self,
        state: Path,
        *,
        make_drop: Callable[[DropSettings], Drop] = into_aws,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take up what was kept in the directory `state`, which is made where it is missing."""
        self.store = Store(state)
        self._make_drop, self._now = make_drop, now
        self._settings_file = state / "settings.json"
        self._lock = threading.Lock()
        self._settings: DropSettings | None = None
        self._drop: Drop | None = None
        if self._settings_file.exists():
            self.set_up(json.loads(self._settings_file.read_text("utf-8")))

    def set_up(self, wish: Mapping[str, object]) -> DropSettings:
        """Say where answers go. Raises Misconfigured."""
        settings = DropSettings.of(wish)
        with self._lock:
            self._settings, self._drop = settings, self._make_drop(settings)
            self._settings_file.write_text(json.dumps(dict(wish)), "utf-8")
        return settings

    def receive(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        """Take a mail from SMTP: to the desk's domain it goes in, to everybody else it is kept and shown.

        Raises DropFailed.
        """
        settings = self._settings
        ours = tuple(r for r in recipients if settings is not None and settings.takes(r))
        others = tuple(r for r in recipients if r not in ours)
        if ours:
            self._hand_in_from_client(Arrival(mime=raw, sender=sender, recipients=ours, at=self._now()))
        if others:
            self.store.put(sender, others, raw, self._stamp())

    def answer_mail(self, mail_id: str, wish: Wish, verdicts: Mapping[str, str] | None = None) -> dict[str, object]:
        """Answer a mail as the agent it went to. Raises NoSuchMail, Misconfigured, Refused, DropFailed."""
        original = self.store.mail(mail_id)
        to = recipient(original)
        settings, drop = self._ready()
        if not settings.takes(to):
            raise Refused(f"The mail takes no answer: it would go to {to or 'nobody'}, not to {settings.mail_domain}.")
        if not wish.text.strip():
            raise Refused("An answer needs a text.")
        mime = _built(original, wish, self._now())
        sender = bare(wish.sender or original.to)
        arrival = Arrival(mime=mime, sender=sender, recipients=(to,), at=self._now(), verdicts=verdicts or {})
        ses_id = drop(arrival)
        kept = Answer(sender=sender, recipient=to, at=self._stamp(), ses_ids=(ses_id,), text=wish.text)
        self.store.put_answer(mail_id, kept, mime)
        return {"mail": mail_id, "from": sender, "to": to, "ses_id": ses_id}

    def redeliver(self, mail_id: str) -> dict[str, object]:
        """Hand the last answer to a mail in once more: the same MIME, a new id of SES. Raises as `answer_mail`."""
        kept, mime = self.store.last_answer(mail_id)
        _, drop = self._ready()
        ses_id = drop(Arrival(mime=mime, sender=kept.sender, recipients=(kept.recipient,), at=self._now()))
        self.store.put_copy(mail_id, ses_id)
        return {"mail": mail_id, "from": kept.sender, "to": kept.recipient, "ses_id": ses_id}

    def drop(self, mime: bytes, sender: str, recipients: tuple[str, ...], verdicts: Mapping[str, str]) -> str:
        """Hand in any mail as it is, with the envelope and the verdicts given. Returns SES's id of it.

        Raises Misconfigured, Refused where no recipient is ours, DropFailed.
        """
        settings, drop = self._ready()
        if not any(settings.takes(recipient) for recipient in recipients):
            raise Refused(f"SES takes mail to {settings.mail_domain} only.")
        return drop(Arrival(mime=mime, sender=sender, recipients=recipients, at=self._now(), verdicts=verdicts))

    def drop_letter(self, delivery: Mapping[str, object], verdicts: Mapping[str, str]) -> str:
        """Hand in the mail that a delivery of `email` or `notice` was made of. Raises as `drop`."""
        settings, _ = self._ready()
        arrival = letter(delivery, settings.mail_domain, self._now())
        return self.drop(arrival.mime, arrival.sender, arrival.recipients, {**arrival.verdicts, **verdicts})

    def _hand_in_from_client(self, arrival: Arrival) -> None:
        _, drop = self._ready()
        ses_id = drop(arrival)
        envelope = Received(id="", sender=arrival.sender, recipients=arrival.recipients, at=self._stamp())
        said = read(envelope, arrival.mime)
        answered = self.store.named(said.in_reply_to)
        if answered is not None:
            kept = Answer(
                sender=arrival.sender, recipient=arrival.recipients[0], at=self._stamp(), ses_ids=(ses_id,),
                text=said.text,
            )  # fmt: skip
            self.store.put_answer(answered.id, kept, arrival.mime)

    def _ready(self) -> tuple[DropSettings, Drop]:
        with self._lock:
            if self._settings is None or self._drop is None:
                raise Misconfigured("The mailbox was not told where mail goes: start the stack with `nightdesk up`.")
            return self._settings, self._drop

    def _stamp(self) -> str:
        return iso(self._now()) or ""


def _built(original: Mail, wish: Wish, now: datetime) -> bytes:
    try:
        return compose(original, wish, now).as_bytes()
    except ValueError as error:  # the standard library refuses line breaks in headers
        raise Refused(f"No mail can be made of that: {error}.") from error
