"""No handshake signs for a stranger what a delivery would need: some platforms use one key for both."""

from __future__ import annotations

import pytest

from shared.channels import load_pushing
from shared.domain.exchange import Request
from tests.contract.fixtures import CURRENT, NOW, PUSHING, account, signed, signs_the_body

BODY = '{"event": "forged", "text": "I am not from the platform"}'
ASKED = ("crc_token", "challengeCode", "challenge", "hub.challenge", "verification", "token", "nonce")
AROUND = ("{}", "hmacsha256={}", f"v0:{int(NOW.timestamp())}:{{}}", f"{int(NOW.timestamp())}.{{}}")

binding_channel = pytest.mark.parametrize("name", [name for name in PUSHING if signs_the_body(name)])


@binding_channel
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("around", AROUND)
def test_a_handshake_never_returns_the_signature_of_a_forged_body(name, method, around):
    proofs = [part for value in signed(name, BODY.encode()).headers.values() for part in parts(value)]
    assert proofs
    handshake = {"hub.mode": "subscribe", "hub.verify_token": "word"}
    for parameter in ASKED:
        query = {**handshake, parameter: around.replace("{}", BODY)}
        request = Request(method=method, headers={}, query=query, body=b"")
        response = load_pushing(name).challenge(request, account(name, CURRENT))
        assert response is None or not [proof for proof in proofs if proof in response.body], parameter


def parts(value: str) -> list[str]:
    """The long words of a header: what could be a signature, without its prefix."""
    return [
        word for word in value.replace("sha256=", " ").replace(",", " ").replace("=", " ").split() if len(word) >= 20
    ]
