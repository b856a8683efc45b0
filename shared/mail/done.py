"""The one word with which an agent says that they answered the customer on the platform itself."""

from __future__ import annotations

# ruff: noqa: RUF001 - letters of other scripts look like Latin ones

_DONE = frozenset(
    word.strip().casefold()
    for word in """done|all done|is done|it is done|it's done|answered|answered there|replied
    erledigt|ist erledigt|fertig|gemacht|beantwortet|fait|c'est fait|répondu|hecho|listo|respondido|feito|pronto
    fatto|risposto|gedaan|klaar|beantwoord|klart|klar|färdigt|besvarat|besvaret|færdig|ferdig|tehty|valmis
    zrobione|gotowe|hotovo|kész|gata|rezolvat|готово|сделано|ответил|ответила|зроблено|έγινε|tamam|bitti|yapıldı
    בוצע|טופל|تم|完了|対応済み|完成|已完成|已回复|完了しました|완료|đã xong|xong|selesai|fet""".replace(
        "\n", "|"
    ).split("|")
)
_MARKS = frozenset("\u2713\u2714\u2705\U0001f44d")  # check marks, thumb up
_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0f"  # that keyboards and mail programs leave
_SKINS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"  # of a thumb
_AROUND = f" \t.,!*_\"'\u2019\u201c\u201d\u3002\uff01\u00a1{_UNSEEN}{_SKINS}"
_MOST_LINES = 4


def says_done(text: str, name: str) -> bool:
    """Whether the text of a mail is that word alone, in any of the languages known here.

    A greeting line is not looked for; the writer's own name may stand below it, for not all programs mark signatures.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines or len(lines) > _MOST_LINES or not _is_done(lines[0]):
        return False
    return all(_is_name(line, name) for line in lines[1:])


def _is_done(line: str) -> bool:
    word = " ".join(line.casefold().replace("\u2019", "'").split()).strip(_AROUND)
    return bool(word) and (word.strip() in _DONE or _MARKS.issuperset(word))


def _is_name(line: str, name: str) -> bool:
    words = set(line.casefold().strip(_AROUND + "-").split())
    return bool(words) and words <= set(name.casefold().split())
