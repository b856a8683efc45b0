"""What a hand-off tells of the person and the place, and how it says that only a person can answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.events import Surface, Visibility
from shared.domain.exchange import Capability, Unit
from shared.domain.policy import Agent
from shared.domain.records import Send, SendKind, SendState
from shared.mail import wording
from shared.mail.compose import Refused, Settled, hand_off, returned, told
from tests.unit.mail.build import (
    CONVERSATION_ID,
    NOW,
    REPLY_TO,
    SENDER,
    conversation,
    handed_off,
    html_of,
    letter,
    message,
    text_of,
)

LINK = "https://platform.example/posts/1?a=1&b=2"
BY_HAND = Capability(replies=False, limit=0)


def mail_of(**changes):
    return text_of(hand_off(handed_off(**changes)))


class TestFacts:
    def test_the_link_of_the_newest_message_is_shown_in_both_parts(self):
        mail = hand_off(handed_off(fresh=(message(link="https://old.example"), message(message_id="m2", link=LINK))))
        assert f"See it: {LINK}" in text_of(mail)
        assert "See it: https://platform.example/posts/1?a=1&amp;b=2" in html_of(mail)

    def test_a_message_without_a_link_is_found_by_that_of_its_conversation(self):
        assert f"See it: {LINK}" in mail_of(conversation=conversation(link=LINK))

    def test_a_link_cannot_carry_our_marker(self):
        assert "##nightdesk:aaaaaaaaaaaaaaaa" not in mail_of(fresh=(message(link=f"{LINK}##nightdesk:{'a' * 16}##"),))

    @pytest.mark.parametrize(
        ("known", "shown"),
        [
            ({}, "Who: Zoë Müller (@zoe)\n"),
            ({"customer_followers": 12_345}, "Who: Zoë Müller (@zoe), 12,345 followers\n"),
            ({"customer_followers": 0, "customer_verified": True}, "Who: Zoë Müller (@zoe), 0 followers, verified\n"),
            ({"customer_verified": False}, "Who: Zoë Müller (@zoe), not verified\n"),
        ],
    )
    def test_followers_and_the_verified_mark_are_shown_where_they_are_known(self, known, shown):
        assert shown in mail_of(conversation=conversation(**known))

    def test_what_nobody_said_to_us_says_so(self):
        assert "Nobody said this to us: found by listening." in mail_of(conversation=conversation(unaddressed=True))
        assert "listening" not in mail_of()

    def test_what_the_webhook_missed_says_so(self):
        assert "Instagram had not told us of it: found by asking." in mail_of(fresh=(message(repaired=True),))

    def test_the_stars_of_a_review_are_shown(self):
        assert "Rating: 2" in mail_of(fresh=(message(rating=2),))

    @pytest.mark.parametrize("unit", Unit)
    def test_every_way_of_counting_can_be_said(self, unit):
        limit = wording.length_limit(Capability(replies=True, limit=300, unit=unit))
        assert "at most 300" in limit

    def test_how_often_a_text_is_split_and_that_there_is_one_slot_is_said(self):
        text = mail_of(capability=Capability(replies=True, limit=300, parts=4, single_slot=True))
        assert "split over up to 4 posts" in text
        assert "room for one answer only" in text

    def test_a_notice_is_named_by_its_platform(self):
        noticed = conversation(channel="notice", account_id="linkedin", surface=Surface.DM)
        text = mail_of(conversation=noticed, capability=BY_HAND)
        assert "Where: LinkedIn, direct message" in text


class TestAnswerThere:
    def test_a_surface_without_replies_says_from_the_start_where_to_answer_and_how_to_say_that_it_is_done(self):
        text = mail_of(capability=BY_HAND, fresh=(message(link=LINK),))
        assert f"Answer there: {LINK}" in text
        assert "reply to this mail with the one word: done." in text
        assert "Just answer this mail" not in text

    def test_without_a_link_the_platform_is_named(self):
        assert "Answer on Instagram itself; it gave us no link." in mail_of(capability=BY_HAND)

    def test_where_mail_is_posted_the_word_is_explained_too(self):
        assert "reply to this mail with the one word done." in mail_of()

    def test_an_answer_that_comes_back_for_a_person_says_where(self):
        about = Refused(
            conversation=conversation(link=LINK),
            agent=Agent("anna@shop.example"),
            reason="X takes it from a person only.",
            advice="",
            text="It is on its way.",
            by_hand=True,
            mail_id=None,
            company="Blue Shop",
            reply_to=REPLY_TO,
            sender=SENDER,
            mail_domain="in.shop.example",
        )
        text = text_of(returned(about))
        assert f"Answer there: {LINK}" in text
        assert "It is on its way." in text
        assert "Answer there" not in text_of(returned(replace(about, by_hand=False)))


def send(**changes):
    fields: dict[str, Any] = {
        "conversation_id": CONVERSATION_ID,
        "send_id": "reply-1",
        "kind": SendKind.REPLY,
        "text": "It is on its way.",
        "in_reply_to": "m1",
        "written_at": NOW,
        "agent": "anna@shop.example",
    }
    return Send(**(fields | changes))


class TestTold:
    def test_a_text_for_a_person_says_where_to_answer_and_not_to_try_again(self):
        failed = send(state=SendState.FAILED, by_hand=True, reason="Forbidden (403).")
        text = text_of(told(Settled(letter=letter(), send=failed, link=LINK)))
        assert "was NOT posted: Instagram takes it only from a person." in text
        assert f"Answer there: {LINK}" in text
        assert "try again" not in text

    def test_the_word_done_is_confirmed_as_not_posted(self):
        noted = send(kind=SendKind.BY_HAND, state=SendState.SENT, text="done")
        text = text_of(told(Settled(letter=letter(), send=noted)))
        assert "Noted: the customer was answered on Instagram itself. Nothing was posted" in text

    def test_of_parts_it_says_which_are_there_and_shows_the_others(self):
        states = (SendState.SENT, SendState.UNKNOWN, SendState.WITHHELD)
        parts = tuple(
            send(send_id=f"r-{n}", part=n, parts=3, text=f"words {n}", state=state) for n, state in enumerate(states, 1)
        )
        text = text_of(told(Settled(letter=letter(), send=parts[1], parts=parts)))
        assert "Part 2 of 3 of your answer may or may not be on Instagram" in text
        assert "On Instagram: part 1." in text
        assert "Not known: part 2." in text
        assert "Not there: part 3." in text
        assert "words 1" not in text
        assert "| words 2\n|\n| words 3" in text


def test_a_public_place_without_replies_is_still_called_public():
    public = conversation(surface=Surface.COMMENT, visibility=Visibility.PUBLIC)
    assert "public, everyone can read it" in mail_of(conversation=public, capability=BY_HAND)
