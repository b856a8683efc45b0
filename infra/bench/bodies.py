"""Deliveries as the platforms document them, as many messages in one as wanted; the same in every run."""

from __future__ import annotations

import json
import string
from random import Random

_WORDS = (
    "order parcel late refund please help broken thanks account login blue size return when where still waiting "
    "café über naïve 注文 配送 😡 🙏 invoice charge twice cancel delivery agent store voucher code invalid"
)
PHONE_NUMBER_ID = "106540352242922"

_SECOND = 1_774_000_000  # of a day in 2026


def whatsapp(messages: int, words: int) -> bytes:
    """One delivery of the Cloud API with that many text messages, each of another customer."""
    chance = Random(messages)  # noqa: S311 - repeatable, not secret
    said = [(_digits(chance, 11), _SECOND + place, _text(chance, words)) for place in range(messages)]
    return _whatsapp(chance, said)


def whatsapp_message(customer: str, second: int, words: int) -> bytes:
    """One delivery of the Cloud API with one text message that this phone number sent in this second."""
    chance = Random(f"{customer} {second}")  # noqa: S311 - repeatable, not secret
    return _whatsapp(chance, [(customer, second, _text(chance, words))])


def _whatsapp(chance: Random, said: list[tuple[str, int, str]]) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [
            {"profile": {"name": f"Customer {phone[-2:]}"}, "wa_id": phone, "user_id": f"US.{phone}0000"}
            for phone, _, _ in said
        ],
        "messages": [
            {
                "from": phone,
                "from_user_id": f"US.{phone}0000",
                "id": f"wamid.{_letters(chance, 40)}",
                "timestamp": str(second),
                "text": {"body": words},
                "type": "text",
            }
            for phone, second, words in said
        ],
    }
    entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
    return _as_sent({"object": "whatsapp_business_account", "entry": [entry]})


def messenger(messages: int, words: int) -> bytes:
    """One delivery of a Page with that many messages, an entry for each, as Meta batches them."""
    chance = Random(messages)  # noqa: S311 - repeatable, not secret
    page = _digits(chance, 15)
    entries = [
        {
            "id": page,
            "time": (_SECOND + place) * 1000,
            "messaging": [
                {
                    "sender": {"id": _digits(chance, 16)},
                    "recipient": {"id": page},
                    "timestamp": (_SECOND + place) * 1000,
                    "message": {"mid": f"m_{_letters(chance, 60)}", "text": _text(chance, words)},
                }
            ],
        }
        for place in range(messages)
    ]
    return _as_sent({"object": "page", "entry": entries})


def website(words: int) -> bytes:
    """One message of the website's form."""
    chance = Random(words)  # noqa: S311 - repeatable, not secret
    data = {
        "channel": "shop-site",
        "external_id": "form-5501",
        "direction": "inbound",
        "visibility": "direct",
        "author": {"name": "Kim Example", "email": "kim@customer.example"},
        "text": _text(chance, words),
        "sent_at": "2026-03-20T10:00:00Z",
    }
    return _as_sent({"type": "contact.created", "timestamp": "2026-03-20T10:00:01Z", "data": data})


def _text(chance: Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS.split(), k=words))


def _digits(chance: Random, length: int) -> str:
    return "".join(chance.choices(string.digits[1:], k=length))


def _letters(chance: Random, length: int) -> str:
    return "".join(chance.choices(string.ascii_letters, k=length))


def _as_sent(payload: object) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
