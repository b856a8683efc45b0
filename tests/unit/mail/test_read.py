from __future__ import annotations

from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.read import read_mail
from tests.unit.mail.build import answer

HEAD = b"From: anna@shop.example\r\nMessage-ID: <m1@shop.example>\r\n"


def test_a_plain_answer_is_read():
    mail = read_mail(answer("It is on its way.\n"))
    assert (mail.from_address, mail.from_fault) == ("anna@shop.example", None)
    assert mail.message_id == "<m1@shop.example>"
    assert (mail.subject, mail.text) == ("Re: parcel", "It is on its way.")
    assert (mail.attachments, mail.markers, mail.automatic) == ((), (), None)


def test_two_senders_are_none_and_the_reason_is_told():
    mail = read_mail(b"From: anna@shop.example\nFrom: eve@x.example\n\nhi")
    assert mail.from_address is None
    assert mail.from_fault == "The mail has more than one From field."


@pytest.mark.parametrize("value", ["", "m1", "<m 1>", "<>", "<" + "m" * 1_000 + ">", "<m\x00>"])
def test_a_message_id_that_is_none_is_none(value):
    assert read_mail(f"Message-ID: {value}\n\nhi".encode()).message_id is None


def test_of_two_alternatives_the_plain_one_is_read_unless_it_is_empty():
    assert read_mail(answer("plain", html="<p>page</p>")).text == "plain"
    assert read_mail(answer(" \n", html="<p>page</p>")).text == "page"


def test_html_alone_is_read_as_lines():
    assert read_mail(answer(None, html="<div>One</div><div>Two &amp; three</div>")).text == "One\nTwo & three"


@pytest.mark.parametrize("mime", [b"", b"\n", HEAD, HEAD + b"\r\n", answer(""), answer(None, html="<br>")])
def test_an_empty_mail_has_an_empty_answer(mime):
    assert read_mail(mime).text == ""


def test_flowed_lines_are_put_together():
    text = b"One line that \r\ngoes on.\r\n From here.\r\n> quoted \r\n> still\r\n-- \r\nAnna"
    mail = read_mail(HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + text)
    assert mail.text == "One line that goes on.\nFrom here."


def test_flowed_lines_of_languages_without_blanks_are_put_together_bare():
    head = b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\r\n\r\n"
    assert read_mail(HEAD + head + "これは \r\n長い行です".encode()).text == "これは長い行です"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("base64", b"R3LDvMOfZQ=="), ("quoted-printable", b"Gr=C3=BC=C3=9Fe"), ("8bit", "Grüße".encode())],
)
def test_transfer_encodings_are_undone(encoding, body):
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    assert read_mail(HEAD + head.encode() + body).text == "Grüße"


def test_a_wrong_charset_is_no_obstacle():
    assert read_mail(HEAD + b"Content-Type: text/plain; charset=nonsense\r\n\r\nGr\xfc\xdfe").text == "Grüße"


def test_attachments_are_named_and_pictures_of_the_page_are_not():
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = "anna@shop.example"
    mail.set_content("See the label.")
    mail.add_alternative("<p>See the label.</p><img src=cid:logo>", subtype="html")
    page = mail.get_payload()[1]  # type: ignore[index]  # a list, as it is multipart
    assert isinstance(page, EmailMessage)
    page.add_related(b"png", maintype="image", subtype="png", cid="<logo>")
    mail.add_attachment(b"pdf", maintype="application", subtype="pdf", filename="Etikett ä.pdf")
    mail.add_attachment(b"?", maintype="application", subtype="octet-stream")
    read = read_mail(mail.as_bytes())
    assert read.text == "See the label."
    assert read.attachments == ("Etikett ä.pdf", "application/octet-stream")


def test_a_forwarded_mail_is_an_attachment_and_not_an_answer():
    inner = EmailMessage(policy=policy.SMTP)
    inner["X-Nightdesk-Loop"] = "abcdefghijklmn23"
    inner.set_content("ours")
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = "anna@shop.example"
    mail.set_content("Have a look.")
    mail.add_attachment(inner)
    read = read_mail(mail.as_bytes())
    assert (read.text, read.attachments, read.automatic) == ("Have a look.", ("message/rfc822",), None)


def test_a_signed_mail_has_a_text_and_its_signature_is_no_attachment():
    body = (
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nYes.\r\n--s\r\n"
        b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\nx\r\n--s--\r\n"
    )
    read = read_mail(HEAD + body)
    assert (read.text, read.attachments) == ("Yes.", ())


@pytest.mark.parametrize("kind", ["application/pkcs7-mime; name=smime.p7m", "application/ms-tnef; name=winmail.dat"])
def test_a_sealed_mail_has_no_text_and_says_what_it_brought(kind):
    read = read_mail(HEAD + f"Content-Type: {kind}\r\n\r\nxyz".encode())
    assert (read.text, read.attachments) == ("", (kind.partition("name=")[2],))


def test_the_subject_is_decoded_and_cleaned():
    assert read_mail(answer(Subject="Grüße 🎉")).subject == "Grüße 🎉"
    assert read_mail(b"Subject: =?utf-8?q?a=0D=0ABcc:_x?=\n\n").subject == "a Bcc: x"


header_names = st.sampled_from(
    [
        "From",
        "Subject",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "Auto-Submitted",
    ]
)
header_values = st.binary(max_size=40) | st.sampled_from(
    [
        b"multipart/mixed; boundary=b",
        b"text/html; charset=utf-16",
        b"base64",
        b"quoted-printable",
        b"multipart/alternative",
        b"text/plain; format=flowed; delsp=yes; charset=utf-7",
        b"attachment; filename*0*=x'y'%",
        b"a@b.cd",
        b"=?utf-8?b?/?=",
    ]
)
lines = st.tuples(header_names, header_values).map(lambda pair: pair[0].encode() + b": " + pair[1]) | st.sampled_from(
    [
        b"",
        b"--b",
        b"--b--",
        b"<div class=gmail_quote>",
        b"> ##nightdesk:abcdefghijklmn23##",
        b"=C3",
        b"\xff\xfe\x00\xd8",
    ]
)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.lists(lines | st.binary(max_size=20), max_size=25).map(b"\n".join))
def test_any_bytes_are_read_without_an_exception(mime):
    mail = read_mail(mime)
    assert (mail.from_address is None) != (mail.from_fault is None)
    told = "".join((mail.text, mail.subject, *mail.attachments))
    assert told.encode().decode() == told
    assert "##nightdesk:" not in mail.text


@settings(deadline=None)
@given(cut=st.integers(0, 2_000), flip=st.integers(0, 2_000), value=st.integers(0, 255))
def test_a_cut_or_damaged_mail_is_read_as_well(cut, flip, value):
    whole = bytearray(answer("Grüße, it is on its way.", html="<p>Grüße</p>", Subject="Re: ä"))
    whole[flip % len(whole)] = value
    mail = read_mail(bytes(whole[: cut % len(whole)]))
    assert (mail.from_address is None) != (mail.from_fault is None)
    assert mail.text == mail.text.strip()
