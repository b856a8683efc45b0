"""Telegram: a password that binds no body, numbers that are unique in their chat, albums, groups that move."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.channels import telegram
from shared.domain.connecting import Proof
from shared.domain.conversation import is_from_customer
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret, Unclear
from shared.errors import SignatureRejected
from tests.unit.channels._talking import EVENTS, Talk, outbound

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
TOKEN = "7000000009:AAE-example_token_of_thirty_five_ch"
BOT = "7000000009"
JO, GROUP = "7100000001", "-1001500000001"
BUSINESS = f"{JO}@BQADbGhpcw-_1"


def secret(*keys, account_id=BOT, **credentials):
    return Secret(account_id=account_id, signing=keys, credentials={"bot_token": TOKEN, **credentials})


def delivery(token, body=b"{}"):
    headers = {} if token is None else {"x-telegram-bot-api-secret-token": token}
    return Request(method="POST", headers=headers, query={}, body=body)


def answer(said, status=200):
    return Answer(status=status, body=json.dumps(said).encode())


def error(code, description, **parameters):
    return answer({"ok": False, "error_code": code, "description": description, "parameters": parameters}, code)


def fixture(stem):
    return (EVENTS / "telegram" / f"{stem}.json").read_bytes()


def parsed(stem):
    (event,) = telegram.parse(fixture(stem), NOW)
    return event


def reply(text="On its way.", given=None, **changed):
    to = {"surface": Surface.DM, "thread_id": JO, "in_reply_to": f"{JO}:55", "last_inbound_at": NOW}
    return telegram.reply(outbound("telegram", BOT, **{**to, "text": text, **changed}), given or secret("s"), NOW)


def payload(call):
    assert isinstance(call, Call), call
    return json.loads(call.body or b"")


def refused(made, refusal):
    assert isinstance(made, Refused), made
    assert made.refusal is refusal
    return made


@pytest.fixture
def talk(tmp_path):
    return Talk("telegram", BOT, tmp_path, NOW)


# Proving


def test_the_secret_token_of_any_account_opens_and_no_other():
    secrets = (secret("one"), secret("two-new", "two-old"))
    for token in ("one", "two-new", "two-old"):
        telegram.verify(delivery(token), secrets, NOW)
    for other in (None, "", "three", "One", "one ", "on", "öne", "one,one", "x" * 300):
        with pytest.raises(SignatureRejected):
            telegram.verify(delivery(other), secrets, NOW)


def test_a_password_says_nothing_about_the_body():
    assert telegram.sign(b"{}", secret("one"), NOW, "d") == telegram.sign(b"[]", secret("one"), NOW, "d")


def test_a_delivery_is_for_the_account_whose_password_came_with_it():
    secrets = (secret("one", account_id="1"), secret("two", "two-old", account_id="2"), secret(" ", account_id="3"))
    found = [telegram.addressee(delivery(token), secrets) for token in ("one", "two-old", "three", None, " ")]
    assert found == ["1", "2", None, None, None]
    assert [event.account_id for event in telegram.parse(fixture("dm__plain"), NOW)] == [None]


# Reading


def test_the_same_number_in_two_chats_is_two_messages():
    ids = {parsed(stem).message_id for stem in ("dm__plain", "comment__group", "dm__business")}
    assert ids == {f"{JO}:55", f"{GROUP}:901", f"{BUSINESS}:301"}


def test_the_pictures_of_an_album_are_one_conversation():
    first, second = parsed("dm__album-first"), parsed("dm__album-second")
    assert first.thread_id == second.thread_id == JO
    assert first.customer_id == second.customer_id
    assert first.message_id != second.message_id


def test_a_file_is_named_but_never_linked_for_its_link_would_hold_the_token():
    stems = ("dm__photo-with-caption", "dm__voice", "dm__animation-that-is-a-document-too")
    assert [[(a.type, a.url) for a in parsed(stem).attachments] for stem in stems] == [
        [("photo", None)],
        [("voice", None)],
        [("animation", None)],
    ]


def test_opening_the_conversation_is_not_a_question():
    assert parsed("unknown__start").surface is None
    assert opened_with("/start order-1").kind is Kind.UNKNOWN


@pytest.mark.parametrize("words", ["/start where is my order?", "/start\nHello", "/started"])
def test_what_somebody_says_behind_the_command_is_a_question(words):
    event = opened_with(words)
    assert (event.kind, event.text) == (Kind.MESSAGE, words)


@pytest.mark.parametrize("held", [{"hologram": {"file_id": "x"}}, {"web_app_data": {"data": "1"}}, {}])
def test_content_of_a_later_release_is_the_word_of_whoever_sent_it_and_waits_for_a_person(held):
    event = replace(with_instead_of_text("dm__plain", held), account_id=BOT)
    assert (event.kind, event.surface, event.message_id) == (Kind.UNKNOWN, Surface.DM, f"{JO}:55")
    assert is_from_customer(event)


@pytest.mark.parametrize("name", ["pinned_message", "new_chat_title", "forum_topic_created", "users_shared", "gift"])
def test_a_service_message_is_nobodys_word(name):
    event = with_instead_of_text("dm__plain", {name: {}})
    assert (event.kind, event.surface, event.detail) == (Kind.UNKNOWN, None, name)


def test_content_of_a_later_release_from_our_own_side_waits_for_nobody():
    assert with_instead_of_text("echo__business-by-its-owner", {"hologram": {}}).surface is None


def with_instead_of_text(stem, held):
    update = json.loads(fixture(stem))
    message = next(value for value in update.values() if isinstance(value, dict))
    del message["text"]
    message.update(held)
    (event,) = telegram.parse(json.dumps(update).encode(), NOW)
    return event


def opened_with(words):
    return with_instead_of_text("dm__plain", {"text": words})


@pytest.mark.parametrize("stem", ["echo__business-by-its-owner", "echo__by-the-group-itself", "echo__channel-post"])
def test_what_the_company_says_itself_is_an_echo(stem):
    assert parsed(stem).kind is Kind.ECHO


def test_a_customer_who_blocks_the_bot_is_a_status_and_not_a_message():
    event = parsed("status__blocked")
    assert (event.kind, event.detail, event.customer_id) == (Kind.STATUS, "kicked", JO)


# Answering


def test_a_text_is_sent_as_it_is_without_a_parse_mode():
    call = reply("1 < 2 & _so_ *on* [x](y)")
    assert payload(call) == {"chat_id": 7100000001, "text": "1 < 2 & _so_ *on* [x](y)"}
    assert isinstance(call, Call)
    assert call.url == f"https://api.telegram.org/bot{TOKEN}/sendMessage"


def test_in_a_group_an_answer_shows_what_it_answers_even_when_that_is_gone():
    call = reply(surface=Surface.COMMENT, thread_id=GROUP, in_reply_to=f"{GROUP}:901")
    assert payload(call)["reply_parameters"] == {"message_id": 901, "allow_sending_without_reply": True}


def test_in_a_forum_an_answer_goes_into_its_topic():
    said = payload(reply(surface=Surface.COMMENT, thread_id="-1001500000002#7", in_reply_to=None))
    assert said == {"chat_id": -1001500000002, "text": "On its way.", "message_thread_id": 7}


def test_in_a_business_chat_the_bot_writes_for_a_day_and_then_a_person_has_to():
    assert payload(reply(thread_id=BUSINESS))["business_connection_id"] == "BQADbGhpcw-_1"
    for last in (None, NOW - timedelta(hours=24, seconds=1)):
        refused(reply(thread_id=BUSINESS, last_inbound_at=last), Refusal.BY_HAND)
    assert isinstance(reply(thread_id=BUSINESS, last_inbound_at=NOW - timedelta(hours=24)), Call)


@pytest.mark.parametrize("text", ["x" * 4097, "😀" * 2049])
def test_more_than_4096_utf16_units_are_refused(text):
    refused(reply(text), Refusal.NEVER)


def test_4096_units_are_taken():
    assert isinstance(reply("😀" * 2048), Call)


@pytest.mark.parametrize("thread", ["", "jo", "1/2", "7100000001@", "7100000001@a/b", "7" * 30, "\u0667"])
def test_what_is_no_chat_is_not_written_to(thread):
    refused(reply(thread_id=thread), Refusal.NEVER)


@pytest.mark.parametrize(
    "token", ["", "x", "7000000009:../../x", "7000000009:AAE example token", "12345/678:AAAAAAAAAAA"]
)
def test_nothing_but_a_token_gets_into_the_path(token):
    refused(reply(given=secret("s", bot_token=token)), Refusal.BLOCKED)


@pytest.mark.parametrize(
    ("said", "refusal", "word"),
    [
        (error(403, "Forbidden: bot was blocked by the user"), Refusal.NEVER, "blocked by the user"),
        (error(403, "Forbidden: user is deactivated"), Refusal.NEVER, "deactivated"),
        (error(400, "Bad Request: chat not found"), Refusal.NEVER, "chat not found"),
        (error(400, "Bad Request: message is too long"), Refusal.NEVER, "too long"),
        (error(400, "Bad Request: upgraded", migrate_to_chat_id=-1001500000009), Refusal.NEVER, "-1001500000009"),
        (error(401, "Unauthorized"), Refusal.BLOCKED, "@BotFather"),
        (error(404, "Not Found"), Refusal.BLOCKED, "@BotFather"),
        (error(429, "Too Many Requests: retry after 17", retry_after=17), Refusal.LATER, "moment"),
    ],
)
def test_an_error_says_what_to_do(said, refusal, word):
    assert word in refused(telegram.outcome(said), refusal).reason


def test_the_wait_telegram_asks_for_is_kept_within_a_day():
    for seconds, after in ((17, timedelta(seconds=17)), (10**9, timedelta(days=1)), ("x", None)):
        assert refused(telegram.outcome(error(429, "slow", retry_after=seconds)), Refusal.LATER).after == after


@pytest.mark.parametrize(
    "said",
    [answer({"ok": True, "result": {}}), answer({"ok": True}), answer([]), error(502, "Bad Gateway"), answer({}, 418)],
)
def test_what_does_not_say_whether_it_was_sent_is_unclear(said):
    assert isinstance(telegram.outcome(said), Unclear)


def test_a_failure_that_comes_with_200_is_one():
    refused(telegram.outcome(answer({"ok": False, "error_code": 403, "description": "Forbidden"})), Refusal.NEVER)


# Against the sandbox


def answers(talk, **changed):
    to = {"surface": Surface.DM, "thread_id": JO, "in_reply_to": None, "last_inbound_at": NOW}
    made = telegram.reply(outbound("telegram", BOT, **{**to, **changed}), talk.secret, NOW)
    return telegram.outcome(talk.call(made))


def test_an_answer_reaches_whoever_wrote_and_nobody_else(talk):
    talk.shows("dm__plain")
    outcome = answers(talk)
    assert isinstance(outcome, Posted)
    assert outcome.native_id == talk.posts[0]["native_id"]
    assert "chat not found" in refused(answers(talk, thread_id="12"), Refusal.NEVER).reason


def test_an_answer_to_who_blocked_the_bot_is_refused(talk):
    talk.shows("dm__plain")
    talk.shows("status__blocked")
    assert "blocked by the user" in refused(answers(talk), Refusal.NEVER).reason


def test_an_answer_to_a_group_that_moved_says_where_to(talk):
    talk.shows("unknown__group-moved")
    moved = answers(talk, surface=Surface.COMMENT, thread_id="-4200000001")
    assert "-1001500000009" in refused(moved, Refusal.NEVER).reason


def test_an_answer_in_a_group_stands_below_its_question(talk):
    talk.shows("comment__group")
    outcome = answers(talk, surface=Surface.COMMENT, thread_id=GROUP, in_reply_to=f"{GROUP}:901")
    assert isinstance(outcome, Posted)
    assert outcome.native_id.startswith(f"{GROUP}:")


def test_what_we_say_in_a_business_chat_comes_back_under_the_id_we_know(talk):
    talk.shows("dm__business")
    outcome = answers(talk, thread_id=BUSINESS)
    assert isinstance(outcome, Posted)
    assert outcome.native_id.startswith(f"{BUSINESS}:")


def test_the_bot_is_connected_and_proven(talk):
    (call,) = telegram.subscribe(talk.secret, "https://desk.example/webhooks/telegram")
    said = payload(call)
    assert said["secret_token"] == talk.secret.signing[0]
    assert {"message", "edited_message", "message_reaction", "my_chat_member"} <= set(said["allowed_updates"])
    assert talk.call(call).status == 200
    assert telegram.proven(talk.call(telegram.prove(talk.secret, NOW))) == Proof(who="@acme_care_bot")
    stranger = Secret(account_id=BOT, signing=("s",), credentials={"bot_token": TOKEN})
    refused(telegram.proven(talk.call(telegram.prove(stranger, NOW))), Refusal.BLOCKED)


def test_without_a_token_nothing_is_subscribed_or_proven():
    bare = Secret(account_id=BOT, signing=("s",))
    assert telegram.subscribe(bare, "https://desk.example") == ()
    assert telegram.prove(bare, NOW) is None
    refused(telegram.proven(Answer(status=500)), Refusal.LATER)


@pytest.mark.parametrize("url", ["http://desk.example/", "https://desk.example:8080/"])
def test_telegram_delivers_only_to_https_on_its_own_ports(talk, url):
    (call,) = telegram.subscribe(talk.secret, url)
    assert talk.call(call).status == 400
