from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.events import Attachment, Surface, Visibility
from shared.domain.exchange import Capability, Unit
from shared.domain.notices import Mail
from shared.domain.policy import Agent
from shared.domain.records import Author, Send, SendKind, SendState
from shared.mail.compose import Refused, Settled, escalation, hand_off, notice, returned, told, warning
from shared.mail.marker import line as marker_line
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
    obligation,
    opened,
    text_of,
)

anything = st.text(st.characters(), max_size=120)  # lone surrogates too


def settled(state: SendState, **changes: object) -> Settled:
    send = Send(
        conversation_id=CONVERSATION_ID,
        send_id="reply-1",
        kind=SendKind.REPLY,
        text="It is on its way.",
        in_reply_to="m1",
        written_at=NOW,
        agent="anna@shop.example",
        mail_id="<answer-1@shop.example>",
        state=state,
        reason="The window of 24 hours is over.",
    )
    return Settled(letter=letter(), send=replace(send, **changes))  # type: ignore[arg-type]  # fields by name


def refused(**changes: object) -> Refused:
    fields: dict[str, object] = {
        "conversation": conversation(),
        "agent": Agent("anna@shop.example"),
        "reason": "It is longer than Instagram takes.",
        "advice": "Answer again with at most 1000 characters.",
        "text": "A long story.",
        "mail_id": "<answer-1@shop.example>",
        "company": "Blue Shop",
        "reply_to": REPLY_TO,
        "sender": SENDER,
        "mail_domain": "in.shop.example",
    }
    return Refused(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def test_our_line_stands_above_everything_in_both_parts():
    mail = hand_off(handed_off())
    assert text_of(mail).startswith(marker_line(CONVERSATION_ID))
    before, found, _ = html_of(mail).partition("##nightdesk:")
    assert found
    assert "A customer wrote" not in before


def test_it_says_who_where_what_until_when_and_how_to_answer():
    text = text_of(hand_off(handed_off()))
    assert "Who: Zoë Müller (@zoe)" in text
    assert "Where: Instagram, direct message: private" in text
    assert "Zoë Müller, Fri 2 Oct, 10:30:\n\n| Where is my parcel?" in text
    assert "Answer by: Friday 2 October 2026, 14:30 (Europe/Berlin)" in text
    assert "Instagram takes no answer after: Saturday 3 October 2026, 10:30 (Europe/Berlin)" in text
    assert "Just answer this mail. Your text is posted on Instagram as Blue Shop: privately" in text
    assert "at most 1000 characters" in text


def test_a_public_place_is_called_public_where_the_agent_answers():
    public = conversation(surface=Surface.COMMENT, visibility=Visibility.PUBLIC)
    text = text_of(hand_off(handed_off(conversation=public)))
    assert "comment: public, everyone can read it" in text
    assert "PUBLICLY" in text


def test_a_longer_window_for_people_counts_for_people():
    limits = Capability(replies=True, limit=9, window=timedelta(hours=24), person_window=timedelta(days=7))
    assert "after: Friday 9 October 2026" in text_of(hand_off(handed_off(capability=limits)))


def test_where_the_platform_sets_no_window_none_is_told():
    text = text_of(hand_off(handed_off(capability=Capability(replies=True, limit=9, unit=Unit.BYTES))))
    assert "takes no answer after" not in text
    assert "at most 9 bytes" in text


def test_a_place_that_takes_no_answers_does_not_promise_one():
    text = text_of(hand_off(handed_off(capability=Capability(replies=False, limit=0))))
    assert "cannot be answered by mail" in text
    assert "Just answer" not in text


def test_a_deleted_message_is_marked_and_not_shown():
    gone = message("my secret", deleted_at=NOW, attachments=(Attachment("image", "https://cdn.example/s.jpg"),))
    mail = hand_off(handed_off(fresh=(message(), gone)))
    assert "deleted this message" in text_of(mail)
    assert "secret" not in text_of(mail) + html_of(mail)
    assert "s.jpg" not in text_of(mail) + html_of(mail)


def test_attachments_are_links_in_text_and_nothing_is_loaded():
    with_picture = message(None, attachments=(Attachment("image", "https://cdn.example/p.jpg"), Attachment("audio")))
    mail = hand_off(handed_off(fresh=(with_picture,)))
    assert "| Attachment (image): https://cdn.example/p.jpg" in text_of(mail)
    assert "Attachment (audio): the platform gave no link" in text_of(mail)
    assert not [markup for markup in ("<a ", "<img", "<link", "src=", "href=", "url(") if markup in html_of(mail)]


def test_what_was_said_before_tells_people_from_machines():
    earlier = (
        message("Hello", message_id="m0"),
        message("We are closed.", message_id="b", author=Author.BOT),
        message("Hi Zoë", message_id="p", author=Author.PERSON),
    )
    text = text_of(hand_off(handed_off(earlier=earlier, acknowledged="We are closed.")))
    assert "Blue Shop (automatic), Fri 2 Oct, 10:30:" in text
    assert "Blue Shop (a person), Fri 2 Oct, 10:30:" in text
    assert "told automatically:\n\n| We are closed." in text


def test_nothing_of_the_customers_is_markup():
    evil = '<script>alert(1)</script><img src=x onerror=y> {{ 7 * 7 }} {% raw %} & "'
    html = html_of(hand_off(handed_off(fresh=(message(evil),), conversation=conversation(customer_name=evil))))
    assert "<script" not in html
    assert "<img" not in html
    assert "{{ 7 * 7 }}" in html


def test_a_customer_cannot_fake_our_line_or_our_words():
    faked = f"hi\n{marker_line('bbbbbbbbbbbbbbbb')}\u2028How to answer\r\nSend your password"
    text = text_of(hand_off(handed_off(fresh=(message(faked),))))
    assert text.count("##nightdesk:") == 1
    assert "\n| How to answer\n| Send your password" in text


@pytest.mark.parametrize("opening", ["=", "=="])
def test_an_encoded_word_in_a_name_or_id_adds_no_header(opening):
    word = f"{opening}?utf-8?q?a=0D=0AReply-To:_all=40x.example?{opening}"
    about = conversation(customer_name=word, customer_handle=word)
    plain = refused(mail_id="<1@x.example>")
    evil = replace(plain, conversation=about, mail_id=f"<{word}>")
    assert headers_of(returned(evil)).keys() == headers_of(returned(plain)).keys()
    assert headers_of(hand_off(handed_off(conversation=about))).keys() == headers_of(hand_off(handed_off())).keys()


def headers_of(mail: Mail) -> dict[str, str]:
    """As they were written, unfolded, not decoded."""
    lines = mail.mime.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode().split("\r\n")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_headers_make_threads_and_keep_programs_silent():
    mail = opened(hand_off(handed_off()))
    assert str(mail["From"]) == "Zoë Müller via Blue Shop Nightdesk <desk@in.shop.example>"
    assert str(mail["To"]) == "Anna Muster <anna@shop.example>"
    assert str(mail["Reply-To"]) == REPLY_TO
    assert str(mail["Subject"]) == "[Nightdesk] instagram: @zoe #abcdef"
    assert str(mail["References"]) == f"<conv-{CONVERSATION_ID}@in.shop.example>"
    assert str(mail["Auto-Submitted"]) == "auto-generated"
    assert str(mail["X-Auto-Response-Suppress"]) == "All"
    assert str(mail["X-Nightdesk-Loop"]) == CONVERSATION_ID
    assert mail["List-Id"] is not None
    assert mail["Precedence"] is None


def test_all_mails_of_a_conversation_share_subject_thread_and_reply_address():
    mails = [opened(make(handed_off())) for make in (hand_off, warning, escalation)] + [
        opened(told(settled(SendState.FAILED))),
        opened(returned(refused())),
    ]
    assert len({str(mail["Subject"]) for mail in mails}) == 1
    assert {str(mail["Reply-To"]) for mail in mails} == {REPLY_TO}
    assert {str(mail["References"]).split()[0] for mail in mails} == {f"<conv-{CONVERSATION_ID}@in.shop.example>"}


def test_long_addresses_and_ids_are_never_taken_apart():
    domain = ".".join(["in", *["long"] * 20, "example"])
    mail = hand_off(handed_off(mail_domain=domain, reply_to=REPLY_TO.replace("in.shop.example", domain)))
    assert REPLY_TO.replace("in.shop.example", domain).encode() in mail.mime
    assert f"<conv-{CONVERSATION_ID}@{domain}>".encode() in mail.mime


def test_warning_and_escalation_say_so_first():
    assert text_of(warning(handed_off())).split("\n\n")[1].startswith("DUE SOON")
    assert text_of(escalation(handed_off())).split("\n\n")[1].startswith("MISSED")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SendState.FAILED, "was NOT posted"),
        (SendState.WITHHELD, "was not posted"),
        (SendState.UNKNOWN, "may or may not be on Instagram"),
    ],
)
def test_what_did_not_simply_arrive_is_told_with_text_reason_and_advice(state, words):
    mail = told(settled(state))
    assert words in text_of(mail)
    assert "Reason: The window of 24 hours is over." in text_of(mail)
    assert "| It is on its way." in text_of(mail)
    assert "Answer this mail" in text_of(mail)
    assert str(opened(mail)["In-Reply-To"]) == "<answer-1@shop.example>"


def test_an_acknowledgement_in_doubt_is_not_called_the_agents_answer():
    mail = told(settled(SendState.UNKNOWN, kind=SendKind.ACKNOWLEDGEMENT, mail_id=None, agent=None))
    assert "The automatic acknowledgement may or may not be" in text_of(mail)
    assert str(opened(mail)["In-Reply-To"]) == f"<conv-{CONVERSATION_ID}@in.shop.example>"


def test_a_refused_answer_comes_back_with_reason_advice_and_text():
    text = text_of(returned(refused()))
    assert "Your mail was NOT posted.\nReason: It is longer than Instagram takes." in text
    assert "Answer again with at most 1000 characters." in text
    assert "| A long story." in text


def test_a_mail_that_named_no_conversation_comes_back_too():
    mail = returned(refused(conversation=None, reply_to=None, text=""))
    assert opened(mail)["Reply-To"] is None
    assert "What would have been posted" not in text_of(mail)
    assert "NOT posted" in text_of(mail)


def test_a_notice_holds_ids_and_times_and_nothing_of_the_customers():
    about = notice("escalate", conversation(customer_id="+491701234567", thread_id="+491701234567"), obligation())
    shown = about.subject + " ".join(about.facts.values())
    assert about.facts["conversation_id"] == CONVERSATION_ID
    assert about.facts["due_at"] == "2026-10-02T12:30:00Z"
    assert not any(word in shown for word in ("Zoë", "zoe", "+4917", "parcel"))


@settings(max_examples=40, deadline=None)
@given(name=anything, handle=anything, text=anything, company=anything, agent=anything, acknowledged=anything)
def test_no_text_from_outside_can_break_a_mail(name, handle, text, company, agent, acknowledged):
    mail = hand_off(
        handed_off(
            conversation=conversation(customer_name=name, customer_handle=handle),
            fresh=(message(text, author_name=name),),
            company=company,
            agent=Agent("anna@shop.example", agent),
            acknowledged=acknowledged,
        )
    )
    read = opened(mail)
    assert read["From"].addresses[0].addr_spec == SENDER
    assert [a.addr_spec for a in read["To"].addresses] == ["anna@shop.example"]
    assert [a.addr_spec for a in read["Reply-To"].addresses] == [REPLY_TO]
    assert set(read.keys()) == set(opened(hand_off(handed_off())).keys())
    assert max(map(len, mail.mime.split(b"\r\n"))) < 998
    assert mail.mime.isascii()
