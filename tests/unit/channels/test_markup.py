"""HTML from strangers: what a reader sees, and where its links lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels._markup import plain

PIECES = ["<![", "<!", "<!--", "-->", "<!x[", "<![if x]>", "<![CDATA[", "]]>", ">", "<p>", "</p>", "words", "<script>"]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>one<br/>two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<p>one</p>\n   <p>two  and\tthree</p>", "one\n\ntwo and three"),
        ("a &lt;b&gt; &amp; &#x1F4E6;", "a <b> & 📦"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ('<p class="quote-inline">RE: <a href="https://a.b/1">a.b/1</a></p><p>No.</p>', "No."),
        ("<script>alert(1)</script>Said<style>p {}</style>", "Said"),
        ("<head><title>x</title></head>Said", "Said"),
        ("Sold <![if x]>here <!odd[ y> and there", "Sold here and there"),
        ("<p>Sold</p><![if x]><script>alert(1)</script>", "Sold"),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_html_becomes_what_a_reader_sees(html, words):
    assert plain(html) == words


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<a href="https://a.b/"><span class="invisible">https://</span>a.b/</a>', "https://a.b/"),
        ('<a href="https://a.b/c">a.b/c</a>', "a.b/c"),
        ('Our <a href="https://a.b/terms">terms</a>.', "Our terms (https://a.b/terms)."),
        ('<a class="u-url mention" href="https://a.b/@ana">@ana</a>', "@ana"),
        ('<a class="mention hashtag" href="https://a.b/tags/x">#x</a>', "#x"),
        ('<a href="https://a.b/1"><img src="x"></a>', ""),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="/relative">here</a>', "here"),
        ("<a>here</a>", "here"),
    ],
)
def test_a_link_tells_where_it_leads_unless_its_words_do(html, words):
    assert plain(html) == words


@pytest.mark.parametrize("html", ["<" * 3000, "<a href=" * 500, "&#99999999999;"])
def test_broken_html_breaks_nothing(html):
    assert isinstance(plain(html), str)


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_no_declaration_silences_what_stands_before_it(pieces):
    assert plain(f"Said. {''.join(pieces)}").startswith("Said.")
