"""Who wrote something on X, in the words of either dialect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shared.channels._reading import EMPTY, Json, ident, obj, objects, text, whole
from shared.domain.events import Event

_VERIFIED = frozenset({"blue", "business", "government"})
_AUTOMATED = "Automated"  # the label X puts on accounts that say of themselves that a program writes


def user_in(users: object, user_id: str | None) -> Json:
    """The user of that id in a list of them or in a map by their ids; an empty object where X left them out.

    X wraps users as {"data": ...} in some events and not in others.
    """
    for user in _all(users):
        bare = unwrapped(user)
        if user_id is not None and _id(bare) == user_id:
            return bare
    return EMPTY


def unwrapped(user: Json) -> Json:
    """The user without its wrapping."""
    inner = user.get("data")
    return inner if isinstance(inner, dict) else user


def with_author(event: Event, user: Json) -> Event:
    """The event with what X tells of its author: v2 writes `username`, v1.1 `screen_name`, and so on."""
    return replace(
        event,
        author_name=text(user.get("name")),
        author_handle=text(user.get("username")) or text(user.get("screen_name")),
        author_followers=followers(user),
        author_verified=verified(user),
        automated=text(obj(user.get("affiliation")).get("description")) == _AUTOMATED,
    )


def followers(user: Json) -> int | None:
    """How many follow them, if X says so."""
    counted = whole(obj(user.get("public_metrics")).get("followers_count"))
    return counted if counted is not None else whole(user.get("followers_count"))


def verified(user: Json) -> bool | None:
    """Whether they bear a mark, of any colour; None where X does not say."""
    if text(user.get("verified_type")) in _VERIFIED:
        return True
    said = user.get("verified")
    return said if isinstance(said, bool) else None


def _all(users: object) -> Iterator[Json]:
    if isinstance(users, dict):
        yield from (user for user in users.values() if isinstance(user, dict))
    else:
        yield from objects(users)


def _id(user: Json) -> str | None:
    return ident(user.get("id_str")) or ident(user.get("id"))
