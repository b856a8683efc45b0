"""An account of X: connecting it, renewing its token, and looking people up.

Sources: docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token (two hours; the refresh token works once),
docs.x.com/x-api/webhooks/introduction, docs.x.com/x-api/activity/introduction, docs.x.com/x-api/users/lookup.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.channels._asking import EXPIRES_AT, LONG_AGO, no_page, with_tokens
from shared.channels._calling import basic, bearer, by_status, content, credential, form_call, json_call, query, segment
from shared.channels._reading import obj, text, when
from shared.channels._x_answers import PLATFORM, refusal
from shared.channels._x_feeds import API
from shared.channels._x_people import followers, verified
from shared.domain.connecting import Profile, Proof, Setup, Wanted
from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret

RENEW_BEFORE = timedelta(minutes=30)  # of the two hours an access token lives

_CONSOLE = "console.x.com: your app"
_PRIVATE = ("post.mention.create", "post.reply.create", "post.quote.create", "dm.received", "dm.sent", "chat.received",
            "chat.sent")  # fmt: skip
_PUBLIC = ("post.create", "post.delete", "oauth.revoke")

SETUP = Setup(
    wanted=(
        Wanted(name="account_id", ask="The account's numeric id", where="GET /2/users/me, `data.id`", secret=False),
        Wanted(name="signing", ask="The API key secret (consumer secret)", where=f"{_CONSOLE}, Keys and tokens"),
        Wanted(name="client_id", ask="The OAuth 2.0 client id", where=f"{_CONSOLE}, Keys and tokens", secret=False),
        Wanted(
            name="client_secret", ask="The OAuth 2.0 client secret", where="the same place; a public client has none",
            optional=True,
        ),
        Wanted(
            name="refresh_token",
            ask="A refresh token with the scopes tweet.read tweet.write users.read dm.read dm.write offline.access",
            where="the answer of POST /2/oauth2/token after the account agreed (PKCE)",
        ),
        Wanted(name="access_token", ask="The access token that came with it", where="the same answer", optional=True),
        Wanted(name="app_token", ask="The app's own bearer token", where=f"{_CONSOLE}, Keys and tokens"),
        Wanted(
            name="webhook_id", ask="The id of the webhook, once X has given one", optional=True, secret=False,
            where="GET /2/webhooks with the app's bearer token, after the first connection",
        ),
        Wanted(
            name="plan", ask='"enterprise", where the app may answer posts that do not name the account', optional=True,
            secret=False, where=f"{_CONSOLE}, Usage",
        ),
    ),
    ticks=(
        "Give the app read, write and direct message permission, and OAuth 2.0 for a web app.",
        "The first connection registers {webhook_url}. Its id is in GET /2/webhooks: connect again with it.",
        "Connect accounts of one app only: X does not say for which app it asks when it checks the address.",
        "Label the account as automated and say so in its bio (X's automation rules).",
    ),
)  # fmt: skip


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:
    """Register the address; once its id is known, have it checked again and subscribe the account's events to it.

    Events of what others do need the account's own token, the rest the app's.
    """
    app, own = bearer(secret, "app_token"), bearer(secret)
    if isinstance(app, Refused):
        return ()
    webhook_id = secret.credentials.get("webhook_id", "").strip()
    if not webhook_id:
        return (json_call("POST", f"{API}/webhooks", app, {"url": webhook_url}),)
    proofs = {**dict.fromkeys(_PUBLIC, app), **({} if isinstance(own, Refused) else dict.fromkeys(_PRIVATE, own))}
    checked = json_call("PUT", f"{API}/webhooks/{segment(webhook_id)}", app)
    return (checked, *(_subscription(secret, event, webhook_id, proof) for event, proof in proofs.items()))


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token speaks for."""
    proof = bearer(secret)
    return None if isinstance(proof, Refused) else json_call("GET", f"{API}/users/me", proof)


def proven(answer: Answer) -> Proof | Refused:
    """The account's handle. Total."""
    user = obj(content(answer).get("data"))
    handle = text(user.get("username"))
    if 200 <= answer.status < 300 and handle is not None:
        return Proof(who=f"@{handle}")
    return _refused(answer)


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """The call that asks for a person; X bills it as one user read."""
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return proof
    fields = query({"user.fields": "name,public_metrics,username,verified,verified_type"})
    return json_call("GET", f"{API}/users/{segment(customer_id)}?{fields}", proof)


def profile(answer: Answer) -> Profile | Refused:
    """What X tells of the person. Total: somebody who is gone comes with 200 and a list of errors."""
    user = obj(content(answer).get("data"))
    if not 200 <= answer.status < 300:
        return _refused(answer)
    if not user:
        return Refused(refusal=Refusal.NEVER, reason="X shows nobody under this id: the account is gone or suspended.")
    return Profile(
        name=text(user.get("name")), handle=text(user.get("username")), followers=followers(user),
        verified=verified(user),
    )  # fmt: skip


def expires(secret: Secret) -> datetime | None:
    """When the access token ends; past where there is none, or none of a known age, that could be renewed."""
    if not secret.credentials.get("refresh_token", "").strip():
        return None
    if not secret.credentials.get("access_token", "").strip():
        return LONG_AGO
    return when(secret.credentials.get(EXPIRES_AT)) or LONG_AGO


def renew(secret: Secret, now: datetime) -> Call | Refused | None:  # noqa: ARG001 - the protocol's signature
    """The call that changes the refresh token for a new pair. None where the account has no refresh token.

    The refresh token works once: whoever else calls with it at the same time loses the account.
    """
    if not secret.credentials.get("refresh_token", "").strip():
        return None
    refresh, client = credential(secret, "refresh_token"), credential(secret, "client_id")
    if isinstance(refresh, Refused):
        return refresh
    if isinstance(client, Refused):
        return client
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": client}
    return form_call(f"{API}/oauth2/token", form, _client(client, secret.credentials))


def renewed(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with its new pair. Total."""
    return with_tokens(PLATFORM, secret, answer, now)


def _client(client: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """A confidential client proves itself (RFC 6749, 2.3.1); a public one only names itself."""
    secret = credentials.get("client_secret", "").strip()
    return basic(segment(client), segment(secret)) if secret else {}


def _subscription(secret: Secret, event: str, webhook_id: str, proof: Mapping[str, str]) -> Call:
    wanted = {"event_type": event, "filter": {"user_id": secret.account_id}, "webhook_id": webhook_id}
    return json_call("POST", f"{API}/activity/subscriptions", proof, wanted)


def _refused(answer: Answer) -> Refused:
    """Why a question was not answered."""
    return no_page(refusal(answer, content(answer)) if answer.status >= 400 else by_status(PLATFORM, answer))
