"""The demo's journeys: what is delivered, who answers what and when, and what must be seen of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.addresses import REPOSITORY
from infra.local.observing import Case, Seen, post_json
from infra.local.retiming import as_if_now
from infra.local.running import Execution, RunningStack
from shared.domain.records import Author, Obligation, Send, SendKind, State

Look = Callable[[Seen], tuple[bool, str]]

LEAD = "lead@nightdesk.example"
PUBLIC_ANSWER = "So sorry, Cleo. I have sent you a message about it."
PRIVATE_ANSWER = "Hello Dora, it left our house this morning. Ana"


def policy(now: datetime, desk_address: str) -> str:
    """A policy with targets of seconds; direct messages are closed until tomorrow, public ones never."""
    tomorrow = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")[
        (now + timedelta(days=1)).weekday()
    ]
    return f"""\
version: demo
company: Lantern Bikes
calendars:
  night:
    zone: UTC
    hours: {{ {tomorrow}: ["09:00-17:00"] }}
  always:
    zone: UTC
    hours: always
rules:
  - {{ name: in-public, surfaces: [comment, mention, review], calendar: always, first_response: 24s, warn_after: 0.5 }}
  - {{ name: everything-else, calendar: night, first_response: 30m }}
agents:
  - {{ address: {desk_address}, name: Ana }}
escalation:
  - {{ address: {LEAD}, name: Lea }}
acknowledging:
  text: >-
    {{greeting}} This is an automatic answer from {{company}}: your message has arrived. Nobody is here right now;
    people are back {{back}} and will answer you then.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that must be seen: how to look for it, and what was seen."""

    journey: str
    expected: str
    look: Look


@dataclass
class Journeys:
    """Plays everything against a running stack and knows what must come of it."""

    stack: RunningStack
    answers: dict[str, int] = field(default_factory=dict)  # HTTP status by what was delivered
    done: set[str] = field(default_factory=set)  # what agents have done already

    def deliver_all(self) -> None:
        """Everything the platforms send, most of it at the same time."""
        together: list[tuple[str, str, bytes]] = []
        together.append(("after hours", "instagram", self._dm("instagram", "ana", "Is my bike ready?", 1)))
        together += [
            ("burst", "whatsapp", self._whatsapp("DE.700000001", f"burst {n}", n)) for n in ("one", "two", "three")
        ]
        twice = self._dm("facebook", "bea", "Twice the same", 3)
        together += [("duplicate", "facebook", twice), ("duplicate", "facebook", twice)]
        together.append(("answered by mail", "whatsapp", self._whatsapp("DE.700000004", "Where is my parcel?", "dora")))
        together.append(("contact form", "web", self._form()))
        self._at_once(together)
        self._deliver("deletion first", "instagram", self._dm("instagram", "eve", None, 5))
        self._deliver("deletion first", "instagram", self._dm("instagram", "eve", "I should not have written this", 5))
        self.answers["forged"], _ = self.stack.deliver(
            "facebook", self._dm("facebook", "mallory", "Let me in", 6), forged=True
        )
        self._deliver("unreadable", "facebook", b'{"object": "page", "entry": [{"id": "100200300", "messag')
        self._deliver("too large", "whatsapp", b'{"pad": "' + b"x" * 3_200_000 + b'"}')

    def _deliver_in_public(self) -> None:
        """Comments whose targets are seconds: they come when every function has started once."""
        self._at_once(
            [
                ("public complaint", "facebook", self._comment("cleo", "Three weeks late. Shame!", "9001")),
                ("nobody answers", "facebook", self._comment("ned", "Are you open on Sunday?", "9002")),
            ]
        )

    def act(self, seen: Seen) -> None:
        """What happens next: Dora is answered twice with the same mail, then others write in public, and Cleo is
        answered after the warning.
        """
        if "public" not in self.done and "dora" in self.done and seen.quiet:
            self.done.add("public")
            self._deliver_in_public()
        mails = seen.mails_about("DE.700000004")
        if mails and "dora" not in self.done:
            self.done.add("dora")
            self._answer(mails[0]["id"], PRIVATE_ANSWER)
            post_json(f"{self.stack.mailbox_url}/_mailbox/redeliver", {"mail": mails[0]["id"]})
        complaint = seen.case("cleo")
        mails = seen.mails_about("cleo")
        if complaint and mails and "cleo" not in self.done and any(o.warned_at for o in complaint.obligations):
            self.done.add("cleo")
            self._answer(mails[0]["id"], PUBLIC_ANSWER)

    def rows(self) -> list[Row]:
        """All expectations, in the order of the story."""
        back = f"{datetime.now(UTC) + timedelta(days=1):%A}"
        return [
            Row("A DM after hours", "one automatic answer that says when people are back", _acknowledged("ana", back)),
            Row("A DM after hours", "handed to the agent, with a signed reply address", _handed("ana", "bike ready")),
            Row("A burst of three", "1 conversation, 3 messages, 1 automatic answer", _burst),
            Row("A burst of three", "all three handed off in one mail", _one_mail("DE.700000001", "burst")),
            Row("The same delivery twice", "1 message, 1 automatic answer", _once("bea")),
            Row("A deletion before its message", "no words kept, nothing sent, nobody mailed", _gone("eve")),
            Row("A public complaint", "nothing automatic in public; the mail says it is public", _public("cleo")),
            Row("A public complaint", "answered after the warning: posted once, 4 transitions", self._answered_late),
            Row("A comment nobody answers", "warned, breached, escalated by mail and notice", _escalated("ned")),
            Row("A comment nobody answers", "timer ended by itself after 7 transitions", self._breached),
            Row("A DM answered by mail", "posted once without the quoted text", _answered("DE.700000004")),
            Row("A DM answered by mail", "obligation met, timer stopped after 1 transition", self._met),
            Row("A contact form", "one automatic answer through the website's own webhook", _web),
            Row("A forged signature", "401, nothing on the desk", self._forged),
            Row("An unreadable body", "200, in quarantine with its reason", self._unreadable),
            Row("A body over the cap", "413", lambda _: _is(self.answers.get("too large"), 413)),
            Row("The house", "nothing undone, no dead letter, no failed timer", _tidy),
        ]  # fmt: skip

    # -- looking at timers --------------------------------------------------------------------------------------------

    def _answered_late(self, seen: Seen) -> tuple[bool, str]:
        posts = [p for p in seen.posted_to("cleo") if p["text"] == PUBLIC_ANSWER]
        ok, timer = self._timer(seen, "cleo", State.MET, "ABORTED", 4)
        return ok and len(posts) == 1 and posts[0]["kind"] == "comment", f"posted {len(posts)} times; {timer}"

    def _breached(self, seen: Seen) -> tuple[bool, str]:
        return self._timer(seen, "ned", State.OPEN, "SUCCEEDED", 7)

    def _met(self, seen: Seen) -> tuple[bool, str]:
        return self._timer(seen, "DE.700000004", State.MET, "ABORTED", 1)

    def _timer(self, seen: Seen, customer: str, state: State, status: str, transitions: int) -> tuple[bool, str]:
        owed, execution = _last(seen, customer)
        if owed is None or execution is None:
            return False, "no timer yet"
        entered = len(self.stack.transitions(execution.name))
        told = f"{owed.state}, {execution.status}, {entered} transitions"
        return (owed.state, execution.status, entered) == (state, status, transitions), told

    def _forged(self, seen: Seen) -> tuple[bool, str]:
        status = self.answers.get("forged")
        return status == 401 and seen.case(
            "mallory"
        ) is None, f"{status}, {'on' if seen.case('mallory') else 'not on'} the desk"

    def _unreadable(self, seen: Seen) -> tuple[bool, str]:
        reasons = [q.reason for q in seen.quarantined if q.source == "facebook"]
        return self.answers.get("unreadable") == 200 and len(
            reasons
        ) == 1, f"{self.answers.get('unreadable')}: {reasons}"

    # -- delivering ---------------------------------------------------------------------------------------------------

    def _at_once(self, deliveries: Sequence[tuple[str, str, bytes]]) -> None:
        threads = [threading.Thread(target=self._deliver, args=delivery) for delivery in deliveries]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _deliver(self, name: str, channel: str, body: bytes) -> None:
        self.answers[name], _ = self.stack.deliver(channel, body)

    def _answer(self, mail: str, text: str) -> None:
        post_json(f"{self.stack.mailbox_url}/_mailbox/answer", {"mail": mail, "text": text, "quote": True})

    def _dm(self, channel: str, customer: str, text: str | None, number: int) -> bytes:
        """A direct message, or where there is no text the deletion of it."""
        file = "message__text" if text is not None else {"instagram": "deletion__unsend"}[channel]
        body = _event(channel, file, {"998877": customer, "7700112233": customer})
        return _renamed(body, f"mid-{channel}-{number}", text)

    def _comment(self, customer: str, text: str, number: str) -> bytes:
        names = {"4242": customer, "Ana Example": f"{customer.title()} Example", "555_777": f"555_{number}"}
        return _event("facebook", "comment__top-level", names | {"Where is my parcel?": text})

    def _whatsapp(self, customer: str, text: str, name: str) -> bytes:
        names = {"DE.44112233": customer, "wamid.A1": f"wamid.{name}", "491701234567": f"49170{customer[-7:]}"}
        return _renamed(_event("whatsapp", "message__text", names), None, text)

    def _form(self) -> bytes:
        return _event("web", "message__contact-form", {})


def _event(channel: str, file: str, names: dict[str, str]) -> bytes:
    body = (REPOSITORY / "events" / channel / f"{file}.json").read_bytes()
    return as_if_now(body, datetime.now(UTC), names)


def _renamed(body: bytes, mid: str | None, text: str | None) -> bytes:
    """The delivery with another message id and another text, wherever its platform keeps them."""
    plain = json.loads(body)
    for message in _messages(plain):
        if mid is not None:
            message["mid"] = mid
        if text is not None and isinstance(message.get("text"), dict):
            message["text"]["body"] = text
        elif text is not None:
            message["text"] = text
    return json.dumps(plain).encode()


def _messages(plain: dict[str, Any]) -> list[dict[str, Any]]:
    entries = plain["entry"]
    direct = [item["message"] for entry in entries for item in entry.get("messaging", [])]
    changes = [change["value"] for entry in entries for change in entry.get("changes", [])]
    return [*direct, *(message for value in changes for message in value.get("messages", []))]


def _is(observed: int | None, expected: int) -> tuple[bool, str]:
    return observed == expected, str(observed)


def _acknowledgements(case: Case | None) -> list[Send]:
    return [s for s in case.sends if s.kind is SendKind.ACKNOWLEDGEMENT] if case else []


def _last(seen: Seen, customer: str) -> tuple[Obligation | None, Execution | None]:
    case = seen.case(customer)
    if case is None or not case.obligations:
        return None, None
    owed = case.obligations[-1]
    mine = [
        e
        for e in seen.executions
        if e.conversation_id == case.conversation.conversation_id and e.revision == owed.revision
    ]
    return owed, mine[0] if mine else None


def _acknowledged(customer: str, back: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        texts = [post["text"] for post in seen.posted_to(customer)]
        ok = len(texts) == 1 and "automatic" in texts[0] and back in texts[0] and "09:00" in texts[0]
        return ok, texts[0] if len(texts) == 1 else f"{len(texts)} texts"

    return look


def _handed(customer: str, words: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        mails = [m for m in seen.mails_about(customer) if words in m["text"]]
        signed = [m for m in mails if str(m["reply_to"]).startswith("r+")]
        return bool(signed), f"{len(mails)} mail, reply to {signed[0]['reply_to'][:14]}..." if signed else "no mail"

    return look


def _burst(seen: Seen) -> tuple[bool, str]:
    cases = [c for c in seen.cases if c.conversation.customer_id == "DE.700000001"]
    messages = [m for c in cases for m in c.messages if m.author is Author.CUSTOMER]
    posts = seen.posted_to("DE.700000001")
    told = f"{len(cases)} conversation, {len(messages)} messages, {len(posts)} automatic answer"
    return (len(cases), len(messages), len(posts)) == (1, 3, 1), told


def _one_mail(customer: str, word: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        mails = seen.mails_about(customer)
        most = max((sum(f"{word} {n}" in m["text"] for n in ("one", "two", "three")) for m in mails), default=0)
        return most == 3, f"{most} messages in one mail"

    return look


def _once(customer: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        case = seen.case(customer)
        messages = [m for m in case.messages if m.author is Author.CUSTOMER] if case else []
        posts = seen.posted_to(customer)
        return (len(messages), len(posts)) == (1, 1), f"{len(messages)} message, {len(posts)} automatic answer"

    return look


def _gone(customer: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        case = seen.case(customer)
        words = [m.text for m in case.messages if m.text] if case else []
        posts, mails = seen.posted_to(customer), seen.mails_about(customer)
        told = f"{len(words)} texts kept, {len(posts)} sent, {len(mails)} mailed"
        return case is not None and not words and not posts and not mails, told

    return look


def _public(customer: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        case = seen.case(customer)
        mails = seen.mails_about(customer)
        said = any("public" in str(m["text"]).lower() for m in mails)
        automatic = _acknowledgements(case)
        told = f"{len(automatic)} automatic, mail says public: {'yes' if said else 'no'}"
        return case is not None and not automatic and said, told

    return look


def _escalated(customer: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        owed, _ = _last(seen, customer)
        to_lead = [m for m in seen.mails_about(customer) if m["to"] == LEAD]
        case = seen.case(customer)
        mine = case.conversation.conversation_id if case else ""
        notices = [n["kind"] for n in seen.notices if mine and mine in n["facts"].values()]
        warned, breached = bool(owed and owed.warned_at), bool(owed and owed.breached_at)
        told = f"warned {warned}, breached {breached}, {len(to_lead)} mail to the lead, notices {', '.join(notices)}"
        return warned and breached and bool(to_lead) and "escalation" in notices, told

    return look


def _answered(customer: str) -> Look:
    def look(seen: Seen) -> tuple[bool, str]:
        replies = [p["text"] for p in seen.posted_to(customer) if "automatic" not in p["text"]]
        return replies == [PRIVATE_ANSWER], " / ".join(replies) or "nothing yet"

    return look


def _web(seen: Seen) -> tuple[bool, str]:
    posts = [p for p in seen.posts if p["channel"] == "web"]
    return len(posts) == 1 and "automatic" in posts[0]["text"], posts[0]["text"] if posts else "nothing yet"


def _tidy(seen: Seen) -> tuple[bool, str]:
    failed = [e.name for e in seen.executions if e.status in {"FAILED", "TIMED_OUT"}]
    dead = {name: count for name, count in seen.dead.items() if count}
    return seen.quiet and not failed and not dead, f"dead letters {dead or 'none'}, failed timers {len(failed)}"
