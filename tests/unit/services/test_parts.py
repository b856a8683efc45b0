"""A text over several posts: one at a time, in their order, each at most once, and nothing of it silently half."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import ledger
from shared.domain.events import Kind, Surface, Visibility
from shared.domain.exchange import Capability, Refusal, Refused
from shared.domain.records import Author, SendState, State
from shared.services.agent_mail import Ended
from shared.services.send import Carried, TryLater
from tests.fakes.channels import ScriptedChannel
from tests.fakes.effects import LostAnswer
from tests.unit.mail.build import opened, text_of
from tests.unit.services.agents import answer_mime, receipt
from tests.unit.services.stage import Stage, about, echo, message

TEXT = "It left us. It is on its way. It arrives soon."
PARTS = ["It left us.", "It is on its way.", "It arrives soon."]
NEVER = Refused(refusal=Refusal.NEVER, reason="That is not taken.")
LATER = Refused(refusal=Refusal.LATER, reason="Too many calls.")


class Split:
    """An answer of three parts on its lane, below a comment or in private."""

    def __init__(self, surface=Surface.COMMENT):
        capability = Capability(replies=True, limit=17, parts=3)
        self.stage = Stage(channel=ScriptedChannel(CAPABILITIES={surface: capability}))
        public = surface is Surface.COMMENT
        seen_by = Visibility.PUBLIC if public else Visibility.PRIVATE
        self.thread = "post" if public else "cust"
        self.event = message("m1", surface=surface, visibility=seen_by, thread_id=self.thread)
        self.stage.deliver(self.event)
        self.stage.dispatch_all()
        self.mail = self.stage.mailer.sent.pop()
        assert self.answers(TEXT) is Ended.ACCEPTED
        self.stage.dispatch_all()

    def answers(self, text, number=1):
        self.stage.mails.kept[f"in/{number}"] = answer_mime(self.mail, text, number)
        to = str(self.reply_to)
        return self.stage.agent_mails.take(receipt(str(number), (to,), self.stage.clock.now()))

    @property
    def reply_to(self):
        return opened(self.mail)["Reply-To"]

    @property
    def conversation(self):
        return self.stage.conversation(thread=self.thread)

    @property
    def sends(self):
        return self.stage.sends_of(self.conversation)

    @property
    def states(self):
        return [send.state for send in self.sends]

    @property
    def posts(self):
        return [outbound.text for outbound in self.stage.platforms.posted[self.thread]]

    @property
    def owed(self):
        return [one.state for one in self.stage.obligations_of(self.conversation)]

    def step(self):
        """Send what is on the lane, then carry out what follows."""
        self.stage.send_all()
        self.stage.dispatch_all()

    def told(self):
        return [text_of(mail) for mail in self.stage.mailer.sent]


def test_each_part_goes_out_after_the_one_before_it_and_the_last_meets_the_obligation():
    split = Split()
    for count in (1, 2, 3):
        assert split.owed == [State.OPEN]
        split.step()
        assert split.posts == PARTS[:count]
    assert split.states == [SendState.SENT] * 3
    assert split.owed == [State.MET]
    assert split.conversation.waiting == ()
    assert split.told() == []


def test_in_public_each_part_answers_the_part_before_it():
    split = Split()
    for _ in PARTS:
        split.step()
    asked = split.stage.platforms.asked
    assert [outbound.in_reply_to for outbound in asked] == ["m1", split.sends[0].native_id, split.sends[1].native_id]


def test_in_private_each_part_answers_the_customer():
    split = Split(Surface.DM)
    for _ in PARTS:
        split.step()
    assert [outbound.in_reply_to for outbound in split.stage.platforms.asked] == ["m1"] * 3


def test_a_part_is_not_sent_before_its_turn_whoever_asks_for_it():
    split = Split()
    assert split.stage.sender.carry(split.sends[1].key) is Carried.NOT_YET
    assert split.posts == []


def test_the_sweep_leaves_a_part_alone_whose_turn_has_not_come():
    split = Split()
    assert ledger.looked_for_at(split.sends[0]) is not None
    assert ledger.looked_for_at(split.sends[1]) is None
    split.step()
    assert ledger.looked_for_at(split.sends[1]) is not None


def test_an_automatic_answer_does_not_follow_the_first_part():
    split = Split()
    split.step()
    assert split.conversation.last_person_at is not None


@pytest.mark.parametrize("place", [0, 1])
def test_behind_a_part_that_failed_nothing_goes_out_and_the_agent_is_told_what_is_there(place):
    split = Split()
    for _ in range(place):
        split.step()
    split.stage.platforms.script.append(NEVER)
    split.step()
    split.step()

    assert split.posts == PARTS[:place]
    assert split.states[place:] == [SendState.FAILED, *[SendState.WITHHELD] * (2 - place)]
    assert split.owed == [State.OPEN]
    (text,) = split.told()
    assert f"Part {place + 1} of 3 of your answer was NOT posted" in text
    assert ("part 1." if place else "part none.") in text
    assert f"Not there: part {'2, 3' if place else '1, 2, 3'}." in text
    shown = text.partition("The text, of")[2]
    assert all((part in shown) == (number >= place) for number, part in enumerate(PARTS))


def test_behind_a_part_whose_answer_was_lost_nothing_goes_out_and_the_agent_is_told():
    split = Split()
    split.step()
    split.stage.platforms.script.append(LostAnswer())
    split.step()
    split.step()

    assert split.posts == PARTS[:2]
    assert split.states == [SendState.SENT, SendState.UNKNOWN, SendState.WITHHELD]
    (text,) = split.told()
    assert "Not known: part 2." in text
    assert "Not there: part 3." in text


def test_the_proof_that_comes_late_does_not_send_what_the_agent_was_told_is_not_sent():
    split = Split()
    split.stage.platforms.script.append(LostAnswer())
    split.step()
    split.stage.deliver(
        replace(echo("e1", text=PARTS[0]), surface=Surface.COMMENT, visibility=Visibility.PUBLIC, thread_id="post")
    )
    split.step()
    split.step()

    assert split.states == [SendState.SENT, SendState.WITHHELD, SendState.WITHHELD]
    assert split.posts == PARTS[:1]
    assert split.owed == [State.OPEN]
    assert "is on Scripted after all. What follows it is not." in split.told()[-1]


def test_proof_that_comes_before_the_agent_was_told_leaves_nothing_unsaid():
    split = Split()
    split.stage.platforms.script.append(LostAnswer())
    split.stage.send_all()
    proof = replace(echo("e1", text=PARTS[0]), surface=Surface.COMMENT, visibility=Visibility.PUBLIC, thread_id="post")
    split.stage.deliver(proof)
    split.stage.dispatch_all()

    (text,) = split.told()
    assert "Not there: part 2, 3." in text
    assert all(part in text for part in PARTS[1:])


def test_an_echo_that_beats_the_answer_releases_the_next_part_once():
    split = Split()
    first = split.sends[0]
    beats = replace(
        echo("e1", text=PARTS[0]), surface=Surface.COMMENT, visibility=Visibility.PUBLIC, thread_id="post",
        client_token=first.client_token,
    )  # fmt: skip
    split.stage.crossings.after("platforms.post", lambda: split.stage.deliver(beats))
    for _ in PARTS:
        split.step()

    assert split.posts == PARTS
    assert split.sends[0].native_id == "e1"
    assert split.sends[1].in_reply_to == "e1"


def test_the_echo_of_a_part_is_ours_and_no_person_in_the_app():
    split = Split()
    split.step()
    second = echo("e2", text=PARTS[1], in_reply_to=split.sends[0].native_id, customer_id=None)
    second = replace(second, surface=Surface.COMMENT, visibility=Visibility.PUBLIC, thread_id="post")
    split.stage.platforms.script.append(LostAnswer())
    split.step()
    split.stage.deliver(second)

    assert split.states[1] is SendState.SENT
    assert split.stage.message("e2").author is Author.PERSON
    assert split.owed == [State.OPEN]


def test_a_part_that_is_throttled_keeps_its_turn():
    split = Split()
    split.step()
    split.stage.platforms.script.append(LATER)
    with pytest.raises(TryLater):
        split.stage.sender.carry(split.sends[1].key)
    assert ledger.looked_for_at(split.sends[1]) is not None
    split.stage.sender.carry(split.sends[1].key)
    assert split.posts == PARTS[:2]


def test_a_sender_that_died_over_a_part_withholds_the_rest():
    split = Split()
    split.stage.put(ledger.claimed(split.sends[0], "another", split.stage.clock.now()))
    split.stage.clock.advance(2 * ledger.LEASE)

    assert split.stage.sender.carry(split.sends[0].key) is Carried.UNKNOWN

    assert split.states == [SendState.UNKNOWN, SendState.WITHHELD, SendState.WITHHELD]


def failure_of(split, place):
    send = split.sends[place]
    return replace(about(send.native_id, Kind.STATUS, detail="failed"), client_token=send.client_token)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_when_any_part_turns_out_undelivered_the_customer_waits_again(place):
    split = Split()
    for _ in PARTS:
        split.step()
    assert split.owed == [State.MET]

    split.stage.deliver(failure_of(split, place))
    split.stage.dispatch_all()

    assert [w.message_id for w in split.conversation.waiting] == ["m1"]
    assert split.owed[-1] is State.OPEN
    assert f"Part {place + 1} of 3" in split.told()[-1]


def test_a_part_that_turns_out_undelivered_stops_the_next_on_its_lane():
    split = Split()
    split.step()
    split.stage.deliver(failure_of(split, 0))
    split.step()
    split.step()

    assert split.posts == PARTS[:1]
    assert split.states == [SendState.FAILED, SendState.WITHHELD, SendState.WITHHELD]


def test_the_last_part_meets_nothing_if_one_before_it_failed_meanwhile():
    split = Split()
    split.step()
    split.step()
    split.stage.crossings.after("platforms.post", lambda: split.stage.deliver(failure_of(split, 0)))
    split.step()

    assert split.posts == PARTS
    assert split.owed == [State.OPEN]


def test_the_same_words_again_are_a_copy():
    split = Split()
    split.step()
    assert split.answers(TEXT, number=2) is Ended.COPY
    assert len(split.sends) == 3


def test_the_whole_text_again_after_half_of_it_went_out_comes_back():
    split = Split()
    split.step()
    split.stage.platforms.script.append(NEVER)
    split.step()
    split.stage.mailer.sent.clear()

    assert split.answers(TEXT, number=2) is Ended.RETURNED

    (text,) = split.told()
    assert "part 1 of 3" in text
    assert "what is missing only" in text


def test_what_is_missing_answers_the_customer():
    split = Split()
    split.step()
    split.stage.platforms.script.append(NEVER)
    split.step()

    assert split.answers("It is on its way.", number=2) is Ended.ACCEPTED
    split.stage.dispatch_all()
    split.step()

    assert split.posts == [PARTS[0], "It is on its way."]
    assert split.owed == [State.MET]


def test_another_answer_that_stands_keeps_the_customer_from_waiting_again():
    split = Split()
    for _ in PARTS:
        split.step()
    assert split.answers("Call us.", number=2) is Ended.ACCEPTED
    split.stage.dispatch_all()
    split.step()

    split.stage.deliver(failure_of(split, 1))

    assert split.conversation.waiting == ()
