"""A Slack channel that we share with customers, and direct messages to our app.

An account is our workspace, by its id (T...); its credential is the app's bot token, `access_token`. Who belongs to
another workspace is a customer; our own people who write there answer them. Sources: docs.slack.dev, "The Events API",
"Verifying requests from Slack", "chat.postMessage", "Slack Connect: working with channels between organizations".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from shared.channels import _slack_events, _slack_signature
from shared.channels._calling import (
    bearer,
    blocked,
    by_status,
    content,
    json_call,
    later,
    misfit,
    never,
    posted,
    query,
    unclear,
)
from shared.channels._reading import obj, text
from shared.channels._slack_text import escaped
from shared.domain.connecting import Profile, Proof, Setup, Wanted
from shared.domain.events import Surface
from shared.domain.exchange import About, Answer, Call, Capability, How, Outbound, Outcome, Refused, Secret, Unclear

ABOUT = About(
    title="Slack: a channel shared with customers",
    how=(How.PUSH,),
    docs="https://docs.slack.dev/apis/events-api",
    checked=date(2026, 10, 31),
    acknowledging="off: the people in a shared channel know one another, and a machine between them is a nuisance",
    author="the id only; name and handle by one call to users.info; no followers, no verified mark",
    unproven=(
        "everything but the signature, which matches Slack's published one. Guests of our own workspace count as our "
        "people: share a channel with the customer's own workspace. What our people answer counts where it "
        "stands in the question's thread. Open: metadata in echoes, links to messages"
    ),
)

# Slack advises at most 4,000 characters and cuts at 40,000 (chat.postMessage, "text").
CAPABILITIES: Mapping[Surface, Capability] = {
    Surface.DM: Capability(replies=True, limit=4000, parts=5),
    Surface.COMMENT: Capability(replies=True, limit=4000, parts=5),
}

SETUP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="The id of our workspace (T...)",
            where="the address of Slack in a browser: app.slack.com/client/T...",
            secret=False,
        ),
        Wanted(name="signing", ask="The app's signing secret", where="api.slack.com/apps, Basic Information"),
        Wanted(
            name="access_token",
            ask="The bot user's OAuth token (xoxb-...)",
            where="api.slack.com/apps, OAuth & Permissions",
        ),
    ),
    ticks=(
        "OAuth & Permissions, bot scopes: chat:write, channels:history, groups:history, im:history",
        "The same page, scopes: users:read, team:read, metadata.message:read; then install the app",
        "Event Subscriptions: Request URL {webhook_url}; bot events message.channels, message.groups, message.im",
        "In Slack: invite the app to every shared channel (/invite)",
    ),
)

challenge, verify, sign = _slack_signature.challenge, _slack_signature.verify, _slack_signature.sign
parse = _slack_events.parse

_API = "https://slack.com/api"
_JSON = {"content-type": "application/json; charset=utf-8"}
_EVENT_TYPE = "nightdesk_answer"  # of the metadata that our token travels in

# Errors of chat.postMessage, by what can be done about them
_WORN_OUT = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_ACCOUNT = frozenset(
    {
        "access_denied", "account_inactive", "enterprise_is_restricted", "invalid_auth", "missing_scope",
        "no_permission", "not_allowed_token_type", "not_authed", "org_login_required", "team_access_not_granted",
        "token_expired", "token_revoked", "two_factor_setup_required", "ekm_access_denied", "restricted_action",
    }
)  # fmt: skip
_NOT_THERE = frozenset({"channel_not_found", "not_in_channel"})
_NEVER = frozenset(
    {
        "cannot_reply_to_message", "is_archived", "is_inactive", "markdown_text_conflict", "message_not_found",
        "messages_tab_disabled", "msg_too_long", "no_text", "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel", "restricted_action_thread_locked",
        "restricted_action_thread_only_channel", "slack_connect_canvas_sharing_blocked", "thread_not_found",
    }
)  # fmt: skip


def reply(outbound: Outbound, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - no window
    """The call that posts it below the question. Source: docs.slack.dev/reference/methods/chat.postMessage.

    Our token travels in the message's metadata, and comes back with the echo where the app may read metadata.
    """
    capability = CAPABILITIES.get(outbound.surface)
    if capability is None:
        return never(f"Slack has no surface {outbound.surface}.")
    authorization, misfits = bearer(secret), misfit(outbound.text, capability)
    if isinstance(authorization, Refused):
        return authorization
    if misfits is not None:
        return misfits
    channel, _, thread_ts = outbound.thread_id.partition(":")
    if not channel:
        return never("The message does not say which channel it is in, so it cannot be answered from here.")
    message = {
        "channel": channel,
        "text": escaped(outbound.text),
        **({"thread_ts": thread_ts} if thread_ts else {}),
        "unfurl_links": False,
        "metadata": {"event_type": _EVENT_TYPE, "event_payload": {"client_token": outbound.client_token}},
    }
    return json_call("POST", f"{_API}/chat.postMessage", {**_JSON, **authorization}, message)


def outcome(answer: Answer) -> Outcome:
    """What Slack's answer means: 200 says nothing, `ok` does. Total."""
    said = content(answer)
    if answer.status == 200 and said.get("ok") is True:
        name = _slack_events.message_id(said.get("channel"), said.get("ts"))
        return posted(name)
    if answer.status == 200 and said.get("ok") is False:
        return _refusal(answer, text(said.get("error")) or "no error named")
    if answer.status == 200:
        return unclear("Slack", answer)
    return by_status("Slack", answer, said.get("error"))


def _refusal(answer: Answer, error: str) -> Outcome:
    """What an error's name means. Of internal_error and fatal_error Slack says that the post may have been made."""
    if error in _WORN_OUT:
        return later("Slack", answer)
    if error in _NOT_THERE:
        return blocked(f"The app is not in this channel ({error}): invite it there with /invite.")
    if error in _ACCOUNT:
        return blocked(f"Slack does not let the app post ({error}): install it again with its scopes, or ask an admin.")
    if error in _NEVER:
        return never(f"Slack does not take this answer in this place ({error}).")
    return Unclear(f"Slack answers {error[:60]}: whether the text was posted is unknown.")


# Connecting and looking up


def subscribe(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the protocol's signature
    """Nothing: an app's Request URL is entered by a person."""
    return ()


def prove(secret: Secret, now: datetime) -> Call | None:  # noqa: ARG001 - the protocol's signature
    """Who the token belongs to. Source: docs.slack.dev/reference/methods/auth.test."""
    authorization = bearer(secret)
    return None if isinstance(authorization, Refused) else json_call("POST", f"{_API}/auth.test", authorization)


def proven(answer: Answer) -> Proof | Refused:
    """The app's name in its workspace. Total."""
    said = content(answer)
    if said.get("ok") is not True:
        return _unread(answer)
    return Proof(who=f"{text(said.get('user')) or 'the app'} in {text(said.get('team')) or 'its workspace'}")


def look_up(customer_id: str, secret: Secret, now: datetime) -> Call | Refused:  # noqa: ARG001 - the protocol's signature
    """A person's name, or that of a whole workspace (T..., E...), as a shared channel lets us see it.

    Sources: docs.slack.dev/reference/methods/users.info and /team.info.
    """
    authorization = bearer(secret)
    if isinstance(authorization, Refused):
        return authorization
    if customer_id.startswith(("T", "E")):
        return json_call("GET", f"{_API}/team.info?{query({'team': customer_id})}", authorization)
    return json_call("GET", f"{_API}/users.info?{query({'user': customer_id})}", authorization)


def profile(answer: Answer) -> Profile | Refused:
    """What Slack tells of a person or a workspace. Total."""
    said = content(answer)
    if said.get("ok") is not True:
        return _unread(answer)
    user, team = obj(said.get("user")), obj(said.get("team"))
    shown = obj(user.get("profile"))
    return Profile(
        name=text(user.get("real_name")) or text(shown.get("real_name")) or text(team.get("name")),
        handle=text(shown.get("display_name")) or text(user.get("name")) or text(team.get("domain")),
    )


def _unread(answer: Answer) -> Refused:
    """Why Slack told nothing; what is unclear of a reading call may simply be asked again."""
    meaning = outcome(answer)
    return meaning if isinstance(meaning, Refused) else later("Slack", answer)
