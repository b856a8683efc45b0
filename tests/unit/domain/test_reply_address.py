from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.reply_address import ReplyAddress, ReplyAddressRejected, make, read
from shared.errors import Fault, Misconfigured

NOW = datetime(2026, 10, 2, 8, 30, tzinfo=UTC)
KEY, OLD_KEY = b"current key of the desk", b"previous key of the desk"
DOMAIN = "in.shop.example"
CONVERSATION, AGENT = "abcdefghijklmn23", "zyxwvu76"

names = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)


def made(**changes: object) -> str:
    terms: dict[str, object] = {"keys": (KEY,), "domain": DOMAIN, "now": NOW} | changes
    return make(CONVERSATION, AGENT, **terms)  # type: ignore[arg-type]  # keywords of make, changed one by one


def reason(address: str, *, keys: tuple[bytes, ...] = (KEY,), domain: str = DOMAIN, now: datetime = NOW) -> str:
    with pytest.raises(ReplyAddressRejected) as refused:
        read(address, keys=keys, domain=domain, now=now)
    assert refused.value.fault is Fault.SENDER
    return str(refused.value)


@settings(deadline=None)
@given(conversation=names, agent=names.map(lambda name: name[:8]), key=st.binary(min_size=1))
def test_what_was_made_is_read_again(conversation, agent, key):
    address = make(conversation, agent, keys=(key,), domain=DOMAIN, now=NOW)
    assert read(address, keys=(key,), domain=DOMAIN, now=NOW) == ReplyAddress(conversation, agent)


def test_the_local_part_fits_into_64_octets_of_lower_case_and_digits():
    local = made().partition("@")[0]
    assert len(local) <= 64
    assert local == local.lower()
    assert local.isascii()


def test_systems_that_fold_case_do_no_harm():
    assert read(made().upper(), keys=(KEY,), domain=DOMAIN, now=NOW).agent_id == AGENT


def test_a_dot_may_stand_for_the_plus_that_some_systems_refuse():
    dotted = made().replace("r+", "r.", 1)
    assert read(dotted, keys=(KEY,), domain=DOMAIN, now=NOW) == ReplyAddress(CONVERSATION, AGENT)


def test_the_previous_key_is_still_good_while_it_is_kept():
    address = made(keys=(OLD_KEY,))
    assert read(address, keys=(KEY, OLD_KEY), domain=DOMAIN, now=NOW).conversation_id == CONVERSATION
    assert "no longer in use" in reason(address, keys=(KEY,))


def test_it_holds_through_the_last_day_and_not_a_day_longer():
    address = made(valid_for=timedelta(days=45))
    last_moment = datetime(2026, 11, 16, 23, 59, 59, tzinfo=UTC)
    assert read(address, keys=(KEY,), domain=DOMAIN, now=last_moment).agent_id == AGENT
    assert "expired" in reason(address, now=last_moment + timedelta(seconds=1))


@pytest.mark.parametrize("position", range(2, len(made().partition("@")[0])))
def test_no_character_can_be_changed(position):
    address = made()
    other = "b" if address[position] != "b" else "c"
    assert reason(address[:position] + other + address[position + 1 :])


def test_an_address_of_another_agent_or_conversation_cannot_be_put_together_from_two():
    _, agent, term, mac = made().partition("@")[0].split(".")
    stolen = f"r+{'q' * 16}.{agent}.{term}.{mac}@{DOMAIN}"
    assert "does not fit" in reason(stolen)


def test_another_domain_is_not_ours():
    assert "not sent to a reply address" in reason(made(), domain="in.other.example")


def test_a_truncated_address_is_called_incomplete():
    assert "not complete" in reason(f"r+{CONVERSATION}.{AGENT}@{DOMAIN}")


def test_without_a_key_nothing_is_made_and_nothing_is_believed():
    with pytest.raises(Misconfigured):
        made(keys=())
    assert reason(made(), keys=())


def test_only_ids_of_the_agreed_shape_are_signed():
    with pytest.raises(ValueError, match="16"):
        make("short", AGENT, keys=(KEY,), domain=DOMAIN, now=NOW)
    with pytest.raises(ValueError, match="8"):
        make(CONVERSATION, "a.b.c.de", keys=(KEY,), domain=DOMAIN, now=NOW)


@settings(deadline=None)
@given(
    st.text() | st.text("r+.abc237@\u212a ").map(lambda text: f"r+{text}@{DOMAIN}") | st.text().map(lambda t: t + "@")
)
def test_any_text_is_read_or_refused(text):
    assert reason(text)
