"""The mailbox over HTTP: JSON for programs, pages for people, nothing for foreign sites."""

from __future__ import annotations

import pytest
import requests

from infra.local.mailbox_web import Web
from shared.domain.policy import Agent
from shared.mail.report import Sender, not_read, report
from tests.unit.local.mails import REPLY_TO, SETTINGS, Post, hand_off, mailbox, receive
from tests.unit.local.playground import serving_on_free_port


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def box(tmp_path, post):
    return mailbox(tmp_path, post)


@pytest.fixture
def url(box):
    with serving_on_free_port(Web(box).answer) as address:
        yield address


DESK = Sender(company="Shop", sender="desk@nightdesk.example", mail_domain="in.nightdesk.example")


def get(url: str, **options):
    return requests.get(url, timeout=10, **options)


def put(url: str, wish: object):
    return requests.post(url, json=wish, timeout=10)


def test_it_says_that_it_is_well(url):
    assert get(f"{url}/_health").json() == {"ok": True}


def test_programs_list_and_read_mails(url, box):
    mail_id = receive(box)
    assert get(f"{url}/_mailbox/mails").json() == [get(f"{url}/_mailbox/mails/{mail_id}").json()]
    assert get(f"{url}/_mailbox/mails/{mail_id}").json()["reply_to"] == REPLY_TO


def test_programs_answer_and_deliver_again(url, box, post):
    mail_id = receive(box)
    wish = {"mail": mail_id, "text": "Soon", "from": "eve@evil.example", "quote": False, "verdicts": {"spf": "FAIL"}}
    first = put(f"{url}/_mailbox/answer", wish).json()
    second = put(f"{url}/_mailbox/redeliver", {"mail": mail_id}).json()
    assert (first["from"], first["to"]) == ("eve@evil.example", REPLY_TO)
    assert first["ses_id"] != second["ses_id"]
    assert post.arrivals[0].verdicts == {"spf": "FAIL"}


def test_programs_say_where_mail_goes(url):
    assert put(f"{url}/_mailbox/settings", SETTINGS).json() == {"ok": True}


@pytest.mark.parametrize(
    ("what", "wish", "status"),
    [
        ("answer", {"mail": "nope", "text": "x"}, 404),
        ("answer", {"text": "x"}, 400),
        ("answer", {"mail": "MAIL"}, 400),
        ("answer", {"mail": "MAIL", "text": " "}, 409),
        ("answer", {"mail": "MAIL", "text": "x", "verdicts": []}, 400),
        ("answer", {"mail": "MAIL", "text": "x", "verdicts": {"spam": "MAYBE"}}, 500),
        ("answer", ["MAIL"], 400),
        ("redeliver", {"mail": "MAIL"}, 404),
        ("settings", {}, 500),
        ("nothing", {}, 404),
    ],
)
def test_a_request_that_cannot_be_followed_says_why(url, box, what, wish, status):
    mail_id = receive(box)
    told = {k: mail_id if v == "MAIL" else v for k, v in wish.items()} if isinstance(wish, dict) else wish
    answer = put(f"{url}/_mailbox/{what}", told)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["_mailbox/mails/nope", "_mailbox/else", "mails/nope", "mails", "mails/a/b/c"])
def test_what_is_not_there_is_not_found(url, path):
    assert get(f"{url}/{path}").status_code == 404


def test_the_empty_list_says_what_will_come(url):
    assert "No mail yet" in get(url).text


def test_the_list_links_to_each_mail(url, box):
    mail_id = receive(box)
    page = get(url).text
    assert f'href="/mails/{mail_id}"' in page
    assert "Ana Example on Messenger" in page


def test_the_form_answers_and_leads_back_to_the_mail(url, box, post):
    mail_id = receive(box)
    page = requests.post(f"{url}/mails/{mail_id}/answer", data={"text": "A\r\nB", "quote": "yes"}, timeout=10)
    assert page.url == f"{url}/mails/{mail_id}"
    assert "Deliver the last answer once more" in page.text
    assert box.store.mail(mail_id).received.answers[0].text == "A\nB"
    assert b"> Ana wrote:" in post.arrivals[0].mime


def test_a_refused_answer_keeps_the_words_in_the_form(url, box, post):
    mail_id = receive(box)
    post.broken = True
    page = requests.post(f"{url}/mails/{mail_id}/answer", data={"text": "My long answer"}, timeout=10)
    assert page.status_code == 502
    assert "The bucket is away." in page.text
    assert ">My long answer</textarea>" in page.text


def test_the_page_delivers_the_last_answer_again(url, box, post):
    mail_id = receive(box)
    requests.post(f"{url}/mails/{mail_id}/answer", data={"text": "Hi"}, timeout=10)
    page = requests.post(f"{url}/mails/{mail_id}/again", timeout=10)
    assert "handed in 2 times" in page.text
    assert len(post.arrivals) == 2


def test_delivering_again_what_was_never_answered_is_an_error_page(url, box):
    page = requests.post(f"{url}/mails/{receive(box)}/again", timeout=10)
    assert page.status_code == 404
    assert "answer it first" in page.text


def test_a_customers_markup_stays_text(url, box):
    canary = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    mail_id = receive(box, hand_off(canary, Subject=canary, From=f'"{canary}" <a@b.example>'))
    for page in (get(url).text, get(f"{url}/mails/{mail_id}").text):
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


def test_pages_allow_no_script_and_load_nothing_from_elsewhere(url, box):
    receive(box)
    policy = get(url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert get(f"{url}/mailbox.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"host": "rebound.evil.example"}]
)
def test_a_foreign_site_can_neither_read_nor_answer(url, box, post, headers):
    mail_id = receive(box)
    assert get(url, headers=headers).status_code == 403
    answer = requests.post(f"{url}/mails/{mail_id}/answer", data={"text": "Hi"}, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert post.arrivals == []


def test_a_mail_without_a_conversation_is_shown_and_says_why_it_takes_no_answer(url, box, post):
    trouble = not_read("x", "900100", "mentions", "", "The token is gone.")
    mail = report(trouble, Agent("ben@shop.example"), DESK)
    box.receive(mail.sender, (mail.to,), mail.mime)
    (listed,) = get(f"{url}/_mailbox/mails").json()
    assert (listed["subject"], listed["reply_to"]) == ("[Nightdesk] x: look there", "")
    assert "look there" in get(url).text
    assert "The token is gone." in get(f"{url}/mails/{listed['id']}").text
    refused = put(f"{url}/_mailbox/answer", {"mail": listed["id"], "text": "Thanks"})
    assert (refused.status_code, post.arrivals) == (409, [])
    assert "takes no answer" in refused.json()["error"]
    page = requests.post(f"{url}/mails/{listed['id']}/answer", data={"text": "Thanks"}, timeout=10)
    assert (page.status_code, "takes no answer" in page.text) == (409, True)
