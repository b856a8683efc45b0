from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channels import load, load_pushing, pushing_names
from shared.domain.exchange import Request, Response, accepted
from shared.errors import Misconfigured
from shared.services.webhook import Webhook
from tests.contract.fixtures import (
    CURRENT,
    FOREIGN,
    account,
    key_of,
    signature_headers,
    signed,
    signs_a_time,
    signs_the_body,
)
from tests.fakes.effects import MemoryInbox
from tests.fakes.given import CountingIds, FakeSecrets, FixedClock
from tests.unit.services.crossings import Crossings
from tests.unit.services.stage import FRIDAY_NOON, LONGEST_BODY, Stage

BODY = b'{"object": "page", "entry": []}'
GOOD = Request(method="POST", headers={"signature": "good"}, query={}, body=b"delivery")

every_channel = pytest.mark.parametrize("name", pushing_names())
binding_channel = pytest.mark.parametrize("name", [name for name in pushing_names() if signs_the_body(name)])


class RealWebhook:
    """The webhook with the real channels, one account each."""

    def __init__(self):
        self.crossings, self.inbox, self.clock = Crossings(), MemoryInbox(), FixedClock(FRIDAY_NOON)
        port = self.crossings.port
        secrets = port("secrets", FakeSecrets({name: account(name, CURRENT) for name in pushing_names()}))
        self.webhook = Webhook(load, secrets, port("inbox", self.inbox), self.clock, CountingIds(), LONGEST_BODY)

    def good(self, name):
        return signed(name, BODY, at=self.clock.now())

    def refuses(self, name, request):
        """Whether it answers 401, keeps nothing and asks no port for more than the keys."""
        response = self.webhook.answer(name, request)
        assert response.status == 401
        assert self.inbox.waiting == []
        assert self.crossings.calls == ["secrets.channel"]
        assert key_of(name, CURRENT) not in response.body
        assert not any(value in response.body for value in self.good(name).headers.values())


@every_channel
def test_a_signed_delivery_is_kept_byte_for_byte_and_answered_with_200(name):
    given = RealWebhook()

    response = given.webhook.answer(name, given.good(name))

    assert response == accepted(load_pushing(name))
    (kept,) = given.inbox.waiting
    assert (kept.delivery_id, kept.channel, kept.body, kept.received_at) == ("id-1", name, BODY, FRIDAY_NOON)
    assert given.crossings.calls == ["secrets.channel", "inbox.put"]


@every_channel
def test_a_delivery_signed_with_a_foreign_key_touches_nothing(name):
    given = RealWebhook()

    given.refuses(name, signed(name, BODY, FOREIGN, at=given.clock.now()))


@binding_channel
def test_a_delivery_whose_body_was_changed_touches_nothing(name):
    given = RealWebhook()

    given.refuses(name, replace(given.good(name), body=BODY.replace(b"page", b"pagf")))


@binding_channel
def test_a_truncated_delivery_touches_nothing(name):
    given = RealWebhook()

    given.refuses(name, replace(given.good(name), body=BODY[:-1]))


@every_channel
def test_an_unsigned_delivery_touches_nothing(name):
    given = RealWebhook()

    given.refuses(name, replace(given.good(name), headers={}))


@pytest.mark.parametrize(("name", "header"), [(n, h) for n in pushing_names() for h in signature_headers(n)])
def test_a_delivery_that_lacks_one_header_of_its_proof_touches_nothing(name, header):
    given = RealWebhook()
    good = given.good(name)

    given.refuses(name, replace(good, headers={n: v for n, v in good.headers.items() if n != header}))


@pytest.mark.parametrize("name", [name for name in pushing_names() if signs_a_time(name)])
@pytest.mark.parametrize("age", [timedelta(hours=2), -timedelta(hours=2)])
def test_a_delivery_signed_at_another_time_touches_nothing(name, age):
    given = RealWebhook()

    given.refuses(name, signed(name, BODY, at=given.clock.now() - age))


@every_channel
def test_a_channel_without_accounts_accepts_nothing(name):
    given = RealWebhook()
    webhook = replace(given.webhook, secrets=FakeSecrets())

    assert webhook.answer(name, given.good(name)).status == 401
    assert given.inbox.waiting == []


def test_a_body_over_the_cap_is_refused_before_anything_else_is_looked_at():
    given = RealWebhook()
    huge = Request(method="POST", headers={"content-encoding": "gzip"}, query={}, body=b"x" * (LONGEST_BODY + 1))

    response = given.webhook.answer("no-such-channel", huge)

    assert response.status == 413
    assert f"at most {LONGEST_BODY}" in response.body
    assert given.crossings.calls == []


def test_a_body_of_exactly_the_cap_is_taken():
    stage = Stage()

    assert stage.webhook.answer("scripted", replace(GOOD, body=b"x" * LONGEST_BODY)).status == 200


@pytest.mark.parametrize("name", ["no-such-channel", "", "_meta", "../web", "web.py", "WEB", "x" * 5000, "we\x00b"])
def test_an_unknown_channel_is_404_without_a_look_at_any_secret(name):
    given = RealWebhook()

    response = given.webhook.answer(name, given.good("web"))

    assert response.status == 404
    assert len(response.body) < 200
    assert given.crossings.calls == []


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity", "GZIP"])
def test_a_compressed_body_is_refused_unopened(coding):
    stage = Stage()

    response = stage.webhook.answer("scripted", replace(GOOD, headers={**GOOD.headers, "content-encoding": coding}))

    assert response.status == 415
    assert stage.crossings.calls == []


@pytest.mark.parametrize("coding", ["identity", "Identity", "", " identity "])
def test_a_body_that_says_it_is_not_compressed_is_taken(coding):
    # RFC 9110, 8.4.1: the names of content codings have no case.
    stage = Stage()

    response = stage.webhook.answer("scripted", replace(GOOD, headers={**GOOD.headers, "content-encoding": coding}))

    assert response.status == 200


def test_a_handshake_is_answered_and_nothing_is_kept():
    stage = Stage()

    response = stage.webhook.answer("scripted", Request(method="GET", headers={}, query={}, body=b""))

    assert response == Response(200, "challenge")
    assert stage.crossings.calls == ["secrets.channel"]


@pytest.mark.parametrize("name", ["facebook", "instagram", "whatsapp"])
@pytest.mark.parametrize(("word", "expected"), [("word", Response(200, "1158201444")), ("guess", None)])
def test_the_handshake_of_meta_is_answered_to_who_knows_the_word_alone(name, word, expected):
    given = RealWebhook()
    query = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "1158201444"}

    response = given.webhook.answer(name, Request(method="GET", headers={}, query=query, body=b""))

    assert (response == expected) if expected else (response.status == 403 and "1158201444" not in response.body)
    assert given.inbox.waiting == []


@every_channel
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "NONSENSE", ""])
def test_a_method_that_no_platform_uses_is_405_whatever_its_signature(name, method):
    given = RealWebhook()

    response = given.webhook.answer(name, replace(given.good(name), method=method))

    assert response.status == 405
    assert given.inbox.waiting == []


def test_an_inbox_that_is_away_is_503_so_that_the_platform_sends_again():
    stage = Stage()
    stage.crossings.before("inbox.put")

    response = stage.webhook.answer("scripted", GOOD)

    assert response == Response(503, "The delivery could not be kept. Please send it again.")
    assert stage.webhook.answer("scripted", GOOD).status == 200
    assert len(stage.inbox.waiting) == 1


def test_secrets_that_are_away_are_503_and_nothing_is_kept_unproven():
    stage = Stage()
    stage.crossings.before("secrets.channel")

    assert stage.webhook.answer("scripted", GOOD).status == 503
    assert stage.inbox.waiting == []


def test_a_fault_of_our_own_set_up_is_500_and_tells_nobody_what_it_is():
    def misconfigured():
        raise Misconfigured("The parameter /nightdesk/channels/web/shop is not JSON.")

    stage = Stage()
    stage.crossings.before("secrets.channel", misconfigured)

    response = stage.webhook.answer("scripted", GOOD)

    assert response.status == 500
    assert "nightdesk" not in response.body
    assert "parameter" not in response.body
    assert stage.inbox.waiting == []


def test_every_delivery_has_a_name_of_its_own():
    stage = Stage()

    stage.webhook.answer("scripted", GOOD)
    stage.webhook.answer("scripted", GOOD)

    assert [delivery.delivery_id for delivery in stage.inbox.waiting] == ["id-1", "id-2"]
