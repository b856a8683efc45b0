"""YouTube: threads that grow, units that run out, and a hub that must not be answered for others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.channels import youtube
from shared.channels._youtube_calls import until_midnight
from shared.domain.connecting import Profile, Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import (
    Answer,
    Call,
    Posted,
    Refusal,
    Refused,
    Secret,
    Unclear,
)
from shared.domain.polling import Ask, Page, Purpose, Quota
from tests.unit.channels._talking import Talk, outbound

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ACCOUNT = "UClanternbikes0000000001"
THREAD = "UgzLANTERN0000000001AaABAg"
TOPIC = f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={ACCOUNT}"


def secret(**credentials):
    kept = {"access_token": "t", "client_id": "i", "client_secret": "s", "refresh_token": "r", **credentials}
    return Secret(account_id=ACCOUNT, signing=("key",), verify_token="word", credentials=kept)


def answer(said, status=200, **headers):
    return Answer(status=status, headers=headers, body=json.dumps(said).encode())


def error(reason, status=400, **headers):
    said = {"error": {"code": status, "message": "No.", "errors": [{"reason": reason, "domain": "youtube"}]}}
    return answer(said, status, **headers)


def ask(feed="threads", **wanted):
    return Ask(feed=feed, since=NOW - timedelta(hours=1), now=NOW, **wanted)


def asked(wanted):
    call = youtube.ask(wanted, secret())
    assert isinstance(call, Call), call
    parts = urlsplit(call.url)
    return parts.path.rpartition("/")[2], {name: values[0] for name, values in parse_qs(parts.query).items()}


def paged(wanted, said) -> Page:
    found = youtube.page(wanted, said, secret())
    assert isinstance(found, Page), found
    return found


def thread(replies=0, inlined=0, updated="2026-11-09T18:00:00Z"):
    first = {"id": THREAD, "snippet": {"publishedAt": "2026-11-09T18:00:00Z", "updatedAt": updated}}
    shown = [{"id": f"{THREAD}.{n}", "snippet": {"parentId": THREAD}} for n in range(inlined)]
    about = {"videoId": "vid", "topLevelComment": first, "totalReplyCount": replies}
    return {"id": THREAD, "snippet": about, "replies": {"comments": shown}}


@pytest.fixture
def talk(tmp_path):
    made = Talk("youtube", ACCOUNT, tmp_path, datetime.now(UTC).replace(microsecond=0))
    made.secret = renewed(made)
    return made


def renewed(talk):
    after = youtube.renewed(talk.secret, talk.call(youtube.renew(talk.secret, talk.now)), talk.now)
    assert isinstance(after, Secret), after
    return after


# Threads


def test_a_thread_changes_with_each_reply_and_with_an_edit_and_only_then():
    def revision(raw):
        (item,) = paged(ask(), answer({"items": [raw]})).items
        return item.revision

    assert revision(thread(3)) == revision(thread(3))
    assert len({revision(thread(3)), revision(thread(4)), revision(thread(3, updated="2026-11-09T19:00:00Z"))}) == 3


def test_a_thread_changes_too_where_one_reply_takes_anothers_place_or_is_edited():
    def revision(*updated):
        raw = thread(2, 2)
        for reply, at in zip(raw["replies"]["comments"], updated, strict=True):
            reply["snippet"]["updatedAt"] = at
        (item,) = paged(ask(), answer({"items": [raw]})).items
        return item.revision

    before = revision("2026-11-09T18:01:00Z", "2026-11-09T18:02:00Z")
    assert before == revision("2026-11-09T18:02:00Z", "2026-11-09T18:01:00Z")
    assert before != revision("2026-11-09T18:02:00Z", "2026-11-09T18:09:00Z")


def test_what_hangs_below_a_thread_is_fetched_only_where_not_all_of_it_came_along():
    (whole,) = paged(ask(), answer({"items": [thread(2, 2)]})).items
    (part,) = paged(ask(), answer({"items": [thread(7, 5)]})).items
    assert whole.below is None
    resource, given = asked(ask(token=part.below))
    assert (resource, given["parentId"], given["textFormat"]) == ("comments", THREAD, "plainText")


def test_replies_go_on_page_by_page_and_know_their_video():
    reply = {"id": f"{THREAD}.9", "snippet": {"parentId": THREAD, "publishedAt": "2026-11-09T18:10:00Z"}}
    below = ask(token=f"replies {THREAD} vid")
    page = paged(below, answer({"items": [reply], "nextPageToken": "p2"}))
    assert page.items[0].raw["snippet"]["videoId"] == "vid"
    assert asked(ask(token=page.next))[1]["pageToken"] == "p2"


def test_threads_are_asked_for_again_by_their_ids_in_one_call():
    resource, given = asked(ask(ids=("a", "b")))
    assert (resource, given["id"]) == ("commentThreads", "a,b")
    assert "maxResults" not in given
    assert paged(ask(ids=("a",)), answer({"items": [], "nextPageToken": "x"})).next is None


def test_texts_are_asked_for_plain_and_newest_first():
    _, given = asked(ask())
    assert (given["textFormat"], given["order"]) == ("plainText", "time")
    assert given["allThreadsRelatedToChannelId"] == ACCOUNT


def test_the_page_of_a_video_names_the_video():
    page = paged(ask("video", reference="vid"), answer({"items": [thread()], "nextPageToken": "p"}))
    assert (
        asked(ask("video", token=page.next))[1] | {"videoId": "vid", "pageToken": "p"}
        == asked(ask("video", token=page.next))[1]
    )


@pytest.mark.parametrize("reason", ["commentsDisabled", "videoNotFound"])
def test_a_video_whose_comments_are_turned_off_has_none(reason):
    assert paged(ask("video", reference="vid"), error(reason, 403)) == Page(items=())


def test_searches_have_a_bucket_of_their_own():
    feeds = {feed.name: feed for feed in youtube.FEEDS}
    assert feeds["search"].purpose is Purpose.LISTENING
    search, threads = feeds["search"].quota, feeds["threads"].quota
    assert isinstance(search, Quota)
    assert isinstance(threads, Quota)
    assert search.units == 100
    assert search.name != threads.name
    assert threads.replies >= 50


# Units


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 9, 18, 30, tzinfo=UTC), 13.5),
        (datetime(2026, 7, 9, 18, 30, tzinfo=UTC), 12.5),
        (datetime(2026, 11, 1, 8, 0, tzinfo=UTC), 24),  # the night in which the clocks go back there: 25 hours, capped
        (datetime(2026, 3, 8, 9, 0, tzinfo=UTC), 22),
    ],
)
def test_units_come_back_at_midnight_in_california(now, hours):
    assert until_midnight(now) == timedelta(hours=hours)


def test_an_answer_without_units_waits_for_midnight_by_youtubes_clock():
    meant = youtube.outcome(error("quotaExceeded", 403, date="Mon, 09 Nov 2026 18:30:00 GMT"))
    assert isinstance(meant, Refused)
    assert (meant.refusal, meant.after) == (Refusal.LATER, timedelta(hours=13, minutes=30))


def test_the_sandbox_runs_out_of_units_as_youtube_does(talk):
    talk.shows("message__comment")
    talk.now = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
    talk.sandbox._world.taken[f"youtube:units:{ACCOUNT}:2026-11-09"] = "9899"
    sent = outbound("youtube", ACCOUNT, thread_id=THREAD)
    outcomes = [youtube.outcome(talk.call(youtube.reply(sent, talk.secret, talk.now))) for _ in range(3)]
    assert sum(isinstance(made, Posted) for made in outcomes) == 2
    assert isinstance(outcomes[-1], Refused)
    assert outcomes[-1].refusal is Refusal.LATER


# Errors


@pytest.mark.parametrize(
    ("reason", "status", "refusal"),
    [
        ("commentTextTooLong", 400, Refusal.NEVER),
        ("parentCommentIsPrivate", 400, Refusal.NEVER),
        ("processingFailure", 400, Refusal.NEVER),
        ("parentCommentNotFound", 404, Refusal.NEVER),
        ("commentsDisabled", 403, Refusal.NEVER),
        ("operationNotSupported", 400, Refusal.BY_HAND),
        ("ineligibleAccount", 403, Refusal.BLOCKED),
        ("forbidden", 403, Refusal.BLOCKED),
        ("authError", 401, Refusal.BLOCKED),
        ("rateLimitExceeded", 403, Refusal.LATER),
        ("quotaExceeded", 403, Refusal.LATER),
        ("something new", 400, Refusal.NEVER),
    ],
)
def test_an_error_is_sorted_by_its_reason(reason, status, refusal):
    meant = youtube.outcome(error(reason, status))
    assert isinstance(meant, Refused)
    assert meant.refusal is refusal


@pytest.mark.parametrize("given", [answer({}, 503), answer({}), error("quotaExceeded", 500)])
def test_an_answer_that_names_no_comment_leaves_open_whether_there_is_one(given):
    assert isinstance(youtube.outcome(given), Unclear)


# Answering


def test_an_answer_hangs_below_the_first_comment_of_its_thread():
    call = youtube.reply(outbound("youtube", ACCOUNT, thread_id=THREAD, in_reply_to=f"{THREAD}.r1"), secret(), NOW)
    assert isinstance(call, Call)
    assert json.loads(call.body or b"") == {"snippet": {"parentId": THREAD, "textOriginal": "On its way."}}


def test_a_video_that_was_found_gets_a_comment_of_its_own():
    sent = outbound("youtube", ACCOUNT, surface=Surface.MENTION, thread_id="vid", customer_id="UCbo")
    call = youtube.reply(sent, secret(), NOW)
    assert isinstance(call, Call)
    assert json.loads(call.body or b"")["snippet"]["videoId"] == "vid"
    nobody = outbound("youtube", ACCOUNT, surface=Surface.MENTION, thread_id="vid", customer_id=None)
    assert isinstance(youtube.reply(nobody, secret(), NOW), Refused)


# Renewing


def test_the_token_is_renewed_hourly_and_the_subscription_in_between_where_it_is_due():
    soon = secret(callback="https://x.example/webhooks/youtube", expires_at="2026-11-09T18:45:00Z")
    hub = youtube.renew(soon, NOW)
    assert isinstance(hub, Call)
    assert hub.url == "https://pubsubhubbub.appspot.com/subscribe"
    form = {name: values[0] for name, values in parse_qs((hub.body or b"").decode()).items()}
    assert form["hub.callback"] == "https://x.example/webhooks/youtube?verify=word"
    assert (form["hub.topic"], form["hub.secret"]) == (TOPIC, "key")
    after = youtube.renewed(soon, Answer(status=202), NOW)
    assert isinstance(after, Secret)
    token = youtube.renew(after, NOW)
    assert isinstance(token, Call)
    assert token.url == "https://oauth2.googleapis.com/token"
    assert youtube.expires(after) == youtube.expires(soon)


def test_a_token_about_to_end_goes_before_the_subscription():
    late = secret(callback="https://x.example/webhooks/youtube", expires_at="2026-11-09T18:35:00Z")
    call = youtube.renew(late, NOW)
    assert isinstance(call, Call)
    assert call.url == "https://oauth2.googleapis.com/token"


def test_a_hub_that_does_not_work_does_not_keep_the_token_from_being_renewed():
    soon = secret(callback="https://x.example/webhooks/youtube", expires_at="2026-11-09T18:45:00Z")
    after = youtube.renewed(soon, Answer(status=503), NOW)
    assert isinstance(after, Secret)
    call = youtube.renew(after, NOW)
    assert isinstance(call, Call)
    assert call.url == "https://oauth2.googleapis.com/token"
    tomorrow = youtube.renew(after, NOW + timedelta(days=1, minutes=1))
    assert isinstance(tomorrow, Call)


def test_without_an_address_nothing_is_subscribed():
    call = youtube.renew(secret(expires_at="2026-11-09T18:45:00Z"), NOW)
    assert isinstance(call, Call)
    assert call.url == "https://oauth2.googleapis.com/token"
    assert youtube.subscribe(Secret(account_id=ACCOUNT), "https://x.example") == ()


# The whole way round


def test_a_comment_is_found_answered_and_the_answer_comes_back_as_ours(talk):
    talk.shows("message__comment")
    page = talk.asks("threads")
    (said,) = talk.events("threads", page)
    sent = outbound("youtube", ACCOUNT, thread_id=said.thread_id, in_reply_to=said.message_id)
    made = youtube.outcome(talk.call(youtube.reply(sent, talk.secret, talk.now)))
    assert isinstance(made, Posted)
    again = talk.asks("threads", ids=(said.message_id,))
    assert again.items[0].revision != page.items[0].revision
    echo = talk.events("threads", again)[1]
    assert (echo.kind, echo.message_id) == (Kind.ECHO, made.native_id)
    assert (echo.thread_id, echo.in_reply_to) == (said.thread_id, said.message_id)


def test_all_replies_of_a_thread_are_found_below_it(talk):
    talk.shows("message__comment")
    for number in range(7):
        sent = outbound("youtube", ACCOUNT, thread_id=THREAD, text=f"Answer {number}")
        assert isinstance(youtube.outcome(talk.call(youtube.reply(sent, talk.secret, talk.now))), Posted)
    (item,) = talk.asks("threads").items
    below = talk.asks("threads", token=item.below)
    assert {event.text for event in talk.events("threads", below)} == {f"Answer {number}" for number in range(7)}


def test_a_thread_that_takes_no_answers_is_left_to_people(talk):
    talk.shows("message__without-an-author")
    sent = outbound("youtube", ACCOUNT, thread_id=THREAD)
    meant = youtube.outcome(talk.call(youtube.reply(sent, talk.secret, talk.now)))
    assert isinstance(meant, Refused)
    assert meant.refusal is Refusal.BY_HAND


def test_the_account_and_a_person_can_be_looked_at(talk):
    assert isinstance(youtube.proven(talk.call(youtube.prove(talk.secret, talk.now))), Proof)
    found = youtube.profile(talk.call(youtube.look_up("UCana", talk.secret, talk.now)))
    assert isinstance(found, Profile)
    assert found.followers is not None
    (hub,) = youtube.subscribe(talk.secret, "https://x.example/webhooks/youtube")
    assert talk.call(hub).status == 202


def test_a_video_that_names_us_was_said_to_nobody(talk):
    talk.shows("message__video-found-by-searching")
    (hit,) = talk.events("search", talk.asks("search", phrase="lantern bikes"))
    assert (hit.unaddressed, hit.surface) == (True, Surface.MENTION)
