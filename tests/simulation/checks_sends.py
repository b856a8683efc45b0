"""Checks of what customers can read of us: acknowledgements and answers, at most once, and never silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from shared.domain.ledger import LEASE
from shared.domain.records import Message, Send, SendKind, SendState, message_key
from tests.simulation.platforms import OnPlatform
from tests.simulation.ports import SKEW
from tests.simulation.stage import POLICY, SHORTER, Stage
from tests.simulation.truth import is_answer, mails, records, sends_of

CALENDAR, SHORT = POLICY.calendars["office"], SHORTER.calendars["office"]


def acknowledged_twice(stage: Stage) -> Iterator[str]:
    """At most one acknowledgement per conversation and closed period: the time until people are back."""
    counted: Counter[tuple[str, object]] = Counter()
    for post in _automatic(stage):
        closed = SHORT.closed_period(post.at)
        counted[post.conversation_id, closed.end if closed else None] += 1
    yield from (f"{conversation}: {times} times" for (conversation, _), times in counted.items() if times > 1)


def acknowledged_wrongly(stage: Stage) -> Iterator[str]:
    """None in public, none in open hours, and none claimed after a person's words were on the desk."""
    for post in _automatic(stage):
        if post.venue.public:
            yield f"{post.customer} was acknowledged in public"
        if SHORT.is_open(post.at) and SHORT.is_open(post.at - LEASE):
            yield f"{post.customer} was acknowledged in open hours"
        if any(_known_before(stage, reply, post) for reply in records(stage, Send)):
            yield f"{post.customer} was acknowledged after a person's reply was recorded"
        if _nothing_left(stage, post):
            yield f"{post.customer} was acknowledged with nothing left to answer"


def posted_twice(stage: Stage) -> Iterator[str]:
    """No reply of an agent can be read twice. What a platform took and then failed to deliver cannot be read."""
    posts = (post for post in stage.platforms.posts if post.native not in stage.platforms.undelivered)
    counted = Counter(post.text for post in posts if is_answer(stage, post))
    yield from (f"{text!r} {times} times" for text, times in counted.items() if times > 1)


def misplaced(stage: Stage) -> Iterator[str]:
    """What is posted is on the ledger of the conversation it can be read in, and an answer reaches who it is for."""
    for post in stage.platforms.posts:
        if not sends_of(stage, post):
            yield f"{post.text!r} at {post.customer} is not on the ledger of that conversation"
        answer = stage.mailbox.answers.get(post.text)
        if answer is not None and answer.customer != post.customer:
            yield f"{post.text!r} can be read by {post.customer}"
        if post.text in stage.mailbox.never:
            yield f"{post.text!r} was posted"


def misattached(stage: Stage) -> Iterator[str]:
    """An answer stands below a message of its customer that had reached us when the agent wrote."""
    for post in stage.platforms.posts:
        sends = sends_of(stage, post)
        if post.below is not None and all(send.in_reply_to != post.below for send in sends):
            yield f"{post.text!r} stands below {post.below}"
    for send in records(stage, Send):
        said = stage.said.get(send.in_reply_to or "")
        if send.part > 1 and (send.state is SendState.WITHHELD or said is None):
            continue  # below the part before it, see checks_answers
        if said is None or said.conversation_id != send.conversation_id:
            yield f"{send.text!r} answers {send.in_reply_to}"
            continue
        answer = stage.mailbox.answers.get(send.text)
        if answer is not None and (said.at - max(answer.received_at)).total_seconds() > SKEW:
            yield f"{send.text!r} was written before {send.in_reply_to}, which it answers"


def silent(stage: Stage) -> Iterator[str]:
    """Every mail of an agent is on the platform, or its writer was told why not; nobody else's goes anywhere."""
    posted = {p.text for p in stage.platforms.posts if p.native not in stage.platforms.undelivered}
    told = "\n".join(mail.text for mail in mails(stage) if not mail.about)
    for send in records(stage, Send):
        if send.kind is SendKind.REPLY and send.state is not SendState.SENT and send.text not in told:
            yield f"{send.text!r} is {send.state} and nobody was told"
        if send.kind is SendKind.REPLY and send.state is SendState.SENT and send.text not in posted:
            yield f"{send.text!r} is sent, and not there"
    ledger = {send.text for send in records(stage, Send)}
    for text in stage.mailbox.answers:
        if text not in posted and text not in told and text not in ledger:
            yield f"{text!r} vanished"
    everything = "\n".join(mail.text for mail in mails(stage))
    yield from (f"{text!r} was answered" for text in stage.mailbox.never if text in everything)


def unsettled(stage: Stage) -> Iterator[str]:
    """What the platform told us of a text is on the ledger, however late; nothing is left under way."""
    for post in stage.platforms.posts:
        accepted = stage.deliveries.accepted
        heard = [name for name in (f"echo of {post.native}", f"status sent of {post.native}") if name in accepted]
        failed = f"status failed of {post.native}" in accepted
        states = {send.state for send in sends_of(stage, post) if post.native in {send.native_id, None}}
        wanted = SendState.FAILED if failed else SendState.SENT
        if (heard or failed) and wanted not in states:
            yield f"{post.native} was heard of, and its send is {states or 'unknown'}"
        key = message_key(post.venue.channel, post.venue.account, post.native)
        if heard and not failed and not isinstance(stage.desk.inner.records.get(key), Message):
            yield f"{post.native} is no message on the desk"
    for send in records(stage, Send):
        if send.state in {SendState.PENDING, SendState.SENDING}:
            yield f"{send.send_id} of {send.conversation_id} is still {send.state}"


def _automatic(stage: Stage) -> list[OnPlatform]:
    written = {*stage.mailbox.answers, *stage.mailbox.never, "Done."}
    return [post for post in stage.platforms.posts if post.text not in written]


def _known_before(stage: Stage, reply: Send, post: OnPlatform) -> bool:
    """Whether a person's reply was on the desk when the acknowledgement was claimed: a call takes less than a lease."""
    if reply.kind is not SendKind.REPLY or reply.conversation_id != post.conversation_id:
        return False
    closed = CALENDAR.closed_period(post.at)
    start = closed.start if closed is not None else post.at
    sent_at = reply.settled_at if reply.state is SendState.SENT else None  # what failed later was settled later
    return sent_at is not None and start <= sent_at < post.at - LEASE


def _nothing_left(stage: Stage, post: OnPlatform) -> bool:
    """Whether we knew, when it was claimed, that all the customer had written was taken back."""
    mine = [s for s in stage.said.values() if s.conversation_id == post.conversation_id and s.at < post.at]
    known = [stage.desk.taken_back.get(message_key(s.venue.channel, s.venue.account, s.mid)) for s in mine]
    return all(at is not None and at < post.at - LEASE for at in known)
