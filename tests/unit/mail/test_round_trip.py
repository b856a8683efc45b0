"""What we send, answered in the ways clients quote it: the agent's words come back exactly, and nothing of ours."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.notices import Mail
from shared.mail.compose import hand_off
from shared.mail.read import AgentMail, read_mail
from tests.unit.mail.build import CONVERSATION_ID, answer, handed_off, html_of, message, opened, text_of

FROM = "Zoë Müller via Blue Shop Nightdesk <desk@in.shop.example>"
OURS = (
    "Where is my parcel",
    "nightdesk",
    "desk@in.shop.example",
    "r+abcdef",
    "Who:",
    "Zoë",
    "wrote:",
    "schrieb",
    "Blue Shop",
)

Client = Callable[[str, Mail], bytes]


def quoted(mail: Mail, prefix: str = "> ", width: int = 1_000) -> str:
    lines = [piece for line in text_of(mail).split("\n") for piece in textwrap.wrap(line, width) or [""]]
    return "\n".join((prefix + line).rstrip() for line in lines)


def page(text: str) -> str:
    return "".join(f"<div>{html.escape(line) or '<br>'}</div>" for line in text.split("\n"))


def gmail_text(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\nOn Fri, 2 Oct 2026 at 10:31, {FROM}\nwrote:\n\n{quoted(mail, width=74)}\n")


def gmail_html(text: str, mail: Mail) -> bytes:
    attribution = f'<div dir="ltr" class="gmail_attr">On Fri, 2 Oct 2026 at 10:31, {html.escape(FROM)} wrote:<br></div>'
    quote = f'<blockquote class="gmail_quote" style="margin:0">{html_of(mail)}</blockquote>'
    body = f'<div dir="ltr">{page(text)}</div><br><div class="gmail_quote gmail_quote_container">{attribution}{quote}</div>'
    return answer(None, html=body)


def gmail_german(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\nAm Fr., 2. Okt. 2026 um 10:31 Uhr schrieb {FROM}:\n\n{quoted(mail)}\n")


def outlook_text(text: str, mail: Mail) -> bytes:
    block = f"From: {FROM}\nSent: Friday, October 2, 2026 10:31 AM\nTo: Anna Muster\nSubject: {opened(mail)['Subject']}"
    return answer(f"{text}\n\n________________________________\n{block}\n\n{text_of(mail)}\n")


def outlook_desktop_german(text: str, mail: Mail) -> bytes:
    block = f"Von: {FROM}\nGesendet: Freitag, 2. Oktober 2026 10:31\nAn: Anna\nBetreff: {opened(mail)['Subject']}"
    return answer(f"{text}\n\n-----Ursprüngliche Nachricht-----\n{block}\n\n{text_of(mail)}\n")


def outlook_html(text: str, mail: Mail) -> bytes:
    block = f'<div id="divRplyFwdMsg"><b>From:</b> {html.escape(FROM)}<br><b>Subject:</b> x</div>'
    head = "<html><head><style>p {margin:0}</style></head><body>"
    return answer(None, html=f"{head}{page(text)}<div id=appendonsend></div><hr>{block}{html_of(mail)}</body></html>")


def outlook_desktop_html(text: str, mail: Mail) -> bytes:
    words = "".join(
        f"<p class=MsoNormal>{html.escape(line) or '<o:p>&nbsp;</o:p>'}<o:p></o:p></p>" for line in text.split("\n")
    )
    rule = "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
    block = f"{rule}<p class=MsoNormal><b>From:</b> {html.escape(FROM)}<br><b>Sent:</b> Friday</p></div></div>"
    return answer(None, html=f"<body lang=EN><div class=WordSection1>{words}{block}{html_of(mail)}</div></body>")


def apple_mail(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\n> On 2 Oct 2026, at 10:31, {FROM} wrote:\n> \n{quoted(mail)}\n")


def thunderbird_flowed(text: str, mail: Mail) -> bytes:
    body = f"{text}\n\nOn 02/10/2026 10:31, {FROM} wrote:\n{quoted(mail, prefix='>')}\n"
    return (
        b"From: anna@shop.example\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body.replace("\n", "\r\n").encode()
    )


def unknown_language(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\nFnord 2026-10-02 10:31 zorp {FROM} quux:\n\n{quoted(mail, width=60)}\n")


def no_signs_at_all(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\n{text_of(mail)}\n")


def with_a_signature(text: str, mail: Mail) -> bytes:
    return answer(f"{text}\n\n-- \nAnna Muster\n\nOn 2 Oct 2026, at 10:31, {FROM} wrote:\n\n{quoted(mail)}\n")


def second_answer_in_a_thread(text: str, mail: Mail) -> bytes:
    first = f"An earlier answer.\n\nOn Fri, 2 Oct 2026 at 10:31, {FROM} wrote:\n{quoted(mail)}"
    requoted = "\n".join(f"> {line}" for line in first.split("\n"))
    return answer(f"{text}\n\nOn Fri, 2 Oct 2026 at 11:00, Anna Muster <anna@shop.example> wrote:\n{requoted}\n")


CLIENTS: tuple[Client, ...] = (
    gmail_text,
    gmail_html,
    gmail_german,
    outlook_text,
    outlook_desktop_german,
    outlook_html,
    outlook_desktop_html,
    apple_mail,
    thunderbird_flowed,
    unknown_language,
    no_signs_at_all,
    with_a_signature,
    second_answer_in_a_thread,
)
SENTENCES = (
    "It is on its way.",
    "Hello,",
    "As I said on Monday 5 October:",
    "Prices from 10:00 to 12:30.",
    "Das Paket kommt am 2. Oktober 2026.",
    "- one thing",
    "Grüße 🎉",
    "From Berlin: it left.",
    "お待ちしております。",
    "See https://shop.example/track?id=1",
    "Best regards",
    "Anna",
)
answers = st.lists(st.sampled_from((*SENTENCES, "")), min_size=1, max_size=7).map("\n".join).map(str.strip)


def read_back(client: Client, text: str, mail: Mail) -> AgentMail:
    return read_mail(client(text, mail))


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_an_answer_comes_back_exactly_from_every_kind_of_client(client):
    text = "Hello Eva,\n\nit is on its way and comes on Monday.\n\nBest\nAnna"
    mail = read_back(client, text, hand_off(handed_off()))
    assert mail.text == text
    assert mail.automatic is None
    assert mail.markers == (CONVERSATION_ID,)


@settings(max_examples=40, deadline=None)
@given(text=answers.filter(lambda text: len(text.split("\n")) > 1), client=st.sampled_from(CLIENTS))
def test_any_answer_comes_back_exactly_and_nothing_of_ours_with_it(text, client):
    back = read_back(client, text, hand_off(handed_off())).text
    assert [line for line in back.split("\n") if line] == [line for line in text.split("\n") if line]
    assert not [word for word in OURS if word in back]


@settings(max_examples=40, deadline=None)
@given(customer=st.text(max_size=200), client=st.sampled_from(CLIENTS))
def test_whatever_the_customer_wrote_none_of_it_is_posted_in_the_agents_name(customer, client):
    mail = hand_off(handed_off(fresh=(message(f"SECRET {customer} SECRET"),)))
    assert read_back(client, "Yes.", mail).text == "Yes."


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_mail_sent_back_without_a_word_is_empty(client):
    assert read_back(client, "", hand_off(handed_off())).text == ""
