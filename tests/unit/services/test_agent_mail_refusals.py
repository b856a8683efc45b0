"""Every mail that is not posted ends as stated, and nobody is mailed who is not proven to be an agent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from shared.domain import reply_address
from shared.domain.events import Surface
from shared.domain.exchange import Capability, Unit
from shared.domain.records import Intent
from shared.errors import Unavailable
from shared.services.agent_mail import Ended
from tests.unit.mail.build import opened
from tests.unit.services.agents import OURS, Mailbox
from tests.unit.services.stage import ANA, FRIDAY_NOON, LEA, POLICY, Stage

STRANGER = "mallory@elsewhere.example"


def refused(box, ended, *, reason):
    """Nothing is posted; the mail is in quarantine with its reason and its raw bytes can be found."""
    assert box.replies == []
    (kept,) = box.stage.desk.quarantined()
    assert reason in kept.reason
    assert (kept.source, kept.stage) == ("mail", "read")
    assert kept.archive_key in box.stage.mails.kept
    box.stage.dispatch_all()
    assert box.stage.outbox.waiting == []
    return ended


def returned(box, ended, *, reason, to=ANA.address):
    """It went back to the agent, with the reason."""
    assert refused(box, ended, reason=reason) is Ended.RETURNED
    ((address, text),) = box.returned
    assert address == to
    assert "NOT posted" in text
    assert reason in text
    return text


def kept(box, ended, *, reason):
    """Nobody was mailed."""
    assert refused(box, ended, reason=reason) is Ended.KEPT
    assert box.returned == []


def mime_with(box, change):
    """The answer with its parsed headers changed."""
    mail = message_from_bytes(box.answer(), policy=policy.compat32)
    change(mail)
    return mail.as_bytes()


class TestNobodyIsProven:
    @pytest.mark.parametrize("verdicts", [{"virus": "FAIL"}, {"spam": "FAIL"}, {"virus": "FAIL", "dmarc": "FAIL"}])
    def test_a_virus_or_spam_is_kept_even_from_an_agents_own_address(self, verdicts):
        box = Mailbox()

        kept(box, box.take(box.answer(), **verdicts), reason="virus or spam")

    @pytest.mark.parametrize("verdict", ["FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED", "", "pass", "NEW WORD"])
    def test_a_sender_that_dmarc_does_not_prove_is_kept_and_not_mailed(self, verdict):
        box = Mailbox()

        kept(box, box.take(box.answer(), dmarc=verdict), reason="not proven")

    def test_spf_and_dkim_alone_prove_nobody(self):
        box = Mailbox()

        kept(box, box.take(box.answer(), spf="PASS", dkim="PASS", dmarc="GRAY"), reason="DMARC says GRAY")

    def test_a_mail_without_from_is_kept(self):
        box = Mailbox()

        kept(box, box.take(box.answer(From=None)), reason="no From")

    def test_a_mail_with_two_froms_is_kept(self):
        box = Mailbox()
        mime = mime_with(box, lambda mail: mail._headers.append(("From", STRANGER)))

        kept(box, box.take(mime), reason="more than one From")

    @pytest.mark.parametrize("value", [f"{ANA.address}, {STRANGER}", f"<{ANA.address}> <{STRANGER}>", "Ana"])
    def test_a_from_that_names_not_exactly_one_address_is_kept(self, value):
        box = Mailbox()
        mime = mime_with(box, lambda mail: mail._headers.__setitem__(0, ("From", value)))

        kept(box, box.take(mime), reason="From")

    @pytest.mark.parametrize(
        "header",
        [
            {"Auto_Submitted": "auto-replied"},
            {"Precedence": "bulk"},
            {"List_Id": "<all.company.example>"},
            {"X_Nightdesk_Loop": "1"},
            {"Subject": "Automatic reply: parcel"},
        ],
        ids=lambda header: next(iter(header)),
    )
    def test_what_a_machine_wrote_is_neither_posted_nor_answered(self, header):
        box = Mailbox()

        kept(box, box.take(box.answer("I am on holiday.", **header)), reason="A machine wrote it")

    def test_our_own_hand_off_come_back_is_neither_posted_nor_answered(self):
        box = Mailbox()

        kept(box, box.take(box.hand_off.mime), reason="A machine wrote it")

    def test_a_stranger_with_an_agents_address_book_entry_is_kept_and_not_mailed(self):
        box = Mailbox()

        kept(box, box.take(box.answer(From=f'"{ANA.address}" <{STRANGER}>')), reason="not come from the person")

    def test_somebody_who_is_no_agent_any_more_is_kept_and_not_mailed(self):
        box = Mailbox()
        office = replace(box.stage.agent_mails.office, policy=replace(POLICY, agents=()))
        box.stage.agent_mails = replace(box.stage.agent_mails, office=office)

        kept(box, box.take(box.answer()), reason="not come from the person")

    @pytest.mark.parametrize("to", [(f"desk@{OURS}",), (f"r+nonsense@{OURS}",), ("x@elsewhere.example",)])
    def test_a_stranger_who_writes_to_any_address_is_kept_and_not_mailed(self, to):
        box = Mailbox()

        ended = box.take(box.answer(From=STRANGER, Reply_To="victim@elsewhere.example"), to=to)

        assert ended is Ended.KEPT
        assert (box.replies, box.returned) == ([], [])


class TestAnAgentIsProven:
    def test_a_colleagues_copy_gives_no_right_to_answer(self):
        box = Mailbox()

        returned(box, box.take(box.answer(From=LEA.address)), reason="not come from the person", to=LEA.address)

    def test_a_forged_address_gives_no_right_to_answer(self):
        box = Mailbox()
        forged = box.reply_to.replace("@", "a@")[: -len("a@" + OURS) - 1] + f"a@{OURS}"

        returned(box, box.take(box.answer(), to=(forged,)), reason="signature of the reply address")

    def test_an_address_for_another_conversation_made_of_a_good_one_gives_no_right(self):
        box = Mailbox()
        other = box.reply_to.replace(box.stage.conversation().conversation_id, "a" * 16)

        returned(box, box.take(box.answer(), to=(other,)), reason="signature of the reply address")

    def test_an_address_signed_with_a_withdrawn_key_is_returned(self):
        box = Mailbox()
        box.stage.secrets.keys = (b"quite another key, of a new year",)

        text = returned(box, box.take(box.answer()), reason="reply address")

        assert "answer the hand-off mail once more" in text

    def test_an_address_that_has_expired_is_returned(self):
        box = Mailbox()
        box.stage.clock.advance(reply_address.VALID_FOR + timedelta(days=1))

        text = returned(box, box.take(box.answer()), reason="expired")

        assert "It is on its way." in text

    def test_an_address_counts_until_the_end_of_its_last_day(self):
        box = Mailbox()
        box.stage.clock.at = FRIDAY_NOON.replace(hour=23, minute=59) + reply_address.VALID_FOR

        assert box.take(box.answer()) is Ended.ACCEPTED

    def test_a_mail_to_two_of_our_addresses_is_posted_to_neither(self):
        box = Mailbox()

        to = (box.reply_to, f"r+{'a' * 16}.{'b' * 8}.c20000.{'d' * 20}@{OURS}")
        returned(box, box.take(box.answer(), to=to), reason="no conversation, or to several")

    @pytest.mark.parametrize("to", [("boss@company.example",), (f"{OURS}@elsewhere.example",)])
    def test_a_mail_to_none_of_our_addresses_is_returned(self, to):
        box = Mailbox()

        returned(box, box.take(box.answer(), to=to), reason="no conversation, or to several")

    @pytest.mark.parametrize("local", ["desk", "r+", "r+a.b.c.d", "postmaster"])
    def test_a_mail_to_an_address_of_ours_without_a_token_is_returned(self, local):
        box = Mailbox()

        returned(box, box.take(box.answer(), to=(f"{local}@{OURS}",)), reason="reply address")

    def test_the_address_of_the_envelope_counts_and_not_that_of_the_header(self):
        box = Mailbox()

        returned(box, box.take(box.answer(To=box.reply_to), to=(f"desk@{OURS}",)), reason="reply address")

    def test_an_answer_to_a_conversation_that_is_gone_is_returned(self):
        box = Mailbox()
        del box.stage.desk.records[box.stage.conversation().key]
        ended = box.take(box.answer())

        assert ended is Ended.RETURNED
        assert "not on the desk any more" in box.returned[0][1]

    @pytest.mark.parametrize("text", ["", "   \n\n ", "\u200b"])
    def test_an_answer_without_words_of_its_own_is_returned(self, text):
        box = Mailbox()

        returned(box, box.take(box.answer(text)), reason="no text of your own")

    @pytest.mark.parametrize(
        ("unit", "text", "size"),
        [
            (Unit.CHARACTERS, "é" * 1001, 1001),
            (Unit.BYTES, "é" * 501, 1002),
            (Unit.UTF16, "🙂" * 501, 1002),
        ],
    )
    def test_an_answer_longer_than_the_platform_takes_is_returned_with_its_length_and_text(self, unit, text, size):
        box = Mailbox()
        box.stage.channel.CAPABILITIES = {Surface.DM: Capability(replies=True, limit=1000, unit=unit)}

        said = returned(
            box, box.take(box.answer(text)), reason=f"It has {size} {unit}; the platform takes at most 1000"
        )

        assert "shorter text" in said
        assert text in said.replace("\n", "").replace("| ", "")

    def test_an_answer_of_exactly_the_length_the_platform_takes_is_accepted(self):
        box = Mailbox()

        assert box.take(box.answer("x" * 1000)) is Ended.ACCEPTED

    def test_an_answer_where_the_platform_takes_none_is_returned(self):
        box = Mailbox()
        box.stage.channel.CAPABILITIES = {Surface.DM: Capability(replies=False, limit=1000)}

        returned(box, box.take(box.answer()), reason="takes no answers here")


class TestOnceReturned:
    def test_the_second_notification_of_a_returned_mail_mails_nobody_again(self):
        box = Mailbox()
        box.take(box.answer(""), ses_id="ses-1")

        assert box.take(box.answer(""), ses_id="ses-1") is Ended.COPY

        assert (len(box.returned), len(box.reasons)) == (1, 1)

    def test_a_mail_that_could_not_be_returned_is_returned_by_the_next_try(self):
        box = Mailbox()
        box.stage.crossings.before("mailer.send")
        with pytest.raises(Unavailable):
            box.take(box.answer(""), ses_id="ses-1")
        assert box.reasons == []

        assert box.take(box.answer(""), ses_id="ses-1") is Ended.RETURNED
        assert len(box.returned) == 1

    def test_two_notifications_at_the_same_time_keep_it_once(self):
        box = Mailbox()
        mime = box.answer(From=STRANGER)
        box.stage.crossings.before("desk.commit", lambda: box.take(mime, ses_id="ses-1"))

        assert box.take(mime, ses_id="ses-1") is Ended.KEPT

        assert len(box.reasons) == 1

    def test_the_mail_that_returns_an_answer_can_be_answered_onto_the_platform(self):
        box = Mailbox()
        box.take(box.answer(""))
        (box.hand_off,) = box.stage.mailer.sent

        assert box.take(box.answer(number=2)) is Ended.ACCEPTED

    def test_a_mail_that_proved_no_conversation_is_returned_without_an_address_to_answer(self):
        box = Mailbox()
        box.take(box.answer(), to=(f"desk@{OURS}",))

        assert opened(box.stage.mailer.sent[0])["Reply-To"] is None


@pytest.mark.parametrize("mime", [b"", b"\xff\xfe\x00", b"From: \n\n", b"\n\nhello", b"From: x" * 5000])
def test_any_bytes_end_in_quarantine_and_mail_nobody(mime):
    box = Mailbox()

    assert box.take(mime) is Ended.KEPT
    assert (box.replies, box.returned) == ([], [])


def test_a_refusal_leaves_the_conversation_as_it_was():
    box = Mailbox(Stage())
    before = dict(box.stage.desk.records)

    box.take(box.answer(""))
    box.take(box.answer(From=STRANGER))

    assert {key: box.stage.desk.records[key] for key in before} == before
    assert not any(Intent.POST in getattr(record, "intents", ()) for record in box.stage.desk.records.values())
