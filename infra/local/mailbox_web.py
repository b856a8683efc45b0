"""The HTTP side of the mailbox: pages for people, JSON under /_mailbox/ for programs.

The pages show what customers wrote, so everything is escaped, no script runs (Content-Security-Policy), and a form is
taken only from the mailbox's own pages: a foreign site that a developer visits must not answer customers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.mailbox_answer import Wish, recipient
from infra.local.mailbox_desk import Mailbox
from infra.local.mailbox_drop import CHECKS
from infra.local.serving import Incoming, Outgoing, json_answer
from shared.errors import NightdeskError

_HERE = ("127.0.0.1", "localhost")
_PAGES = Path(__file__).with_name("mailbox_pages")
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_SHOWN_HEADERS = ("From", "To", "Reply-To", "Date", "Message-ID", "In-Reply-To", "Auto-Submitted")


class Web:
    """Answers every request to the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        """Show this mailbox."""
        self._mailbox = mailbox

    def answer(self, incoming: Incoming) -> Outgoing:
        """A page, a JSON answer, or a redirect after a form."""
        if not _from_here(incoming):
            return json_answer({"error": "Only the mailbox's own pages, and programs on this machine, may ask."}, 403)
        if incoming.path == "/_health":
            return json_answer({"ok": True})
        if incoming.path == "/mailbox.css":
            css = (_PAGES / "mailbox.css").read_bytes()
            return Outgoing(body=css, headers={**_SAFE, "content-type": "text/css; charset=utf-8"})
        if incoming.path.startswith("/_mailbox/"):
            return self._program(incoming, incoming.path.removeprefix("/_mailbox/"))
        return self._person(incoming)

    # For programs

    def _program(self, incoming: Incoming, what: str) -> Outgoing:
        try:
            if incoming.method == "GET":
                return self._look(what)
            return self._do(what, incoming.json_object())
        except NightdeskError as error:
            return json_answer({"error": str(error)}, error.status)
        except ValueError as error:
            return json_answer({"error": f"The request cannot be read: {error}"}, 400)

    def _look(self, what: str) -> Outgoing:
        if what == "mails":
            return json_answer([mail.as_json() for mail in self._mailbox.store.mails()])
        if what.startswith("mails/"):
            return json_answer(self._mailbox.store.mail(what.removeprefix("mails/")).as_json())
        return json_answer({"error": f"There is no /_mailbox/{what[:40]}: ask for mails or mails/ID."}, 404)

    def _do(self, what: str, wish: Mapping[str, object]) -> Outgoing:
        deeds: Mapping[str, Callable[[], object]] = {
            "settings": lambda: self._set_up(wish),
            "answer": lambda: self._mailbox.answer_mail(_word(wish, "mail"), _wish(wish), _verdicts(wish)),
            "redeliver": lambda: self._mailbox.redeliver(_word(wish, "mail")),
            "drop": lambda: {"ses_id": self._drop(wish)},
        }
        if what not in deeds:
            return json_answer({"error": f"There is no POST /_mailbox/{what[:40]}: {', '.join(deeds)}."}, 404)
        return json_answer(deeds[what]())

    def _drop(self, wish: Mapping[str, object]) -> str:
        """A customer's mail or a platform's: {"mime" or "mime_base64", "from", "to": [...], "verdicts"?}, or
        {"delivery": {...}, "verdicts"?} with a delivery as in events/.
        """
        delivery = wish.get("delivery")
        if isinstance(delivery, dict):
            return self._mailbox.drop_letter(delivery, _verdicts(wish))
        return self._mailbox.drop(_mime(wish), _word(wish, "from"), _recipients(wish), _verdicts(wish))

    def _set_up(self, wish: Mapping[str, object]) -> object:
        self._mailbox.set_up(wish)
        return {"ok": True}

    # For people

    def _person(self, incoming: Incoming) -> Outgoing:
        parts = incoming.path.strip("/").split("/")
        form = dict(parse_qsl(incoming.body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            match incoming.method, parts:
                case "GET", [""]:
                    return _page("list.html", mails=self._mailbox.store.mails())
                case "GET", ["mails", mail_id]:
                    return self._mail_page(mail_id)
                case "POST", ["mails", mail_id, "answer"]:
                    return self._answered(mail_id, form)
                case "POST", ["mails", mail_id, "again"]:
                    self._mailbox.redeliver(mail_id)
                    return _redirect(f"/mails/{mail_id}")
        except NightdeskError as error:
            return _page("error.html", error.status, message=str(error))
        return _page("error.html", 404, message="There is no such page.")

    def _mail_page(self, mail_id: str, status: int = 200, error: str = "", text: str = "") -> Outgoing:
        mail = self._mailbox.store.mail(mail_id)
        shown = [(name, value) for name, value in mail.headers if name.lower() in {h.lower() for h in _SHOWN_HEADERS}]
        answers_to = recipient(mail)
        return _page("mail.html", status, mail=mail, headers=shown, error=error, text=text, answers_to=answers_to)

    def _answered(self, mail_id: str, form: Mapping[str, str]) -> Outgoing:
        """The mail again with its answer; where it was not taken, with the reason and the words still in the form."""
        text = form.get("text", "").replace("\r\n", "\n")
        try:
            self._mailbox.answer_mail(mail_id, Wish(text=text, quote="quote" in form))
        except NightdeskError as error:
            return self._mail_page(mail_id, error.status, str(error), text)
        return _redirect(f"/mails/{mail_id}")


def _from_here(incoming: Incoming) -> bool:
    """Whether it was asked for under a local name, and a form comes from one of our own pages."""
    host = incoming.headers.get("host", "")
    origin = incoming.headers.get("origin")
    return urlsplit(f"//{host}").hostname in _HERE and origin in {None, f"http://{host}"}


def _page(template: str, status: int = 200, **shown: object) -> Outgoing:
    body = _TEMPLATES.get_template(template).render(**shown).encode("utf-8", "replace")
    return Outgoing(status=status, body=body, headers={**_SAFE, "content-type": "text/html; charset=utf-8"})


def _redirect(path: str) -> Outgoing:
    return Outgoing(status=303, headers={**_SAFE, "location": path})


def _word(wish: Mapping[str, object], name: str) -> str:
    value = wish.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f'"{name}" is missing')
    return value


def _mime(wish: Mapping[str, object]) -> bytes:
    """The mail as text, or in base64 where it holds other bytes."""
    if "mime_base64" in wish:
        return base64.b64decode(_word(wish, "mime_base64"), validate=True)
    return _word(wish, "mime").encode("utf-8", "replace")


def _recipients(wish: Mapping[str, object]) -> tuple[str, ...]:
    given = wish.get("to")
    named = tuple(one for one in given if isinstance(one, str) and one) if isinstance(given, list) else ()
    return named or (_word(wish, "to"),)


def _wish(wish: Mapping[str, object]) -> Wish:
    sender, message_id = wish.get("from"), wish.get("message_id")
    return Wish(
        text=_word(wish, "text"),
        sender=sender if isinstance(sender, str) and sender else None,
        quote=wish.get("quote", True) is not False,
        message_id=message_id if isinstance(message_id, str) and message_id else None,
    )


def _verdicts(wish: Mapping[str, object]) -> dict[str, str]:
    """Overrides as {"verdicts": {"spam": "FAIL"}}."""
    given = wish.get("verdicts", {})
    if not isinstance(given, dict):
        raise ValueError(f'"verdicts" is an object with some of {", ".join(CHECKS)}')  # noqa: TRY004  bad bytes
    return {str(check): str(verdict) for check, verdict in given.items()}
