"""JSON Web Tokens (RFC 7519) that we sign, for platforms that know a caller by them."""

from __future__ import annotations

from collections.abc import Mapping


def signed_token(claims: Mapping[str, object], pem: str, algorithm: str, headers: Mapping[str, str]) -> str | None:
    """A JSON Web Token (RFC 7519) signed with a private key in PEM; None where the key does not fit the algorithm."""
    import jwt  # here: only who signs pays for it

    try:  # a key pasted from JSON holds its line ends as two characters
        return jwt.encode(dict(claims), pem.replace("\\n", "\n"), algorithm=algorithm, headers=dict(headers))
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
