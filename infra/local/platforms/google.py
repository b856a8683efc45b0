"""What Google's platforms share: the token endpoint, the certificates, bearer tokens, the error body.

Sources: developers.google.com/identity/protocols/oauth2; RFC 6749, 5; cloud.google.com/apis/design/errors.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta

from infra.local.platforms.exchange import PlatformAnswer, PlatformCall, Refusal
from infra.local.platforms.world import Account, World

HOSTS = ("oauth2.googleapis.com", "www.googleapis.com")

_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_SECONDS = 3599
_CERTS_SECONDS = 21_600
_ISSUED = "issued_token"  # beside the one the account was set up with: both act for it


def channel_of(call: PlatformCall, world: World) -> str:
    """The channel of the account a token is wanted for; that of the certificates is the one channel that needs them."""
    if call.host == HOSTS[1]:
        return "google_business"
    return _account_wanted(call, world).channel


def answer(call: PlatformCall, world: World) -> PlatformAnswer:
    """`POST /token` and `GET /oauth2/v3/certs`."""
    if (call.host, call.method, call.path) == (HOSTS[0], "POST", "/token"):
        return _token(call, world)
    if (call.host, call.method, call.path) == (HOSTS[1], "GET", "/oauth2/v3/certs"):
        return _certificates(world)
    raise error(404, "NOT_FOUND", f"The requested URL {call.path} was not found on this server.")


def trouble(kind: str, channel: str) -> Refusal:  # noqa: ARG001 - as the others
    """The error of a bad day."""
    if kind == "throttle":
        message = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service."
        return error(429, "RESOURCE_EXHAUSTED", message, reason="RATE_LIMIT_EXCEEDED")
    if kind == "revoked_token":
        return unauthenticated()
    return error(503, "UNAVAILABLE", "The service is currently unavailable.")


def error(status: int, word: str, message: str, *, reason: str | None = None) -> Refusal:
    """google.rpc.Status as its JSON form."""
    body: dict[str, object] = {"code": status, "message": message, "status": word}
    if reason is not None:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        body["details"] = [{"@type": kind, "reason": reason, "domain": "googleapis.com"}]
    return Refusal(status, {"error": body})


def unauthenticated() -> Refusal:
    """A token that is none, or none any more."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential."
    )
    return error(401, "UNAUTHENTICATED", message, reason="ACCESS_TOKEN_EXPIRED")


def holder(call: PlatformCall, world: World, channel: str, account_id: str) -> Account:
    """The account whose token the call carries and which it is about. Raises 401 or 403."""
    given = call.bearer()
    holders = [a for a in world.accounts if given and given in {a.token, a.credentials.get(_ISSUED)}]
    if not holders:
        raise unauthenticated()
    for account in holders:
        if (account.channel, account.account_id) == (channel, account_id):
            return account
    raise error(403, "PERMISSION_DENIED", "The caller does not have permission")


def _token(call: PlatformCall, world: World) -> PlatformAnswer:
    account = _account_wanted(call, world)
    token = "ya29." + secrets.token_urlsafe(40)
    account.credentials[_ISSUED] = token
    return PlatformAnswer(body={"access_token": token, "expires_in": _LIFE_SECONDS, "token_type": "Bearer"})


def _account_wanted(call: PlatformCall, world: World) -> Account:
    grant = call.text("grant_type")
    if grant == "refresh_token":
        found = [a for a in world.accounts if _refreshes(call, a)]
    elif grant == _ASSERTION_GRANT:
        found = [a for a in world.accounts if _asserted(call, a)]
    else:
        raise Refusal(400, {"error": "unsupported_grant_type", "error_description": f"Invalid grant_type: {grant}"})
    if not found:
        raise Refusal(400, {"error": "invalid_grant", "error_description": "Bad Request"})
    return found[0]


def _refreshes(call: PlatformCall, account: Account) -> bool:
    names = ("client_id", "client_secret", "refresh_token")
    return all(call.text(n) and call.text(n) == account.credentials.get(n) for n in names)


def _asserted(call: PlatformCall, account: Account) -> bool:
    """Whether the assertion is signed with the service account's key, for this endpoint, and at most an hour long."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem, email = account.credentials.get("private_key"), account.credentials.get("client_email")
    if not pem or not email:
        return False
    try:
        key = load_pem_private_key(pem.encode(), None)
        if not isinstance(key, RSAPrivateKey):
            return False
        claims = jwt.decode(
            call.text("assertion") or "", key.public_key(), algorithms=["RS256"], audience=_TOKEN_URL, issuer=email,
            options={"verify_exp": False, "verify_iat": False},  # by the sandbox's clock, below
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    issued, ends = claims.get("iat", 0), claims.get("exp", 0)
    lives = issued <= call.now.timestamp() + 300 and call.now.timestamp() < ends
    return lives and ends - issued <= timedelta(hours=1).total_seconds() and bool(claims.get("scope"))


def _certificates(world: World) -> PlatformAnswer:
    """The public part of every key that signs pushes."""
    keys = [_public(key) for a in world.accounts if a.channel == "google_business" for key in a.signing]
    headers = {"cache-control": f"public, max-age={_CERTS_SECONDS}, must-revalidate, no-transform"}
    return PlatformAnswer(body={"keys": keys}, headers=headers)


def _public(key: str) -> dict[str, object]:
    known = json.loads(key)
    return {name: known[name] for name in ("kty", "alg", "use", "kid", "n", "e") if name in known}


def private_key() -> str:
    """A fresh RSA key in PEM, as the key file of a service account holds it."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
