"""Instagram's messages, private replies and comments, under either login."""

from __future__ import annotations

import pytest

from tests.unit.local.playground import (
    INSTAGRAM,
    NOON,
    PAGE,
    direct_message,
    instagram_comment,
    milliseconds,
    playground,
)
from tests.unit.local.test_sandbox_facebook import HUMAN, code_of

GRAPH = "/graph.instagram.com/v26.0"
MESSAGES = f"{GRAPH}/{INSTAGRAM}/messages"
COMMENT = "18000000000000009"


@pytest.fixture
def desk(tmp_path):
    with playground(tmp_path) as made:
        made.delivers("instagram", direct_message(INSTAGRAM, "77", NOON, "instagram"))
        made.delivers("instagram", instagram_comment(NOON))
        yield made


def message(text: str = "On its way", **changed):
    return {"recipient": {"id": "77"}, "message": {"text": text}, **changed}


@pytest.mark.parametrize(
    ("text", "taken"), [("x" * 1000, True), ("x" * 1001, False), ("👍" * 250, True), ("👍" * 251, False)]
)
def test_instagram_counts_bytes(desk, text, taken):
    assert desk.post(MESSAGES, message(text), "ig-token").status_code == (200 if taken else 400)


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [
        (message(), "page-token", (190, None)),
        (message(recipient={"id": "404"}), "ig-token", (100, 2534014)),
        (message(recipient={"id": "998877"}), "ig-token", (10, 2534022)),
        (message(messaging_type="REPLY"), "ig-token", (100, None)),
    ],
)
def test_a_message_that_instagram_would_not_take_is_refused(desk, body, token, code):
    assert code_of(desk.post(MESSAGES, body, token)) == code
    assert desk.look("posts") == []


@pytest.mark.parametrize(
    ("hours", "tags", "taken"), [(24, {}, True), (25, {}, False), (25, HUMAN, True), (169, HUMAN, False)]
)
def test_the_window_is_a_day_and_a_week_for_people(desk, hours, tags, taken):
    desk.passes(hours=hours)
    answer = desk.post(MESSAGES, message(**tags), "ig-token")
    assert answer.status_code == (200 if taken else 403)
    if not taken:
        assert code_of(answer) == (10, 2534022)


def test_the_echo_tells_neither_app_nor_metadata(desk):
    mid = desk.post(MESSAGES, message(), "ig-token").json()["message_id"]
    (told,) = desk.webhook.bodies()
    assert told["object"] == "instagram"
    assert told["entry"][0]["messaging"] == [
        {
            "sender": {"id": INSTAGRAM},
            "recipient": {"id": "77"},
            "timestamp": milliseconds(NOON),
            "message": {"mid": mid, "text": "On its way", "is_echo": True},
        }
    ]


def test_a_comment_takes_one_private_reply(desk):
    body = {"recipient": {"comment_id": COMMENT}, "message": {"text": "Hi"}}
    assert desk.post(MESSAGES, body, "ig-token").json()["recipient_id"] == "998877"
    assert code_of(desk.post(MESSAGES, body, "ig-token")) == (10, 2534025)


def test_a_private_reply_after_seven_days_is_refused(desk):
    desk.passes(days=8)
    body = {"recipient": {"comment_id": COMMENT}, "message": {"text": "Hi"}}
    assert code_of(desk.post(MESSAGES, body, "ig-token")) == (10, 2534013)


def test_a_public_reply_comes_back_as_our_own_comment(desk):
    answer = desk.post(f"{GRAPH}/{COMMENT}/replies?message=Twelve+euros", {}, "ig-token")
    (told,) = desk.webhook.bodies()
    assert told["entry"][0]["changes"] == [
        {
            "field": "comments",
            "value": {
                "from": {"id": INSTAGRAM, "username": "the.account"},
                "media": {"id": "17900000000000003", "media_product_type": "FEED"},
                "id": answer.json()["id"],
                "text": "Twelve euros",
                "parent_id": COMMENT,
            },
        }
    ]
    replies = desk.get(f"{GRAPH}/{COMMENT}/replies", "ig-token").json()["data"]
    assert [reply["text"] for reply in replies] == ["Twelve euros"]


def test_a_reply_to_a_reply_hangs_under_the_top_comment(desk):
    desk.delivers("instagram", instagram_comment(NOON, "18000000000000010", parent_id=COMMENT))
    desk.post(f"{GRAPH}/18000000000000010/replies", {"message": "Yes"}, "ig-token")
    assert desk.webhook.bodies()[0]["entry"][0]["changes"][0]["value"]["parent_id"] == COMMENT


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": "x" * 2201}])
def test_a_reply_that_is_empty_or_too_long_is_refused(desk, body):
    assert code_of(desk.post(f"{GRAPH}/{COMMENT}/replies", body, "ig-token")) == (100, None)


@pytest.mark.parametrize(
    "path", ["404/replies", "404/comments", f"{INSTAGRAM}/mentions?comment_id=404", "404/messages"]
)
def test_what_was_never_heard_of_is_invisible(desk, path):
    assert code_of(desk.post(f"{GRAPH}/{path}", {"message": "Hi"}, "ig-token")) == (100, 33)


def test_a_flat_comment_is_learnt_and_its_medium_can_be_commented(desk):
    nested = instagram_comment(NOON, "18000000000000011")["entry"][0]
    flat = {"object": "instagram", "entry": [{"id": INSTAGRAM, "time": nested["time"], **nested["changes"][0]}]}
    desk.delivers("instagram", flat)
    assert desk.post(f"{GRAPH}/18000000000000011/replies", {"message": "Hi"}, "ig-token").status_code == 200
    assert desk.post(f"{GRAPH}/17900000000000003/comments", {"message": "All"}, "ig-token").status_code == 200


def test_a_mention_that_is_only_ids_can_be_answered(desk):
    changes = [{"field": "mentions", "value": {"media_id": "179", "comment_id": "180"}}]
    desk.delivers("instagram", {"object": "instagram", "entry": [{"id": INSTAGRAM, "time": 1, "changes": changes}]})
    path = f"{GRAPH}/{INSTAGRAM}/mentions?media_id=179&comment_id=180&message=Thanks"
    assert desk.post(path, {}, "ig-token").status_code == 200


def test_a_profile_needs_the_persons_consent(desk):
    assert set(desk.get(f"{GRAPH}/77?fields=username,follower_count", "ig-token").json()) == {
        "id",
        "username",
        "follower_count",
    }
    assert code_of(desk.get(f"{GRAPH}/998877", "ig-token")) == (230, None)


def test_a_page_token_acts_for_page_and_instagram_account_alike(desk):
    shared = {"credentials": {"access_token": "page-token", "page_id": PAGE}}
    desk.control("accounts", {"accounts": {"instagram": {INSTAGRAM: shared}}})
    desk.delivers("facebook", direct_message(PAGE, "88", NOON))
    path = f"/graph.facebook.com/v26.0/{PAGE}/messages"
    assert desk.post(path, message()).status_code == 200
    assert desk.post(path, message(recipient={"id": "88"}, messaging_type="RESPONSE")).status_code == 200
    assert desk.post(f"/graph.facebook.com/v26.0/{COMMENT}/replies", {"message": "Hi"}).status_code == 200
    assert [post["channel"] for post in desk.look("posts")] == ["instagram", "facebook", "instagram"]
