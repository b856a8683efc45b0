"""TikTok business accounts: comments below our videos, direct messages, and videos or comments that name the brand.

An account is a business account, by its open id. Credentials: `access_token` (a day), `refresh_token` (a new one each
time) and `client_id`, the app's id; the app's secret is the signing key. Sources: business-api.tiktok.com/portal/docs,
"Comments", "Business messaging", "TikTok accounts: obtain and refresh a token", "Webhooks".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.channels import _tiktok_events, _tiktok_signature
from shared.channels._asking import expiry, no_page, with_tokens
from shared.channels._calling import (
    blocked,
    by_hand,
    by_status,
    content,
    credential,
    json_call,
    later,
    misfit,
    never,
    posted,
    query,
    quoted,
    signing_credential,
    unclear,
)
from shared.channels._reading import ident, obj, objects, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Surface
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

ABOUT = About(
    title="TikTok: comments and direct messages",
    how=(How.PUSH,),
    docs="https://business-api.tiktok.com/portal/docs",
    checked=date(2026, 10, 31),
    acknowledging="on in direct messages, where it is one of the ten that TikTok allows; off in public",
    author="a comment's name and handle once it is fetched, a message's handle; no followers, nothing to look up",
    unproven=(
        "everything: messaging needs a reviewed app and is not offered in the EU. Open: what a brand mention and "
        "im_receive_msg_eu hold, the codes of errors, the address of the reply to a comment. TikTok's own automatic "
        "messages may look like a person's answer. The ten messages in 48 hours are not counted here: TikTok refuses "
        "the eleventh. Pictures, which TikTok keeps for a day, are not copied"
    ),
)

# 48 hours after the customer's last message, and at most ten messages of ours in them: the ten are not counted here,
# TikTok refuses the eleventh. A comment's answer is only for videos of our own.
CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=6000, window=timedelta(hours=48), acknowledges=True),
    Surface.COMMENT: Capability(replies=True, limit=150),
    Surface.MENTION: Capability(replies=False, limit=150),
}

FEEDS = (Feed(name=_tiktok_events.COMMENTS, purpose=Purpose.POINTED),)

RENEW_BEFORE = timedelta(hours=3)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The business account's open id",
            where="the answer to /tt_user/oauth2/token/, `open_id`",
            secret=False,
        ),
        Wanted(
            name="client_id",
            ask="The app's id",
            where="business-api.tiktok.com/portal, My Apps, the app, Basic information",
            secret=False,
        ),
        Wanted(name="signing", ask="The app's secret", where="the same page"),
        Wanted(name="access_token", ask="An access token of the account", where="the answer to /tt_user/oauth2/token/"),
        Wanted(name="refresh_token", ask="The refresh token", where="the same answer"),
    ),
    ticks=(
        "The app, permissions: TikTok Accounts with comments and, where it is offered, Business Messaging",
        "Webhooks are registered by Nightdesk at {webhook_url}: one for comments, one for direct messages",
    ),
)

challenge, verify, sign = _tiktok_signature.challenge, _tiktok_signature.verify, _tiktok_signature.sign
parse = _tiktok_events.parse

_API = "https://business-api.tiktok.com/open_api/v1.3"

# business-api.tiktok.com/portal/docs, "Return codes"
_OK = 0
_WORN_OUT = frozenset({40100})
_TOKEN = frozenset({40102, 40103, 40104, 40105})
_PERMISSION = frozenset({40001})
_FAULTS_FROM = 50_000


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:
    """The call that posts it: a message into the conversation, or an answer to a comment below our own video."""
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never(f"TikTok has no surface {outbound.surface}.")
    if not capability.replies:
        return by_hand("TikTok takes answers only below our own videos: answer this one in TikTok's own app.")
    unfit = misfit(outbound.text, capability)
    if unfit is not None:
        return unfit
    if outbound.surface is Surface.DM:
        return _direct_message(outbound, secret, capability, now)
    video_id, _, top = outbound.thread_id.partition(":")
    if not video_id or not top:
        return never("The comment does not name its video, so it cannot be answered from here.")
    answer = {
        "business_id": outbound.account_id,
        "video_id": video_id,
        "comment_id": outbound.in_reply_to or top,
        "text": outbound.text,
    }
    return _post("/business/comment/reply/create/", secret, answer)


def _direct_message(outbound: Outbound, secret: Secret, capability: Capability, now: datetime) -> Call | Refused:
    if outbound.last_inbound_at is None:
        return never("TikTok takes a message only to somebody who wrote first.")
    if capability.window is not None and now - outbound.last_inbound_at > capability.window:
        return never("TikTok takes answers for 48 hours after the customer's last message: they are over.")
    message = {
        "business_id": outbound.account_id,
        "recipient_type": "CONVERSATION",
        "recipient": outbound.thread_id,
        "message_type": "TEXT",
        "text": {"body": outbound.text},
    }
    return _post("/business/message/send/", secret, message)


def outcome(answer: Answer) -> Outcome:
    """What TikTok's answer means: HTTP's 200 says nothing, `code` does. Total."""
    if answer.status != 200:
        return by_status("TikTok", answer, content(answer).get("message"))
    said = content(answer)
    code = whole(said.get("code"))
    if code == _OK:
        data = obj(said.get("data"))
        # The message's id lies one level deeper than a comment's.
        return posted(ident(obj(data.get("message")).get("message_id")) or ident(data.get("comment_id")))
    if code is None or code >= _FAULTS_FROM:
        return unclear("TikTok", answer)
    return _refusal(code, answer)


def _refusal(code: int, answer: Answer) -> Refused:
    words = quoted(content(answer).get("message"))
    if code in _WORN_OUT:
        return later("TikTok", answer)
    if code in _TOKEN:
        return blocked(f"TikTok does not accept the account's token any more ({code}): connect it again.{words}")
    if code in _PERMISSION:
        return blocked(f"TikTok does not let this app do that ({code}): check its permissions.{words}")
    return never(f"TikTok refused it ({code}).{words}")


def _post(path: str, secret: Secret, payload: Mapping[str, object]) -> Call | Refused:
    token = credential(secret, "access_token")
    return token if isinstance(token, Refused) else json_call("POST", _API + path, {"access-token": token}, payload)


def _get(path: str, secret: Secret, parameters: Mapping[str, str | int]) -> Call | Refused:
    token = credential(secret, "access_token")
    if isinstance(token, Refused):
        return token
    return json_call("GET", f"{_API}{path}?{query(parameters)}", {"access-token": token})


# Fetching


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for the comment that a webhook pointed at. Source: /business/comment/list/, `comment_ids`."""
    video_id, _, comment_id = (ask.reference or "").partition(":")
    if ask.feed != _tiktok_events.COMMENTS or not video_id or not comment_id:
        return never("TikTok can only be asked for a comment by its video and its id.")
    wanted = {"business_id": secret.account_id, "video_id": video_id, "comment_ids": json.dumps([comment_id])}
    return _get("/business/comment/list/", secret, wanted)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The comment, or nothing where it is gone already. Total."""
    said = content(answer)
    comments = obj(said.get("data")).get("comments")
    if answer.status != 200 or whole(said.get("code")) != _OK or not isinstance(comments, list):
        return no_page(outcome(answer))
    found = [
        Item(item_id=ident(one.get("comment_id")) or "", at=when(one.get("create_time")), raw=one)
        for one in objects(comments)
    ]
    return Page(items=found)


# Staying connected


expires = expiry  # after a day


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """A new access token, and a new refresh token. Source: /tt_user/oauth2/refresh_token/."""
    client_id, refresh_token = credential(secret, "client_id"), credential(secret, "refresh_token")
    app_secret = signing_credential(secret, "app secret")
    for one in (client_id, refresh_token, app_secret):
        if isinstance(one, Refused):
            return one
    form = {
        "client_id": client_id,
        "client_secret": app_secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    return json_call("POST", f"{_API}/tt_user/oauth2/refresh_token/", None, form)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new tokens, which lie under `data`. Total."""
    said = content(answer)
    if answer.status == 200 and whole(said.get("code")) != _OK:
        code = whole(said.get("code"))
        return no_page(outcome(answer)) if code is None or code >= _FAULTS_FROM or code in _WORN_OUT else _lost(code)
    unwrapped = json.dumps(obj(said.get("data"))).encode() if answer.status == 200 else answer.body
    return with_tokens("TikTok", secret, replace(answer, body=unwrapped), now)


def _lost(code: int) -> Refused:
    return blocked(f"TikTok gives no new access token ({code}): connect the account again.")


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """The app's webhooks, one for each sort of event. Source: /business/webhook/update/."""
    app_id, app_secret = secret.credentials.get("client_id", "").strip(), next(iter(secret.signing), "").strip()
    if not app_id or not app_secret:
        return ()
    sorts = ("COMMENT", "DIRECT_MESSAGE")
    wishes = ({"app_id": app_id, "secret": app_secret, "event_type": s, "callback_url": webhook_url} for s in sorts)
    return tuple(json_call("POST", f"{_API}/business/webhook/update/", None, wish) for wish in wishes)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """A look at the account itself. Source: /business/get/."""
    wanted = {"business_id": secret.account_id, "fields": json.dumps(["username", "display_name"])}
    call = _get("/business/get/", secret, wanted)
    return None if isinstance(call, Refused) else call


def proven(answer: Answer) -> Proof | Refused:
    """The account's name. Total."""
    said = content(answer)
    if answer.status != 200 or whole(said.get("code")) != _OK:
        return no_page(outcome(answer))
    data = obj(said.get("data"))
    return Proof(who=text(data.get("username")) or text(data.get("display_name")) or "a TikTok account")
