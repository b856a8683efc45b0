"""The Graph API's ways, common to Facebook, Instagram and WhatsApp: tokens, paths, the error body.

Source: Meta, Graph API, "Handle Errors"; Messenger Platform, "Error Codes"; WhatsApp Cloud API, "Error Codes".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from infra.local.platforms.exchange import Json, PlatformCall, Refusal
from infra.local.platforms.world import Account, World, digits, opaque

DAY = timedelta(hours=24)
WEEK = timedelta(days=7)
GRAPH_CHANNELS = ("facebook", "instagram", "whatsapp")
_VERSIONED = re.compile(r"/v\d+\.\d+/(.+)")


def error(
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    status: int = 400,
    kind: str = "OAuthException",
    transient: bool = False,
    details: str | None = None,
) -> Refusal:
    """Graph's error answer. `details` is WhatsApp's `error_data`."""
    body: dict[str, object] = {"message": message, "type": kind, "code": code, "fbtrace_id": opaque("A", 12)}
    if subcode is not None:
        body["error_subcode"] = subcode
    if transient:
        body["is_transient"] = True
    if details is not None:
        body["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Refusal(status, {"error": body})


def missing(name: str) -> Refusal:
    """A parameter was left out."""
    return error(100, f"(#100) The parameter {name} is required")


def invisible(object_id: str, method: str) -> Refusal:
    """An object that does not exist, or not for this token: Graph does not say which."""
    return error(
        100,
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation",
        subcode=33,
        kind="GraphMethodException",
    )


def revoked(status: int = 400) -> Refusal:
    """The token was withdrawn by its owner."""
    return error(
        190,
        "Error validating access token: The session has been invalidated because the user changed their password or "
        "Facebook has changed the session for security reasons.",
        subcode=460,
        status=status,
    )


def node(call: PlatformCall) -> tuple[str, ...]:
    """The path below the version, split: `/v26.0/123/messages` is ("123", "messages")."""
    versioned = _VERSIONED.fullmatch(call.path)
    if versioned is None:
        raise error(2500, f"Unknown path components: {call.path}")
    return tuple(part for part in versioned[1].split("/") if part)


def bearers(call: PlatformCall, world: World) -> tuple[Account, ...]:
    """The accounts whose token the call carries, in the header or as `access_token`. A Page's token acts for the Page
    and for the Instagram account behind it.
    """
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else call.text("access_token")
    if not given:
        raise error(104, "An access token is required to request this resource.")
    found = tuple(a for a in world.accounts if a.channel in GRAPH_CHANNELS and a.token == given)
    if found:
        return found
    raise error(190, "Invalid OAuth access token - Cannot parse access token")


def required_text(value: object, name: str) -> str:
    """A text that is there. Raises the platform's error where it is not."""
    if not isinstance(value, str) or not value.strip():
        raise missing(name)
    return value


def too_long(name: str, limit: int) -> Refusal:
    """A text over the platform's limit."""
    return error(100, f"(#100) Length of param {name} must be less than or equal to {limit}")


def instant(value: object, otherwise: datetime) -> datetime:
    """A platform's time, in seconds, in milliseconds or as text of either."""
    try:
        number = int(str(value))
        return datetime.fromtimestamp(number / 1000 if number >= 10**11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def part(value: object, name: str) -> Json:
    """A member that is an object, or an empty one."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def parts(value: object, name: str) -> list[Json]:
    """The objects of a member that is a list."""
    inner = value.get(name) if isinstance(value, dict) else None
    return [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []


def word(value: object, name: str) -> str | None:
    """A member as text: ids come as numbers too."""
    inner = value.get(name) if isinstance(value, dict) else None
    return str(inner) if isinstance(inner, str | int) and not isinstance(inner, bool) and inner != "" else None


def milliseconds(at: datetime) -> int:
    """A time as Messenger and Instagram messaging write it."""
    return int(at.timestamp() * 1000)


def seconds(at: datetime) -> int:
    """A time as the rest of Graph writes it."""
    return int(at.timestamp())


def selected(call: PlatformCall, known: Json) -> Json:
    """The fields the call asked for, `id` always among them; all of them where it named none."""
    asked = call.text("fields")
    wanted = {"id", *asked.replace(" ", "").split(",")} if asked else set(known)
    return {name: value for name, value in known.items() if name in wanted}


def within(at: float | None, now: datetime, window: timedelta) -> bool:
    """Whether something that happened at `at` (seconds) lies inside a window that ends now."""
    return at is not None and now - datetime.fromtimestamp(at, UTC) <= window


def made_up_person(person_id: str) -> dict[str, str]:
    """A profile for somebody of whom only the id is known: always the same one."""
    first = _FIRST[sum(person_id.encode()) % len(_FIRST)]
    last = _LAST[sum(person_id.encode()[::2]) % len(_LAST)]
    return {"first_name": first, "last_name": last, "name": f"{first} {last}"}


def comment_number() -> str:
    """A fresh comment id."""
    return digits(15)


_FIRST = ("Ana", "Ben", "Carla", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Lena")
_LAST = ("Berg", "Castro", "Demir", "Engel", "Fischer", "Greco", "Huber", "Ivanova", "Jansen", "Kaya", "Lopez")
