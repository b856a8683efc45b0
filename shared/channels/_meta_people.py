"""What Meta tells of a person who wrote to a Page or an Instagram account: one call, never in the webhook's path.

Only of those who wrote in private: for others Meta answers with an error, and nothing is known. Sources:
developers.facebook.com/docs/messenger-platform/identity/user-profile and .../instagram-platform ("User Profile API").
"""

from __future__ import annotations

from shared.channels import _meta
from shared.channels._asking import no_page
from shared.channels._calling import bearer, content, json_call, never, query, segment
from shared.channels._reading import ident, text, whole
from shared.domain.connecting import Profile
from shared.domain.exchange import Answer, Call, Refused, Secret


def look_up(host: str, customer_id: str, fields: str, secret: Secret) -> Call | Refused:
    """The call that asks for a person by their scoped id."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    if not (customer_id.isascii() and customer_id.isdigit()):
        return never("Meta knows people by numbers.")
    return json_call("GET", f"{host}/{segment(customer_id)}?{query({'fields': fields})}", proof)


def profile(answer: Answer) -> Profile | Refused:
    """Name, handle, followers and verified mark, as far as they are told. Total."""
    said = content(answer)
    if answer.status != 200 or ident(said.get("id")) is None:
        return no_page(_meta.outcome(answer))
    verified = said.get("is_verified_user")
    return Profile(
        name=text(said.get("name")),
        handle=text(said.get("username")),
        followers=whole(said.get("follower_count")),
        verified=verified if isinstance(verified, bool) else None,
    )
