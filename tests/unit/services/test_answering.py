"""What an agent's words become where they cannot simply be posted: by hand, in parts, in the one slot, too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.events import Kind, Surface
from shared.domain.exchange import Capability, Refusal, Refused, Secret, Unit
from shared.domain.ledger import MOST_PARTS
from shared.domain.records import Intent, SendKind, SendState, State
from shared.mail.done import says_done
from shared.services.agent_mail import Ended
from tests.fakes.channels import ScriptedChannel
from tests.unit.services.agents import Mailbox
from tests.unit.services.stage import (
    ANA,
    FRIDAY_NIGHT,
    FRIDAY_NOON,
    LEA,
    POLICY,
    RULE,
    Stage,
    about,
    echo,
    message,
)

MINUTE = timedelta(minutes=1)
LINK = "https://platform.example/posts/1"


def mailbox(**capability):
    """A mailbox whose channel can do this in direct messages."""
    fields = {"replies": True, "limit": 1000}
    channel = ScriptedChannel(CAPABILITIES={Surface.DM: Capability(**(fields | capability))})
    return Mailbox(Stage(channel=channel))


def owed(box):
    return [one.state for one in box.stage.obligations_of(box.stage.conversation())]


def posted(box):
    return [outbound.text for outbound in box.stage.platforms.posted["cust"]]


class TestDone:
    @pytest.mark.parametrize(
        "text",
        [
            "done",
            "Done.",
            "DONE!",
            "done\n\nAna",
            "Erledigt",
            "C\u2019est fait.",
            "hecho",
            "\u2705",
            "完了",
            "готово",
            "  done  \n",
            "\u200bdone\ufeff",
            "\U0001f44d\U0001f3fd",
        ],
    )
    def test_the_word_alone_is_recognised(self, text):
        assert says_done(text, "Ana Muster")

    @pytest.mark.parametrize(
        "text", ["", "Done deal!", "Not done", "done\nIt left us today.", "Is it done?", "Ana", "done\nAna Other", "."]
    )
    def test_anything_more_is_an_answer(self, text):
        assert not says_done(text, "Ana Muster")

    def test_it_meets_the_obligation_and_is_never_posted(self):
        box = mailbox()

        assert box.take(box.answer("done")) is Ended.ACCEPTED
        box.stage.dispatch_all()
        box.stage.send_all()

        assert owed(box) == [State.MET]
        assert box.stage.conversation().waiting == ()
        assert box.stage.platforms.asked == []
        assert box.replies == []

    def test_where_words_could_have_been_posted_the_agent_is_told_that_they_were_not(self):
        box = mailbox()
        box.take(box.answer("done"))

        box.stage.dispatch_all()

        ((to, text),) = box.returned
        assert to == ANA.address
        assert "Nothing was posted" in text

    def test_where_only_a_person_can_answer_it_ends_in_silence(self):
        box = mailbox(replies=False)
        box.take(box.answer("done"))

        box.stage.dispatch_all()

        assert box.returned == []
        assert owed(box) == [State.MET]

    def test_what_came_after_it_was_written_still_waits(self):
        box = mailbox()
        late = box.stage.clock.now() + 5 * MINUTE
        box.stage.mails.kept["in/late"] = box.answer("done")
        box.stage.deliver(message("m2", at=late), received_at=late)
        box.take(box.answer("done"))

        assert [w.message_id for w in box.stage.conversation().waiting] == ["m2"]

    def test_a_copy_of_it_changes_nothing(self):
        box = mailbox()
        box.take(box.answer("done"))
        before = dict(box.stage.desk.records)

        assert box.take(box.answer("done")) is Ended.COPY
        assert box.stage.desk.records == before

    def test_said_again_minutes_later_it_is_about_what_came_since(self):
        box = mailbox()
        box.take(box.answer("done"))
        box.stage.clock.advance(MINUTE)
        box.stage.deliver(message("m2", at=box.stage.clock.now()))
        box.stage.clock.advance(MINUTE)

        assert box.take(box.answer("done", number=2)) is Ended.ACCEPTED
        assert box.stage.conversation().waiting == ()

    def test_it_outlives_the_failure_of_an_earlier_answer(self):
        box = mailbox()
        box.take(box.answer("It is on its way."))
        box.stage.dispatch_all()
        box.stage.send_all()
        (send,) = box.replies
        box.stage.clock.advance(MINUTE)
        box.take(box.answer("done", number=2))

        box.stage.deliver(status(send, "failed"))

        assert box.stage.conversation().waiting == ()


def status(send, word):
    return replace(about(send.native_id or "native", Kind.STATUS, detail=word), client_token=send.client_token)


class TestByHand:
    def test_where_the_platform_takes_no_answers_the_text_comes_back_with_the_link_and_the_way_to_say_done(self):
        box = mailbox(replies=False)
        head = box.stage.conversation()
        box.stage.put(replace(head, link=LINK))

        assert box.take(box.answer()) is Ended.RETURNED

        ((_, text),) = box.returned
        assert f"Answer there: {LINK}" in text
        assert "the one word: done" in text
        assert "It is on its way." in text

    def test_what_the_channel_leaves_to_a_person_comes_back_at_once(self, monkeypatch):
        box = mailbox()
        connect(box, monkeypatch, Refused(refusal=Refusal.BY_HAND, reason="X takes this from a person only."))

        assert box.take(box.answer()) is Ended.RETURNED

        ((_, text),) = box.returned
        assert "X takes this from a person only." in text
        assert "the one word: done" in text
        assert box.replies == []

    def test_what_the_platform_leaves_to_a_person_when_it_is_asked_is_told_with_link_and_way_to_say_done(self):
        box = mailbox()
        m1 = box.stage.message("m1")
        box.stage.put(replace(m1, link=LINK))
        box.stage.platforms.script.append(Refused(refusal=Refusal.BY_HAND, reason="Not by program (403)."))
        box.take(box.answer())

        box.stage.dispatch_all()
        box.stage.send_all()
        box.stage.dispatch_all()

        ((_, text),) = box.returned
        assert "takes it only from a person" in text
        assert f"Answer there: {LINK}" in text
        assert "the one word: done" in text


def connect(box, monkeypatch, answer):
    """The account is there, and this is what its channel says of every reply."""
    box.stage.secrets.by_channel["scripted"] = (Secret(account_id="acc"),)
    monkeypatch.setattr(ScriptedChannel, "reply", lambda *_: answer)


class TestTooLate:
    def test_what_the_channel_would_refuse_anyway_comes_back_at_once(self, monkeypatch):
        box = mailbox()
        connect(box, monkeypatch, Refused(refusal=Refusal.NEVER, reason="The window closed yesterday."))

        assert box.take(box.answer()) is Ended.RETURNED

        assert "The window closed yesterday." in box.returned[0][1]
        assert box.replies == []

    def test_what_only_time_can_mend_is_left_to_the_lane(self, monkeypatch):
        box = mailbox()
        connect(box, monkeypatch, Refused(refusal=Refusal.LATER, reason="Too many calls."))

        assert box.take(box.answer()) is Ended.ACCEPTED

    def test_a_copy_of_what_was_taken_in_time_is_a_copy(self, monkeypatch):
        box = mailbox()
        box.take(box.answer())
        connect(box, monkeypatch, Refused(refusal=Refusal.NEVER, reason="The window is closed."))

        assert box.take(box.answer()) is Ended.COPY
        assert box.take(box.answer(number=2)) is Ended.COPY


class TestLength:
    def test_a_text_for_one_post_is_refused_with_its_count(self):
        box = mailbox(limit=20, unit=Unit.GRAPHEMES)

        assert box.take(box.answer("It is on its way to you.")) is Ended.RETURNED

        assert "It has 24 graphemes; the platform takes at most 20." in box.returned[0][1]

    def test_a_text_too_long_for_all_its_posts_is_refused_with_both_numbers(self):
        box = mailbox(limit=10, parts=2)

        assert box.take(box.answer("It is on its way to you.")) is Ended.RETURNED

        assert "It has 24 characters; the platform takes at most 2 posts of 10." in box.returned[0][1]

    def test_a_longer_text_is_on_the_ledger_in_parts_of_which_the_first_is_posted(self):
        box = mailbox(limit=20, parts=3)

        assert box.take(box.answer("It left us. It is on its way.")) is Ended.ACCEPTED

        first, second = box.replies
        assert (first.text, second.text) == ("It left us.", "It is on its way.")
        assert second.send_id == f"{first.send_id}-2"
        assert [(s.part, s.parts, s.intents) for s in box.replies] == [(1, 2, (Intent.POST,)), (2, 2, ())]

    def test_no_more_parts_are_made_than_one_commit_takes(self):
        box = mailbox(limit=1, parts=50)

        assert box.take(box.answer("abcdefghijk")) is Ended.RETURNED
        assert MOST_PARTS < 11


class TestOneSlot:
    def test_a_second_answer_is_refused_and_names_the_first(self):
        box = mailbox(single_slot=True)
        box.take(box.answer("It is on its way."))

        assert box.take(box.answer("It arrives on Monday.", number=2)) is Ended.RETURNED

        ((_, text),) = box.returned
        assert f'{ANA.address} answered: "It is on its way."' in text
        assert len(box.replies) == 1

    def test_of_two_that_are_taken_at_once_one_wins(self):
        box = mailbox(single_slot=True)
        second = []
        box.stage.crossings.before(
            "desk.commit", lambda: second.append(box.take(box.answer("It arrives on Monday.", number=2)))
        )

        first = box.take(box.answer("It is on its way."))

        assert {first, *second} == {Ended.ACCEPTED, Ended.RETURNED}
        assert [send.text for send in box.replies] == ["It arrives on Monday."]

    def test_after_a_person_answered_in_the_app_it_is_refused_and_names_their_words(self):
        box = mailbox(single_slot=True)
        box.stage.deliver(echo("h1", at=box.stage.clock.now(), text="We called her."))

        assert box.take(box.answer()) is Ended.RETURNED

        assert 'A person answered: "We called her."' in box.returned[0][1]

    def test_a_person_who_answers_while_it_is_on_its_lane_is_not_overwritten(self):
        box = mailbox(single_slot=True)
        box.take(box.answer())
        box.stage.deliver(echo("h1", at=box.stage.clock.now(), text="We called her."))

        box.stage.dispatch_all()
        box.stage.send_all()
        box.stage.dispatch_all()

        assert box.stage.platforms.asked == []
        assert box.replies[0].state is SendState.WITHHELD
        assert "room for one answer" in box.returned[0][1]

    def test_after_a_first_try_failed_there_is_room_again(self):
        box = mailbox(single_slot=True)
        box.stage.platforms.script.append(Refused(refusal=Refusal.NEVER, reason="No emoji."))
        box.take(box.answer("It is on its way!"))
        box.stage.dispatch_all()
        box.stage.send_all()

        assert box.take(box.answer("It is on its way.", number=2)) is Ended.ACCEPTED
        box.stage.dispatch_all()
        box.stage.send_all()
        assert posted(box) == ["It is on its way."]

    def test_where_there_is_room_for_many_a_second_answer_goes_out(self):
        box = mailbox()
        box.take(box.answer("It is on its way."))

        assert box.take(box.answer("It arrives on Monday.", number=2)) is Ended.ACCEPTED

    def test_no_acknowledgement_takes_the_one_place(self):
        capabilities = {Surface.DM: Capability(replies=True, limit=1000, acknowledges=True, single_slot=True)}
        policy = replace(POLICY, rules=(replace(RULE, acknowledge=True),))
        stage = Stage(channel=ScriptedChannel(CAPABILITIES=capabilities), policy=policy)
        stage.clock.at = FRIDAY_NIGHT
        stage.deliver(message("m1", at=FRIDAY_NIGHT))

        assert stage.sends_of(stage.conversation()) == ()


def test_the_escalation_contact_can_say_done_too():
    box = mailbox()
    obligation = box.stage.obligations_of(box.stage.conversation())[0]
    box.stage.clock.at = FRIDAY_NOON + timedelta(hours=2)
    box.stage.dispatch.people.escalate(obligation)
    (box.hand_off,) = box.stage.mailer.sent
    assert box.hand_off.to == LEA.address

    assert box.take(box.answer("done", From=f"Lea <{LEA.address}>")) is Ended.ACCEPTED

    noted = [s for s in box.stage.sends_of(box.stage.conversation()) if s.kind is SendKind.BY_HAND]
    assert [send.agent for send in noted] == [LEA.address]
