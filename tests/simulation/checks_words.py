"""Checks of what customers wrote: nothing is lost, nobody is overlooked, and order makes no difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from shared.domain.events import Visibility
from shared.domain.records import (
    Author,
    Conversation,
    Message,
    Quarantined,
    Send,
    SendKind,
    SendState,
    message_key,
)
from tests.simulation.stage import AGENT, LEAD, Stage
from tests.simulation.truth import head_of, ids, in_order, mails, parts_of, plain, records


def lost(stage: Stage) -> Iterator[str]:
    """Every accepted message is on the desk: with its newest words, or as taken back."""
    for said in stage.said.values():
        if said.mid not in stage.deliveries.accepted:
            yield f"{said.mid} was never accepted"
            continue
        message = stage.desk.inner.records.get(message_key(said.venue.channel, said.venue.account, said.mid))
        if not isinstance(message, Message) or message.author is not Author.CUSTOMER:
            yield f"{said.mid} is not on the desk as a customer's"
        elif (message.deleted_at is None) != (said.gone_at is None):
            yield f"{said.mid} is {'not ' if said.gone_at else ''}taken back"
        elif message.text != (said.words if said.gone_at is None else None):
            yield f"{said.mid} has lost or kept its words: {message.text!r}"
        elif message.conversation_id != said.conversation_id:
            yield f"{said.mid} lies in another conversation"


def unheard(stage: Stage) -> Iterator[str]:
    """What a person of ours wrote in the platform's app is on the desk, in its conversation."""
    for one in stage.by_hand:
        message = stage.desk.inner.records.get(message_key(one.venue.channel, one.venue.account, one.mid))
        if not isinstance(message, Message) or message.author is not Author.PERSON or message.text != one.text:
            yield f"{one.mid} is not on the desk as a person's"
        elif message.conversation_id != one.venue.conversation_id(one.customer):
            yield f"{one.mid} lies in another conversation"


def overlooked(stage: Stage) -> Iterator[str]:
    """Every message that still stands was mailed to people."""
    told = {mid for mail in mails(stage) if mail.to == AGENT.address for mid in mail.about}
    yield from (f"nobody was told of {s.mid}" for s in stage.said.values() if s.gone_at is None and s.mid not in told)


def not_understood(stage: Stage) -> Iterator[str]:
    """What nobody can understand is in quarantine; nothing else of a platform is."""
    kept = {q.archive_key.rpartition("/")[2] for q in records(stage, Quarantined) if q.source != "mail"}
    spoilt = {hashlib.sha256(body).hexdigest() for body in stage.deliveries.spoilt}
    yield from (f"an unreadable delivery is not in quarantine: {digest}" for digest in spoilt - kept)
    yield from (f"a good delivery is in quarantine: {digest}" for digest in kept - spoilt)


def disorder(stage: Stage) -> Iterator[str]:
    """The facts told once, alone and in order give the same messages; and without a mailed answer the same waits."""
    ordered = in_order(stage)
    for key, record in ordered.items():
        if isinstance(record, Message) and plain(record) != plain(stage.desk.inner.records.get(key)):
            yield f"{key.partition}: {plain(stage.desk.inner.records.get(key))}, in order {plain(record)}"
    answered = {s.conversation_id for s in records(stage, Send) if _covers(stage, s)}
    for record in ordered.values():
        if isinstance(record, Conversation) and record.conversation_id not in answered:
            head = head_of(stage, record.conversation_id)
            if head is None or ids(head.waiting) != ids(record.waiting):
                found = None if head is None else ids(head.waiting)
                yield f"{record.conversation_id}: {found} waits, in order {ids(record.waiting)}"


def mingled(stage: Stage) -> Iterator[str]:
    """Every conversation is that of one customer in one thread, private or public as its place is."""
    known = {said.conversation_id: said for said in stage.said.values()}
    for head in records(stage, Conversation):
        said = known.get(head.conversation_id)
        if said is None or head.customer_id != said.customer or head.thread_id != said.venue.thread_of(said.customer):
            yield f"{head.conversation_id} is not the conversation of its customer"
        elif (head.visibility is Visibility.PUBLIC) != said.venue.public:
            yield f"{head.conversation_id} is {head.visibility}"
    for mail in mails(stage):
        if len({stage.said[mid].conversation_id for mid in mail.about}) > 1:
            yield f"one mail holds the words of several customers: {mail.about}"


def wrongly_mailed(stage: Stage) -> Iterator[str]:
    """Mails go to the people of the policy only, and never more than what people did gives reason for."""
    people = {AGENT.address, LEAD.address}
    yield from (f"a mail went to {mail.to}" for mail in stage.mailer.sent if mail.to not in people)
    repeats, deeds = stage.world.repeats, len(stage.deliveries.facts)
    replies = sum(1 for send in records(stage, Send) if send.kind is SendKind.REPLY)
    replies += sum(1 for send in records(stage, Send) if send.kind is SendKind.BY_HAND)
    acknowledgements = sum(1 for send in records(stage, Send) if send.kind is SendKind.ACKNOWLEDGEMENT)
    # A hand-off per message; a warning and an escalation per change of what waits; what became of each text, twice at
    # most; each again for every invocation that failed or came twice.
    most = 3 * deeds + 6 * replies + acknowledgements + repeats
    if not stage.swept and len(stage.mailer.sent) > most:
        yield f"{len(stage.mailer.sent)} mails, {most} at most"


def _covers(stage: Stage, send: Send) -> bool:
    """Whether it is a person's answer, all of it on the platform."""
    if send.kind is SendKind.ACKNOWLEDGEMENT:
        return False
    return all(part.state is SendState.SENT for part in parts_of(stage, send))
