"""Messenger and the Page's public texts, as the Send API and the comments edge answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from tests.unit.local.playground import (
    NOON,
    PAGE,
    direct_message,
    milliseconds,
    page_comment,
    playground,
)

GRAPH = "/graph.facebook.com/v26.0"
MESSAGES = f"{GRAPH}/{PAGE}/messages"


@pytest.fixture
def desk(tmp_path):
    with playground(tmp_path) as made:
        made.delivers("facebook", direct_message(PAGE, "77", NOON))
        made.delivers("facebook", page_comment(NOON))
        yield made


def message(text: object = "On its way", **changed):
    body = {"recipient": {"id": "77"}, "messaging_type": "RESPONSE", "message": {"text": text}, **changed}
    return {name: value for name, value in body.items() if value is not None}


HUMAN = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


def code_of(answer: requests.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    assert error["message"]
    assert error["fbtrace_id"]
    return error["code"], error.get("error_subcode")


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [
        (message(), None, (104, None)),
        (message(), "stolen", (190, None)),
        (message(), "ig-token", (100, 33)),
        (message(recipient=None), "page-token", (100, None)),
        (message(recipient={}), "page-token", (100, None)),
        (message(recipient={"id": "404"}), "page-token", (100, 2018001)),
        (message(recipient="77"), "page-token", (100, None)),
        (message(message=None), "page-token", (100, None)),
        (message(""), "page-token", (100, None)),
        (message("  \n"), "page-token", (100, None)),
        (message(7), "page-token", (100, None)),
        (message("é" * 2001), "page-token", (100, None)),
        (message(message={"text": "Hi", "metadata": "m" * 1001}), "page-token", (100, None)),
        (message(messaging_type=None), "page-token", (100, None)),
        (message(messaging_type="REPLY"), "page-token", (100, None)),
        (message(messaging_type="MESSAGE_TAG"), "page-token", (100, 2018255)),
        (message(messaging_type="MESSAGE_TAG", tag="ACCOUNT_UPDATE"), "page-token", (100, 2018255)),
        ([1, 2], "page-token", (100, None)),
    ],
)
def test_a_message_that_messenger_would_not_take_is_refused(desk, body, token, code):
    assert code_of(desk.post(MESSAGES, body, token)) == code
    assert desk.look("posts") == []
    assert desk.webhook.heard == []


@pytest.mark.parametrize("text", ["x" * 2000, "é" * 2000, "👍" * 2000])
def test_messenger_counts_characters(desk, text):
    assert desk.post(MESSAGES, message(text)).status_code == 200


def test_the_answer_names_recipient_and_message(desk):
    answer = desk.post(MESSAGES, message()).json()
    assert answer["recipient_id"] == "77"
    assert answer["message_id"].startswith("m_")


def test_a_body_that_is_no_json_is_refused(desk):
    answer = requests.post(
        f"{desk.url}{MESSAGES}", data=b"{nope", headers={"authorization": "Bearer page-token"}, timeout=10
    )
    assert code_of(answer) == (100, None)


def test_a_form_with_the_token_inside_is_taken_too(desk):
    form = {
        "recipient": '{"id":"77"}',
        "messaging_type": "RESPONSE",
        "message": '{"text":"Hi"}',
        "access_token": "page-token",
    }
    assert requests.post(f"{desk.url}{GRAPH}/me/messages", data=form, timeout=10).status_code == 200


@pytest.mark.parametrize("path", ["/graph.facebook.com/messages", f"{GRAPH}", "/graph.facebook.com/26/1/messages"])
def test_a_path_without_a_version_is_unknown(desk, path):
    assert code_of(desk.post(path, message())) == (2500, None)


@pytest.mark.parametrize("page", ["999", "77"])
def test_another_page_is_invisible_to_this_token(desk, page):
    assert code_of(desk.post(f"{GRAPH}/{page}/messages", message())) == (100, 33)


@pytest.mark.parametrize(
    ("hours", "tags", "taken"),
    [(24, {}, True), (24.01, {}, False), (24.01, HUMAN, True), (168, HUMAN, True), (168.01, HUMAN, False)],
)
def test_the_window_is_a_day_and_a_week_for_people(desk, hours, tags, taken):
    desk.passes(hours=hours)
    answer = desk.post(MESSAGES, message(**tags))
    assert answer.status_code == (200 if taken else 403)
    if not taken:
        assert code_of(answer) == (10, 2018278)


def test_the_window_opens_again_when_the_customer_writes(desk):
    desk.passes(hours=30)
    desk.delivers("facebook", direct_message(PAGE, "77", desk.now))
    assert desk.post(MESSAGES, message()).status_code == 200


def test_an_old_message_that_arrives_late_does_not_move_the_window(desk):
    desk.delivers("facebook", direct_message(PAGE, "77", NOON - timedelta(hours=20)))
    desk.passes(hours=10)
    assert desk.post(MESSAGES, message()).status_code == 200


def test_neither_our_echo_nor_a_comment_opens_the_window(desk):
    echo = direct_message("88", PAGE, NOON)
    echo["entry"][0]["id"] = PAGE
    echo["entry"][0]["messaging"][0] = {
        "sender": {"id": PAGE},
        "recipient": {"id": "88"},
        "timestamp": milliseconds(NOON),
        "message": {"mid": "m", "text": "x", "is_echo": True},
    }
    desk.delivers("facebook", echo)
    assert code_of(desk.post(MESSAGES, message(recipient={"id": "88"}))) == (100, 2018001)
    assert code_of(desk.post(MESSAGES, message(recipient={"id": "4242"}))) == (100, 2018001)


def test_standby_opens_the_window_as_well(desk):
    body = direct_message(PAGE, "99", NOON)
    body["entry"][0]["standby"] = body["entry"][0].pop("messaging")
    desk.delivers("facebook", body)
    assert desk.post(MESSAGES, message(recipient={"id": "99"})).status_code == 200


def test_the_echo_carries_our_app_and_metadata_back(desk):
    sent = message(message={"text": "Über/unter", "metadata": "case-42"})
    mid = desk.post(MESSAGES, sent).json()["message_id"]
    (raw,) = desk.webhook.heard
    assert b"\\u00dcber\\/unter" in raw.body
    assert desk.webhook.bodies()[0] == {
        "object": "page",
        "entry": [
            {
                "id": PAGE,
                "time": milliseconds(NOON),
                "messaging": [
                    {
                        "sender": {"id": PAGE},
                        "recipient": {"id": "77"},
                        "timestamp": milliseconds(NOON),
                        "message": {
                            "mid": mid,
                            "text": "Über/unter",
                            "is_echo": True,
                            "app_id": 4711,
                            "metadata": "case-42",
                        },
                    }
                ],
            }
        ],
    }


def private_reply(comment_id: str = "555_777"):
    return {"recipient": {"comment_id": comment_id}, "message": {"text": "Hello in private"}}


def test_a_comment_takes_one_private_reply_and_names_the_reader(desk):
    answer = desk.post(MESSAGES, private_reply())
    assert answer.status_code == 200
    assert answer.json()["recipient_id"] not in {"4242", "77"}
    assert code_of(desk.post(MESSAGES, private_reply())) == (10900, None)
    assert [(p["kind"], p["thread"]) for p in desk.look("posts")] == [("private_reply", "555_777")]


def test_only_when_the_reader_answers_may_we_write_on(desk):
    reader = desk.post(MESSAGES, private_reply()).json()["recipient_id"]
    assert code_of(desk.post(MESSAGES, message(recipient={"id": reader}))) == (100, 2018001)
    desk.delivers("facebook", direct_message(PAGE, reader, NOON))
    assert desk.post(MESSAGES, message(recipient={"id": reader})).status_code == 200


def test_a_private_reply_is_taken_for_seven_days(desk):
    desk.passes(days=7, seconds=1)
    assert code_of(desk.post(MESSAGES, private_reply())) == (10903, None)


@pytest.mark.parametrize("change", [{"from": {"id": PAGE}}, {"from": None}])
def test_neither_our_own_comment_nor_one_without_author_can_be_replied_to_privately(desk, change):
    desk.delivers("facebook", page_comment(NOON, "555_900", **change))
    assert code_of(desk.post(MESSAGES, private_reply("555_900"))) == (10903, None)


def test_an_unheard_of_comment_is_invisible(desk):
    assert code_of(desk.post(MESSAGES, private_reply("555_1"))) == (100, 33)
    assert code_of(desk.post(f"{GRAPH}/555_1/comments", {"message": "Hi"})) == (100, 33)


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": 1}, {"message": "x" * 8001}])
def test_a_comment_that_is_empty_or_too_long_is_refused(desk, body):
    assert code_of(desk.post(f"{GRAPH}/555_777/comments", body)) == (100, None)


def test_a_public_answer_is_told_to_the_webhook_as_the_pages_own_comment(desk):
    answer = desk.post(f"{GRAPH}/555_777/comments", {"message": "Sorry!"})
    comment_id = answer.json()["id"]
    (told,) = desk.webhook.bodies()
    value = told["entry"][0]["changes"][0]["value"]
    assert comment_id.startswith("555_")
    assert value == {
        "from": {"id": PAGE, "name": "The Page"},
        "post_id": f"{PAGE}_555",
        "comment_id": comment_id,
        "created_time": int(NOON.timestamp()),
        "item": "comment",
        "parent_id": "555_777",
        "verb": "add",
        "message": "Sorry!",
    }


def test_an_answer_to_a_reply_hangs_under_the_top_comment(desk):
    desk.delivers("facebook", page_comment(NOON, "555_778", parent_id="555_777"))
    desk.post(f"{GRAPH}/555_778/comments", {"message": "Sorry!"})
    assert desk.webhook.bodies()[0]["entry"][0]["changes"][0]["value"]["parent_id"] == "555_777"


@pytest.mark.parametrize(
    ("field", "value", "object_id"),
    [
        ("feed", {"item": "post", "verb": "add", "post_id": f"{PAGE}_888", "from": {"id": "4242"}}, f"{PAGE}_888"),
        ("mention", {"item": "post", "verb": "add", "post_id": f"{PAGE}_889", "message": "@us"}, f"{PAGE}_889"),
        ("ratings", {"item": "rating", "verb": "add", "open_graph_story_id": 987, "reviewer_id": 4242}, "987"),
    ],
)
def test_posts_mentions_and_reviews_are_answered_under_their_own_id(desk, field, value, object_id):
    entry = {"id": PAGE, "changes": [{"field": field, "value": value}]}
    desk.delivers("facebook", {"object": "page", "entry": [entry]})
    assert desk.post(f"{GRAPH}/{object_id}/comments", {"message": "Thank you"}).status_code == 200


def test_the_answers_to_a_comment_can_be_read_back(desk):
    comment_id = desk.post(f"{GRAPH}/555_777/comments", {"message": "Sorry!"}).json()["id"]
    (answer,) = desk.get(f"{GRAPH}/555_777/comments").json()["data"]
    assert (answer["id"], answer["message"], answer["from"]["id"]) == (comment_id, "Sorry!", PAGE)
    assert desk.get(f"{GRAPH}/{comment_id}").json()["created_time"] == "2026-11-02T12:00:00+0000"


def test_a_profile_shows_the_fields_that_were_asked_for_and_never_changes(desk):
    profile = desk.get(f"{GRAPH}/77?fields=name,first_name").json()
    assert set(profile) == {"id", "name", "first_name"}
    assert desk.get(f"{GRAPH}/77?fields=name,first_name").json() == profile


def test_a_stranger_has_no_profile(desk):
    assert code_of(desk.get(f"{GRAPH}/404")) == (100, 33)
