"""What a WhatsApp message holds: a text that people can read, and what came beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.channels._reading import Json, ident, link, obj, objects, text
from shared.domain.events import Attachment

_MEDIA = frozenset({"image", "video", "audio", "voice", "document", "sticker"})


def content_of(item: Json, kind: str) -> Json:
    """The object under the key that bears the type's name. Contacts are the one content that is a list."""
    value = item.get(kind)
    return {"items": value} if isinstance(value, list) and value else obj(value)


def read_content(kind: str, content: Json) -> tuple[str | None, tuple[Attachment, ...]]:
    """The text and the attachments of a message of this type, nothing for a type that is not known."""
    read = CONTENTS.get(kind)
    if read is None:
        return None, ()
    urls = [content.get("url")] if kind != "contacts" else [None for _ in objects(content.get("items"))]
    attached = kind not in {"text", "button", "interactive"}
    return read(content), tuple(Attachment(kind, link(url)) for url in urls) if attached else ()


def _body(content: Json) -> str | None:
    return text(content.get("body"))


def _caption(content: Json) -> str | None:
    return text(content.get("caption"))


def _location(content: Json) -> str | None:
    point = [content.get("latitude"), content.get("longitude")]
    known = [str(number) for number in point if isinstance(number, (int, float)) and not isinstance(number, bool)]
    return _joined(", ", content.get("name"), content.get("address"), *(known if len(known) == 2 else ()))


def _cards(content: Json) -> str | None:
    return _joined("\n", *(_card(card) for card in objects(content.get("items"))))


def _card(card: Json) -> str | None:
    phones = (phone.get("phone") for phone in objects(card.get("phones")))
    return _joined(" ", obj(card.get("name")).get("formatted_name"), *phones)


def _interactive(content: Json) -> str | None:
    """The choice the customer made; a form's answers are JSON inside a text."""
    chosen = obj(content.get(text(content.get("type")) or ""))
    return _joined("\n", *(chosen.get(part) for part in ("title", "body", "response_json", "response")))


def _button(content: Json) -> str | None:
    return text(content.get("text")) or text(content.get("payload"))


def _order(content: Json) -> str | None:
    items = objects(content.get("product_items"))
    lines = (_joined(" x ", ident(item.get("quantity")), ident(item.get("product_retailer_id"))) for item in items)
    return _joined("\n", content.get("text"), *lines)


def _joined(separator: str, *parts: object) -> str | None:
    return separator.join(part for part in map(text, parts) if part) or None


CONTENTS: Mapping[str, Callable[[Json], str | None]] = {
    "text": _body,
    **dict.fromkeys(_MEDIA, _caption),
    "location": _location,
    "contacts": _cards,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
