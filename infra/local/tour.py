"""A tour of the channels: on each one a customer writes, a person is told, answers, and is read on the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.addresses import REPOSITORY
from infra.local.journeys import Row
from infra.local.observing import Case, Seen, post_json
from infra.local.platforms import sides
from infra.local.retiming import as_if_now
from infra.local.running import RunningStack
from shared import channels
from shared.domain.records import Author, State
from shared.errors import Misconfigured

DONE = "done"


def chosen(wish: str) -> tuple[str, ...]:
    """The channels of a list such as "bluesky,sms", or `all`. Raises Misconfigured."""
    if wish == "all":
        return channels.names()
    names = tuple(name.strip() for name in wish.split(",") if name.strip())
    unknown = [name for name in names if name not in channels.names()]
    if unknown or not names:
        raise Misconfigured(f"There is no channel {', '.join(unknown)!r}. There are: {', '.join(channels.names())}.")
    return names


@dataclass
class Tour:
    """Plays one exchange on each channel and knows what must come of it."""

    stack: RunningStack
    names: Sequence[str]
    delivered_at: dict[str, datetime] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    def deliver_all(self) -> None:
        """One customer's message on each channel."""
        for name in self.names:
            self.delivered_at[name] = datetime.now(UTC)
            body = as_if_now(demonstration(name).read_bytes(), self.delivered_at[name])
            self.stack.deliver(name, body)

    def act(self, seen: Seen) -> None:
        """Whoever was told of a message answers it, once."""
        for name in self.names:
            case = self._case(name, seen)
            mails = _mails(case, seen)
            if case is None or not mails or name in self.answered:
                continue
            self.answered.add(name)
            words = _answer(name) if _answerable(case) else DONE
            wish = {"mail": mails[0]["id"], "text": words, "quote": True}
            post_json(f"{self.stack.mailbox_url}/_mailbox/answer", wish)

    def rows(self) -> list[Row]:
        """One row for each channel."""
        return [self._row(name) for name in self.names]

    def _row(self, name: str) -> Row:
        def look(seen: Seen) -> tuple[bool, str]:
            return self._look(name, seen)

        return Row(f"{name}: {channels.load(name).ABOUT.title}", "heard, handed over, answered once", look)

    def _look(self, name: str, seen: Seen) -> tuple[bool, str]:
        case = self._case(name, seen)
        if case is None:
            return False, "nothing heard yet"
        heard = sum(1 for m in case.messages if m.author is Author.CUSTOMER)
        mails = len(_mails(case, seen))
        met = bool(case.obligations) and case.obligations[-1].state is State.MET
        posts = [p for p in seen.posts if p["channel"] == name and p["text"].strip().endswith(_answer(name))]
        by_hand = not _answerable(case)
        out = "closed by one word" if by_hand else f"posted {len(posts)} times"
        told = f"{heard} heard, {mails} mails, {out}, {'met' if met else 'not met'}"
        return heard >= 1 and mails >= 1 and met and len(posts) == (0 if by_hand else 1), told

    def _case(self, name: str, seen: Seen) -> Case | None:
        """The newest conversation of the channel that began with what was delivered."""
        since = self.delivered_at.get(name)
        mine = [
            c for c in seen.cases if c.conversation.channel == name and since is not None and _heard_since(c, since)
        ]
        return max(mine, key=lambda c: c.conversation.opened_at, default=None)


def demonstration(name: str) -> Path:
    """The delivery that shows a channel at work. Raises Misconfigured where its sandbox side names none."""
    stem = getattr(sides().get(name), "DEMO", None)
    folder = REPOSITORY / "events" / name
    found = [p for p in folder.glob(f"{stem}.*") if ".expected." not in p.name and ".headers." not in p.name]
    if len(found) != 1:
        raise Misconfigured(f"infra/local/platforms/{name}.py must name one delivery of {folder} as DEMO.")
    return found[0]


def _heard_since(case: Case, since: datetime) -> bool:
    return any(m.received_at is not None and m.received_at >= since for m in case.messages)


def _answerable(case: Case) -> bool:
    head = case.conversation
    return channels.load(head.channel).CAPABILITIES[head.surface].replies


def _answer(name: str) -> str:
    return f"Thank you, we are on it. Ana ({name})"


def _mails(case: Case | None, seen: Seen) -> list[Mapping[str, Any]]:
    short = f"#{case.conversation.conversation_id[:6]}" if case else None
    return [m for m in seen.mails if short is not None and short in m["subject"]]
