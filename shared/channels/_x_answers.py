"""What X answers: problems by their type and words, limits with their reset, success that hides a failure.

Sources: docs.x.com/x-api/fundamentals/response-codes-and-errors, docs.x.com/x-api/fundamentals/rate-limits,
docs.x.com/changelog (23 February 2026: replies only where the author named or quoted the account).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from shared.channels._asking import until_reset
from shared.channels._calling import LONGEST_WAIT, by_status, content, later, posted, quoted
from shared.channels._reading import Json, ident, obj, objects, text
from shared.domain.exchange import Answer, Outcome, Refusal, Refused, Unclear

PLATFORM = "X"
UNSUMMONED = (
    "X lets a program answer only where the author named this account or quoted a post of it: "
    "open the post on X and answer there."
)
_NO_CREDIT_FOR = timedelta(hours=1)
_WINDOWS = ("x-user-limit-24hour", "x-app-limit-24hour", "x-rate-limit")


class _Meaning(NamedTuple):
    refusal: Refusal
    sentence: str


_BY_WORDS: tuple[tuple[str, _Meaning], ...] = (
    ("have not been mentioned or otherwise engaged", _Meaning(Refusal.BY_HAND, UNSUMMONED)),
    ("restricted who can reply", _Meaning(Refusal.NEVER, "The author lets only some people answer this post.")),
    ("duplicate content", _Meaning(Refusal.NEVER, "X has the same text from this account already: change the words.")),
    ("deleted or not visible", _Meaning(Refusal.NEVER, "The post is gone, or not visible to our account any more.")),
    ("have been blocked", _Meaning(Refusal.NEVER, "This person has blocked our account.")),
    ("permission to dm", _Meaning(Refusal.NEVER, "This person does not take direct messages from our account.")),
    ("cannot send messages to this user", _Meaning(Refusal.NEVER, "This person takes no messages from our account.")),
    ("suspended", _Meaning(Refusal.BLOCKED, "X has suspended our account: look into it on X.")),
    ("temporarily locked", _Meaning(Refusal.BLOCKED, "X has locked our account: unlock it on X.")),
    ("app permissions", _Meaning(Refusal.BLOCKED, "The app lacks a permission: grant it, then connect the account.")),
    ("oauth", _Meaning(Refusal.BLOCKED, "The app or its token may not do this: connect the account again.")),
)
_BY_TYPE: tuple[tuple[str, _Meaning], ...] = (
    ("/client-forbidden", _Meaning(Refusal.BLOCKED, "The app's plan at X does not hold this: look into its project.")),
    ("/unsupported-authentication", _Meaning(Refusal.BLOCKED, "This needs a token of the account itself.")),
    ("/oauth1-permissions", _Meaning(Refusal.BLOCKED, "The app lacks a permission: grant it in the console.")),
)
_BY_CODE = {
    "187": "duplicate content",
    "433": "restricted who can reply",
    "385": "deleted or not visible",
    "136": "have been blocked",
    "349": "cannot send messages to this user",
    "150": "cannot send messages to this user",
    "64": "suspended",
    "326": "temporarily locked",
}


def outcome(answer: Answer) -> Outcome:
    """What an answer to a post or message means. Total.

    An `errors` list may come beside the data, and then the post was made; or with a 200 and without it.
    """
    said = content(answer)
    data = obj(said.get("data"))
    native_id = ident(data.get("id")) or ident(data.get("dm_event_id"))
    if 200 <= answer.status < 300:
        return posted(native_id) if native_id is not None else _without_data(answer, said)
    return refusal(answer, said)


def refusal(answer: Answer, said: Json) -> Outcome:
    """What an answer that is no success means. Never Posted."""
    problems = list(_problems(said))
    if answer.status == 429:
        return _limited(answer, problems)
    if _out_of_credit(answer, problems):
        reason = "The developer account has no credit left at X: buy some, or let it recharge by itself."
        return Refused(refusal=Refusal.LATER, reason=reason, after=_NO_CREDIT_FOR)
    known = _known(problems) if 400 <= answer.status < 500 else None
    if known is not None:
        reason = known.sentence + ("" if known.refusal is Refusal.BY_HAND else quoted(_words(problems)))
        return Refused(refusal=known.refusal, reason=reason)
    if answer.status == 403:  # on X most often about this post and not about the account
        return Refused(refusal=Refusal.NEVER, reason=f"X does not allow it (403).{quoted(_words(problems))}")
    return by_status(PLATFORM, answer, _words(problems))


def _without_data(answer: Answer, said: Json) -> Outcome:
    problems = list(_problems(said))
    known = _known(problems)
    if known is not None:
        return Refused(refusal=known.refusal, reason=known.sentence)
    if problems:
        return Refused(refusal=Refusal.NEVER, reason=f"X did not take it.{quoted(_words(problems))}")
    return Unclear(f"X answered {answer.status} without an id: whether the text was posted is not known.")


def _limited(answer: Answer, problems: list[Json]) -> Refused:
    if any("usage-capped" in (text(problem.get("type")) or "") for problem in problems):
        return later(PLATFORM, answer, LONGEST_WAIT)
    spent = [window for window in _WINDOWS if answer.headers.get(f"{window}-remaining") == "0"] or ["x-rate-limit"]
    resets = [after for window in spent if (after := until_reset(answer, f"{window}-reset")) is not None]
    return later(PLATFORM, answer, max(resets, default=None))


def _out_of_credit(answer: Answer, problems: list[Json]) -> bool:
    told = (f"{text(p.get('title'))} {text(p.get('type'))} {text(p.get('detail'))}".lower() for p in problems)
    return answer.status == 402 or any("creditsdepleted" in one or "/problems/credits" in one for one in told)


def _problems(said: Json) -> Iterator[Json]:
    """The problem itself, and those in its list: X writes one (RFC 9457) or several, or code and message (v1.1)."""
    if "title" in said or "detail" in said:
        yield said
    yield from objects(said.get("errors"))


def _known(problems: list[Json]) -> _Meaning | None:
    for problem in problems:
        code = ident(problem.get("code")) or ""
        told = f"{_BY_CODE.get(code, '')} {text(problem.get('detail'))} {text(problem.get('message'))}".lower()
        kind = text(problem.get("type")) or ""
        for mark, meaning in _BY_WORDS:
            if mark in told:
                return meaning
        for mark, meaning in _BY_TYPE:
            if kind.endswith(mark):
                return meaning
    return None


def _words(problems: list[Json]) -> str | None:
    for problem in problems:
        told = text(problem.get("detail")) or text(problem.get("message")) or text(problem.get("title"))
        if told is not None:
            return told
    return None
