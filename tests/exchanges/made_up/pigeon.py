"""Carrier pigeons: a platform that does not exist, as small as a channel can be."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from shared.channels._calling import bearer, by_status, content, json_call, misfit, posted, segment
from shared.channels._keys import current_key, keys_of, require
from shared.channels._reading import ident, obj, read_json, text, when
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import (
    About,
    Answer,
    Call,
    Capability,
    How,
    Outbound,
    Outcome,
    Refused,
    Request,
    Response,
    Secret,
)

ABOUT = About(
    title="Carrier pigeons",
    how=(How.PUSH,),
    docs="https://pigeon.example/docs",
    checked=date(2026, 11, 1),
    acknowledging="on: nobody else reads it",
    author="the name on the ring",
    unproven="everything: there are no such pigeons",
)
CAPABILITIES: Mapping[Surface, Capability] = {Surface.DM: Capability(replies=True, limit=140, acknowledges=True)}


def challenge(request: Request, secrets: tuple[Secret, ...]) -> Response | None:
    """Pigeons know no handshake. Total."""
    return None if request.method == "POST" else Response(405, "Only POST is answered here.")


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
    """Accept a letter sealed with one of the keys. Raises SignatureRejected."""
    seal = request.headers.get("x-pigeon-seal", "").encode("utf-8", "replace")
    require(seal, keys_of(secrets), lambda key: hmac.digest(key, request.body, "sha256").hex().encode())


def sign(body: bytes, secret: Secret, now: datetime, delivery_id: str) -> dict[str, str]:
    """The seal of a letter. Raises Misconfigured where the account has no key."""
    return {"x-pigeon-seal": hmac.digest(current_key(secret), body, "sha256").hex()}


def parse(body: bytes, received_at: datetime) -> tuple[Event, ...]:
    """One letter. Raises Unreadable."""
    letter = obj(read_json(body))
    ring = ident(letter.get("ring"))
    known = Event(
        kind=Kind.UNKNOWN,
        channel="pigeon",
        account_id=ident(letter.get("loft")),
        surface=Surface.DM,
        visibility=Visibility.PRIVATE,
        thread_id=ring,
        customer_id=ring,
        author_id=ring,
        message_id=ident(letter.get("letter")),
        text=text(letter.get("words")),
        sent_at=when(letter.get("flew")),
    )
    complete = known.account_id and known.thread_id and known.message_id
    return (replace(known, kind=Kind.MESSAGE) if complete else replace(known, detail="a letter without a ring"),)


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """Send a pigeon back to the ring it came from."""
    unfit = misfit(outbound.text, CAPABILITIES[Surface.DM])
    if unfit is not None:
        return unfit
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    url = f"https://pigeon.example/rings/{segment(outbound.thread_id)}/letters"
    return json_call("POST", url, proof, {"words": outbound.text})


def outcome(answer: Answer) -> Outcome:
    """What the loft says. Total."""
    native_id = ident(content(answer).get("letter"))
    return posted(native_id) if answer.status == 201 and native_id else by_status("The loft", answer)
