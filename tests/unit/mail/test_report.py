from __future__ import annotations

from shared.domain.policy import Agent
from shared.mail.report import Sender, not_fetched, not_read, notice, report
from shared.services.renew import RENEW_FEED
from tests.unit.mail.build import html_of, opened, text_of

ANNA = Agent("anna@shop.example", "Anna Muster")
DESK = Sender(company="Blue Shop", sender="desk@in.shop.example", mail_domain="in.shop.example")
REFUSED = not_fetched("google_business", "accounts/1", "accounts/1/reviews/7", "The token is gone.\r\nBcc: x@y.example")


def test_it_says_what_happened_why_and_where_to_look():
    for content in (text_of, html_of):
        told = content(report(REFUSED, ANNA, DESK))
        assert "could not be fetched: accounts/1/reviews/7" in told
        assert "Reason: The token is gone." in told
        assert "answer it there" in told


def test_it_is_one_mail_to_one_agent_that_no_program_answers():
    mail = report(REFUSED, ANNA, DESK)
    read = opened(mail)
    assert (mail.sender, mail.to) == (DESK.sender, ANNA.address)
    assert read["Subject"] == "[Nightdesk] google_business: look there"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Reply-To"] is None
    assert read["Bcc"] is None


def test_a_feed_is_named_and_a_search_by_its_words():
    assert "(mentions)" in not_read("x", "1", "mentions", "", "r").happened
    assert "(its credentials)" in not_read("x", "1", RENEW_FEED, "", "r").happened
    assert '(the search for "Blue Shop")' in not_read("x", "1", "search", "Blue Shop", "r").happened


def test_where_no_reason_is_known_none_is_given():
    assert "Reason" not in text_of(report(not_read("x", "1", "mentions", "", ""), ANNA, DESK))


def test_the_notice_holds_ids_and_no_words():
    told = notice(REFUSED)
    assert (told.kind, told.subject) == ("trouble", "Nightdesk trouble: google_business")
    assert dict(told.facts) == {
        "channel": "google_business", "account_id": "accounts/1", "about": "accounts/1/reviews/7",
    }  # fmt: skip
