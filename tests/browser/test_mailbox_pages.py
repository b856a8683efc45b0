"""The mailbox's pages in a real browser: they show mails and answers, and run nothing that a customer wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from infra.local.mailbox_web import Web
from tests.unit.local.mails import Post, hand_off, mailbox, receive
from tests.unit.local.playground import serving_on_free_port

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CANARY = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="No chromium on this machine: apt-get install chromium runs the tests in a browser."
)


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def box(tmp_path, post):
    return mailbox(tmp_path / "mailbox", post)


@pytest.fixture
def url(box):
    with serving_on_free_port(Web(box).answer) as address:
        yield address


@pytest.fixture
def browse(tmp_path):
    def run(*wish: str) -> str:
        """What chromium prints."""
        quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
        ended = subprocess.run(
            [
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                *quiet,
                "--disable-sync",
                f"--user-data-dir={tmp_path / 'profile'}",
                *wish,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return ended.stdout

    return run


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_list_leads_to_a_mail_and_its_form(box, url, browse):
    mail_id = receive(box)
    listed = browse("--dump-dom", url)
    assert "1 mail<" in listed
    (link,) = re.findall(r'href="(/mails/[^"]+)"', listed)
    opened = browse("--dump-dom", f"{url}{link}")
    assert link == f"/mails/{mail_id}"
    assert "Where is my parcel?" in opened
    assert title(opened) == "Ana Example on Messenger · Nightdesk"
    (action,) = re.findall(r'action="(/mails/[^"]+)"', opened)
    assert action == f"/mails/{mail_id}/answer"


def test_an_answer_through_the_form_is_seen_in_the_list_and_on_the_mail(box, url, browse, post):
    mail_id = receive(box)
    (action,) = re.findall(r'action="(/mails/[^"]+)"', browse("--dump-dom", f"{url}/mails/{mail_id}"))
    requests.post(f"{url}{action}", data={"text": "It comes tomorrow."}, headers={"origin": url}, timeout=10)
    assert "It comes tomorrow." in browse("--dump-dom", f"{url}/mails/{mail_id}")
    assert 'class="answered"' in browse("--dump-dom", url)
    assert len(post.arrivals) == 1


def test_what_a_customer_wrote_is_never_run(box, url, browse):
    mail_id = receive(box, hand_off(CANARY, Subject=CANARY, From=f'"{CANARY}" <a@b.example>'))
    for address in (url, f"{url}/mails/{mail_id}"):
        page = browse("--dump-dom", "--virtual-time-budget=2000", address)
        assert title(page) != "owned"
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_the_style_sheet_is_loaded(box, url, browse, tmp_path):
    """A page without its style is shorter: text would stand below text."""
    receive(box)
    picture = tmp_path / "list.png"
    browse(f"--screenshot={picture}", "--window-size=1000,700", url)
    bare = tmp_path / "bare.png"
    page = Path(tmp_path / "bare.html")
    page.write_text(requests.get(url, timeout=10).text.replace('<link rel="stylesheet" href="/mailbox.css">', ""))
    browse(f"--screenshot={bare}", "--window-size=1000,700", page.as_uri())
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.read_bytes() != bare.read_bytes()
