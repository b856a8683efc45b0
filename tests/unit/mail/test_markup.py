from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail.markup import reply_lines

pieces = st.sampled_from(
    ["<", ">", "</", "<!--", "-->", "<!", '"', "'", "=", "&", "&#x", ";", " ", "\n", "a", "class=gmail_quote", "style"]
    + [f"<{name}>" for name in ("div", "p", "br", "blockquote", "pre", "a href=https://x.y", "li", "script", "td")]
    + [f"</{name}>" for name in ("div", "p", "blockquote", "pre", "a", "li", "script", "td")]
)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p class=MsoNormal>One</p><p class=MsoNormal>Two</p>", "One\nTwo"),
        ("One<br>Two<br/>\n Three", "One\nTwo\nThree"),
        ("<ul><li>One</li><li><p>Two</p></li></ul>", "- One\n- Two"),
        ("<b>Bo</b>ld &amp; &lt;b&gt; &#8364;", "Bold & <b> €"),
        ("a < b and <3", "a < b and <3"),
        ("<style>p { color: red }</style><title>x</title>Hi", "Hi"),
        ("<!--[if mso]><p>no</p><![endif]-->Hi<!doctype html>", "Hi"),
        ("<pre>a  b\n c</pre>", "a  b\n c"),
        ('see <a href="https://shop.example/r">our rules</a>.', "see our rules (https://shop.example/r)."),
        ('<a href="https://shop.example/r">shop.example/r</a>', "shop.example/r"),
        ('<a href="mailto:a@b.cd">Anna</a>', "Anna"),
        ('<a title="a>b" href=x>Hi</a>', "Hi"),
        ("<blockquote>said</blockquote>Hi", "> said\nHi"),
        ('<div style="display: none">x</div>Hi', "Hi"),
    ],
)
def test_html_becomes_the_lines_a_browser_shows(source, lines):
    assert reply_lines(source) == lines


@pytest.mark.parametrize(
    "history",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Friday</div><blockquote>ours</blockquote></div>',
        '<div id="appendonsend"></div><hr><div>ours</div>',
        '<div id="x_divRplyFwdMsg"><b>From:</b> us</div><div>ours</div>',
        '<div class="moz-cite-prefix">On Friday</div><blockquote type="cite">ours</blockquote>',
        '<blockquote type="cite"><div>ours</div></blockquote>',
        '<div class="yahoo_quoted">ours</div>',
        '<div class="protonmail_quote">ours</div>',
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">ours</div></div>',
    ],
)
def test_what_clients_mark_as_history_is_left_out(history):
    assert reply_lines(f"<html><body><div>It is on its way.</div>{history}<p>below</p></body></html>").strip() == (
        "It is on its way."
    )


def test_an_answer_below_a_marked_quote_is_kept():
    source = '<div class="moz-cite-prefix">On Friday</div><blockquote type="cite">ours</blockquote><p>Yes.</p>'
    assert reply_lines(source).strip() == "Yes."


def test_a_marked_signature_is_left_out():
    assert reply_lines('<div>Yes.</div><div class="gmail_signature">Anna</div>') == "Yes."
    assert reply_lines('<div>Yes.</div><div id="Signature">Anna</div>') == "Yes."
    assert reply_lines('<div class="gmail_signature">Anna</div>') == ""


def test_what_outlook_puts_into_its_signature_is_read_where_there_is_nothing_else():
    assert reply_lines('<div id="Signature">Yes, it is.</div>') == "Yes, it is."


@settings(deadline=None)
@given(st.lists(pieces | st.text(max_size=3), max_size=60).map("".join))
def test_any_text_can_be_read_as_html(source):
    assert isinstance(reply_lines(source), str)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="<&", exclude_categories=["Cc", "Cs"]), max_size=80))
def test_text_without_markup_loses_nothing_but_blanks(text):
    assert "".join(reply_lines(text).split()) == "".join(text.split())
