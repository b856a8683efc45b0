"""Slack: whose side somebody stands on, threads, a 200 that is a failure, a handshake that repeats no more than a token."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.platforms import slack as platform
from shared.channels import slack
from shared.channels._slack_text import escaped, plain
from shared.domain.connecting import Profile, Proof
from shared.domain.conversation import conversation_of, is_from_customer
from shared.domain.events import Kind, Surface, Visibility
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Response, Secret, Unclear
from shared.errors import SignatureRejected
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 31, tzinfo=UTC)
OURS = "T0DESK0001"

# The vector of Slack's own page and of its Python SDK's tests.
KEY = "8f742231b10e8888abcd99yyyzzz85a5"
AT = datetime.fromtimestamp(1531420618, UTC)
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
ACCOUNT = Secret(account_id=OURS, signing=(KEY,), credentials={"access_token": "xoxb-1"})


def request(body=BODY, signature=SIGNATURE, stamp="1531420618", method="POST"):
    headers = {"x-slack-signature": signature, "x-slack-request-timestamp": stamp}
    return Request(method=method, headers=headers, query={}, body=body)


def handshake(challenge, body=None, at=AT, key=KEY):
    body = body or json.dumps({"token": "t", "challenge": challenge, "type": "url_verification"}).encode()
    headers = slack.sign(body, replace(ACCOUNT, signing=(key,)), at, "x")
    return Request(method="POST", headers=headers, query={}, body=body)


def test_the_published_signature_is_accepted_and_is_what_we_would_send():
    slack.verify(request(), (ACCOUNT,), AT)
    assert slack.sign(BODY, ACCOUNT, AT, "x")["x-slack-signature"] == SIGNATURE


@pytest.mark.parametrize("seconds", [301, -301])
def test_a_delivery_is_refused_five_minutes_after_and_before_it_was_signed(seconds):
    slack.verify(request(), (ACCOUNT,), AT + timedelta(seconds=seconds - seconds // 301))
    with pytest.raises(SignatureRejected):
        slack.verify(request(), (ACCOUNT,), AT + timedelta(seconds=seconds))


def test_a_signed_handshake_is_answered_with_its_token_whatever_its_age():
    token = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    for at in (AT, AT - timedelta(days=400)):
        assert slack.challenge(handshake(token, at=at), (ACCOUNT,)) == Response(200, token)


@pytest.mark.parametrize("token", ["<script>", "a b", "", "x" * 201, "é", "a\n", None, 17, ["a"]])
def test_nothing_but_a_plain_token_is_repeated(token):
    assert slack.challenge(handshake(token), (ACCOUNT,)) is None


def test_a_handshake_that_slack_did_not_sign_is_answered_with_nothing():
    assert slack.challenge(handshake("token", key="another"), (ACCOUNT,)) is None
    assert slack.challenge(replace(handshake("token"), headers={}), (ACCOUNT,)) is None
    assert slack.challenge(handshake("token"), ()) is None


def test_an_event_that_quotes_the_word_of_the_handshake_is_a_delivery():
    body = json.dumps({"type": "event_callback", "event": {"text": "url_verification"}, "challenge": "abc"}).encode()
    assert slack.challenge(handshake("", body), (ACCOUNT,)) is None


def test_people_of_one_customer_in_one_thread_are_one_conversation():
    stems = ("message__in-a-shared-channel", "message__below-another", "message__below-another-by-their-colleague")
    events = [said("slack", delivered("slack", stem), NOW) for stem in stems]
    assert len({conversation_of(event) for event in events}) == 1
    assert {event.customer_id for event in events} == {"T0CUST0002"}
    assert len({event.author_id for event in events}) == 2


def test_a_colleague_who_answers_in_slack_answers_the_customers_message():
    (event,) = slack.parse(delivered("slack", "echo__one-of-us-answers-below"), NOW)
    question = said("slack", delivered("slack", "message__in-a-shared-channel"), NOW)
    assert (event.kind, event.automated, event.in_reply_to) == (Kind.ECHO, False, question.message_id)


def test_a_subtype_that_is_not_known_is_the_word_of_whoever_sent_it_and_waits_for_a_person():
    event = of_subtype("message__in-a-shared-channel", "voice_note")
    assert (event.kind, event.detail, event.customer_id) == (Kind.UNKNOWN, "voice_note", "T0CUST0002")
    assert is_from_customer(event)


@pytest.mark.parametrize("stem", ["echo__one-of-us-answers-below", "echo__our-app-with-its-token"])
def test_a_subtype_that_is_not_known_from_our_own_side_waits_for_nobody(stem):
    event = of_subtype(stem, "voice_note")
    assert (event.kind, event.surface, event.detail) == (Kind.UNKNOWN, None, "voice_note")


@pytest.mark.parametrize("subtype", ["channel_topic", "group_join", "pinned_item", "message_replied", "huddle_thread"])
def test_a_notice_of_slacks_own_says_nothing(subtype):
    assert of_subtype("message__in-a-shared-channel", subtype).kind is Kind.STATUS


def of_subtype(stem, subtype):
    body = json.loads(delivered("slack", stem))
    body["event"]["subtype"] = subtype
    (event,) = slack.parse(json.dumps(body).encode(), NOW)
    return event


def test_a_direct_message_is_private_and_a_channel_is_read_by_everybody_in_it():
    direct = said("slack", delivered("slack", "message__direct"), NOW)
    shared = said("slack", delivered("slack", "message__in-a-shared-channel"), NOW)
    assert (direct.surface, direct.visibility) == (Surface.DM, Visibility.PRIVATE)
    assert (shared.surface, shared.visibility) == (Surface.COMMENT, Visibility.PUBLIC)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"),
        ("<https://a.example>", "https://a.example"),
        ("<https://a.example|a.example>", "a.example (https://a.example)"),
        ("<!subteam^S1|@support> <!date^1^x|today> <!channel>", "@support today @channel"),
        ("<tel:+49123|+49123> <#C1|sales> <@U1>", "+49123 #sales @U1"),
        ("a < b > c <", "a  b  c <"),
    ],
)
def test_slacks_marks_are_read_as_people_see_them(written, shown):
    assert plain(written) == shown


def test_what_we_write_calls_nobody():
    assert escaped("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert plain(escaped("<!channel> & <@U1>")) == "<!channel> & <@U1>"


@pytest.fixture
def workspace(tmp_path):
    made = Talk("slack", OURS, tmp_path, NOW)
    made.learns(delivered("slack", "message__in-a-shared-channel"))
    made.learns(delivered("slack", "message__direct"))
    return made


QUESTION = said("slack", delivered("slack", "message__in-a-shared-channel"), NOW)
DIRECT = said("slack", delivered("slack", "message__direct"), NOW)


def test_an_answer_is_posted_below_the_question_and_named_by_channel_and_ts(workspace):
    answer = workspace.call(slack.reply(workspace.answers(QUESTION, "Yes & <no>"), workspace.secret, NOW))
    (post,) = workspace.world.posts
    assert slack.outcome(answer) == Posted(post.native_id)
    assert (post.kind, post.thread, post.text) == ("reply", QUESTION.thread_id, "Yes & <no>")


def test_a_direct_answer_stands_in_the_conversation_itself(workspace):
    answer = workspace.call(slack.reply(workspace.answers(DIRECT), workspace.secret, NOW))
    assert isinstance(slack.outcome(answer), Posted)
    assert "thread_ts" not in workspace.world.posts[0].request


@pytest.mark.parametrize("question", [QUESTION, DIRECT])
def test_the_echo_of_our_answer_is_known_by_its_name_and_by_our_token(workspace, question):
    call = slack.reply(workspace.answers(question), workspace.secret, NOW)
    assert isinstance(call, Call)
    given = platform._post(_platform_call(call), workspace.world, workspace.account)
    (event,) = slack.parse(given.tellings[0].body, NOW)
    assert (event.kind, event.message_id) == (Kind.ECHO, workspace.world.posts[0].native_id)
    assert (event.client_token, event.thread_id) == ("conversation.reply-1", question.thread_id)


def _platform_call(call):
    from infra.local.platforms.exchange import PlatformCall

    return PlatformCall(host="slack.com", method="POST", path="/api/chat.postMessage", headers={},
                        params=json.loads(call.body), body=call.body, malformed=False, now=NOW)  # fmt: skip


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("ratelimited", Refusal.LATER),
        ("token_revoked", Refusal.BLOCKED),
        ("missing_scope", Refusal.BLOCKED),
        ("channel_not_found", Refusal.BLOCKED),
        ("is_archived", Refusal.NEVER),
        ("msg_too_long", Refusal.NEVER),
    ],
)
def test_a_200_that_is_a_failure_is_sorted_by_its_error(error, expected):
    refusal = slack.outcome(Answer(status=200, body=json.dumps({"ok": False, "error": error}).encode()))
    assert isinstance(refusal, Refused)
    assert refusal.refusal is expected


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable", "something_new", ""])
def test_an_error_that_slack_does_not_vouch_for_leaves_it_open(error):
    assert isinstance(
        slack.outcome(Answer(status=200, body=json.dumps({"ok": False, "error": error}).encode())), Unclear
    )


def test_a_200_that_says_nothing_is_unclear():
    assert isinstance(slack.outcome(Answer(status=200, body=b"<html>")), Unclear)


def test_too_many_answers_wait_as_long_as_slack_says(workspace):
    workspace.meets("throttle", "slack.com")
    refusal = slack.outcome(workspace.call(slack.reply(workspace.answers(QUESTION), workspace.secret, NOW)))
    assert isinstance(refusal, Refused)
    assert (refusal.refusal, refusal.after) == (Refusal.LATER, timedelta(seconds=30))


def test_an_answer_below_a_message_that_is_gone_is_refused(workspace):
    workspace.learns(delivered("slack", "deletion__by-the-customer"))
    refusal = slack.outcome(workspace.call(slack.reply(workspace.answers(QUESTION), workspace.secret, NOW)))
    assert isinstance(refusal, Refused)
    assert refusal.refusal is Refusal.NEVER


def test_a_text_over_what_slack_advises_is_refused_with_its_count():
    refusal = slack.reply(_Carried.answers(QUESTION, "x" * 4001), ACCOUNT, NOW)
    assert isinstance(refusal, Refused)
    assert "4,001" in refusal.reason


class _Carried:
    @staticmethod
    def answers(event, text):
        from shared.domain.exchange import Outbound

        return Outbound(
            channel="slack", account_id=OURS, surface=event.surface, thread_id=event.thread_id,
            customer_id=event.customer_id, in_reply_to=event.message_id, text=text, by_person=True,
            last_inbound_at=NOW, client_token="c.s",
        )  # fmt: skip


def test_the_app_proves_itself_and_people_and_workspaces_are_looked_up(workspace):
    assert slack.proven(workspace.call(slack.prove(workspace.secret, NOW))) == Proof(who="desk in Lantern Bikes")
    person = slack.profile(workspace.call(slack.look_up("U0ANA00001", workspace.secret, NOW)))
    assert person == Profile(name="Person U0ANA00001", handle="u0ana00001")
    company = slack.profile(workspace.call(slack.look_up("T0CUST0002", workspace.secret, NOW)))
    assert company == Profile(name="Workspace T0CUST0002", handle="t0cust0002")
    assert isinstance(slack.profile(workspace.call(slack.look_up("U0NOBODY", workspace.secret, NOW))), Refused)


def test_a_token_that_is_no_more_is_said_to_be_gone(workspace):
    gone = replace(workspace.secret, credentials={"access_token": "xoxb-old"})
    refusal = slack.proven(workspace.call(slack.prove(gone, NOW)))
    assert isinstance(refusal, Refused)
    assert refusal.refusal is Refusal.BLOCKED
