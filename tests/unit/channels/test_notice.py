from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import _notices, notice
from shared.domain.events import Event, Kind, Surface, Visibility
from shared.domain.exchange import Answer, Outbound, Refusal, Refused, Secret, Unclear
from shared.errors import Unreadable

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)


def parsed(**changes) -> tuple[Event, ...]:
    fields: dict[str, Any] = {
        "type": "notice",
        "platform": "pinterest",
        "message_id": "<n-1@notify.pinterest.com>",
        "from": {"name": "Pinterest", "address": "notifications@notify.pinterest.com"},
        "subject": "Ana Example commented on your Pin",
        "references": [],
        "date": "2026-11-09T18:30:00Z",
        "text": "Ana Example commented on your Pin\n\nNice.\n\nSee it: https://www.pinterest.com/pin/47110001/?utm=1",
        "dmarc": "PASS",
        "senders": [],
        "forwarder": None,
    }
    return notice.parse(json.dumps(fields | changes).encode(), NOW)


def refused(**changes) -> str:
    with pytest.raises(Unreadable) as caught:
        parsed(**changes)
    return str(caught.value)


def sender(address):
    return {"name": None, "address": address}


class TestWhoSpeaksForAPlatform:
    @pytest.mark.parametrize("verdict", ["FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED", None, True])
    def test_nobody_whom_dmarc_does_not_prove(self, verdict):
        assert "not proven" in refused(dmarc=verdict)

    @pytest.mark.parametrize(
        "address",
        ["a@evil.example", "a@pinterest.com.evil.example", "a@notpinterest.com", "pinterest.com", "a@pinterest.co", ""],
    )
    def test_no_other_domain(self, address):
        assert "does not speak for pinterest" in refused(**{"from": sender(address)})

    def test_a_person_whose_mail_google_sends_is_not_google_alerts(self):
        assert "google_alerts" in refused(
            platform="google-alerts", **{"from": sender("drive-shares-noreply@google.com")}
        )

    def test_the_companys_own_forwarder_where_it_writes_itself_into_the_field(self):
        (event,) = parsed(**{"from": sender("social@shop.example")}, forwarder="social@shop.example")
        assert event.author_name == "Ana Example"

    def test_the_senders_that_were_configured_for_a_platform_nobody_knows(self):
        (event,) = parsed(
            platform="shoetalk", **{"from": sender("x@mail.shoetalk.example")}, senders=["shoetalk.example"]
        )
        assert event.account_id == "shoetalk"
        assert "does not speak" in refused(platform="shoetalk", **{"from": sender("x@shoetalk.example")})

    def test_a_configured_sender_that_is_empty_opens_nothing(self):
        assert "does not speak" in refused(platform="shoetalk", senders=["", " "])


class TestReading:
    @pytest.mark.parametrize("written", ["google-alerts", "GoogleAlerts", "google.alerts", "google_alerts"])
    def test_a_platform_has_one_name_however_it_is_written(self, written):
        assert _notices.known(written) == "google_alerts"

    def test_a_thread_is_the_platforms_own_and_a_name_counts_within_it_only(self):
        (here,), (there,) = parsed(), parsed(text="https://www.pinterest.com/pin/99/")
        assert here.thread_id == "47110001"
        assert here.customer_id != there.customer_id

    def test_our_own_answer_is_an_echo_below_what_it_answers(self):
        mail = {"platform": "yelp", "from": sender("no-reply@yelp.com")}
        link = "https://biz.yelp.com/r2r?hrid=xAG4O7l_t1ubbwVAlPnDKg"
        (review,) = parsed(**mail, subject="Ana E. just wrote a review for Blue Shop", text=link)
        (echo,) = parsed(
            **mail, subject="Your response to Ana's review has been posted", text=link, message_id="<2@yelp.com>"
        )
        assert (echo.kind, echo.in_reply_to) == (Kind.ECHO, review.message_id)

    def test_words_that_look_like_small_print_are_kept_where_somebody_may_have_written_them(self):
        (event,) = parsed(
            text="Ana Example commented on your Pin\n\nView me as a happy customer!\n\nUnsubscribe me, please."
        )
        assert event.text == "View me as a happy customer!\n\nUnsubscribe me, please."

    def test_a_form_that_no_rule_knows_is_handed_on_as_a_whole(self):
        (event,) = parsed(subject="Your monthly Pins", text="One\n\nTwo")
        assert event.text == "Your monthly Pins\n\nOne\n\nTwo"

    def test_a_hit_of_an_alert_was_said_to_nobody_and_comes_once_whichever_alert_found_it(self):
        mail = {
            "platform": "google_alerts",
            "from": sender("googlealerts-noreply@google.com"),
            "subject": "Google Alert - x",
        }
        link = "https://www.google.com/url?rct=j&url=https://news.example/a%3Fb%3D1&ct=ga&cd={}"
        (first,) = parsed(**mail, text=f"A title\n<{link.format(1)}>")
        (again,) = parsed(**mail, text=f"Another title\n\n{link.format(2)}", message_id="<2@google.com>")
        assert (first.link, first.unaddressed) == ("https://news.example/a?b=1", True)
        assert first.message_id == again.message_id
        assert again.text == "Another title"

    def test_an_alert_without_a_hit_that_can_be_read_is_handed_on_as_a_whole(self):
        mail = {
            "platform": "google_alerts",
            "from": sender("googlealerts-noreply@google.com"),
            "subject": "Google Alert - x",
        }
        (event,) = parsed(**mail, text="A new layout")
        assert event.text == "Google Alert - x\n\nA new layout"

    @pytest.mark.parametrize(
        ("link", "target"),
        [
            ("https://www.google.com/url?q=https://a.example/&sa=D", "https://a.example/"),
            ("https://www.google.de/url?url=http%3A%2F%2Fa.example%2Fx", "http://a.example/x"),
            ("https://www.google.com/url?q=javascript:alert(1)", "https://www.google.com/url?q=javascript:alert(1)"),
            ("https://www.google.com/search?q=https://a.example", "https://www.google.com/search?q=https://a.example"),
            ("https://evil.example/url?q=https://a.example", "https://evil.example/url?q=https://a.example"),
            ("https://[broken/url?q=x", "https://[broken/url?q=x"),
        ],
    )
    def test_a_redirect_of_googles_is_taken_off_without_asking_anybody(self, link, target):
        assert _notices.unwrapped(link) == target

    @given(
        platform=st.sampled_from([*_notices.PLATFORMS, "other"]),
        subject=st.text(max_size=80),
        text=st.text(max_size=300),
    )
    def test_any_words_are_read(self, platform, subject, text):
        found = _notices.said(platform, subject, text, "x@y.example")
        assert found

    @pytest.mark.parametrize(
        "text", ["\n" * 60_000, "\n \t" * 20_000, "https://" * 8_000, "-" * 60_000, "View https://a.example " * 2_500]
    )
    @pytest.mark.parametrize("platform", ["pinterest", "google_alerts", "yelp"])
    def test_a_long_mail_is_read(self, platform, text):
        assert _notices.said(platform, "Ana commented on your Pin", text, "x@pinterest.com")


class TestAnswering:
    def test_no_surface_takes_answers(self):
        assert not any(capability.replies for capability in notice.CAPABILITIES.values())

    def test_an_answer_is_left_to_a_person(self):
        outbound = Outbound(
            channel="notice",
            account_id="pinterest",
            surface=Surface.COMMENT,
            thread_id="47110001",
            customer_id=None,
            in_reply_to=None,
            text="Yes.",
            by_person=True,
            last_inbound_at=None,
            client_token="t",
        )
        answer = notice.reply(outbound, Secret(account_id="pinterest"), NOW)
        assert isinstance(answer, Refused)
        assert answer.refusal is Refusal.BY_HAND
        assert isinstance(notice.outcome(Answer(status=200)), Refused | Unclear)

    def test_what_is_not_known_to_be_private_is_taken_for_public(self):
        (event,) = parsed(subject="Something")
        assert (event.surface, event.visibility) == (Surface.MENTION, Visibility.PUBLIC)
