"""What Google Cloud Pub/Sub sends to a push endpoint: proof by an OpenID Connect token, and a message in base64.

The keys of an account are Google's certificates as JSON Web Keys (RFC 7517), fetched beforehand and kept among its
signing keys: proving a delivery asks nobody. A token says who sends and to whom, and nothing about the body. Sources:
cloud.google.com/pubsub/docs, "Push subscriptions" and "Authenticate push subscriptions".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.channels._calling import content, json_object
from shared.channels._reading import Json, obj, objects, read_json, text, whole
from shared.domain.events import iso
from shared.domain.exchange import Answer, Refusal, Refused, Request, Secret
from shared.errors import Misconfigured, SignatureRejected, Unreadable

CERTS_URL = "https://www.googleapis.com/oauth2/v3/certs"
CERTS_EXPIRE_AT = "certs_expire_at"  # the credential that says until when the signing keys are fresh, in ISO 8601
SIGNED_FOR = timedelta(hours=1)

_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
_AHEAD = timedelta(minutes=5)  # our clock and Google's
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TOKEN = 8192
_PUBLIC = ("kty", "kid", "n", "e")
_LIFE = timedelta(hours=6)  # of certificates whose answer does not say
_SHORTEST_LIFE, _LONGEST_LIFE = timedelta(hours=1), timedelta(hours=24)
_MAX_AGE = re.compile(r"max-age=(\d{1,9})")


# Proof


def verify(request: Request, secrets: tuple[Secret, ...], now: datetime) -> None:
    """Accept a token of Google's for this audience and this pusher. Raises SignatureRejected and nothing else.

    A good token of another pusher must not do: anybody can have one made with our address as its audience.
    """
    token = _presented(request.headers.get("authorization"))
    known = [(secret, key) for secret in secrets for key in _keys(secret)]
    if not known:
        raise SignatureRejected("No certificate of Google's is stored for this channel, so nothing can be accepted.")
    kid = _kid(token)
    signed = [(secret, claims) for secret, key in known if key.get("kid") == kid and (claims := _claims(token, key))]
    if not signed:
        raise SignatureRejected("No certificate of Google's that is stored here made the token's signature.")
    if not any(_is_our_pusher(claims, secret) for secret, claims in signed):
        raise SignatureRejected("The token is Google's, but for another audience or from another pusher.")
    _check_times(signed[0][1], now)


def sign(secret: Secret, now: datetime) -> dict[str, str]:
    """The headers with which Pub/Sub delivers. Raises Misconfigured where a private key, the audience or the pusher's
    address is missing.
    """
    import jwt

    key = next((json_object(key.encode("utf-8", "replace")) for key in secret.signing if key.strip()), {})
    audience, email = secret.credentials.get("audience"), secret.credentials.get("push_email")
    if not key.get("d") or not audience or not email:
        raise Misconfigured(
            f"The account {secret.account_id} needs a private JWK, `audience` and `push_email` to sign."
        )
    claims = {
        "iss": "https://accounts.google.com",
        "aud": audience,
        "azp": "113774264463038321964",
        "sub": "113774264463038321964",
        "email": email,
        "email_verified": True,
        "iat": int(now.timestamp()),
        "exp": int((now + SIGNED_FOR).timestamp()),
    }
    try:
        signer = jwt.PyJWK.from_dict(dict(key), "RS256").key
        token = jwt.encode(claims, signer, algorithm="RS256", headers={"kid": text(key.get("kid")) or ""})
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Misconfigured(f"The signing key of the account {secret.account_id} is no RSA key in JWK.") from error
    return {"content-type": "application/json", "authorization": f"Bearer {token}"}


def _presented(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
        raise SignatureRejected("The Authorization header holds no bearer token in the form of a JWT.")
    return token


def _keys(secret: Secret) -> Iterator[Mapping[str, str]]:
    """The public part of the account's RSA keys."""
    return (key for _, key in _written(secret))


def _written(secret: Secret) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The account's RSA keys as they are written, each with its public part; one that cannot be read is none."""
    for key in secret.signing:
        known = json_object(key.encode("utf-8", "replace"))
        parts = {name: text(known.get(name)) for name in _PUBLIC}
        if parts["kty"] == "RSA" and parts["n"] and parts["e"]:
            yield key, {name: part for name, part in parts.items() if part is not None}


def _kid(token: str) -> str | None:
    import jwt

    try:
        return text(jwt.get_unverified_header(token).get("kid"))
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None


def _claims(token: str, key: Mapping[str, str]) -> Json | None:
    """What the token says, if this key signed it. Its times are read by our clock, later."""
    import jwt

    try:
        return jwt.decode(
            token,
            jwt.PyJWK.from_dict(dict(key), "RS256").key,
            algorithms=["RS256"],
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
                "verify_iss": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


def _is_our_pusher(claims: Json, secret: Secret) -> bool:
    audience, email = secret.credentials.get("audience", "").strip(), secret.credentials.get("push_email", "").strip()
    named = bool(audience) and claims.get("aud") == audience
    known = bool(email) and claims.get("email") == email and claims.get("email_verified") is True
    return named and known and text(claims.get("iss")) in _ISSUERS


def _check_times(claims: Json, now: datetime) -> None:
    issued, ends = whole(claims.get("iat")), whole(claims.get("exp"))
    if issued is None or ends is None:
        raise SignatureRejected("The token does not say from when until when it is good.")
    if now.timestamp() > min(ends, issued + SIGNED_FOR.total_seconds()):
        raise SignatureRejected("The token has ended.")
    if issued > now.timestamp() + _AHEAD.total_seconds():
        raise SignatureRejected("The token was issued in the future.")


# Certificates


def with_certificates(secret: Secret, answer: Answer, now: datetime) -> Secret | Refused:
    """The account with the certificates Google signs with now, in place of all others. One that is known stays as it
    is written: the sandbox, which plays Google, signs with it. Total.
    """
    found = objects(content(answer).get("keys")) if answer.status == 200 else iter(())
    named = ({name: key[name] for name in _PUBLIC if name in key} for key in found)
    known = {(key["kid"], key["n"]): written for written, key in _written(secret) if "kid" in key}
    keys = [known.get((text(key.get("kid")) or "", text(key.get("n")) or ""), json.dumps(key)) for key in named]
    usable = tuple(key for key in keys if any(_keys(replace(secret, signing=(key,)))))
    if not usable:
        reason = f"Google gave none of the certificates it signs with ({answer.status})."
        return Refused(refusal=Refusal.LATER, reason=reason)
    ends = iso(now + _life(answer)) or ""
    return replace(secret, signing=usable, credentials={**secret.credentials, CERTS_EXPIRE_AT: ends})


def _life(answer: Answer) -> timedelta:
    """How long certificates may be kept: Cache-Control (RFC 9111, 5.2.2.1)."""
    told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
    seconds = timedelta(seconds=int(told[1])) if told else _LIFE
    return min(max(seconds, _SHORTEST_LIFE), _LONGEST_LIFE)


# Message


def strings(payload: Json) -> tuple[str, ...]:
    """Every text in what was published, its attributes included, in order; of the body itself where Pub/Sub was told to
    leave its envelope out.
    """
    if not isinstance(payload.get("message"), dict):
        return tuple(_texts(payload))
    message = obj(payload["message"])
    return (*_texts(message.get("attributes")), *_texts(_data(message.get("data"))))


def _data(value: object) -> object:
    """What stands in `data`: JSON, else the text itself; nothing where it is no base64."""
    try:
        raw = base64.b64decode((text(value) or "").encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        return read_json(raw)
    except Unreadable:
        return raw.decode("utf-8", "replace")


def _texts(value: object) -> Iterator[str]:
    """The texts anywhere in a JSON value, without recursion: a sender decides how deep it is."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            rest.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            rest.extend(reversed(one))
        elif text(one) is not None:
            yield text(one) or ""
