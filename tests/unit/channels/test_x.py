"""X: a challenge that is no oracle, two dialects, answers nobody asked for, errors that come as a success."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import x
from shared.domain.connecting import Profile, Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.domain.polling import Ask, Page, Purpose
from shared.errors import SignatureRejected
from tests.unit.channels._talking import EVENTS, Talk, outbound

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


@pytest.fixture
def talk(tmp_path):
    return Talk("x", US, tmp_path, NOW)


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


@pytest.mark.parametrize("text", ["x" * 281, "日" * 141, "x" * 257 + " https://a.de/1"])
def test_what_weighs_more_than_280_is_refused_with_its_weight(text):
    assert "281" in refused(reply(text), Refusal.NEVER).reason or "282" in refused(reply(text), Refusal.NEVER).reason


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


# Asking


def asked(feed, given=None, **wanted):
    ask = Ask(feed=feed, **{"since": NOW - timedelta(hours=1), "now": NOW, **wanted})
    return x.ask(ask, given or secret())


def test_mentions_are_a_backstop_and_search_is_for_listening():
    assert [(f.name, f.purpose) for f in x.FEEDS] == [("mentions", Purpose.BACKSTOP), ("search", Purpose.LISTENING)]
    assert x.FEEDS[0].settle == timedelta(minutes=10)


def test_a_search_is_for_the_phrase_without_reposts_and_ourselves_and_not_further_back_than_x_looks():
    call = asked("search", phrase='Acme "lamp"', since=NOW - timedelta(days=9))
    assert isinstance(call, Call)
    assert "query=%22Acme%20lamp%22%20-is%3Aretweet%20-from%3A900100" in call.url
    assert "start_time=2026-10-26T12%3A01%3A00Z" in call.url


@pytest.mark.parametrize("phrase", ["", ' " ', "x" * 500])
def test_what_x_does_not_search_for_is_not_asked(phrase):
    refused(asked("search", phrase=phrase), Refusal.NEVER)


@pytest.mark.parametrize("ask", [{"feed": "nothing"}, {"feed": "mentions", "given": secret(access_token="")}])
def test_without_a_feed_or_a_token_nothing_is_asked(ask):
    assert isinstance(asked(**ask), Refused)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (problem("slow down", 429), Refusal.LATER),
        (problem("down", 503), Refusal.LATER),
        (problem("who?", 401), Refusal.BLOCKED),
        (answer({"title": "CreditsDepleted"}, 402), Refusal.LATER),
        (answer({}), Refusal.LATER),
        (Answer(status=200, body=b"<html>"), Refusal.LATER),
    ],
)
def test_a_page_that_does_not_come_says_what_to_do(said, refusal):
    ask = Ask(feed="mentions", since=NOW, now=NOW)
    refused(x.page(ask, said, secret()), refusal)


def test_an_empty_page_is_a_page():
    ask = Ask(feed="mentions", since=NOW, now=NOW)
    assert x.page(ask, answer({"meta": {"result_count": 0}}), secret()) == Page(items=())


def test_an_edited_post_on_a_page_keeps_its_first_id_and_has_a_new_revision():
    post_ = {"id": "12", "edit_history_tweet_ids": ["11", "12"], "text": "x", "created_at": "2026-11-02T10:00:00.000Z"}
    page = x.page(Ask(feed="mentions", since=NOW, now=NOW), answer({"data": [post_], "meta": {}}), secret())
    assert isinstance(page, Page)
    (item,) = page.items
    assert (item.item_id, item.revision) == ("11", "12")


def test_pages_of_mentions_are_read_to_the_end(talk):
    for number in range(105):
        shows_mention(talk, number)
    first = talk.asks("mentions", since=NOW - timedelta(days=1))
    second = talk.asks("mentions", since=NOW - timedelta(days=1), token=first.next)
    assert (len(first.items), len(second.items), second.next) == (100, 5, None)
    assert len({item.item_id for page in (first, second) for item in page.items}) == 105


def shows_mention(talk, number):
    mention = {
        "id": str(2090000000000001000 + number),
        "text": "@AcmeCare hello",
        "author_id": JO,
        "created_at": f"2026-11-02T{number // 60:02}:{number % 60:02}:00.000Z",
        "entities": {"mentions": [{"id": US}]},
    }
    talk.delivers({"account_id": US, "feed": "mentions", "items": [{"data": mention, "includes": {}}]})


def test_what_a_webhook_missed_is_found_with_its_author(talk):
    talk.shows("mention__plain")
    page = talk.asks("mentions", since=NOW - timedelta(days=1))
    (event,) = talk.events("mentions", page)
    assert (event.kind, event.message_id, event.author_handle) == (Kind.MESSAGE, "2090000000000000101", "jo_writes")
    assert event.author_followers == 42


def test_who_only_names_the_brand_is_found_by_listening_and_not_answered_by_machine(talk):
    talk.shows("mention__found-by-listening")
    events = talk.events("search", talk.asks("search", phrase="acme lamp", since=NOW - timedelta(days=1)))
    assert [(e.message_id, e.unaddressed) for e in events] == [
        ("2090000000000000151", False),
        ("2090000000000000150", True),
    ]


def test_single_posts_are_asked_for_by_their_ids(talk):
    talk.shows("mention__plain")
    for wanted in ({"ids": ("2090000000000000101",)}, {"reference": "2090000000000000101"}):
        (item,) = talk.asks("mentions", **wanted).items
        assert item.item_id == "2090000000000000101"


# Against the sandbox


def answers(talk, text="On its way.", **changed):
    to = {"surface": Surface.MENTION, "thread_id": "2090000000000000101", "in_reply_to": "2090000000000000101"}
    made = x.reply(outbound("x", US, **{**to, "text": text, **changed}), talk.secret, NOW)
    return x.outcome(talk.call(made))


def test_an_answer_to_who_named_us_is_posted_and_shown_as_ours(talk):
    talk.shows("mention__plain")
    outcome = answers(talk)
    assert isinstance(outcome, Posted)
    assert talk.posts[0]["native_id"] == outcome.native_id
    page = talk.asks("mentions", ids=(outcome.native_id,))
    (echo,) = talk.events("mentions", page)
    assert (echo.kind, echo.thread_id, echo.customer_id) == (Kind.ECHO, "2090000000000000101", JO)


def test_an_answer_to_who_did_not_is_refused_for_a_person_to_give_by_hand(talk):
    talk.shows("mention__found-by-listening")
    where = {"thread_id": "2090000000000000150", "in_reply_to": "2090000000000000150"}
    refused(answers(talk, **where), Refusal.BY_HAND)


def test_the_same_words_are_not_posted_twice_and_nothing_below_a_post_that_is_gone(talk):
    talk.shows("mention__plain")
    assert isinstance(answers(talk), Posted)
    assert "same text" in refused(answers(talk), Refusal.NEVER).reason
    assert "gone" in refused(answers(talk, "Another.", in_reply_to="1"), Refusal.NEVER).reason


def test_a_direct_message_goes_to_who_wrote_and_to_nobody_else(talk):
    talk.shows("dm__plain")
    assert isinstance(answers(talk, surface=Surface.DM, thread_id=JO, last_inbound_at=NOW), Posted)
    refused(answers(talk, surface=Surface.DM, thread_id="1", last_inbound_at=NOW), Refusal.NEVER)
    assert [post_["kind"] for post_ in talk.posts] == ["dm"]


# The account


def test_the_refresh_token_is_changed_for_a_new_pair_and_works_once(talk):
    old = talk.secret
    fresh = x.renewed(old, talk.call(x.renew(old, NOW)), NOW)
    assert isinstance(fresh, Secret)
    assert fresh.credentials["refresh_token"] != old.credentials["refresh_token"]
    assert x.expires(fresh) == NOW + timedelta(hours=2)
    refused(x.renewed(old, talk.call(x.renew(old, NOW)), NOW), Refusal.BLOCKED)
    assert x.proven(talk.call(x.prove(fresh, NOW))) == Proof(who="@AcmeCare")
    refused(x.proven(talk.call(x.prove(old, NOW))), Refusal.BLOCKED)


def test_when_credentials_end():
    assert x.expires(secret()) is None
    for past in (secret(refresh_token="r"), secret(access_token="", refresh_token="r")):
        ends = x.expires(past)
        assert ends is not None
        assert ends < NOW
    assert x.expires(secret(refresh_token="r", expires_at="2026-11-02T14:00:00Z")) == NOW + timedelta(hours=2)


def test_an_account_that_cannot_be_renewed_says_why():
    assert x.renew(secret(), NOW) is None
    assert "client_id" in refused(x.renew(secret(refresh_token="r"), NOW), Refusal.BLOCKED).reason


def test_a_public_client_names_itself_and_proves_nothing():
    call = x.renew(secret(refresh_token="r/1", client_id="c"), NOW)
    assert isinstance(call, Call)
    assert "authorization" not in call.headers
    assert call.body == b"grant_type=refresh_token&refresh_token=r%2F1&client_id=c"


def test_the_address_is_registered_first_and_then_events_are_subscribed_to_it(talk):
    (register,) = x.subscribe(talk.secret, "https://desk.example/webhooks/x")
    webhook_id = json.loads(talk.call(register).body)["data"]["id"]
    known = Secret(account_id=US, credentials={**talk.secret.credentials, "webhook_id": webhook_id})
    calls = x.subscribe(known, "https://desk.example/webhooks/x")
    assert [talk.call(call).status for call in calls] == [200] * len(calls)
    events = [payload(call)["event_type"] for call in calls[1:]]
    assert {"post.mention.create", "post.reply.create", "post.create", "dm.received", "oauth.revoke"} <= set(events)
    assert x.subscribe(secret(), "https://desk.example/webhooks/x") == ()


def test_a_person_is_looked_up_and_nobody_is_told_apart(talk):
    talk.shows("dm__plain")
    profile = x.profile(talk.call(x.look_up(JO, talk.secret, NOW)))
    assert isinstance(profile, Profile)
    assert profile.followers is not None
    refused(x.profile(talk.call(x.look_up("12", talk.secret, NOW))), Refusal.NEVER)
    refused(x.profile(answer({}, 503)), Refusal.LATER)
