"""X asked and answered: mentions that were missed, listening, and its side of the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import x
from shared.domain.connecting import Profile, Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Secret
from shared.domain.polling import Ask, Page, Purpose
from tests.unit.channels._talking import EVENTS, Talk, outbound

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
US, JO = "900100", "900777"


def secret(*keys, **credentials):
    return Secret(account_id=US, signing=keys, credentials={"access_token": "at-1", **credentials})


def answer(said, status=200, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(said).encode())


def problem(detail, status=403, kind="about:blank", **headers):
    return answer({"title": "Forbidden", "detail": detail, "type": kind, "status": status}, status, **headers)


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


# Asking


def asked(feed, given=None, **wanted):
    ask = Ask(feed=feed, **{"since": NOW - timedelta(hours=1), "now": NOW, **wanted})
    return x.ask(ask, given or secret())


def test_mentions_are_a_backstop_and_search_is_for_listening():
    purposes = [("mentions", Purpose.BACKSTOP), ("search", Purpose.LISTENING), ("post", Purpose.POINTED)]
    assert [(f.name, f.purpose) for f in x.FEEDS] == purposes
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


def delivered_long(*, whole):
    body = json.loads((EVENTS / "x" / "mention__long-text.json").read_bytes())
    post = body["data"]["payload"]
    full = post["note_tweet"]["text"]
    return json.dumps(body if whole else {"data": {**body["data"], "payload": cut(post, full)}}).encode()


def cut(post, full):
    return {**{k: v for k, v in post.items() if k != "note_tweet"}, "text": f"{full[:270]}… https://t.co/abc"}


def test_a_post_of_which_only_the_beginning_comes_is_fetched_and_its_text_completed(talk):
    beginning, pointer = x.parse(delivered_long(whole=False), NOW)
    assert (beginning.kind, beginning.message_id) == (Kind.MESSAGE, "2090000000000000107")
    assert (pointer.kind, pointer.message_id, pointer.detail) == (Kind.POINTER, "2090000000000000107", "post")
    talk.delivers(json.loads(delivered_long(whole=True)))
    message, edit = talk.events("post", talk.asks("post", reference=pointer.message_id))
    assert [(e.kind, e.message_id, e.thread_id) for e in (message, edit)] == [
        (Kind.MESSAGE, beginning.message_id, beginning.thread_id),
        (Kind.EDIT, beginning.message_id, beginning.thread_id),
    ]
    assert edit.text is not None
    assert edit.text.endswith("I want my money back.")


def test_a_post_of_the_older_dialect_without_its_whole_text_is_fetched_too():
    status = {"id_str": "7", "text": "It was lost and…", "truncated": True, "user": {"id_str": JO}}
    found = x.parse(json.dumps({"for_user_id": US, "tweet_create_events": [status]}).encode(), NOW)
    assert [(e.kind, e.message_id) for e in found] == [(Kind.MESSAGE, "7"), (Kind.POINTER, "7")]
    whole = {**status, "extended_tweet": {"full_text": "It was lost and found."}}
    assert len(x.parse(json.dumps({"for_user_id": US, "tweet_create_events": [whole]}).encode(), NOW)) == 1


@pytest.mark.parametrize("said", ["So be it…", "word " * 60])
def test_what_merely_ends_in_dots_or_is_long_is_not_paid_for_again(said):
    body = json.loads(delivered_long(whole=False))
    body["data"]["payload"]["text"] = said
    assert len(x.parse(json.dumps(body).encode(), NOW)) == 1


def test_our_own_long_post_is_not_fetched():
    body = json.loads(delivered_long(whole=False))
    body["data"]["payload"]["author_id"] = US
    assert [e.kind for e in x.parse(json.dumps(body).encode(), NOW)] == [Kind.ECHO]


def test_a_post_that_is_gone_when_it_is_fetched_is_nothing_and_no_trouble():
    gone = {"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found", "detail": "x"}
    page = x.page(Ask(feed="post", since=NOW, now=NOW, reference="7"), answer({"errors": [gone]}), secret())
    assert page == Page(items=())
    broken = x.page(Ask(feed="post", since=NOW, now=NOW, reference="7"), answer({"errors": [{"title": "?"}]}), secret())
    refused(broken, Refusal.LATER)


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
