"""LinkedIn pages: comments below the organisation's posts, and posts that mention it.

An account is an organisation, by its number. Credentials: `access_token`, perhaps `refresh_token` with `client_id`, and
for subscribing `application_id` and `member_id`; the client secret is the signing key. Sources:
learn.microsoft.com/linkedin: "Organization Social Action Notifications", "Comments API", "Webhooks", "Refresh Tokens".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from urllib.parse import unquote

from shared.channels import _linkedin_events, _linkedin_signature
from shared.channels._asking import expiry, no_page, with_tokens
from shared.channels._calling import (
    bearer,
    blocked,
    by_status,
    content,
    credential,
    form_call,
    json_call,
    misfit,
    never,
    posted,
    quoted,
    segment,
    signing_credential,
)
from shared.channels._linkedin_events import Comment, comment_of, post_of, thread_of
from shared.channels._reading import ident, obj, objects, text, when, whole
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.events import Surface
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret
from shared.domain.polling import Ask, Feed, Item, Page, Purpose

# Each version lives for a year at least, then every call with it is answered 426 ("Marketing API versioning").
VERSION = "202607"

ABOUT = About(
    title="LinkedIn pages",
    how=(How.PUSH, How.POLL),
    docs="https://learn.microsoft.com/linkedin/marketing/community-management/organizations/"
    "organization-social-action-notifications",
    checked=date(2026, 10, 31),
    acknowledging="off: everything here is public",
    author="an id only: LinkedIn gives no name, no followers and no verified mark of members, and no look-up",
    unproven=(
        "everything: access is granted to reviewed apps only. Open: the 1,250 characters of a comment, which comment "
        "an answer stands below (parentComment), a prefix in the signature's header, the order of what is asked for. "
        "A subscription ends with its member's token or role: connect again then"
    ),
)

CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.COMMENT: Capability(replies=True, limit=1250, parts=3),
    Surface.MENTION: Capability(replies=True, limit=1250),
}

# What a push missed stays to be asked for for 60 days; a push itself is tried again for eight hours.
FEEDS = (
    Feed(
        name="notifications",
        purpose=Purpose.BACKSTOP,
        every=timedelta(hours=6),
        overlap=timedelta(hours=9),
        settle=timedelta(minutes=15),
        lost_after=timedelta(days=60),
    ),
)

RENEW_BEFORE = timedelta(days=7)

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The number of the organisation",
            where="the address of the page's admin view: linkedin.com/company/NUMBER/admin",
            secret=False,
        ),
        Wanted(
            name="signing",
            ask="The app's client secret",
            where="linkedin.com/developers/apps, the app, Auth, Primary Client Secret",
        ),
        Wanted(
            name="access_token",
            ask="A token of a page administrator with rw_organization_admin, r_ and w_organization_social",
            where="linkedin.com/developers/tools/oauth",
        ),
        Wanted(
            name="refresh_token",
            ask="The refresh token, if LinkedIn granted the app programmatic refresh tokens",
            where="the answer that brought the access token",
            optional=True,
        ),
        Wanted(name="client_id", ask="The app's client id", where="the app, Auth", secret=False, optional=True),
        Wanted(
            name="application_id",
            ask="The app's number",
            where="the address of the app: linkedin.com/developers/apps/NUMBER",
            secret=False,
        ),
        Wanted(
            name="member_id",
            ask="The id of the administrator who gave the token",
            where="GET https://api.linkedin.com/v2/userinfo with that token, `sub`",
            secret=False,
        ),
    ),
    ticks=(
        "The app, Products: Community Management API, with the webhook use case (LinkedIn reviews it)",
        "The app, Webhooks: Create webhook, {webhook_url}; LinkedIn validates it then and every two hours",
    ),
)

challenge, verify, sign = _linkedin_signature.challenge, _linkedin_signature.verify, _linkedin_signature.sign
parse = _linkedin_events.parse

_API = "https://api.linkedin.com/rest"
_TOKENS = "https://www.linkedin.com/oauth/v2/accessToken"
_ACTIONS = "COMMENT,ADMIN_COMMENT,COMMENT_EDIT,COMMENT_DELETE,SHARE_MENTION"
_PAGE = 50


# Answering


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - no window
    """The call that comments below the comment at the top of the thread, or below the post that mentions us.

    Source: "Comments API", "Create a comment on a comment".
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never(f"LinkedIn has no surface {outbound.surface}: messages of a page cannot be answered from here.")
    place = thread_of(outbound.thread_id)
    if place is None:
        return never("The message does not name the post it belongs to, so it cannot be answered from here.")
    unfit, headers = misfit(outbound.text, capability), _headers(secret)
    if unfit is not None:
        return unfit
    if isinstance(headers, Refused):
        return headers
    post, top = place
    comment = {
        "actor": f"urn:li:organization:{outbound.account_id}",
        "object": post.urn,
        "message": {"text": outbound.text},
        **({"parentComment": top.urn} if top else {}),
    }
    return json_call("POST", f"{_API}/socialActions/{segment((top or post).urn)}/comments", headers, comment)


def outcome(answer: Answer) -> Outcome:
    """What LinkedIn's answer means. Total."""
    said = content(answer)
    if 200 <= answer.status < 300:
        return posted(_native_id(answer))
    if answer.status == 426:
        return blocked(f"LinkedIn has ended the version {VERSION} of its API: update Nightdesk, then send it again.")
    if answer.status == 422:
        return never(
            f"LinkedIn takes no text twice, not even a deleted one: change the words.{quoted(said.get('message'))}"
        )
    return by_status("LinkedIn", answer, said.get("message"))


def _native_id(answer: Answer) -> str | None:
    """The comment's name as its echo will bear it; LinkedIn gives now its URN, now only its number."""
    said = content(answer)
    given = unquote(answer.headers.get("x-restli-id", "")) or said.get("commentUrn") or said.get("$URN")
    named = comment_of(given) or comment_of(said.get("commentUrn"))
    if named is not None:
        return str(named)
    number, post = ident(given) or ident(said.get("id")), post_of(said.get("object"))
    return str(Comment(post, number)) if post and number and number.isdigit() else text(number)


# Asking


def ask(ask: Ask, secret: Secret) -> Call | Refused:
    """The call for one page of notifications: what LinkedIn told, or should have told, the webhook.

    Source: "Organization Social Action Notifications", "Pull organizational notifications".
    """
    headers = _headers(secret)
    if isinstance(headers, Refused):
        return headers
    if ask.feed != FEEDS[0].name:
        return never(f"LinkedIn has no feed {ask.feed}.")
    start = whole(ask.token) or 0
    entity = segment(f"urn:li:organization:{secret.account_id}")
    span = f"(start:{_milliseconds(ask.since)},end:{_milliseconds(ask.now)})"
    # In Rest.li 2.0 the brackets, colons and commas of structures stay as they are; only values are escaped.
    wanted = f"q=criteria&actions=List({_ACTIONS})&organizationalEntity={entity}&timeRange={span}"
    return json_call("GET", f"{_API}/organizationalEntityNotifications?{wanted}&start={start}&count={_PAGE}", headers)


def page(ask: Ask, answer: Answer, secret: Secret) -> Page | Refused:  # noqa: ARG001 - the protocol's signature
    """The notifications of one page. Total."""
    said = content(answer)
    if answer.status != 200 or not isinstance(said.get("elements"), list):
        return no_page(outcome(answer))
    found = [
        Item(
            item_id=ident(one.get("notificationId")) or text(one.get("generatedActivity")) or "",
            revision=ident(one.get("lastModifiedAt")) or "",
            at=when(one.get("lastModifiedAt")),
            raw=one,
        )
        for one in objects(said["elements"])
    ]
    start, total = whole(ask.token) or 0, whole(obj(said.get("paging")).get("total"))
    more = start + len(found) < total if total is not None else len(found) >= _PAGE
    return Page(items=found, next=str(start + len(found)) if more and found else None)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _headers(secret: Secret) -> dict[str, str] | Refused:
    authorization = bearer(secret)
    if isinstance(authorization, Refused):
        return authorization
    return {**authorization, "linkedin-version": VERSION, "x-restli-protocol-version": "2.0.0"}


# Staying connected


expires = expiry  # after 60 days


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """A new access token; None for an app without refresh tokens, whose administrator has to log in again.

    Source: learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens.
    """
    refresh_token = secret.credentials.get("refresh_token", "").strip()
    if not refresh_token:
        return None
    client_id, client_secret = credential(secret, "client_id"), signing_credential(secret, "client secret")
    if isinstance(client_id, Refused):
        return client_id
    if isinstance(client_secret, Refused):
        return client_secret
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    return form_call(_TOKENS, form)


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new token. Total."""
    return with_tokens("LinkedIn", secret, answer, now)


# Connecting


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """The subscription of this administrator to this page's notifications; putting it again renews it."""
    headers = _headers(secret)
    application, member = (secret.credentials.get(name, "").strip() for name in ("application_id", "member_id"))
    if isinstance(headers, Refused) or not application or not member:
        return ()
    key = ",".join(
        (
            f"developerApplication:{segment(f'urn:li:developerApplication:{application}')}",
            f"user:{segment(f'urn:li:person:{member}')}",
            f"entity:{segment(f'urn:li:organization:{secret.account_id}')}",
            f"eventType:{_linkedin_events.TYPE}",
        )
    )
    return (json_call("PUT", f"{_API}/eventSubscriptions/({key})", headers, {"webhook": webhook_url}),)


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """A look at the organisation itself."""
    headers = _headers(secret)
    if isinstance(headers, Refused):
        return None
    return json_call("GET", f"{_API}/organizations/{segment(secret.account_id)}", headers)


def proven(answer: Answer) -> Proof | Refused:
    """The organisation's name. Total."""
    said = content(answer)
    if answer.status != 200:
        return no_page(outcome(answer))
    return Proof(who=text(said.get("localizedName")) or text(said.get("vanityName")) or "a LinkedIn page")
