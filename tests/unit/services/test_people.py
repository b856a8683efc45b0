from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import reply_address
from shared.domain.events import Kind, Surface, Visibility
from shared.domain.policy import Agent
from shared.domain.records import Intent, SendKind, SendState, Target
from shared.errors import Conflict, Unavailable
from tests.fakes import records
from tests.unit.mail.build import opened, text_of
from tests.unit.services.stage import (
    ANA,
    DOMAIN,
    FRIDAY_NIGHT,
    FRIDAY_NOON,
    LEA,
    POLICY,
    Stage,
    about,
    echo,
    message,
)

MINUTE = timedelta(minutes=1)
BEN = Agent("ben@company.example", "Ben")


def hand_off(stage, mid="m1"):
    return stage.dispatch.carry_out(stage.message(mid).key)


def breach(stage):
    (owed,) = stage.obligations_of(stage.conversation())
    stage.clock.at = owed.due_at
    stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, owed.revision)
    stage.dispatch.carry_out(owed.key)


class TestHandOff:
    def test_each_agent_is_mailed_with_an_address_of_their_own_that_leads_to_the_conversation(self):
        stage = Stage(policy=replace(POLICY, agents=(ANA, BEN)))
        stage.deliver(message("m1"))

        hand_off(stage)

        assert [mail.to for mail in stage.mailer.sent] == [ANA.address, BEN.address]
        for mail, agent in zip(stage.mailer.sent, (ANA, BEN), strict=True):
            address = str(opened(mail)["Reply-To"])
            named = reply_address.read(address, keys=stage.secrets.keys, domain=DOMAIN, now=stage.clock.now())
            assert named == reply_address.ReplyAddress(stage.conversation().conversation_id, agent.agent_id)
            assert mail.sender == f"desk@{DOMAIN}"

    def test_the_mail_says_who_wrote_what_where_and_until_when_an_answer_is_owed(self):
        stage = Stage()
        stage.deliver(message("m1", text="Where is my parcel?", author_name="Zoë Sample", author_handle="zoe"))

        hand_off(stage)

        text = text_of(stage.mailer.sent[0])
        for part in ("Where is my parcel?", "Zoë Sample (zoe)", "direct message: private", "14:00 (Europe/Berlin)"):
            assert part in text

    def test_a_burst_becomes_one_mail(self):
        stage = Stage()
        stage.deliver(*(message(f"m{n}", at=FRIDAY_NOON + n * MINUTE) for n in range(3)))

        stage.dispatch_all()

        (mail,) = stage.mailer.sent
        assert "wrote 3 messages" in text_of(mail)
        assert all(f"words of m{n}" in text_of(mail) for n in range(3))
        assert all(stage.message(f"m{n}").intents == () for n in range(3))
        assert stage.conversation().unhanded == ()

    def test_a_burst_longer_than_one_commit_and_one_list_is_handed_off_without_loss(self):
        stage = Stage()
        for n in range(60):
            stage.deliver(message(f"m{n}", at=FRIDAY_NOON + timedelta(seconds=n)))

        stage.dispatch_all()

        told = "".join(text_of(mail) for mail in stage.mailer.sent)
        assert all(f"words of m{n}\n" in told for n in range(60))
        assert all(stage.message(f"m{n}").intents == () for n in range(60))
        assert stage.conversation().unhanded == ()

    def test_what_came_later_is_told_as_new_and_the_rest_as_before(self):
        stage = Stage()
        stage.deliver(message("m1"))
        hand_off(stage)
        stage.deliver(message("m2", at=FRIDAY_NOON + MINUTE))

        hand_off(stage, "m2")

        text = text_of(stage.mailer.sent[1])
        assert text.index("words of m2") < text.index("Before that") < text.index("words of m1")

    def test_a_message_that_comes_while_the_mail_is_written_keeps_its_own_hand_off(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.crossings.after("mailer.send", lambda: stage.deliver(message("m2", at=FRIDAY_NOON + MINUTE)))

        hand_off(stage)

        assert stage.conversation().unhanded == ("m2",)
        assert stage.message("m2").intents == (Intent.HAND_OFF,)
        hand_off(stage, "m2")
        assert "words of m2" in text_of(stage.mailer.sent[1])

    def test_a_message_that_comes_between_mail_and_commit_keeps_its_own_hand_off(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.crossings.before("desk.commit", lambda: stage.deliver(message("m2", at=FRIDAY_NOON + MINUTE)))

        hand_off(stage)

        assert (stage.message("m1").intents, stage.message("m2").intents) == ((), (Intent.HAND_OFF,))
        assert stage.conversation().unhanded == ("m2",)

    def test_a_mail_whose_commit_failed_is_sent_again_rather_than_lost(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.crossings.before("desk.commit")

        with pytest.raises(Unavailable):
            hand_off(stage)
        hand_off(stage)

        assert len(stage.mailer.sent) == 2
        assert stage.message("m1").intents == ()

    def test_a_mail_that_was_not_accepted_is_tried_again_for_everybody(self):
        stage = Stage(policy=replace(POLICY, agents=(ANA, BEN)))
        stage.deliver(message("m1"))
        stage.crossings.before("mailer.send", lambda: None)
        stage.crossings.before("mailer.send")

        with pytest.raises(Unavailable):
            hand_off(stage)
        assert stage.message("m1").intents == (Intent.HAND_OFF,)
        hand_off(stage)

        assert [mail.to for mail in stage.mailer.sent] == [ANA.address, ANA.address, BEN.address]

    def test_a_message_that_was_taken_back_is_mailed_to_nobody(self):
        stage = Stage()
        stage.deliver(message("m1"))
        stage.deliver(about("m1", Kind.DELETION))

        hand_off(stage)

        assert (stage.mailer.sent, stage.notifier.published) == ([], [])
        assert stage.message("m1").intents == ()
        assert stage.conversation().unhanded == ()

    def test_beside_others_a_message_that_was_taken_back_shows_no_words(self):
        stage = Stage()
        stage.deliver(message("m1", text="a secret"), message("m2", at=FRIDAY_NOON + MINUTE))
        stage.deliver(about("m1", Kind.DELETION))

        stage.dispatch_all()

        (mail,) = stage.mailer.sent
        assert "a secret" not in text_of(mail)
        assert "deleted this message" in text_of(mail)

    def test_a_message_whose_conversation_is_gone_tells_nobody(self):
        stage = Stage()
        stage.put(records.message(intents=(Intent.HAND_OFF,)))

        stage.dispatch.carry_out(records.message().key)

        assert stage.mailer.sent == []

    def test_a_public_comment_says_that_everyone_reads_the_answer(self):
        stage = Stage()
        public: dict[str, Any] = {"surface": Surface.COMMENT, "visibility": Visibility.PUBLIC, "thread_id": "post"}
        stage.deliver(message("c1", **public))

        hand_off(stage, "c1")

        assert "PUBLICLY, for everyone to read" in text_of(stage.mailer.sent[0])


class TestAcknowledgedInTheMail:
    TOLD = "The customer was told automatically:"
    NOT_TOLD = "The customer has had no automatic answer."

    def acknowledged(self):
        stage = Stage()
        stage.clock.at = FRIDAY_NIGHT
        stage.deliver(message("m1", at=FRIDAY_NIGHT))
        return stage

    def mail(self, stage, mid="m1"):
        hand_off(stage, mid)
        return text_of(stage.mailer.sent[-1])

    def settle(self, stage, **state):
        (send,) = stage.sends_of(stage.conversation())
        stage.put(replace(send, **state))

    @pytest.mark.parametrize("state", [SendState.PENDING, SendState.SENDING, SendState.SENT])
    def test_the_words_on_their_way_or_posted_are_shown(self, state):
        stage = self.acknowledged()
        self.settle(stage, state=state)

        assert self.TOLD in self.mail(stage)

    @pytest.mark.parametrize("state", [SendState.WITHHELD, SendState.FAILED])
    def test_words_that_were_certainly_not_posted_are_not_said_to_be(self, state):
        stage = self.acknowledged()
        self.settle(stage, state=state)

        assert self.NOT_TOLD in self.mail(stage)

    def test_a_later_message_of_the_same_closed_period_was_answered_by_the_same_words(self):
        stage = self.acknowledged()
        hand_off(stage)
        stage.clock.advance(timedelta(hours=3))
        stage.deliver(message("m2", at=stage.clock.now()))

        assert self.TOLD in self.mail(stage, "m2")

    def test_a_message_of_the_next_open_day_was_not_answered_by_the_words_of_the_night(self):
        stage = self.acknowledged()
        hand_off(stage)
        stage.clock.at = FRIDAY_NOON + timedelta(days=3)
        stage.deliver(message("m2", at=stage.clock.now()), echo("e1", at=stage.clock.now() - MINUTE))

        assert self.NOT_TOLD in self.mail(stage, "m2")

    def test_the_escalation_of_a_message_of_the_night_shows_what_the_customer_was_told(self):
        stage = self.acknowledged()
        hand_off(stage)

        breach(stage)

        assert self.TOLD in text_of(stage.mailer.sent[-1])


class TestDueTimes:
    def test_a_warning_goes_to_the_agents_and_an_escalation_to_its_contacts(self):
        stage = Stage()
        stage.deliver(message("m1"))
        (owed,) = stage.obligations_of(stage.conversation())
        stage.clock.at = owed.warn_at
        stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, 1)
        stage.dispatch.carry_out(owed.key)
        breach(stage)

        warning, escalation = stage.mailer.sent
        assert (warning.to, escalation.to) == (ANA.address, LEA.address)
        assert "DUE SOON" in text_of(warning)
        assert "MISSED" in text_of(escalation)
        assert "words of m1" in text_of(escalation)
        assert [notice.kind for notice in stage.notifier.published] == ["warning", "escalation"]

    def test_nobody_is_warned_of_what_was_answered_meanwhile(self):
        stage = Stage()
        stage.deliver(message("m1"))
        (owed,) = stage.obligations_of(stage.conversation())
        stage.clock.at = owed.warn_at
        stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, 1)
        stage.deliver(echo("e1", at=stage.clock.now()))

        stage.dispatch.carry_out(owed.key)

        assert stage.mailer.sent == []

    def test_a_breach_is_escalated_even_if_the_answer_came_before_the_mail(self):
        stage = Stage()
        stage.deliver(message("m1"))
        (owed,) = stage.obligations_of(stage.conversation())
        stage.clock.at = owed.due_at
        stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, 1)
        stage.deliver(echo("e1", at=stage.clock.now()))

        stage.dispatch.carry_out(owed.key)

        assert [mail.to for mail in stage.mailer.sent] == [LEA.address]
        assert [notice.facts["state"] for notice in stage.notifier.published] == ["met"]

    def test_an_escalation_can_be_answered_by_its_contact(self):
        stage = Stage()
        stage.deliver(message("m1"))

        breach(stage)

        address = str(opened(stage.mailer.sent[0])["Reply-To"])
        named = reply_address.read(address, keys=stage.secrets.keys, domain=DOMAIN, now=stage.clock.now())
        assert named.agent_id == LEA.agent_id


class TestTell:
    REPLY = records.send(
        agent=BEN.address, mail_id="<a@b>", state=SendState.FAILED, reason="Too long.", intents=(Intent.TELL,)
    )

    def told(self, send, **changes):
        stage = Stage(policy=replace(POLICY, agents=(ANA, BEN), **changes))
        stage.put(records.conversation(), send)
        stage.dispatch.carry_out(send.key)
        return stage.mailer.sent

    def test_the_writer_alone_is_told_why_in_the_thread_of_their_mail(self):
        (mail,) = self.told(self.REPLY)

        assert mail.to == BEN.address
        assert opened(mail)["In-Reply-To"] == "<a@b>"
        for part in ("NOT posted", "Too long.", "It is on its way."):
            assert part in text_of(mail)

    def test_all_agents_are_told_when_the_writer_is_no_agent_any_more(self):
        mails = self.told(replace(self.REPLY, agent="gone@company.example"))

        assert [mail.to for mail in mails] == [ANA.address, BEN.address]

    def test_all_agents_are_told_of_an_acknowledgement_in_doubt(self):
        unknown = replace(self.REPLY, kind=SendKind.ACKNOWLEDGEMENT, agent=None, state=SendState.UNKNOWN)

        mails = self.told(unknown)

        assert [mail.to for mail in mails] == [ANA.address, BEN.address]
        assert "may or may not be" in text_of(mails[0])

    def test_a_contact_for_escalations_who_answered_is_told_as_well(self):
        assert [mail.to for mail in self.told(replace(self.REPLY, agent=LEA.address))] == [LEA.address]

    def test_nobody_is_told_of_what_has_arrived_after_all(self):
        assert self.told(replace(self.REPLY, state=SendState.SENT)) == []


CANARY = "canary"
SAID: dict[str, Any] = {
    "text": f"{CANARY} text",
    "author_id": f"{CANARY}-author",
    "author_name": f"{CANARY} Name",
    "author_handle": f"{CANARY}.handle",
    "customer_id": f"{CANARY}-customer",
    "thread_id": f"{CANARY}-customer",
}


def test_no_notice_holds_a_customers_words_name_handle_or_number():
    stage = Stage()
    stage.deliver(message("m1", **SAID), message("m2", **SAID))
    stage.dispatch_all()
    for owed in list(stage.desk.obligations(stage.message("m1").conversation_id or "")):
        for at in (owed.warn_at, owed.due_at):
            stage.clock.at = at
            stage.obligations.look(owed.conversation_id, Target.FIRST_RESPONSE, owed.revision)
            stage.dispatch_all()

    assert [notice.kind for notice in stage.notifier.published] == ["hand_off", "warning", "escalation"]
    assert CANARY in text_of(stage.mailer.sent[0])
    assert CANARY not in json.dumps([asdict(notice) for notice in stage.notifier.published])


def test_a_hand_off_that_always_loses_raises_the_conflict_after_its_mail():
    stage = Stage()
    stage.deliver(message("m1"))

    def faster():
        stage.put(stage.conversation())

    for _ in range(12):
        stage.crossings.before("desk.commit", faster)
    with pytest.raises(Conflict):
        hand_off(stage)

    assert stage.message("m1").intents == (Intent.HAND_OFF,)
