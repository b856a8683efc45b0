from __future__ import annotations

import time
import tracemalloc
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.mime import Part, decoded, decoded_words, labelled, parse

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)


def leaves(part: Part) -> list[Part]:
    return [leaf for child in part.children for leaf in leaves(child)] if part.children else [part]


@settings(deadline=None)
@given(
    text=words,
    html=words,
    data=st.binary(max_size=200),
    name=st.from_regex(r"[a-zäöü][a-zäöü ]{0,20}\.pdf", fullmatch=True),
)
def test_well_formed_mails_are_read_as_the_standard_library_reads_them(text, html, data, name):
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = "parcel"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    mail.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    theirs = [p for p in message_from_bytes(mail.as_bytes(), policy=policy.default).walk() if not p.is_multipart()]
    ours = leaves(parse(mail.as_bytes()))
    assert [p.content_type.value for p in ours] == [p.get_content_type() for p in theirs]
    assert [p.content for p in ours] == [p.get_payload(decode=True) for p in theirs]
    assert [p.filename for p in ours] == [p.get_filename() or "" for p in theirs]


@settings(deadline=None)
@given(words)
def test_encoded_words_are_read_as_the_standard_library_writes_them(value):
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = value = " ".join(value.replace("=?", "").split())
    assert " ".join(decoded_words(parse(mail.as_bytes()).first("subject")).split()) == value


def test_field_names_are_compared_without_case_and_values_unfolded():
    part = parse(b"SUBJECT: one\r\n two\r\nFrom : a@b.cd\nnonsense\nfrom: e@f.gh\r\n\r\nbody")
    assert part.first("subject") == "one two"
    assert part.all("from") == ("a@b.cd", "e@f.gh")
    assert part.body == b"body"


def test_a_field_behind_a_lone_carriage_return_is_seen():
    assert parse(b"X: y\rFrom: evil@x.cd\nFrom: a@b.cd\n\n").all("from") == ("evil@x.cd", "a@b.cd")


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ('text/plain; charset="utf-8"', {"charset": "utf-8"}),
        ('x/y; name="a;b\\"c"', {"name": 'a;b"c'}),
        ("x/y; filename*=utf-8''%C3%A4.pdf", {"filename": "ä.pdf"}),
        ("x/y; name*0=long; name*1=er", {"name": "longer"}),
        ("x/y; name*0*=utf-8''%C3%A4; name*1*=%C3%B6; name*2=.pdf", {"name": "äö.pdf"}),
        ("x/y; name*=nosuch'x'%FF", {"name": "ÿ"}),
        ("x/y; ; =; a; b=", {"": "", "b": ""}),
        ('x/y; name="open', {"name": "open"}),
    ],
)
def test_parameters_may_be_quoted_continued_and_encoded(value, parameters):
    assert labelled(value).parameters == parameters


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        ("Grüße".encode("cp1252"), "x-unknown", "Grüße"),
        ("Grüße".encode("cp1252"), "us-ascii", "Grüße"),
        ("Grüße".encode("cp1252"), "", "Grüße"),
        ("こんにちは".encode("iso2022_jp"), "ISO-2022-JP", "こんにちは"),
        ("你好".encode("gb18030"), "GB18030", "你好"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("\ufeffHi".encode(), "utf-8", "Hi"),
        (b"48656c6c6f", "hex", "48656c6c6f"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
    ],
)
def test_the_charset_is_the_declared_one_then_utf_8_then_windows_1252(raw, charset, text):
    assert decoded(raw, charset) == text


def test_damaged_base64_gives_what_can_be_read():
    head = b"Content-Transfer-Encoding: base64\r\n\r\n"
    assert parse(head + b"SGVs bG8=!!").content == b"Hello"
    assert parse(head + b"SGVsbG8").content == b"Hello"
    assert parse(head + b"S").content == b""


def test_a_multipart_without_end_or_boundary_is_read_as_far_as_it_goes():
    assert parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello").children[0].body == b"hello"
    assert parse(b"Content-Type: multipart/mixed\n\n--b\n\nhello").children == ()


def test_a_boundary_that_begins_like_another_is_another():
    mail = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bb\n\n--b--\n"
    assert [child.body for child in parse(mail).children] == [b"one\n--bb\n"]


def test_nesting_ends_at_twelve_and_parts_at_a_hundred():
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000))
    depth, part = 0, parse(nested)
    while part.children:
        depth, part = depth + 1, part.children[0]
    assert depth == 12
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_000
    assert len(parse(many).children) == 100


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text("=?utf-8bq; \"\\*'%:\r\n-").map(str.encode))
def test_any_bytes_are_a_mail(raw):
    for leaf in leaves(parse(b"Content-Type: multipart/mixed; boundary=-\n" + raw)):
        assert isinstance(leaf.text + leaf.filename + decoded_words(leaf.first("x")), str)


def nested(depth: int, inmost: bytes) -> bytes:
    """Multiparts in one another, each boundary beginning like the ones outside of it."""
    fields = (
        b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s\r\n' % (b"b" * n, b"b" * n)
        for n in range(1, depth + 1)
    )
    return b"".join(fields) + inmost


def test_a_large_mail_in_many_layers_is_not_copied_for_each_of_them():
    mime = nested(12, b"Content-Type: image/png\r\n\r\n" + b"A" * 76 * 100_000)
    tracemalloc.start()
    try:
        parse(mime)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(mime)


def test_millions_of_lines_that_begin_like_a_boundary_are_read_in_no_time():
    mime = nested(11, b"--bbbbbbbbbbbbb x\r\n" * 300_000)
    began = time.process_time()
    parse(mime)
    assert time.process_time() - began < 1.0


def test_millions_of_parts_are_not_even_listed():
    mime = nested(1, b"--b\r\n" * 1_000_000)
    began = time.process_time()
    assert len(parse(mime).children) == 100
    assert time.process_time() - began < 0.5
