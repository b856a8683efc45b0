from __future__ import annotations

import pytest

from shared.mail.compose import hand_off
from shared.mail.read import read_mail
from tests.unit.mail.build import answer, handed_off


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x"},
        {"Auto_Submitted": ""},
        {"Return_Path": "<>"},
        {"Precedence": "bulk"},
        {"Precedence": "AUTO_REPLY"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "yes"},
        {"X_Auto_Response_From": "x"},
        {"X_Loop": "x"},
        {"List_Id": "<list.shop.example>"},
        {"X_Failed_Recipients": "a@b.cd"},
        {"X_Nightdesk_Loop": "abcdefghijklmn23"},
        {"From": "Mail Delivery <MAILER-DAEMON@shop.example>"},
        {"From": "no-reply@shop.example"},
        {"Subject": "Automatic reply: parcel"},
        {"Subject": "Abwesenheitsnotiz: parcel"},
        {"Subject": "Réponse automatique : parcel"},
        {"Subject": "自動返信: parcel"},
    ],
)
def test_machine_mail_is_recognised(headers):
    assert read_mail(answer(**headers)).automatic


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto_Submitted": "no"},
        {"Auto_Submitted": "No (a person wrote this)"},
        {"X_Auto_Response_Suppress": "All"},
        {"Precedence": "normal"},
        {"Return_Path": "<anna@shop.example>"},
        {"Subject": "Re: [Nightdesk] instagram: Out of office #abcdef"},
        {"X_Notes": "X-Autoreply: yes"},
    ],
)
def test_a_persons_mail_is_not_taken_for_a_machines(headers):
    assert read_mail(answer(**headers)).automatic is None


@pytest.mark.parametrize("kind", ["multipart/report; boundary=b", "text/calendar; method=REPLY"])
def test_reports_and_calendar_answers_are_machine_mail(kind):
    assert read_mail(f"From: anna@shop.example\nContent-Type: {kind}\n\n--b\n\nhello".encode()).automatic


def test_a_calendar_answer_beside_text_is_machine_mail_and_an_attached_date_is_not():
    mail = (
        "From: anna@shop.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\n"
        "Content-Type: text/calendar; method=REPLY\n{}\nBEGIN:VCALENDAR\n--b--\n"
    )
    assert read_mail(mail.format("").encode()).automatic
    attached = read_mail(mail.format("Content-Disposition: attachment; filename=date.ics\n").encode())
    assert attached.automatic is None
    assert attached.attachments == ("date.ics",)


def test_our_own_mail_come_back_is_machine_mail():
    assert read_mail(hand_off(handed_off()).mime).automatic
