# ruff: noqa: RUF001 - letters of other scripts are what is tested

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.extract import MOST_TEXT, extract
from shared.mail.marker import line as marker_line

OURS = marker_line("abcdefghijklmn23")


def reply(text: str) -> str:
    return extract(text).text


@pytest.mark.parametrize(
    "introduction",
    [
        "On Fri, 2 Oct 2026 at 10:31, Zoë via Shop Nightdesk <desk@in.shop.example> wrote:",
        "On Fri, 2 Oct 2026 at 10:31, Zoë via Shop Nightdesk <\ndesk@in.shop.example> wrote:",
        "On Fri, 2 Oct 2026 at\n10:31, Zoë via\nShop Nightdesk <desk@in.shop.example>\nwrote:",
        "Am Fr., 2. Okt. 2026 um 10:31 Uhr schrieb Zoë <desk@in.shop.example>:",
        "Le ven. 2 oct. 2026 à 10:31, Zoë <desk@in.shop.example> a écrit :",
        "El vie, 2 oct 2026 a las 10:31, Zoë (<desk@in.shop.example>) escribió:",
        "Em sex., 2 de out. de 2026 às 10:31, Zoë <desk@in.shop.example> escreveu:",
        "Il giorno ven 2 ott 2026 alle ore 10:31 Zoë <desk@in.shop.example> ha scritto:",
        "Op vr 2 okt 2026 om 10:31 schreef Zoë <desk@in.shop.example>:",
        "Den fre 2 okt. 2026 kl 10:31 skrev Zoë <desk@in.shop.example>:",
        "fre. 2. okt. 2026 kl. 10.31 skrev Zoë <desk@in.shop.example>:",
        "pe 2. lokak. 2026 klo 10.31 Zoë (desk@in.shop.example) kirjoitti:",
        "pt., 2 paź 2026 o 10:31 Zoë <desk@in.shop.example> napisał(a):",
        "pá 2. 10. 2026 v 10:31 odesílatel Zoë <desk@in.shop.example> napsal:",
        "Zoë <desk@in.shop.example> ezt írta (időpont: 2026. okt. 2., P, 10:31):",
        "пт, 2 окт. 2026 г. в 10:31, Zoë <desk@in.shop.example>:",
        "2 Eki 2026 Cum 10:31 tarihinde Zoë <desk@in.shop.example> şunu yazdı:",
        "2026年10月2日(金) 10:31 Zoë <desk@in.shop.example>:",
        "Zoë <desk@in.shop.example> 于2026年10月2日周五 10:31写道：",
        "2026년 10월 2일 (금) 오전 10:31, Zoë <desk@in.shop.example>님이 작성:",
        "-----Original Message-----",
        "-------- Ursprüngliche Nachricht --------",
        "-------- Message d'origine --------",
        "________________________________",
        "From: Zoë via Shop Nightdesk <desk@in.shop.example>\nSent: Friday, October 2, 2026 10:31 AM\nTo: Anna",
        "*From:* Zoë via Shop\n*Sent:* Friday\n*To:* Anna\n*Subject:* [Nightdesk] x",
        "Von: Zoë\nGesendet: Freitag, 2. Oktober 2026 10:31\nAn: Anna\nBetreff: [Nightdesk] x",
        "De : Zoë\nEnvoyé : vendredi 2 octobre 2026 10:31\nÀ : Anna\nObjet : [Nightdesk] x",
        "差出人: Zoë\n送信日時: 2026年10月2日\n宛先: Anna\n件名: [Nightdesk] x",
        "Begin forwarded message:",
        "---- On Fri, 02 Oct 2026 10:31:00 +0200 desk@in.shop.example wrote ----",
    ],
)
def test_what_clients_write_before_a_quote_ends_the_answer(introduction):
    assert reply(f"It is on its way.\n\nBest, Anna\n\n{introduction}\n\nours") == "It is on its way.\n\nBest, Anna"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday 5 October 2026 we ship your parcel. Bring this:\n- a card",
        "As I wrote on 2 October:\nwe are sorry.",
        "Please write to help@shop.example:\nthey know more.",
        "From Berlin with love\nTo: everyone",
        "We have two rules:\n1. from 10:00\n2. to 12:00",
        "The notice was sent from my colleague.\nSorry!",
        "Prices -- as always -- include tax.",
        "-- first point\n-- second point",
        "Subject: none. Date: today. We close at 18:00.",
        "On the other hand, it may rain.",
        "Am Montag, den 5. Oktober, sind wir wieder da.",
    ],
)
def test_sentences_that_only_look_like_it_stay(text):
    assert reply(text) == text


@pytest.mark.parametrize(
    "prefix", ["", "> ", ">", ">> ", "> > ", "| ", "  ", "*", "\u00a0", "> *"], ids=lambda prefix: repr(prefix)
)
def test_our_line_ends_the_answer_however_it_is_quoted(prefix):
    assert reply(f"Yes.\n\n{prefix}{OURS}\n{prefix}ours\nmore of ours") == "Yes."


def test_our_line_ends_the_answer_when_a_client_wraps_or_glues_it():
    assert reply("Yes.\n> ##nightdesk:abcdefghijklmn23## Please\n> write your answer above\nours") == "Yes."
    assert reply(f"Yes. {OURS} ours") == "Yes."


@pytest.mark.parametrize(
    "introduction",
    [
        "Quux 2026-10-02 zorp Zoë via Shop Nightdesk <desk@in.shop.example> fnord:",
        "Quux 2026-10-02 zorp Zoë via Shop\nNightdesk <desk@in.shop.example>\nfnord:",
        "Zoë via Shop Nightdesk fnord:",
        "Blip: Zoë via Shop Nightdesk <desk@in.shop.example>\nBlop: 2 Okt\nBlap: [Nightdesk] instagram: @zoe",
    ],
)
def test_above_our_line_an_introduction_in_an_unknown_language_is_left_out(introduction):
    assert reply(f"Yes.\n\n{introduction}\n\n> {OURS}\n> ours") == "Yes."


def test_above_our_line_a_question_of_the_agents_stays():
    assert reply(f"Please tell me:\n\n{OURS}\nours") == "Please tell me:"


def test_only_the_first_marker_counts_and_all_are_named():
    other = marker_line("bbbbbbbbbbbbbbbb")
    found = extract(f"Yes.\n> {OURS}\n> {other}\nno\n> {OURS}")
    assert found.text == "Yes."
    assert found.markers == ("abcdefghijklmn23", "bbbbbbbbbbbbbbbb")


def test_nothing_above_our_line_is_nothing():
    assert reply(f"> {OURS}\n> ours\n\nMy answer below.") == ""


def test_a_greeting_above_and_the_answer_below_our_line_is_nothing():
    assert reply(f"Hi Zoë,\n\n> {OURS}\n> ours\n\nMy answer below.") == ""


def test_without_our_line_an_answer_below_or_between_quotes_is_kept():
    quoted = "On Fri, 2 Oct 2026 at 10:31, Zoë <z@x.example> wrote:\n> where?\n\nIn Berlin.\n\n> when?\n\nToday."
    assert reply(quoted) == "In Berlin.\n\n\nToday."
    assert reply(f"Hello,\n{quoted}").startswith("Hello,")
    assert "In Berlin." in reply(f"Hello,\n{quoted}")


@pytest.mark.parametrize(
    "tail",
    [
        "-- \nAnna Muster\nBlue Shop",
        "--\nAnna",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet von Outlook für Android<https://aka.ms/x>",
        "Get Outlook for iOS<https://aka.ms/x>\n\n",
        "Envoyé de mon iPhone",
        "Enviado desde mi Samsung",
        "[cid:image001.png@01DA]",
        "_______________",
    ],
)
def test_signatures_and_lines_of_programs_are_left_out(tail):
    assert reply(f"Yes, it is.\n\n{tail}") == "Yes, it is."


def test_a_signature_alone_is_no_answer():
    assert reply("-- \nAnna Muster\nBlue Shop") == ""


def test_controls_and_deceptive_characters_do_not_reach_the_platform():
    assert reply("Yes\x00\u202e,\u00a0it is.\r\nReally.\u2028Yes.") == "Yes, it is.\nReally.\nYes."


def test_a_long_line_is_kept_whole():
    assert reply("x" * 5_000 + "\n" + OURS) == "x" * 5_000


@settings(deadline=None)
@given(st.lists(st.sampled_from(["On ", "2026", "@", ":", ">", " wrote:", "\n", "From:", "--", OURS, "a", "\u2028"])))
def test_any_text_has_an_answer_and_never_one_that_holds_our_line(parts):
    found = extract("".join(parts))
    assert "##nightdesk:" not in found.text
    assert found.text == found.text.strip()


def test_no_more_is_read_than_any_platform_takes():
    assert len(reply("x" * (2 * MOST_TEXT))) == MOST_TEXT
