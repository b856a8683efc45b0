from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.sender import SenderUnclear, one_address


@pytest.mark.parametrize(
    "value",
    [
        "anna@shop.example",
        "Anna@Shop.Example",
        "<anna@shop.example>",
        "Anna Muster <anna@shop.example>",
        'Anna "the one" Muster <anna@shop.example>',
        '"Muster, Anna" <anna@shop.example>',
        '"anna@else.example" <anna@shop.example>',
        r'"a \" <b@c.de>, d" <anna@shop.example>',
        "Anna (Support) <anna@shop.example>",
        "J. Muster <anna@shop.example>",
        "=?utf-8?q?J=C3=BCrgen?= <anna@shop.example>",
        "Jürgen <anna@shop.example>",
        "Anna<anna@shop.example>",
    ],
)
def test_the_forms_that_clients_write_name_one_address(value):
    assert one_address((value,)) == "anna@shop.example"


@pytest.mark.parametrize(
    "value",
    [
        "anna@shop.example <evil@x.example>",
        "alice@example.org)bob@evil.example",
        "<anna@shop.example>evil@x.example",
        "anna@shop.example, evil@x.example",
        "Anna <anna@shop.example>, Eve <evil@x.example>",
        "Anna <anna@shop.example> <evil@x.example>",
        "<<anna@shop.example>>",
        "anna@shop.example(evil@x.example)",
        "anna(<evil@x.example>)@shop.example",
        '"anna@shop.example" evil@x.example',
        '"anna@shop.example',
        '"open <anna@shop.example>',
        '"anna"@shop.example',
        "team: anna@shop.example;",
        "@relay.example:anna@shop.example",
        "<@relay.example:anna@shop.example>",
        "anna@[127.0.0.1]",
        "anna@localhost",
        "anna@shop..example",
        "anna@-shop.example",
        ".anna@shop.example",
        "an na@shop.example",
        "anna@shop.example\x00",
        "anna\n@shop.example",
        "\u202eanna <anna@shop.example>",
        "ann\u0430@shop.example",
        "anna@shop.example>",
        "anna@shop.example <",
        "",
        "Anna",
        "<>",
        "a" * 65 + "@shop.example",
    ],
)
def test_every_other_form_is_refused(value):
    with pytest.raises(SenderUnclear):
        one_address((value,))


def test_there_has_to_be_exactly_one_from_field():
    with pytest.raises(SenderUnclear, match="no From"):
        one_address(())
    with pytest.raises(SenderUnclear, match="more than one"):
        one_address(("anna@shop.example", "anna@shop.example"))


@settings(deadline=None)
@given(st.lists(st.text() | st.text('an@.<>,;:"()\\ \t').map(lambda t: f"{t}<a@b.cd>"), max_size=2).map(tuple))
def test_any_fields_give_one_plain_address_or_a_reason(froms):
    with suppress(SenderUnclear):
        address = one_address(froms)
        assert address.count("@") == 1
        assert address.isascii()
        assert not set(address) & set(' <>,;:"()\\[]')
