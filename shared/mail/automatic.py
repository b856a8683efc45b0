"""Machine mail: it is never posted and never answered (RFC 3834; RFC 5230, 4.6).

The most expensive mistake of a mail bridge is an out-of-office text on a public page. Field names are compared exactly:
X-Auto-Response-Suppress alone says nothing about who wrote a mail, people's clients send it too.
"""

from __future__ import annotations

from shared.mail.mime import Part, decoded_words, labelled

# Fields that only programs write, whatever their value.
_MACHINE_FIELDS = {
    "x-nightdesk-loop": "It is one of our own mails come back.",
    "list-id": "It came through a mailing list.",
    "x-autoreply": "It is an automatic answer.",
    "x-autorespond": "It is an automatic answer.",
    "x-autoresponder": "It is an automatic answer.",
    "x-auto-response-from": "It is an automatic answer.",
    "x-mail-autoreply": "It is an automatic answer.",
    "x-loop": "It was sent by a program.",
    "x-failed-recipients": "It reports a failed delivery.",
}
_OF_NOTICES = {"list-id", "x-loop"}  # that platforms put into the mails they send out
_PRECEDENCES = {"bulk", "junk", "list", "auto_reply", "auto-reply"}
_REPORTS = {"multipart/report", "message/delivery-status", "message/disposition-notification"}
_ROBOTS = {
    "mailer-daemon",
    "postmaster",
    "no-reply",
    "noreply",
    "no_reply",
    "do-not-reply",
    "donotreply",
    "do_not_reply",
    "bounce",
    "bounces",
}
# How programs begin their subjects; only the beginning counts, because ours holds a customer's name.
_SUBJECTS = (
    "automatic reply",
    "auto-reply",
    "auto reply",
    "autoreply",
    "auto response",
    "auto:",
    "out of office",
    "out of the office",
    "automatische antwort",
    "abwesenheit",
    "abwesend",
    "réponse automatique",
    "absence du bureau",
    "respuesta automática",
    "fuera de la oficina",
    "resposta automática",
    "ausência temporária",
    "risposta automatica",
    "fuori sede",
    "automatisch antwoord",
    "afwezigheid",
    "autosvar",
    "automatiskt svar",
    "automatisk svar",
    "frånvaro",
    "automaattinen vastaus",
    "poissaoloviesti",
    "autoodpowiedź",
    "odpowiedź automatyczna",
    "automatická odpověď",
    "automatikus válasz",
    "автоответ",
    "автоматический ответ",
    "otomatik yan\u0131t",
    "自動返信",
    "不在通知",
    "自动回复",
    "自動回覆",
    "자동 회신",
    "undeliverable",
    "undelivered mail",
    "delivery status notification",
    "delivery failure",
    "mail delivery failed",
    "unzustellbar",
    "non remis",
    "no se puede entregar",
    "returned mail",
    "read:",
    "gelesen:",
    "accepted:",
    "declined:",
    "tentative:",
    "angenommen:",
    "zugesagt:",
    "abgelehnt:",
)


def why_automatic(mail: Part, from_address: str | None) -> str | None:
    """Why this is machine mail, as a sentence, or None where nothing says so."""
    return _by_fields(mail) or _by_type(mail) or _by_sender(mail, from_address) or _by_subject(mail)


def why_answered_by_machine(mail: Part) -> str | None:
    """Why a platform's notice is none after all, as a sentence: notices are machine mail, but they answer nobody."""
    if any(labelled(value).value.startswith("auto-replied") for value in mail.all("auto-submitted")):
        return "It is an automatic answer."
    fields = (name for name, _ in mail.headers if name in _MACHINE_FIELDS and name not in _OF_NOTICES)
    by_field = next((_MACHINE_FIELDS[name] for name in fields), None)
    bounced = any(value.strip() == "<>" for value in mail.all("return-path"))
    return by_field or ("Its envelope names no sender, as that of a bounce." if bounced else None) or _by_type(mail)


def _by_fields(mail: Part) -> str | None:
    for value in mail.all("auto-submitted"):
        if labelled(value).value.partition("(")[0].strip() != "no":
            return "It says that it was sent automatically."
    if any(value.strip().lower() in _PRECEDENCES for value in mail.all("precedence")):
        return "It says that it is a bulk mail or an automatic answer."
    return next((_MACHINE_FIELDS[name] for name, _ in mail.headers if name in _MACHINE_FIELDS), None)


def _by_type(mail: Part) -> str | None:
    if mail.content_type.value in _REPORTS:
        return "It is a report about another mail."
    return "It is a calendar message." if _is_invitation(mail) else None


def _is_invitation(part: Part) -> bool:
    """Whether the mail itself is an invitation or the answer to one (RFC 6047), not a mail with one attached."""
    if part.content_type.value in {"multipart/alternative", "multipart/mixed"}:
        return any(_is_invitation(child) for child in part.children)
    attached = part.disposition.value == "attachment"
    return part.content_type.value == "text/calendar" and "method" in part.content_type.parameters and not attached


def _by_sender(mail: Part, from_address: str | None) -> str | None:
    if any(value.strip() == "<>" for value in mail.all("return-path")):
        return "Its envelope names no sender, as that of a bounce."
    local = (from_address or "").partition("@")[0]
    return "Its sender is a program." if local.partition("+")[0] in _ROBOTS else None


def _by_subject(mail: Part) -> str | None:
    subject = decoded_words(mail.first("subject")).strip().casefold()
    return "Its subject is that of an automatic answer." if subject.startswith(_SUBJECTS) else None
