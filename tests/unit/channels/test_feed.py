"""Feeds: asked for only if they changed, read from strangers' bytes, with names that stay the same."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.channels import _feed_entries as entries
from shared.channels import feed
from shared.domain.connecting import Proof
from shared.domain.exchange import Answer, Call, Refusal, Refused, Secret
from shared.domain.polling import Ask, Page
from tests.unit.channels._talking import Talk, delivered, said

NOW = datetime(2026, 11, 9, 18, 30, tzinfo=UTC)
ALERT = delivered("feed", "message__google-alert")
ASK = Ask(feed="entries", since=NOW - timedelta(hours=24), now=NOW)
ATOM = {"content-type": "application/atom+xml"}

GOOGLE = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:idx="urn:atom-extension:indexing">
<id>tag:google.com,2005:reader/user/1/state/com.google/alerts/1</id><title>Google Alert - acme</title>
<entry><id>tag:google.com,2013:googlealerts/feed:123</id>
<title type="html">&lt;b&gt;Acme&lt;/b&gt; recall &amp;amp; refund</title>
<link href="https://www.google.com/url?rct=j&amp;sa=t&amp;url=https://news.example/a%3Fid%3D7%26utm_source%3Dg&amp;ct=ga&amp;usg=x"/>
<published>2026-11-09T17:00:00Z</published><updated>2026-11-09T17:00:00Z</updated>
<content type="html">The maker &lt;b&gt;Acme&lt;/b&gt; calls kettles back.&lt;br&gt;More&lt;script&gt;bad()&lt;/script&gt;</content>
<author><name></name></author></entry></feed>"""

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Kettle forum</title><language>en-gb</language>
<item><title>One</title><link>https://forum.example/1?utm_source=rss&amp;page=2</link><guid isPermaLink="false">g1</guid>
<pubDate>Mon, 09 Nov 2026 17:30:00 +0100</pubDate><author>sam@forum.example (Sam)</author></item>
<item><title>Twin</title><link>https://forum.example/2</link><guid>same</guid></item>
<item><title>Other twin</title><link>https://forum.example/3</link><guid>same</guid></item>
<item><title>No guid</title><link>https://forum.example/4?fbclid=abc</link></item>
<item><title>Nothing but a title</title><pubDate>Mon, 09 Nov 2026 16:00:00 GMT</pubDate></item>
</channel></rss>"""


@pytest.fixture
def desk(tmp_path) -> Talk:
    made = Talk("feed", "alerts-acme", tmp_path, NOW)
    made.learns(ALERT)
    return made


def account(**changed: str) -> Secret:
    return Secret(account_id="alerts-acme", credentials={"url": "https://feeds.example/a", **changed})


def found(page: object) -> Page:
    assert isinstance(page, Page), page
    return page


def refused(outcome: object) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def shown(document: str, ask: Ask = ASK, **credentials: str) -> Page:
    return found(feed.page(ask, Answer(status=200, headers=ATOM, body=document.encode()), account(**credentials)))


def headers(ask: Ask, secret: Secret | None = None) -> dict[str, str]:
    call = feed.ask(ask, secret or account())
    assert isinstance(call, Call)
    return dict(call.headers)


# Against the server


def test_what_a_feed_shows_is_read_as_it_was_delivered(desk):
    page = found(feed.page(ASK, desk.call(feed.ask(ASK, desk.secret)), desk.secret))
    body = {"account_id": "alerts-acme", "feed": "entries", "items": [item.raw for item in page.items]}
    assert feed.parse(json.dumps(body).encode(), NOW) == feed.parse(ALERT, NOW)


def test_a_feed_that_did_not_change_is_not_read_again(desk):
    page = found(feed.page(ASK, desk.call(feed.ask(ASK, desk.secret)), desk.secret))
    again = replace(ASK, cursor=page.cursor)
    answer = desk.call(feed.ask(again, desk.secret))
    assert answer.status == 304
    assert found(feed.page(again, answer, desk.secret)) == Page(items=(), cursor=page.cursor)
    desk.learns(delivered("feed", "message__forum-entry-with-an-author"))
    assert len(found(feed.page(again, desk.call(feed.ask(again, desk.secret)), desk.secret)).items) == 2


def test_the_feed_itself_proves_the_account_by_its_title(desk):
    assert feed.proven(desk.call(feed.prove(desk.secret, NOW))) == Proof(who="Alerts of alerts-acme")
    assert refused(feed.proven(Answer(status=200, body=b"<html>Sign in</html>"))).refusal is Refusal.BLOCKED


def test_an_answer_is_given_where_it_was_written(desk):
    outbound = desk.answers(said("feed", ALERT, NOW))
    assert refused(feed.reply(outbound, desk.secret, NOW)).refusal is Refusal.BY_HAND


# Conditional requests


def test_validators_go_back_as_they_came():
    answer = Answer(
        status=200, headers={"etag": 'W/"x,y"', "last-modified": "Mon, 09 Nov 2026 17:00:00 GMT"}, body=RSS.encode()
    )
    cursor = found(feed.page(ASK, answer, account())).cursor
    sent = headers(replace(ASK, cursor=cursor))
    assert (sent["if-none-match"], sent["if-modified-since"]) == ('W/"x,y"', "Mon, 09 Nov 2026 17:00:00 GMT")


def test_a_server_without_validators_is_recognised_by_what_it_sends():
    first = shown(RSS)
    assert set(headers(replace(ASK, cursor=first.cursor))) == {"accept"}
    assert shown(RSS, replace(ASK, cursor=first.cursor)).items == ()


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"etag": 7}', '{"etag": ""}', "\ud800"])
def test_a_cursor_that_cannot_be_read_asks_for_everything(cursor):
    assert set(headers(replace(ASK, cursor=cursor))) == {"accept"}


def test_a_validator_that_could_not_be_sent_is_not_kept():
    for hostile in ("x\r\ncookie: a", "\u00e9", "x" * 400):
        answer = Answer(status=200, headers={"etag": hostile}, body=RSS.encode())
        cursor = found(feed.page(ASK, answer, account())).cursor
        assert set(headers(replace(ASK, cursor=cursor))) == {"accept"}


# Answers that are no feed


@pytest.mark.parametrize(
    ("answer", "refusal", "word"),
    [
        (Answer(status=410), Refusal.BLOCKED, "gone"),
        (Answer(status=404), Refusal.BLOCKED, "gone"),
        (
            Answer(status=301, headers={"location": "https://new.example/f"}),
            Refusal.BLOCKED,
            "moved to new.example (301)",
        ),
        (Answer(status=308, headers={"location": "javascript:1"}), Refusal.BLOCKED, "has moved (308)"),
        (Answer(status=302, headers={"location": "https://login.example"}), Refusal.LATER, "elsewhere"),
        (Answer(status=429, headers={"retry-after": "60"}), Refusal.LATER, "moment"),
        (Answer(status=503), Refusal.LATER, "later"),
        (Answer(status=403), Refusal.BLOCKED, "403"),
        (Answer(status=200, body=b"<html><body>Sign in</body></html>"), Refusal.BLOCKED, "no RSS"),
        (Answer(status=200, body=b""), Refusal.BLOCKED, "no RSS"),
        (Answer(status=200, body=b"<rss>" + b" " * (5 * 1024 * 1024)), Refusal.NEVER, "larger"),
    ],
)
def test_what_is_no_feed_says_what_to_do(answer, refusal, word):
    outcome = refused(feed.page(ASK, answer, account()))
    assert outcome.refusal is refusal
    assert word in outcome.reason


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait", ["1800", "Mon, 09 Nov 2026 19:00:00 GMT"])
def test_a_server_that_says_when_it_wants_to_be_asked_again_is_left_alone_until_then(status, wait):
    headers = {"retry-after": wait, "date": "Mon, 09 Nov 2026 18:30:00 GMT"}
    assert refused(feed.page(ASK, Answer(status=status, headers=headers), account())).after == timedelta(minutes=30)


@pytest.mark.parametrize("status", [301, 308])
def test_where_a_feed_moved_is_told_without_the_part_that_is_a_secret(status):
    moved = Answer(status=status, headers={"location": "https://www.google.com/alerts/feeds/0123/4567?token=s3cret"})
    for outcome in (feed.page(ASK, moved, account()), feed.proven(moved)):
        assert "www.google.com" in refused(outcome).reason
        assert "4567" not in refused(outcome).reason
        assert "s3cret" not in refused(outcome).reason


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://feeds.example/a",
        "file:///etc/passwd",
        "https://",
        "https://u:p@x.example/",
        "https://x y",
        "https://[x",
    ],
)
def test_only_an_https_address_is_called(url):
    assert refused(feed.ask(ASK, account(url=url))).refusal is Refusal.BLOCKED


# Documents


def test_a_google_alert_is_read_behind_its_redirect_and_its_markup():
    (item,) = shown(GOOGLE).items
    assert item.raw == {
        "id": "tag:google.com,2013:googlealerts/feed:123",
        "link": "https://news.example/a?id=7",
        "title": "Acme recall & refund",
        "text": "The maker Acme calls kettles back.\nMore",
        "published": "2026-11-09T17:00:00Z",
    }


def test_an_entry_is_named_by_its_id_else_its_link_else_its_title_and_date():
    one, twin, other, linked, titled = shown(RSS).items
    assert one.item_id == "g1"
    assert one.raw["link"] == "https://forum.example/1?page=2"
    assert one.at == datetime(2026, 11, 9, 16, 30, tzinfo=UTC)
    assert one.raw["language"] == "en-gb"
    assert linked.item_id == "https://forum.example/4"
    assert len({one.item_id, twin.item_id, other.item_id, linked.item_id, titled.item_id}) == 5
    assert [item.item_id for item in shown(RSS).items] == [
        one.item_id,
        twin.item_id,
        other.item_id,
        linked.item_id,
        titled.item_id,
    ]


def test_a_tracking_parameter_that_changes_with_every_request_makes_no_new_entry():
    assert shown(RSS.replace("fbclid=abc", "fbclid=xyz")).items[3].item_id == shown(RSS).items[3].item_id


def test_what_is_older_than_wanted_is_left_out_and_what_has_no_date_is_not():
    later = replace(ASK, since=datetime(2026, 11, 9, 16, 15, tzinfo=UTC))
    assert [item.raw["title"] for item in shown(RSS, later).items] == ["One", "Twin", "Other twin", "No guid"]


def test_an_account_may_want_only_entries_that_hold_a_phrase():
    assert [item.raw["title"] for item in shown(RSS, only="twin, absent").items] == ["Twin", "Other twin"]
    assert shown(RSS, only="absent").items == []


def test_a_document_can_name_neither_a_file_nor_an_address_that_is_then_read(monkeypatch, tmp_path):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    secret = tmp_path / "feed.xml"
    secret.write_text(RSS)
    monkeypatch.setattr(socket.socket, "connect", never)
    for body in (str(secret), "http://127.0.0.1:9/feed", f"file://{secret}"):
        assert refused(feed.page(ASK, Answer(status=200, body=body.encode()), account())).refusal is Refusal.BLOCKED
    outside = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}">]>' + RSS.replace("One", "&x;").partition("?>")[2]
    assert "Twin" not in str(shown(outside).items[0].raw)


def test_entities_that_grow_are_not_expanded():
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE rss [<!ENTITY e0 "ha">{levels}]>' + RSS.replace("One", "&e11;").partition("?>")[2]
    assert [len(str(item.raw)) < 5000 for item in shown(bomb).items] == [True] * len(shown(RSS).items)


def test_a_document_with_very_many_entries_is_read_to_a_limit():
    item = "<item><title>x</title><guid>{}</guid></item>"
    many = "".join(item.format(n) for n in range(entries.MOST + 50))
    document = f'<rss version="2.0"><channel><title>t</title>{many}</channel></rss>'
    assert len(shown(document).items) == entries.MOST


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, len(GOOGLE)), junk=st.binary(max_size=12))
def test_a_broken_document_is_read_or_refused(place, junk):
    body = GOOGLE.encode()
    outcome = feed.page(ASK, Answer(status=200, headers=ATOM, body=body[:place] + junk + body[place + 3 :]), account())
    assert isinstance(outcome, Page | Refused)
    if isinstance(outcome, Page):
        made = {"account_id": "a", "feed": "entries", "items": [item.raw for item in outcome.items]}
        assert feed.parse(json.dumps(made).encode(), NOW)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://www.google.co.uk/url?q=https://a.example/&sa=U", "https://a.example/"),
        ("https://www.google.com/url?url=javascript:alert(1)", None),
        ("https://www.google.com/search?url=https://a.example", "https://www.google.com/search?url=https://a.example"),
        (
            "https://google.com.evil.example/url?url=https://a.example",
            "https://google.com.evil.example/url?url=https://a.example",
        ),
        ("https://a.example/?a=1&a=%20b&utm_medium=x#top", "https://a.example/?a=1&a=+b#top"),
        ("https://[bad", None),
    ],
)
def test_only_google_is_unwrapped_and_nothing_is_asked(url, target):
    assert entries.unwrapped(url) == target
