"""Mail that is no agent's answer: whose it is, what is taken, and what it becomes on the desk."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from shared import channels
from shared.domain.events import Surface
from shared.domain.exchange import Channel, Secret
from shared.domain.records import Conversation, Message, SendKind, State
from shared.services.agent_mail import Ended
from shared.services.intake import Intake
from tests.fakes.channels import ScriptedChannel
from tests.unit.mail.build import opened, text_of
from tests.unit.services.agents import answer_mime, receipt
from tests.unit.services.stage import FRIDAY_NIGHT, FRIDAY_NOON, Stage

MAILS = Path(__file__).parent / "received"
SUPPORT = "support@in.company.example"
ADDRESS = "help@company.example"  # the public one, which forwards to the other
ACCOUNT = Secret(account_id="support", credentials={"address": ADDRESS, "region": "eu-central-1", "name": "Company"})


class RealChannels(ScriptedChannel):
    """The channel files, where a stage has its scripted channel."""

    def __call__(self, name: str) -> Channel:
        return channels.load(name)


class PostOffice:
    """A desk with the real channels, to which SES brings mails."""

    def __init__(self, at=FRIDAY_NOON):
        self.stage = Stage(channel=RealChannels())
        self.stage.clock.at = at
        self.stage.secrets.by_channel = {"email": (ACCOUNT,)}
        stage = self.stage
        self.intake = Intake(stage.desk, stage.archive, channels.load, stage.policy, stage.clock)
        self.numbers = count(1)

    def brings(self, mime, to, **verdicts):
        """What became of the mail; a name is that of a file."""
        raw = (MAILS / f"{mime}.eml").read_bytes() if isinstance(mime, str) else mime
        ses_id = f"ses-{next(self.numbers)}"
        self.stage.mails.kept[f"in/{ses_id}"] = raw
        recipients = (to,) if isinstance(to, str) else to
        return self.stage.agent_mails.take(receipt(ses_id, recipients, self.stage.clock.now(), **verdicts))

    def settle(self):
        """Intake and dispatch do their part."""
        while self.stage.inbox.waiting:
            self.intake.take(self.stage.inbox.waiting.pop(0))
        self.stage.dispatch_all()

    @property
    def reasons(self):
        return [kept.reason for kept in self.stage.desk.quarantined()]

    @property
    def conversations(self):
        return [one for one in self.stage.desk.records.values() if isinstance(one, Conversation)]

    @property
    def messages(self):
        return [one for one in self.stage.desk.records.values() if isinstance(one, Message)]


def changed(name, old, new):
    return (MAILS / f"{name}.eml").read_bytes().replace(old.encode(), new.encode())


class TestCustomers:
    def test_a_customers_mail_is_a_conversation_that_is_handed_off(self):
        office = PostOffice()

        assert office.brings("customer", SUPPORT) is Ended.DELIVERED
        office.settle()

        (conversation,) = office.conversations
        assert (conversation.channel, conversation.account_id) == ("email", "support")
        assert (conversation.customer_id, conversation.customer_name) == ("zoe@customer.example", "Zoë Sample")
        (hand_off,) = office.stage.mailer.sent
        assert "Where is my parcel?" in text_of(hand_off)
        assert "I ordered on Monday." in text_of(hand_off)

    @pytest.mark.parametrize(
        "to", [SUPPORT.upper(), "Support+shoes@in.company.example", ("x@elsewhere.example", SUPPORT)]
    )
    def test_case_detail_and_other_recipients_do_not_matter(self, to):
        assert PostOffice().brings("customer", to) is Ended.DELIVERED

    def test_a_second_copy_is_no_second_message(self):
        office = PostOffice()
        office.brings("customer", SUPPORT)
        office.brings("customer", SUPPORT)
        office.settle()

        assert len(office.messages) == 1

    def test_the_answer_to_our_answer_stays_in_the_conversation_without_what_it_quotes(self):
        office = PostOffice()
        office.brings("customer", SUPPORT)
        office.settle()
        office.stage.clock.advance(timedelta(hours=1))
        office.brings("customer-answers", SUPPORT)
        office.settle()

        assert len(office.conversations) == 1
        assert {m.text for m in office.messages} == {"Where is my parcel?\n\nI ordered on Monday.", "Thank you!"}

    def test_a_program_that_names_only_our_mail_finds_the_conversation_too(self):
        office = PostOffice()
        office.brings("customer", SUPPORT)
        office.settle()
        (conversation,) = office.conversations
        sent = Message(
            channel="email", account_id="support", message_id="0102", conversation_id=conversation.conversation_id
        )
        office.stage.put(sent)
        mime = changed("customer-answers", "References: <c-1@customer.example>\r\n <0102", "References: <0102")
        mime = mime.replace(b"References: <c-1@customer.example> <0102", b"References: <0102")
        assert b"c-1@customer.example" not in mime
        office.brings(mime.replace(b"Subject: Re: Where", b"Subject: Antw: Where"), SUPPORT)
        office.settle()

        assert len(office.conversations) == 1

    def test_one_that_dmarc_does_not_prove_is_taken_and_marked_and_gets_no_automatic_answer(self):
        office = PostOffice(at=FRIDAY_NIGHT)
        office.brings("customer", SUPPORT, dmarc="GRAY")
        office.settle()

        (conversation,) = office.conversations
        assert office.stage.desk.sends(conversation.conversation_id) == ()
        assert len(office.messages) == 1

    def test_a_proven_sender_gets_the_acknowledgement_of_the_night(self):
        office = PostOffice(at=FRIDAY_NIGHT)
        office.brings("customer", SUPPORT)
        office.settle()

        (conversation,) = office.conversations
        (send,) = office.stage.desk.sends(conversation.conversation_id)
        assert send.kind is SendKind.ACKNOWLEDGEMENT

    def test_who_opens_a_conversation_with_every_mail_gets_no_more_automatic_answers(self):
        office = PostOffice(at=FRIDAY_NIGHT)
        for number in range(8):
            office.brings(changed("customer", "<c-1@", f"<c-1{number}@"), SUPPORT)
            office.settle()

        sends = [s for c in office.conversations for s in office.stage.desk.sends(c.conversation_id)]
        assert (len(office.conversations), len(sends)) == (8, 5)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("Subject: Where", "Auto-Submitted: auto-replied\r\nSubject: Where", "machine"),
            ("Subject: Where", "X-Nightdesk-Loop: answer\r\nSubject: Where", "come back"),
            ("Zoe@Customer.example", SUPPORT, "come back"),
            ("Zoe@Customer.example", "mailer-daemon@customer.example", "program"),
            ("<Zoe@Customer.example>", "<a@b.example>, <c@d.example>", "From"),
        ],
    )
    def test_machines_and_our_own_mails_are_kept_and_answered_by_nobody(self, old, new, reason):
        office = PostOffice()

        assert office.brings(changed("customer", old, new), SUPPORT) is Ended.KEPT

        assert reason in office.reasons[0]
        assert office.stage.inbox.waiting == []
        assert office.stage.mailer.sent == []

    @pytest.mark.parametrize("verdict", ["spam", "virus"])
    def test_spam_and_viruses_are_kept(self, verdict):
        office = PostOffice()
        assert office.brings("customer", SUPPORT, **{verdict: "FAIL"}) is Ended.KEPT

    def test_what_our_people_wrote_from_the_public_address_is_an_answer_and_stops_the_clock(self):
        office = PostOffice()
        office.brings("customer", SUPPORT)
        office.settle()
        office.stage.clock.advance(timedelta(minutes=10))
        mime = changed("customer-answers", "zoe@customer.example", ADDRESS).replace(b"c-2@", b"own-2@")
        office.brings(mime.replace(b"To: Company <support@", b"To: zoe@customer.example, <support@"), SUPPORT)
        office.settle()

        (conversation,) = office.conversations
        assert conversation.waiting == ()
        states = [one.state for one in office.stage.desk.obligations(conversation.conversation_id)]
        assert states == [State.MET]

    @pytest.mark.parametrize("customer", ["zoe@customer.example", "support@customer.example", "help@customer.example"])
    def test_whom_our_people_wrote_to_is_the_address_that_is_not_ours(self, customer):
        office = PostOffice()
        office.brings(changed("customer", "Zoe@Customer.example", customer), SUPPORT)
        office.settle()
        office.stage.clock.advance(timedelta(minutes=10))
        mime = changed("customer-answers", "zoe@customer.example", ADDRESS).replace(b"c-2@", b"own-2@")
        to = f'To: Company <{ADDRESS}>, "Sample, Zo\u00eb" <{customer}>, <support@'.encode()
        office.brings(mime.replace(b"To: Company <support@", to), SUPPORT)
        office.settle()

        (conversation,) = office.conversations
        assert (conversation.customer_id, conversation.waiting) == (customer, ())

    def test_an_answer_goes_to_a_reply_address_whose_name_is_written_last_name_first(self):
        office = PostOffice()
        reply_to = 'Reply-To: "Sample; <Zoe>, \\"Z\\"" <zoe.sample@customer.example>\r\nSubject: Where'
        office.brings(changed("customer", "Subject: Where", reply_to), SUPPORT)
        office.settle()
        assert [one.customer_id for one in office.conversations] == ["zoe.sample@customer.example"]

    def test_nobody_else_writes_from_our_public_address(self):
        office = PostOffice()
        mime = changed("customer", "Zoe@Customer.example", ADDRESS)
        assert office.brings(mime, SUPPORT, dmarc="FAIL") is Ended.KEPT

    def test_an_address_without_an_account_is_kept_as_before(self):
        office = PostOffice()
        assert office.brings("customer", "sales@in.company.example") is Ended.KEPT

    def test_a_forwarded_mail_without_words_of_its_own_is_taken_as_a_whole(self):
        office = PostOffice()
        office.brings("forwarded-by-hand", SUPPORT)
        (delivery,) = office.stage.inbox.waiting
        assert "Do these shoes come in green?" in json.loads(delivery.body)["text"]

    def test_nothing_is_lost_when_the_inbox_does_not_answer(self):
        office = PostOffice()
        office.stage.crossings.before("inbox.put")
        with pytest.raises(Exception, match="throttled"):
            office.brings("customer", SUPPORT)
        assert office.brings("customer", SUPPORT) is Ended.DELIVERED


def notice(platform):
    return f"notice+{platform}@in.company.example"


class TestNotices:
    @pytest.mark.parametrize(
        ("name", "platform", "surface", "words", "link"),
        [
            ("pinterest", "pinterest", Surface.COMMENT, "Do these shoes come in green?\nI would buy two pairs.", "/pin/4711000000001/"),
            ("yelp", "yelp", Surface.REVIEW, '"Good shoes, slow parcel."', "hrid=xAG4O7l_t1ubbwVAlPnDKg"),
            ("linkedin", "linkedin", Surface.DM, "Hello, who do I ask about an order of 200 pairs?", "/thread/2-ZTU0NzEx/"),
        ],
    )  # fmt: skip
    def test_a_notice_of_a_known_form_becomes_what_the_person_said(self, name, platform, surface, words, link):
        office = PostOffice()

        assert office.brings(name, notice(platform)) is Ended.DELIVERED
        office.settle()

        (message,), (conversation,) = office.messages, office.conversations
        assert (message.text, conversation.surface) == (words, surface)
        (hand_off,) = office.stage.mailer.sent
        assert "Answer there: https://" in text_of(hand_off)
        assert link in text_of(hand_off)
        assert "the one word: done" in text_of(hand_off)

    def test_each_hit_of_an_alert_is_a_mention_that_nobody_addressed_to_us(self):
        office = PostOffice()
        office.brings("google-alerts", notice("google-alerts"))
        office.settle()

        assert {m.link for m in office.messages} == {
            "https://gazette.example/a?id=7",
            "https://feet.example/three-days",
        }
        assert all("found by listening" in text_of(mail) for mail in office.stage.mailer.sent)

    def test_one_word_meets_what_is_owed(self):
        office = PostOffice()
        office.brings("pinterest", notice("pinterest"))
        office.settle()
        (hand_off,) = office.stage.mailer.sent
        mime = answer_mime(hand_off, "done")
        assert office.brings(mime, str(opened(hand_off)["Reply-To"])) is Ended.ACCEPTED

        (conversation,) = office.conversations
        states = [one.state for one in office.stage.desk.obligations(conversation.conversation_id)]
        assert states == [State.MET]

    def test_a_later_notice_of_our_own_answer_meets_what_is_owed(self):
        office = PostOffice()
        office.brings("yelp", notice("yelp"))
        office.settle()
        office.stage.clock.advance(timedelta(minutes=10))
        office.brings("yelp-answered", notice("yelp"))
        office.settle()

        (conversation,) = office.conversations
        assert conversation.waiting == ()

    def test_a_sender_that_is_not_proven_to_be_the_platform_is_kept_with_the_reason(self):
        office = PostOffice()
        office.brings("pinterest", notice("pinterest"), dmarc="FAIL")
        office.brings("customer", notice("pinterest"))
        office.settle()

        assert office.messages == []
        assert any("not proven: DMARC says FAIL" in reason for reason in office.reasons)
        assert any("zoe@customer.example does not speak for pinterest" in reason for reason in office.reasons)

    def test_what_was_forwarded_by_hand_counts_from_the_companys_own_forwarder(self):
        office = PostOffice()
        forwarder = Secret(account_id="pinterest", credentials={"forwarder": "social@shop.example"})
        office.stage.secrets.by_channel["notice"] = (forwarder,)
        office.brings("forwarded-by-hand", notice("pinterest"))
        office.settle()

        assert [m.text for m in office.messages] == ["Do these shoes come in green?"]

    def test_an_out_of_office_answer_is_no_notice(self):
        office = PostOffice()
        mime = changed("yelp", "Auto-Submitted: auto-generated", "Auto-Submitted: auto-replied")
        assert office.brings(mime, notice("yelp")) is Ended.KEPT

    def test_a_mail_that_came_twice_is_one_message(self):
        office = PostOffice()
        office.brings("linkedin", notice("linkedin"))
        office.brings("linkedin", notice("linkedin"))
        office.settle()
        assert len(office.messages) == 1


def test_a_mail_for_an_agent_never_asks_for_accounts():
    office = PostOffice()
    office.stage.crossings.calls.clear()
    office.brings("customer", "r+abcdefghijklmn23.zyxwvu76.b20773.c4qigndimbnjeqqhzkbt@in.company.example")
    assert "secrets.channel" not in office.stage.crossings.calls


class TestAgentsWhoCopyTheDesk:
    """An agent's answer that goes to the desk's own address too is still an answer, and no customer's mail."""

    def answered(self, **verdicts):
        office = PostOffice()
        office.brings("customer", SUPPORT)
        office.settle()
        office.stage.clock.advance(timedelta(minutes=10))
        (hand_off,) = office.stage.mailer.sent
        both = (SUPPORT, str(opened(hand_off)["Reply-To"]))
        return office, office.brings(answer_mime(hand_off, "It is on its way."), both, **verdicts)

    def test_it_is_posted_and_nobody_is_asked_to_answer_it(self):
        office, ended = self.answered()
        assert ended is Ended.ACCEPTED
        assert office.stage.inbox.waiting == []
        (conversation,) = office.conversations
        assert [s.text for s in office.stage.sends_of(conversation) if s.kind is SendKind.REPLY] == [
            "It is on its way."
        ]

    def test_one_who_only_says_to_be_an_agent_posts_nothing(self):
        office, ended = self.answered(dmarc="FAIL")
        assert ended is Ended.KEPT
        assert office.stage.inbox.waiting == []

    def test_a_customer_who_knows_a_reply_address_is_still_a_customer(self):
        office = PostOffice()
        assert office.brings("customer", (SUPPORT, "r+aaaa.bbbb.c00000.dddd@in.company.example")) is Ended.DELIVERED
