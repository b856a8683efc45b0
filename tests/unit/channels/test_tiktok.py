"""TikTok: JSON within JSON, comments that are only pointed at, 48 hours and ten messages, a 200 that is a failure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.platforms import tiktok as platform
from infra.local.platforms.exchange import PlatformCall
from shared.channels import tiktok
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Response, Secret, Unclear
from shared.domain.polling import Ask, Page
from shared.errors import SignatureRejected
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 31, tzinfo=UTC)
BUSINESS = "biz-open-id-1"
COMMENT = "7410000000000000001:7412000000000000001"

# Made with `openssl dgst -sha256 -hmac example-app-secret` over "1790000000." and the body.
KEY = "example-app-secret"
AT = datetime.fromtimestamp(1790000000, UTC)
BODY = b'{"client_key":"7000","event":"comment.update","create_time":1790000000,"user_openid":"biz-1","content":"{}"}'
PROOF = "3a3cc3ae60d34bec2bf230ae04011426f4e2b7a7357ef5eee03617d8b899dffe"
ACCOUNT = Secret(account_id=BUSINESS, signing=(KEY,), credentials={"access_token": "t"})


def request(header):
    return Request(method="POST", headers={"tiktok-signature": header}, query={}, body=BODY)


def refusal_of(outcome):
    assert isinstance(outcome, Refused), outcome
    return outcome


@pytest.mark.parametrize(
    "header",
    [
        f"t=1790000000,s={PROOF}",
        f"s={PROOF},t=1790000000",
        f" t=1790000000 , s={PROOF} ",
        f"v=1,t=1790000000,s={PROOF}",
    ],
)
def test_time_and_signature_are_found_in_any_order(header):
    tiktok.verify(request(header), (ACCOUNT,), AT)


def test_we_would_send_the_same_signature():
    assert tiktok.sign(BODY, ACCOUNT, AT, "x")["tiktok-signature"] == f"t=1790000000,s={PROOF}"


@pytest.mark.parametrize(
    "header",
    [f"t=1790000000,t=1790000000,s={PROOF}", f"t=1790000000,s={PROOF},s={PROOF}", f"s={PROOF}", "t=1790000000", "t=,s=",
     f"t=1790000000x,s={PROOF}", f"t=-1790000000,s={PROOF}"],
)  # fmt: skip
def test_a_header_without_exactly_one_time_and_one_signature_is_refused(header):
    with pytest.raises(SignatureRejected):
        tiktok.verify(request(header), (ACCOUNT,), AT)


def test_five_minutes_are_tolerated_and_no_more():
    header = f"t=1790000000,s={PROOF}"
    tiktok.verify(request(header), (ACCOUNT,), AT + timedelta(minutes=5))
    with pytest.raises(SignatureRejected):
        tiktok.verify(request(header), (ACCOUNT,), AT + timedelta(minutes=5, seconds=1))


@pytest.mark.parametrize(
    ("token", "status"), [("abc-DEF_123", 200), ("<b>", 405), ("", 405), ("a b", 405), ("x" * 129, 405)]
)
def test_nothing_but_a_plain_challenge_is_repeated(token, status):
    asked = Request(method="GET", headers={}, query={"challenge": token}, body=b"")
    answer = tiktok.challenge(asked, (ACCOUNT,))
    assert answer is not None
    assert (answer.status, answer == Response(200, token)) == (status, status == 200)


@pytest.mark.parametrize("content", ["", "null", "[]", "17", '"text"', "{", "\ud800", "[" * 100_000])
def test_a_content_that_cannot_be_read_is_said_so_and_costs_nothing(content):
    body = json.dumps({"event": "comment.update", "user_openid": "b", "content": content}).encode()
    (event,) = tiktok.parse(body, NOW)
    assert (event.kind, event.surface) == (Kind.UNKNOWN, None)


def test_a_comments_number_stays_the_same_to_the_last_digit():
    (event,) = tiktok.parse(delivered("tiktok", "pointer__comment"), NOW)
    assert (event.message_id, event.detail) == (COMMENT, tiktok.FEEDS[0].name)


def test_the_time_of_a_late_message_is_its_own_and_not_that_of_its_delivery():
    event = said("tiktok", delivered("tiktok", "message__days-late"), NOW)
    assert event.sent_at is not None
    assert NOW - event.sent_at > timedelta(hours=55)


def test_what_the_account_itself_wrote_is_ours_whatever_event_and_role_it_comes_with():
    envelope = json.loads(delivered("tiktok", "message__text"))
    content = json.loads(envelope["content"])
    content["from_user"] = {"id": envelope["user_openid"]}
    content["to_user"] = {"id": "jo-open-id"}
    (event,) = tiktok.parse(json.dumps({**envelope, "content": json.dumps(content)}).encode(), NOW)
    assert (event.kind, event.customer_id) == (Kind.ECHO, "jo-open-id")


@pytest.fixture
def app(tmp_path):
    made = Talk("tiktok", BUSINESS, tmp_path, NOW)
    made.learns(delivered("tiktok", "message__text"))
    made.learns(delivered("tiktok", "pointer__comment"))
    made.learns(delivered("tiktok", "pointer__reply"))
    return made


MESSAGE = said("tiktok", delivered("tiktok", "message__text"), NOW)


def fetched(app, reference):
    ask = Ask(feed="comments", since=NOW, now=NOW, reference=reference)
    page = tiktok.page(ask, app.call(tiktok.ask(ask, app.secret)), app.secret)
    assert isinstance(page, Page), page
    items = [item.raw for item in page.items]
    body = json.dumps({"account_id": BUSINESS, "feed": "comments", "items": items}).encode()
    return tiktok.parse(body, NOW) if items else ()


def posted(app, question, text="Forty-nine euros.", **changed):
    return tiktok.outcome(app.call(tiktok.reply(app.answers(question, text, **changed), app.secret, NOW)))


def test_a_comment_that_was_pointed_at_is_fetched_with_its_author(app):
    (event,) = fetched(app, COMMENT)
    assert (event.kind, event.text, event.author_handle) == (Kind.MESSAGE, "price?", "ana.rides")
    assert (event.message_id, event.thread_id) == ("7412000000000000001", COMMENT)


def test_a_comment_that_is_gone_when_it_is_fetched_leaves_nothing(app):
    app.learns(delivered("tiktok", "deletion__comment"))
    assert fetched(app, COMMENT) == ()


def test_an_answer_to_a_comment_is_known_for_ours_when_it_is_fetched(app):
    (question,) = fetched(app, COMMENT)
    outcome = posted(app, question)
    (post,) = app.world.posts
    assert outcome == Posted(post.native_id)
    (echo,) = fetched(app, f"7410000000000000001:{post.native_id}")
    assert (echo.kind, echo.message_id, echo.in_reply_to) == (Kind.ECHO, post.native_id, question.message_id)
    assert echo.thread_id == question.thread_id


def test_an_answer_to_a_reply_names_the_reply_and_stays_in_its_thread(app):
    (question,) = fetched(app, "7410000000000000001:7412000000000000002")
    assert question.thread_id == COMMENT
    assert isinstance(posted(app, question), Posted)
    assert app.world.posts[0].request["comment_id"] == "7412000000000000002"


def test_a_message_is_sent_into_its_conversation_and_its_id_lies_one_level_deeper(app):
    outcome = posted(app, MESSAGE)
    assert outcome == Posted(app.world.posts[0].native_id)
    assert app.world.posts[0].thread == "conv-81="


def test_the_echo_of_a_message_bears_the_id_that_sending_gave(app):
    call = tiktok.reply(app.answers(MESSAGE), app.secret, NOW)
    assert isinstance(call, Call)
    asked = PlatformCall(host="", method="POST", path="", headers={}, params=json.loads(call.body or b""), body=b"",
                         malformed=False, now=NOW)  # fmt: skip
    given = platform._send(asked, app.world, app.account)
    (event,) = tiktok.parse(given.tellings[0].body, NOW)
    assert (event.kind, event.message_id, event.thread_id) == (Kind.ECHO, app.world.posts[0].native_id, "conv-81=")
    assert event.customer_id == MESSAGE.customer_id


def test_the_window_is_checked_before_the_call(app):
    late = replace(app.answers(MESSAGE), last_inbound_at=NOW - timedelta(hours=48, seconds=1))
    assert refusal_of(tiktok.reply(late, app.secret, NOW)).refusal is Refusal.NEVER
    assert isinstance(tiktok.reply(replace(late, last_inbound_at=NOW - timedelta(hours=48)), app.secret, NOW), Call)
    assert refusal_of(tiktok.reply(replace(late, last_inbound_at=None), app.secret, NOW)).refusal is Refusal.NEVER


def test_the_eleventh_message_is_refused_by_tiktok_and_told(app):
    outcomes = [posted(app, MESSAGE, f"Message {n}") for n in range(11)]
    assert all(isinstance(outcome, Posted) for outcome in outcomes[:10])
    refusal = refusal_of(outcomes[10])
    assert (refusal.refusal, "10 messages" in refusal.reason) == (Refusal.NEVER, True)


def test_a_comment_has_150_characters_and_a_message_6000(app):
    (question,) = fetched(app, COMMENT)
    assert "150" in refusal_of(tiktok.reply(app.answers(question, "x" * 151), app.secret, NOW)).reason
    assert isinstance(tiktok.reply(app.answers(question, "é" * 150), app.secret, NOW), Call)
    assert "6,000" in refusal_of(tiktok.reply(app.answers(MESSAGE, "x" * 6001), app.secret, NOW)).reason


def test_a_mention_elsewhere_is_answered_by_hand(app):
    mention = said("tiktok", delivered("tiktok", "mention__in-a-video"), NOW)
    assert refusal_of(tiktok.reply(app.answers(mention), app.secret, NOW)).refusal is Refusal.BY_HAND
    assert not tiktok.CAPABILITIES[Surface.MENTION].replies


@pytest.mark.parametrize(
    ("code", "expected"),
    [(40100, Refusal.LATER), (40105, Refusal.BLOCKED), (40102, Refusal.BLOCKED), (40001, Refusal.BLOCKED),
     (40002, Refusal.NEVER), (40999, Refusal.NEVER)],
)  # fmt: skip
def test_a_200_that_is_a_failure_is_sorted_by_its_code(code, expected):
    answer = Answer(status=200, body=json.dumps({"code": code, "message": "No", "data": {}}).encode())
    assert refusal_of(tiktok.outcome(answer)).refusal is expected


@pytest.mark.parametrize("body", [b'{"code": 50000}', b"{}", b"", b'{"code": "x"}', b'{"code": null}'])
def test_a_fault_of_tiktoks_own_leaves_it_open(body):
    assert isinstance(tiktok.outcome(Answer(status=200, body=body)), Unclear)


@pytest.mark.parametrize(("trouble", "expected"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED)])
def test_a_bad_day_at_tiktok_is_told_apart_by_what_to_do(app, trouble, expected):
    app.meets(trouble, platform.HOSTS[0])
    assert refusal_of(posted(app, MESSAGE)).refusal is expected


def test_a_page_that_did_not_come_is_asked_for_again_unless_the_token_is_gone():
    ask = Ask(feed="comments", since=NOW, now=NOW, reference=COMMENT)
    answers = {Refusal.LATER: [b'{"code": 50000}', b'{"code": 0, "data": {}}'], Refusal.BLOCKED: [b'{"code": 40105}']}
    for expected, bodies in answers.items():
        for body in bodies:
            assert refusal_of(tiktok.page(ask, Answer(status=200, body=body), ACCOUNT)).refusal is expected


@pytest.mark.parametrize("reference", [None, "", "7412", ":7412", "7410:"])
def test_without_video_and_comment_nothing_is_asked_for(reference):
    ask = Ask(feed="comments", since=NOW, now=NOW, reference=reference)
    assert refusal_of(tiktok.ask(ask, ACCOUNT)).refusal is Refusal.NEVER


def test_tokens_are_renewed_in_pairs_and_a_used_refresh_token_is_worth_nothing(app):
    account = tiktok.renewed(app.secret, app.call(tiktok.renew(app.secret, NOW)), NOW)
    assert isinstance(account, Secret)
    assert tiktok.expires(account) == NOW + timedelta(days=1)
    assert account.credentials["refresh_token"] != app.secret.credentials["refresh_token"]
    assert tiktok.proven(app.call(tiktok.prove(account, NOW))) == Proof(who="lantern.bikes")
    again = tiktok.renewed(app.secret, app.call(tiktok.renew(app.secret, NOW)), NOW)
    assert refusal_of(again).refusal is Refusal.BLOCKED


@pytest.mark.parametrize("body", [b'{"code": 50000}', b'{"code": 40100}', b""])
def test_a_renewal_that_tiktok_could_not_do_is_tried_again(body):
    assert refusal_of(tiktok.renewed(ACCOUNT, Answer(status=200, body=body), NOW)).refusal is Refusal.LATER


def test_without_refresh_token_or_app_id_somebody_has_to_connect_it_again():
    assert refusal_of(tiktok.renew(ACCOUNT, NOW)).refusal is Refusal.BLOCKED


def test_the_app_registers_a_webhook_for_comments_and_one_for_messages(app):
    calls = tiktok.subscribe(app.secret, "https://desk.example/webhooks/tiktok")
    assert [json.loads(app.call(call).body)["data"]["event_type"] for call in calls] == ["COMMENT", "DIRECT_MESSAGE"]
    assert tiktok.subscribe(ACCOUNT, "https://desk.example/webhooks/tiktok") == ()
