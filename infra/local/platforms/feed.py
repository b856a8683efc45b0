"""A server of Atom feeds, one for each account, that answers conditional requests (RFC 4287; RFC 9110, 13.1)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, Shown, World

CHANNEL = "feed"
ACCOUNT = "alerts-acme"
HOSTS = ("feeds.example",)
DEMO = "message__google-alert"

_FEED = "entries"


def credentials() -> dict[str, str]:
    """An address that only who was told it knows, as Google's alerts have."""
    return {"url": f"https://{HOSTS[0]}/alerts/feeds/{secrets.token_hex(10)}/{secrets.token_hex(8)}"}


def learn(world: World, delivery: object, now: datetime) -> None:
    """Show what a fetched delivery holds in the account's feed."""
    held = delivery if isinstance(delivery, dict) else {}
    account_id, items = held.get("account_id"), held.get("items")
    if not isinstance(account_id, str) or not isinstance(items, list):
        return
    for item in items:
        entry_id = item.get("id") if isinstance(item, dict) else None
        if isinstance(entry_id, str):
            at = _at(item.get("published"), now).timestamp()
            world.show(
                Shown(channel=CHANNEL, account_id=account_id, feed=_FEED, item_id=entry_id, at=at, raw=dict(item))
            )


def channel_of(call: PlatformCall, world: World) -> str:  # noqa: ARG001  as the others
    """A server of feeds is one channel."""
    return CHANNEL


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """The account's feed, or 304 where it has not changed since the entity tag or the time that the call names."""
    account = _account(call, world)
    if call.method != "GET":
        raise Refusal(405, {"error": "GET only"})
    shown = world.feed(CHANNEL, account.account_id, _FEED)
    document = _atom(account, shown)
    tag = f'"{hashlib.sha256(document).hexdigest()[:16]}"'
    headers = {"etag": tag, "content-type": "application/atom+xml; charset=utf-8", "cache-control": "private"}
    if call.headers.get("if-none-match") == tag:
        return PlatformAnswer(status=304, headers=headers)
    return PlatformAnswer(body=document, headers=headers)


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001  as the others
    """The error of a bad day; a feed's token is its address, and a withdrawn address is gone."""
    if kind == "throttle":
        return Refusal(429, {"error": "Too Many Requests"}, {"retry-after": "60"})
    if kind == "revoked_token":
        return Refusal(410, {"error": "Gone"})
    return Refusal(503, {"error": "Service Unavailable"})


def _account(call: PlatformCall, world: World) -> Account:
    for account in world.accounts:
        if account.channel == CHANNEL and account.credentials.get("url") == f"https://{call.host}{call.path}":
            return account
    raise Refusal(404, {"error": "Not Found"})


def _atom(account: Account, shown: list[Shown]) -> bytes:
    newest = max((s.at for s in shown), default=0.0)
    entries = "".join(_entry(s) for s in shown)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>tag:feeds.example,2026:{escape(account.account_id)}</id>"
        f"<title>Alerts of {escape(account.account_id)}</title>"
        f"<updated>{_stamp(newest)}</updated>{entries}</feed>"
    ).encode()


def _entry(shown: Shown) -> str:
    raw = shown.raw
    name = f"<author><name>{_html(raw, 'author')}</name></author>" if raw.get("author") else ""
    site = f"<source><title>{_html(raw, 'site')}</title></source>" if raw.get("site") else ""
    link = f'<link href="{_html(raw, "link")}"/>' if raw.get("link") else ""
    times = f"<published>{_stamp(shown.at)}</published>" if raw.get("published") else ""
    return (
        f"<entry><id>{escape(shown.item_id)}</id><title>{_html(raw, 'title')}</title>{link}{times}"
        f"<updated>{_stamp(shown.at)}</updated>{name}{site}<content>{_html(raw, 'text')}</content></entry>"
    )


def _html(raw: dict[str, object], name: str) -> str:
    return escape(str(raw.get(name) or ""), {'"': "&quot;"})


def _at(written: object, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(written))
    except ValueError:
        return now


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
