"""Checks of answers that are not simply one post: in parts, by hand, and where there is room for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from shared.domain.ledger import LEASE
from shared.domain.records import Conversation, Send, SendKind, SendState, State, message_key
from tests.simulation.platforms import OnPlatform
from tests.simulation.stage import Stage
from tests.simulation.truth import is_answer, parts_of, records, sends_of


def out_of_turn(stage: Stage) -> Iterator[str]:
    """A part goes out after the one before it, in public below it; and nothing is behind one that is not certain."""
    shown: set[str] = set()
    for post in stage.platforms.posts:
        for send in (one for one in sends_of(stage, post) if one.part > 1):
            before = parts_of(stage, send)[send.part - 2]
            if before.text not in shown:
                yield f"{send.text!r} went out before {before.text!r}"
            if post.venue.public and post.below != before.native_id:
                yield f"{send.text!r} stands below {post.below}, not below {before.native_id}"
        shown.add(post.text)


def half_an_answer(stage: Stage) -> Iterator[str]:
    """What is owed is met by a whole answer, by a person in the app, or by a person who says so; not by a beginning."""
    for head in records(stage, Conversation):
        owed = stage.desk.inner.obligations(head.conversation_id)
        if not any(one.state is State.MET for one in owed) or _taken_back(stage, head):
            continue
        sends = [one for one in records(stage, Send) if one.conversation_id == head.conversation_id]
        by_hand = any(one.venue.conversation_id(one.customer) == head.conversation_id for one in stage.by_hand)
        whole = any(all(map(_was_there, parts_of(stage, one))) for one in sends if one.kind is SendKind.REPLY)
        if not (by_hand or whole or any(one.kind is SendKind.BY_HAND for one in sends)):
            yield f"{head.conversation_id} was met by nothing whole"


def word_posted(stage: Stage) -> Iterator[str]:
    """The word that says that it is done is never posted, and noted only where it was said."""
    yield from (f"{post.customer} can read {post.text!r}" for post in stage.platforms.posts if post.text == "Done.")
    noted = sum(1 for send in records(stage, Send) if send.kind is SendKind.BY_HAND)
    if noted > len(stage.mailbox.dones):
        yield f"{noted} notes of {len(stage.mailbox.dones)} words"


def overwritten(stage: Stage) -> Iterator[str]:
    """Where there is room for one answer, there is one: neither ours nor a person's in the app is replaced."""
    if not stage.one_slot:
        return
    answers = [post for post in stage.platforms.posts if post.venue.public and is_answer(stage, post)]
    counted = Counter(post.below for post in answers if post.below in stage.said)
    yield from (f"{mid} has {times} answers" for mid, times in counted.items() if times > 1)
    yield from (f"{post.text!r} replaces a person's words" for post in answers if _known_by_hand(stage, post))


def _taken_back(stage: Stage, head: Conversation) -> bool:
    """Whether a customer took something back after a person had begun to answer: then nothing is owed either."""
    return any(s.gone_at is not None for s in stage.said.values() if s.conversation_id == head.conversation_id)


def _was_there(send: Send) -> bool:
    """On the platform, or taken by it and not delivered afterwards."""
    return send.state is SendState.SENT or (send.state is SendState.FAILED and send.native_id is not None)


def _known_by_hand(stage: Stage, post: OnPlatform) -> bool:
    """Whether a person's answer to the same words was on the desk when ours was claimed."""
    said = stage.said.get(post.below or "")
    for one in stage.by_hand:
        key = message_key(one.venue.channel, one.venue.account, one.mid)
        known_at = stage.desk.committed_at.get(key)
        same = said is not None and one.venue == post.venue and one.customer == post.customer and said.at <= one.at
        if same and known_at is not None and known_at < post.at - LEASE:
            return True
    return False
