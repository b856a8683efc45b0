"""LinkedIn: a handshake that is no oracle, names of comments whatever their spelling, versions, and no text twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.platforms import linkedin as platform
from shared.channels import linkedin
from shared.channels._linkedin_events import comment_of, post_of, thread_of
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Posted, Refusal, Refused, Request, Secret
from shared.domain.polling import Ask, Item, Page
from shared.errors import SignatureRejected
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 31, tzinfo=UTC)
PAGE = "2414183"
KEY = "example-client-secret"
CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
BODY = b'{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[]}'
# Made with `openssl dgst -sha256 -hmac example-client-secret`, over the code and over "hmacsha256=" and the body.
RESPONSE = "ac5f5ebec250543618c192df328c98bb121cf6b7ec43c98a553cf318fc81dec6"
SIGNATURE = "5ec608f313ca53c411bd36c77736359e0ec6022fbe3e0094572b1eb96bddae51"
ACCOUNT = Secret(account_id=PAGE, signing=(KEY,), credentials={"access_token": "t", "application_id": "7"})


def asked(method="GET", **query):
    return Request(method=method, headers={}, query=query, body=b"")


def pushed(signature, body=BODY):
    return Request(method="POST", headers={"x-li-signature": signature}, query={}, body=body)


def test_the_validation_is_answered_as_json_with_the_codes_hash():
    response = linkedin.challenge(asked(challengeCode=CODE), (ACCOUNT,))
    assert response is not None
    assert (response.status, response.content_type) == (200, "application/json")
    assert json.loads(response.body) == {"challengeCode": CODE, "challengeResponse": RESPONSE}


def test_the_same_validation_is_answered_again_every_time():
    first, second = (linkedin.challenge(asked(challengeCode=CODE), (ACCOUNT,)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "code",
    [
        "hmacsha256=" + BODY.decode(),
        'hmacsha256={"a":1}',
        "",
        CODE + " ",
        CODE + "\n",
        "\n" + CODE,
        CODE.replace("-", ""),
        "890e4665-4dfe-1ab1-b689-ed553bceeed0",
        "890e4665-4dfe-4ab1-7689-ed553bceeed0",
        "g90e4665-4dfe-4ab1-b689-ed553bceeed0",
        "\u0668" + CODE[1:],
        "{" + CODE + "}",
    ],
)
def test_nothing_but_a_strict_uuid_version_4_is_hashed(code):
    response = linkedin.challenge(asked(challengeCode=code), (ACCOUNT,))
    assert response is not None
    assert response.status == 400
    assert RESPONSE not in response.body
    assert SIGNATURE not in response.body


def test_a_shared_address_answers_with_the_secret_of_the_application_that_is_named():
    other = Secret(account_id="1", signing=("another-secret",), credentials={"application_id": "8"})
    named = linkedin.challenge(asked(challengeCode=CODE, applicationId="7"), (other, ACCOUNT))
    unnamed = linkedin.challenge(asked(challengeCode=CODE), (other, ACCOUNT))
    assert named is not None
    assert unnamed is not None
    assert RESPONSE in named.body
    assert RESPONSE not in unnamed.body


@pytest.mark.parametrize("secrets", [(), (replace(ACCOUNT, signing=()),), (replace(ACCOUNT, signing=(" ",)),)])
def test_without_a_client_secret_the_validation_fails(secrets):
    response = linkedin.challenge(asked(challengeCode=CODE), secrets)
    assert response is not None
    assert response.status == 404


def test_the_prefix_is_part_of_what_is_signed_and_may_stand_in_the_header_too():
    linkedin.verify(pushed(SIGNATURE), (ACCOUNT,), NOW)
    linkedin.verify(pushed("hmacsha256=" + SIGNATURE), (ACCOUNT,), NOW)
    assert linkedin.sign(BODY, ACCOUNT, NOW, "x")["x-li-signature"] == SIGNATURE


def test_a_signature_over_the_bare_body_is_refused():
    import hmac

    with pytest.raises(SignatureRejected):
        linkedin.verify(pushed(hmac.new(KEY.encode(), BODY, "sha256").hexdigest()), (ACCOUNT,), NOW)


@pytest.mark.parametrize(
    "urn",
    [
        "urn:li:comment:(activity:741,742)",
        "urn:li:comment:(urn:li:activity:741,742)",
        "urn:li:comment:(urn:li:activity:741, 742)",
    ],
)
def test_a_comment_has_one_name_whatever_the_spelling_of_its_post(urn):
    comment = comment_of(urn)
    assert comment is not None
    assert (str(comment), comment.urn) == ("741,742", "urn:li:comment:(urn:li:activity:741,742)")


@pytest.mark.parametrize("urn", ["", "urn:li:comment:(person:1,2)", "urn:li:comment:(activity:1)", 17, None, "741,742"])
def test_what_names_no_comment_is_none(urn):
    assert comment_of(urn) is None


def test_a_thread_is_a_post_and_the_comment_at_its_top():
    post, top = thread_of("activity:741,742") or (None, None)
    assert (str(post), str(top)) == ("activity:741", "741,742")
    assert thread_of("share:9") == (post_of("urn:li:share:9"), None)
    assert [thread_of(odd) for odd in ("", "x", "activity:", "activity:1,x", "activity:1,\u0663")] == [None] * 5


def test_one_odd_notification_never_costs_the_nine_others():
    events = linkedin.parse(delivered("linkedin", "message__ten-in-one-and-one-of-them-odd"), NOW)
    assert [e.kind for e in events].count(Kind.MESSAGE) == 9
    assert len(events) == 10


def test_a_post_of_our_own_that_names_our_page_is_no_customers_word():
    body = json.loads(delivered("linkedin", "mention__in-a-post"))
    body["notifications"][0]["decoratedGeneratedActivity"]["share"]["owner"] = f"urn:li:organization:{PAGE}"
    (event,) = linkedin.parse(json.dumps(body).encode(), NOW)
    assert (event.kind, event.customer_id) == (Kind.ECHO, None)


QUESTION = said("linkedin", delivered("linkedin", "message__comment"), NOW)
BELOW = said("linkedin", delivered("linkedin", "message__below-another"), NOW)
MENTION = said("linkedin", delivered("linkedin", "mention__in-a-post"), NOW)


@pytest.fixture
def site(tmp_path):
    made = Talk("linkedin", PAGE, tmp_path, NOW)
    for stem in ("message__comment", "message__below-another", "mention__in-a-post"):
        made.learns(delivered("linkedin", stem))
    return made


def answered(site, question, text="We are open on Sunday.", **changed):
    return linkedin.outcome(site.call(linkedin.reply(site.answers(question, text, **changed), site.secret, NOW)))


@pytest.mark.parametrize("question", [QUESTION, BELOW, MENTION], ids=["comment", "below another", "mention"])
def test_an_answer_is_posted_and_named_as_its_echo_will_name_it(site, question):
    outcome = answered(site, question)
    (post,) = site.world.posts
    assert outcome == Posted(post.native_id)
    newest = site.world.feed("linkedin", PAGE, "notifications")[0].raw
    (echo,) = linkedin.parse(_push(newest), NOW)
    assert (echo.kind, echo.message_id) == (Kind.ECHO, post.native_id)


def test_an_answer_to_a_comment_below_another_stands_below_the_one_at_the_top(site):
    answered(site, BELOW)
    assert site.world.posts[0].request["parentComment"].endswith(",7412000000000000901)")


def test_an_answer_to_a_mention_stands_below_the_post(site):
    answered(site, MENTION)
    request = site.world.posts[0].request
    assert (request["object"], "parentComment" in request) == ("urn:li:share:7413000000000000001", False)


def _push(*notifications):
    return json.dumps({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": notifications}).encode()


def refusal_of(outcome):
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_the_same_words_a_second_time_are_refused_with_what_to_do(site):
    answered(site, QUESTION)
    refusal = refusal_of(answered(site, QUESTION))
    assert (refusal.refusal, "change the words" in refusal.reason) == (Refusal.NEVER, True)


def test_a_version_that_has_ended_blocks_the_account_and_says_which(site, monkeypatch):
    monkeypatch.setattr(linkedin, "VERSION", "202401")
    refusal = refusal_of(answered(site, QUESTION))
    assert refusal.refusal is Refusal.BLOCKED
    assert "202401" in refusal.reason


@pytest.mark.parametrize(("trouble", "expected"), [("throttle", Refusal.LATER), ("revoked_token", Refusal.BLOCKED)])
def test_a_bad_day_at_linkedin_is_told_apart_by_what_to_do(site, trouble, expected):
    site.meets(trouble, "api.linkedin.com")
    assert refusal_of(answered(site, QUESTION)).refusal is expected


def test_an_answer_below_a_deleted_comment_is_refused(site):
    site.learns(delivered("linkedin", "deletion__comment"))
    assert refusal_of(answered(site, QUESTION)).refusal is Refusal.NEVER


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": "x" * 1251}, "1,250"),
        ({"surface": Surface.DM}, "no surface"),
        ({"thread_id": "somewhere"}, "does not name the post"),
    ],
)
def test_what_linkedin_would_refuse_is_refused_before_any_call(site, changed, words):
    refusal = refusal_of(linkedin.reply(replace(site.answers(QUESTION), **changed), site.secret, NOW))
    assert (refusal.refusal, words in refusal.reason) == (Refusal.NEVER, True)


@pytest.mark.parametrize(
    ("headers", "body", "native_id"),
    [
        ({"x-restli-id": "urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A741%2C742%29"}, {}, "741,742"),
        ({"x-restli-id": "742"}, {"object": "urn:li:activity:741"}, "741,742"),
        ({}, {"commentUrn": "urn:li:comment:(activity:741,742)"}, "741,742"),
        ({"x-restli-id": "742"}, {}, "742"),
        ({}, {}, ""),
    ],
)
def test_a_new_comment_is_named_from_whatever_linkedin_tells_of_it(headers, body, native_id):
    outcome = linkedin.outcome(Answer(status=201, headers=headers, body=json.dumps(body).encode()))
    assert outcome == Posted(native_id)


def wanted(**changed):
    return Ask(feed="notifications", since=NOW - timedelta(hours=24), now=NOW, **changed)


def test_what_a_push_missed_is_asked_for_page_by_page(site, monkeypatch):
    monkeypatch.setattr(linkedin, "_PAGE", 2)
    ask, found = wanted(), list[Item]()
    while True:
        page = linkedin.page(ask, site.call(linkedin.ask(ask, site.secret)), site.secret)
        assert isinstance(page, Page)
        found += page.items
        if page.next is None:
            break
        ask = wanted(token=page.next)
    times = [item.at for item in found if item.at is not None]
    assert times == sorted(times, reverse=True)
    assert len(found) == 3
    body = json.dumps({"account_id": PAGE, "feed": "notifications", "items": [i.raw for i in found]}).encode()
    assert {e.message_id for e in linkedin.parse(body, NOW)} == {
        QUESTION.message_id, BELOW.message_id, MENTION.message_id
    }  # fmt: skip


def test_only_the_wanted_span_is_asked_for(site):
    ask = replace(wanted(), since=NOW - timedelta(seconds=32))
    page = linkedin.page(ask, site.call(linkedin.ask(ask, site.secret)), site.secret)
    assert isinstance(page, Page)
    assert len(page.items) == 1


@pytest.mark.parametrize(("status", "expected"), [(429, Refusal.LATER), (503, Refusal.LATER), (401, Refusal.BLOCKED),
                                                  (426, Refusal.BLOCKED), (200, Refusal.LATER)])  # fmt: skip
def test_an_answer_without_a_page_says_what_to_do(status, expected):
    assert refusal_of(linkedin.page(wanted(), Answer(status=status), ACCOUNT)).refusal is expected


def test_another_feed_is_not_asked_for():
    assert refusal_of(linkedin.ask(replace(wanted(), feed="else"), ACCOUNT)).refusal is Refusal.NEVER


def test_a_token_is_renewed_and_the_new_refresh_token_replaces_the_old(site):
    account = linkedin.renewed(site.secret, site.call(linkedin.renew(site.secret, NOW)), NOW)
    assert isinstance(account, Secret)
    assert linkedin.expires(account) == NOW + timedelta(days=60)
    assert account.credentials["refresh_token"] != site.secret.credentials["refresh_token"]
    assert isinstance(linkedin.proven(site.call(linkedin.prove(account, NOW))), Proof)
    again = linkedin.renewed(site.secret, site.call(linkedin.renew(site.secret, NOW)), NOW)
    assert refusal_of(again).refusal is Refusal.BLOCKED


def test_an_app_without_refresh_tokens_has_nothing_to_renew():
    assert linkedin.renew(ACCOUNT, NOW) is None


def test_a_page_is_subscribed_for_its_administrator_and_proves_itself(site):
    (call,) = linkedin.subscribe(site.secret, "https://desk.example/webhooks/linkedin")
    assert site.call(call).status == 204
    assert linkedin.proven(site.call(linkedin.prove(site.secret, NOW))) == Proof(who="Lantern Bikes")
    assert linkedin.subscribe(ACCOUNT, "https://desk.example/webhooks/linkedin") == ()


def test_the_sandbox_wants_the_headers_that_linkedin_wants(site):
    call = linkedin.reply(site.answers(QUESTION), site.secret, NOW)
    assert isinstance(call, Call)
    for header in ("linkedin-version", "x-restli-protocol-version"):
        bare = {name: value for name, value in call.headers.items() if name != header}
        assert site.call(replace(call, headers=bare)).status == 400
    assert platform._VERSIONS.fullmatch(linkedin.VERSION)
