"""How accounts of Meta's platforms are connected: what is asked, which calls install the app, which one proves it.

The address, the verify token and the fields are entered once for the app, in its dashboard; then the app is installed
on each Page, account or business. Sources: developers.facebook.com/docs/graph-api/webhooks/getting-started;
.../docs/messenger-platform/webhooks; .../docs/instagram-platform/webhooks; .../docs/whatsapp/cloud-api/get-started.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.channels import _meta, _meta_tokens
from shared.channels._asking import no_page
from shared.channels._calling import bearer, blocked, content, query, segment
from shared.channels._reading import ident, text
from shared.domain.connecting import Proof, Setup, Wanted
from shared.domain.exchange import Answer, Call, Posted, Refused, Secret

_PAGE_FIELDS = ("messages", "messaging_postbacks", "message_echoes", "message_reads", "feed", "mention", "ratings")
_ACCOUNT_FIELDS = ("messages", "message_reactions", "messaging_postbacks", "messaging_seen", "comments", "mentions")
_MORE_OF_A_PAGE = (  # a field comes only where both the app and the Page are subscribed to it
    "Where they are offered, tick message_edits, message_deliveries, message_reactions and standby too: there, and in "
    "Messenger API settings beside the Page, Add subscriptions."
)
_MORE_OF_AN_ACCOUNT = "Where they are offered, tick message_edit, live_comments and standby too."
_PUBLISH = "Publish the app (Live mode): until then only the dashboard's own test events come."

_APP_SECRET = Wanted(
    name="signing", ask="App secret", where="developers.facebook.com, your app, App settings, Basic, Show"
)
_WORD = Wanted(
    name="verify_token", ask="Verify token", where="your own choice; you enter the same word in the app's dashboard",
    made=True,
)  # fmt: skip

FACEBOOK = Setup(
    wanted=(
        Wanted(
            name="account_id", ask="Id of the Page", where="the Page, About, Page transparency, Page ID", secret=False
        ),
        _APP_SECRET,
        _WORD,
        Wanted(
            name="access_token",
            ask="Page access token that does not expire",
            where=(
                "developers.facebook.com, your app, Messenger, Messenger API settings, Generate token; it needs "
                "pages_messaging, pages_manage_metadata, pages_read_engagement, pages_manage_engagement and "
                "pages_read_user_content"
            ),
        ),
    ),
    ticks=(
        "In the app's dashboard, Webhooks, object Page: enter {webhook_url} and the verify token.",
        f"Tick there: {', '.join(_PAGE_FIELDS)}. Leave `Include values` on.",
        _MORE_OF_A_PAGE,
        _PUBLISH,
    ),
)
INSTAGRAM = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="Id of the professional account",
            where="your app, Instagram, API setup with Instagram login, beside the account",
            secret=False,
        ),
        Wanted(
            name="signing",
            ask="Instagram app secret (with Facebook login: the app secret)",
            where="your app, Instagram, API setup with Instagram login, Instagram app secret",
        ),
        _WORD,
        Wanted(name="access_token", ask="Access token of the account", where="the same page, Generate token"),
        Wanted(
            name="flavour",
            ask='"instagram" or "facebook": which login the token came by',
            where="instagram.com: Instagram login; a linked Page: Facebook login",
            secret=False,
        ),
        Wanted(
            name="page_id",
            ask="With Facebook login: id of the linked Page",
            where="the Page, About, Page transparency, Page ID",
            secret=False,
            optional=True,
        ),
        _meta_tokens.ENDS,
    ),
    ticks=(
        "In the app's dashboard, Webhooks, object Instagram: enter {webhook_url} and the verify token.",
        f"Tick there: {', '.join(_ACCOUNT_FIELDS)}.",
        _MORE_OF_AN_ACCOUNT,
        "In the Instagram app: Settings, Messages, Connected tools, Allow access to messages.",
        _PUBLISH,
    ),
)
WHATSAPP = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="Phone number id (not the number)",
            where="your app, WhatsApp, API setup",
            secret=False,
        ),
        Wanted(
            name="waba_id",
            ask="Id of the WhatsApp Business account",
            where="your app, WhatsApp, API setup",
            secret=False,
        ),
        _APP_SECRET,
        _WORD,
        Wanted(
            name="access_token",
            ask="Token of a system user that does not expire",
            where=(
                "business.facebook.com, Settings, System users, Generate token, with whatsapp_business_messaging and "
                "whatsapp_business_management"
            ),
        ),
    ),
    ticks=(
        "In the app's dashboard, WhatsApp, Configuration: enter {webhook_url} and the verify token.",
        "Tick there: messages; with the app on a phone beside it also smb_message_echoes.",
        _PUBLISH,
    ),
)


def page_subscribed(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the address is the app's
    """Installs the app on the Page."""
    return _installed(secret, _meta.GRAPH, secret.account_id, {"subscribed_fields": ",".join(_PAGE_FIELDS)})


def instagram_subscribed(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the address is the app's
    """Installs the app on the account; with Facebook login on its Page, where one field of the Page has to be named."""
    if secret.credentials.get("flavour") == "facebook":
        page_id = secret.credentials.get("page_id", "")
        return _installed(secret, _meta.GRAPH, page_id, {"subscribed_fields": "messages"}) if page_id else ()
    host = f"https://graph.instagram.com/{_meta.VERSION}"
    return _installed(secret, host, "me", {"subscribed_fields": ",".join(_ACCOUNT_FIELDS)})


def business_subscribed(secret: Secret, webhook_url: str) -> tuple[Call, ...]:  # noqa: ARG001 - the address is the app's
    """Installs the app on the WhatsApp Business account."""
    business = secret.credentials.get("waba_id", "")
    return _installed(secret, _meta.GRAPH, business, {}) if business else ()


def page_proof(secret: Secret) -> Call | None:
    """Asks for the Page's own name."""
    return _asked(secret, _meta.GRAPH, secret.account_id, "id,name")


def instagram_proof(secret: Secret) -> Call | None:
    """Asks for the account's own handle, at the host where its token is good."""
    if secret.credentials.get("flavour") == "facebook":
        return _asked(secret, _meta.GRAPH, secret.account_id, "id,username")
    return _asked(secret, f"https://graph.instagram.com/{_meta.VERSION}", "me", "user_id,username")


def number_proof(secret: Secret) -> Call | None:
    """Asks for the number's own name."""
    return _asked(secret, _meta.GRAPH, secret.account_id, "id,display_phone_number,verified_name")


def proven(answer: Answer) -> Proof | Refused:
    """What Meta calls the account. Total."""
    said = content(answer)
    if not 200 <= answer.status < 300 or "error" in said:
        outcome = _meta.outcome(answer)
        return blocked("Meta does not say whose token this is.") if isinstance(outcome, Posted) else no_page(outcome)
    name = next((text(said.get(key)) for key in ("name", "username", "verified_name") if text(said.get(key))), None)
    known = name or ident(said.get("id")) or ident(said.get("user_id"))
    return Proof(who=known) if known else blocked("Meta does not say whose token this is: make a new one.")


def _installed(secret: Secret, host: str, node: str, parameters: Mapping[str, str]) -> tuple[Call, ...]:
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return ()
    asked = f"?{query(parameters)}" if parameters else ""
    return (Call(method="POST", url=f"{_meta.edge(host, node, 'subscribed_apps')}{asked}", headers=proof),)


def _asked(secret: Secret, host: str, node: str, fields: str) -> Call | None:
    proof = bearer(secret)
    if isinstance(proof, Refused):
        return None
    return Call(method="GET", url=f"{host}/{segment(node)}?{query({'fields': fields})}", headers=proof)
