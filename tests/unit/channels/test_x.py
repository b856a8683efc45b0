"""X: a challenge that is no oracle, two dialects, answers nobody asked for, errors that come as a success."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import x
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.errors import SignatureRejected
from tests.unit.channels._talking import EVENTS, outbound

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
US, JO = "900100", "900777"
KEY = "example-consumer-secret"
TOKEN = "Mzc0NTYtY3JjLXRva2Vu"
EVENT = b'{"data":{"event_type":"dm.received","payload":{}}}'
EVENT_SIGNATURE = "sha256=4psu2qCrkCrQZhBbJEhhvb1uTJWLPvTyNTy9lRW2XWU="
UNSUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author "
    "of the post you are replying to."
)


def secret(*keys, **credentials):
    return Secret(account_id=US, signing=keys, credentials={"access_token": "at-1", **credentials})


def get(**query):
    return Request(method="GET", headers={}, query=query, body=b"")


def post(body, signature):
    return Request(method="POST", headers={"x-twitter-webhooks-signature": signature}, query={}, body=body)


def answer(said, status=200, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(said).encode())


def problem(detail, status=403, kind="about:blank", **headers):
    return answer({"title": "Forbidden", "detail": detail, "type": kind, "status": status}, status, **headers)


def reply(text="On its way.", given=None, **changed):
    to = {"surface": Surface.MENTION, "thread_id": "2090000000000000101", "in_reply_to": "2090000000000000105"}
    return x.reply(outbound("x", US, **{**to, "text": text, **changed}), given or secret(), NOW)


def payload(call):
    assert isinstance(call, Call), call
    return json.loads(call.body or b"")


def refused(made, refusal):
    assert isinstance(made, Refused), made
    assert made.refusal is refusal
    return made


# The challenge


def test_the_challenge_is_answered_with_its_signature_as_json():
    response = x.challenge(get(crc_token=TOKEN), (secret(KEY),))
    assert response is not None
    assert (response.status, response.content_type) == (200, "application/json")
    assert json.loads(response.body) == {"response_token": "sha256=p6PY+2D3uUKORNcjV/mj7KKaJYRvmjVjgLye0qjs8nw="}


def test_a_nonce_beside_the_challenge_is_not_signed():
    assert x.challenge(get(crc_token=TOKEN, nonce="n-1"), (secret(KEY),)) == x.challenge(
        get(crc_token=TOKEN), (secret(KEY),)
    )


@pytest.mark.parametrize(
    "token",
    [EVENT.decode(), "{}", "a" * 15, "a" * 129, TOKEN + "\n", "tökentökentökentöken", "a b c d e f g h i j", ""],
)
def test_the_challenge_signs_nothing_but_tokens_so_that_nobody_gets_a_delivery_signed_by_it(token):
    response = x.challenge(get(crc_token=token), (secret(KEY),))
    assert response is not None
    assert response.status == 403
    assert "sha256" not in response.body


@pytest.mark.parametrize(
    ("method", "query", "status"), [("GET", {}, 400), ("HEAD", {"crc_token": TOKEN}, 405), ("PUT", {}, 405)]
)
def test_what_is_no_challenge_is_told_so(method, query, status):
    response = x.challenge(Request(method=method, headers={}, query=query, body=b""), (secret(KEY),))
    assert response is not None
    assert response.status == status


def test_without_a_key_the_challenge_fails_in_a_way_that_x_tries_again():
    response = x.challenge(get(crc_token=TOKEN), (secret(), secret(" ")))
    assert response is not None
    assert response.status == 403


# Signatures


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (EVENT, EVENT_SIGNATURE),
        ('{"text":"café 😀"}'.encode(), "sha256=OTPKE9tu+VLCb/ok49Ctp416jqE2xibWmnO+tVyehyM="),
    ],
)
def test_the_raw_bytes_are_signed_whatever_they_hold(body, signature):
    x.verify(post(body, signature), (secret("another"), secret("new", KEY)), NOW)
    assert x.sign(body, secret(KEY), NOW, "d")["x-twitter-webhooks-signature"] == signature


def test_the_same_json_in_other_bytes_is_another_delivery():
    with pytest.raises(SignatureRejected):
        x.verify(post(json.dumps(json.loads(EVENT)).encode(), EVENT_SIGNATURE), (secret(KEY),), NOW)


@pytest.mark.parametrize("signature", ["", "sha256=", EVENT_SIGNATURE[7:], "sha1=" + EVENT_SIGNATURE[7:]])
def test_a_signature_in_another_form_is_refused(signature):
    with pytest.raises(SignatureRejected):
        x.verify(post(EVENT, signature), (secret(KEY),), NOW)


# Reading


def fixture(stem):
    return (EVENTS / "x" / f"{stem}.json").read_bytes()


def test_one_post_that_comes_as_a_reply_a_mention_and_a_quote_is_one_message_in_one_place():
    stem = "comment__reply-that-names-and-quotes-us-as-a"
    files = [fixture(f"{stem}-{kind}") for kind in ("reply", "mention", "quote")]
    found = [x.parse(body, NOW)[0] for body in files]
    assert {(e.kind, e.surface, e.thread_id, e.message_id, e.customer_id) for e in found} == {
        (Kind.MESSAGE, Surface.COMMENT, "2090000000000000050", "2090000000000000103", JO)
    }


def test_a_later_version_is_an_edit_of_the_first_and_brings_it_where_it_never_came():
    said, edit = x.parse(fixture("mention__edited"), NOW)
    assert (said.kind, edit.kind) == (Kind.MESSAGE, Kind.EDIT)
    assert said.message_id == edit.message_id == "2090000000000000111"
    assert said.text == edit.text == "hey @AcmeCare my parcel 4711 is lost"


def test_an_encrypted_message_waits_for_a_person():
    (event,) = x.parse(fixture("unknown__encrypted-chat"), NOW)
    assert (event.kind, event.surface, event.thread_id, event.author_id) == (Kind.UNKNOWN, Surface.DM, JO, JO)
    assert event.message_id
    assert event.text is None
    assert "encrypted" in (event.detail or "")


def test_escapes_are_undone_once():
    text = "&amp;lt; &lt;b&gt; R&amp;D &quot;"
    body = {"account_id": US, "feed": "mentions", "items": [{"data": {"id": "1", "author_id": JO, "text": text}}]}
    (event,) = x.parse(json.dumps(body).encode(), NOW)
    assert event.text == "&lt; <b> R&D &quot;"


@pytest.mark.parametrize(
    ("lang", "language"), [("en", "en"), ("in", "id"), ("iw", "he"), ("und", None), ("qme", None), ("zxx", None)]
)
def test_a_language_that_x_could_not_tell_is_none(lang, language):
    item = {"data": {"id": "1", "author_id": JO, "text": "x", "lang": lang}}
    (event,) = x.parse(json.dumps({"account_id": US, "feed": "mentions", "items": [item]}).encode(), NOW)
    assert event.language == language


PRIVACY = "We are closed. https://acme.example/privacy?a=1&b=2"
SHORTENED = "We are closed. https://t.co/Ab1"
URLS = {"urls": [{"url": "https://t.co/Ab1", "expanded_url": "https://acme.example/privacy?a=1&b=2"}, {"url": 7}, 7]}


def events_of(event_type, payload):
    said = {"data": {"event_type": event_type, "filter": {"user_id": US}, "payload": payload}}
    return x.parse(json.dumps(said).encode(), NOW)


def own_message(data):
    created = {"sender_id": US, "target": {"recipient_id": JO}, "message_data": data}
    return {"direct_message_events": [{"type": "message_create", "id": "9", "message_create": created}]}


def test_a_link_that_x_shortened_is_read_as_it_was_written_so_that_our_own_words_are_known_again():
    (direct,) = events_of("dm.sent", own_message({"text": SHORTENED, "entities": URLS}))
    (post,) = events_of("post.create", {"id": "9", "author_id": US, "text": SHORTENED, "entities": URLS})
    noted = {"text": "cut", "note_tweet": {"text": SHORTENED, "entities": URLS}}
    (long,) = events_of("post.create", {"id": "9", "author_id": US, **noted})
    status = {"id_str": "9", "user": {"id_str": US}, "text": SHORTENED, "entities": URLS}
    older = {"for_user_id": US, "tweet_create_events": [status]}
    (old,) = x.parse(json.dumps(older).encode(), NOW)
    assert [e.text for e in (direct, post, long, old)] == [PRIVACY] * 4
    assert {e.kind for e in (direct, post, long, old)} == {Kind.ECHO}


def test_a_short_link_that_x_does_not_explain_stays():
    (direct,) = events_of("dm.sent", own_message({"text": f"{SHORTENED}c https://t.co/z", "entities": URLS}))
    assert direct.text == f"{SHORTENED}c https://t.co/z"


@pytest.mark.parametrize(
    ("text", "read"),
    [("@jo_writes @Kim On its way.", "On its way."), ("@jo_writes", "@jo_writes"), ("At 9 @ 5", "At 9 @ 5")],
)
def test_the_names_that_x_puts_before_our_answer_are_not_our_words(text, read):
    answered = {"in_reply_to_tweet_id": "8", "in_reply_to_user_id": JO}
    (post,) = events_of("post.create", {"id": "9", "author_id": US, "text": text, **answered})
    status = {"id_str": "9", "user": {"id_str": US}, "text": text, "in_reply_to_status_id_str": "8"}
    (old,) = x.parse(json.dumps({"for_user_id": US, "tweet_create_events": [status]}).encode(), NOW)
    assert (post.text, old.text) == (read, read)


def test_names_before_a_customers_words_or_a_post_of_our_own_stay():
    (question,) = events_of(
        "post.reply.create", {"id": "9", "author_id": JO, "text": "@AcmeCare hm", "in_reply_to_tweet_id": "8"}
    )
    (post,) = events_of("post.create", {"id": "9", "author_id": US, "text": "@jo_writes hm"})
    assert (question.text, post.text) == ("@AcmeCare hm", "@jo_writes hm")


def test_a_handle_that_is_none_does_not_get_into_a_link():
    users = [{"id": JO, "username": "../evil?x=1"}]
    item = {"data": {"id": "42", "author_id": JO, "text": "x"}, "includes": {"users": users}}
    (event,) = x.parse(json.dumps({"account_id": US, "feed": "mentions", "items": [item]}).encode(), NOW)
    assert event.link == "https://x.com/i/status/42"


# Answering


def test_a_public_answer_stands_below_the_customers_post_and_a_private_one_in_the_conversation():
    assert payload(reply()) == {"text": "On its way.", "reply": {"in_reply_to_tweet_id": "2090000000000000105"}}
    assert payload(reply(in_reply_to=None))["reply"] == {"in_reply_to_tweet_id": "2090000000000000101"}
    call = reply(surface=Surface.DM, thread_id=JO)
    assert isinstance(call, Call)
    assert call.url == f"https://api.x.com/2/dm_conversations/with/{JO}/messages"
    assert payload(call) == {"text": "On its way."}


@pytest.mark.parametrize(
    ("text", "weight"), [("x" * 281, "281"), ("日" * 141, "282"), ("x" * 257 + " https://a.de/1", "281")]
)
def test_what_weighs_more_than_280_is_refused_with_its_weight(text, weight):
    assert weight in refused(reply(text), Refusal.NEVER).reason


def test_280_of_weight_are_taken_and_10000_characters_in_private():
    assert isinstance(reply("x" * 256 + " https://a.de/" + "y" * 300), Call)
    assert isinstance(reply("日" * 10_000, surface=Surface.DM, thread_id=JO), Call)
    refused(reply("x" * 10_001, surface=Surface.DM, thread_id=JO), Refusal.NEVER)


def test_who_did_not_address_us_is_answered_by_hand_unless_the_plan_allows_more():
    assert "answer there" in refused(reply(unaddressed=True), Refusal.BY_HAND).reason
    assert isinstance(reply(unaddressed=True, given=secret(plan="Enterprise")), Call)


def test_a_program_does_not_write_first_but_a_person_may():
    to = {"surface": Surface.DM, "thread_id": JO, "last_inbound_at": None}
    refused(reply(**to, by_person=False), Refusal.NEVER)
    assert isinstance(reply(**to, by_person=True), Call)


@pytest.mark.parametrize(
    ("detail", "refusal"),
    [
        (UNSUMMONED, Refusal.BY_HAND),
        ("The original Tweet author restricted who can reply to this Tweet.", Refusal.NEVER),
        ("You are not allowed to create a Tweet with duplicate content.", Refusal.NEVER),
        ("You attempted to reply to a Tweet that is deleted or not visible to you.", Refusal.NEVER),
        ("You do not have permission to DM one or more participants.", Refusal.NEVER),
        ("Your account is suspended and is not permitted to access this feature.", Refusal.BLOCKED),
        ("To protect our users, this account is temporarily locked.", Refusal.BLOCKED),
        ("Your client app is not configured with the appropriate oauth1 app permissions.", Refusal.BLOCKED),
        ("Something X never said before.", Refusal.NEVER),
    ],
)
def test_a_403_means_what_its_words_say(detail, refusal):
    refused(x.outcome(problem(detail)), refusal)


@pytest.mark.parametrize(
    ("code", "refusal"), [(433, Refusal.NEVER), (187, Refusal.NEVER), (326, Refusal.BLOCKED), (9999, Refusal.NEVER)]
)
def test_the_older_codes_mean_the_same(code, refusal):
    refused(x.outcome(answer({"errors": [{"code": code, "message": "..."}]}, 403)), refusal)


def test_a_success_without_a_post_is_none():
    errors = [{"title": "Forbidden", "detail": UNSUMMONED, "type": "about:blank"}]
    refused(x.outcome(answer({"errors": errors})), Refusal.BY_HAND)
    refused(x.outcome(answer({"errors": [{"title": "Not Found Error", "detail": "gone"}]})), Refusal.NEVER)
    assert isinstance(x.outcome(answer({})), Unclear)


def test_errors_beside_a_post_do_not_unmake_it():
    partial = {"data": {"id": "7"}, "errors": [{"title": "Not Found Error"}]}
    assert x.outcome(answer(partial, 201)) == Posted("7")
    assert x.outcome(answer({"data": {"dm_conversation_id": "1-2", "dm_event_id": "8"}}, 201)) == Posted("8")


@pytest.mark.parametrize(
    "said",
    [
        answer({"title": "CreditsDepleted", "detail": "No credits."}, 402),
        answer({"title": "Forbidden", "type": "https://api.twitter.com/2/problems/credits"}, 403),
    ],
)
def test_without_credit_it_is_tried_again_in_an_hour(said):
    assert refused(x.outcome(said), Refusal.LATER).after == timedelta(hours=1)


def test_a_limit_is_waited_for_until_its_reset_by_the_clock_of_x():
    headers = {"date": "Mon, 02 Nov 2026 12:00:00 GMT", "x-rate-limit-reset": "1793621460"}
    assert refused(x.outcome(problem("Too Many", 429, **headers)), Refusal.LATER).after == timedelta(minutes=11)


def test_a_daily_limit_that_is_spent_counts_more_than_the_short_one():
    headers = {
        "date": "Mon, 02 Nov 2026 12:00:00 GMT",
        "x-rate-limit-remaining": "12",
        "x-rate-limit-reset": "1793621460",
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": "1793642400",
    }
    assert refused(x.outcome(problem("Too Many", 429, **headers)), Refusal.LATER).after == timedelta(hours=6)


def test_a_monthly_cap_is_tried_once_a_day():
    said = problem("Usage cap exceeded", 429, "https://api.twitter.com/2/problems/usage-capped")
    assert refused(x.outcome(said), Refusal.LATER).after == timedelta(days=1)


def test_a_fault_of_x_leaves_it_open_and_a_dead_token_blocks():
    assert isinstance(x.outcome(problem("Over capacity", 503)), Unclear)
    refused(x.outcome(problem("Unauthorized", 401)), Refusal.BLOCKED)
