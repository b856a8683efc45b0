"""What no webhook brings: platforms that are asked, pointers, texts through AWS, mail, and what a webhook missed."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from secrets import choice, randbelow
from string import ascii_lowercase

import pytest
import requests

from infra.local.addresses import MAIL_DOMAIN, REPOSITORY
from infra.local.retiming import as_if_now
from shared.domain.records import Author, SendKind, SendState, State, Watch, watch_key
from shared.errors import Conflict
from shared.services.renew import RENEW_FEED
from tests.e2e.said import unique


def digits(count):
    """Digits no other test uses."""
    return str(10 ** (count - 1) + randbelow(9 * 10 ** (count - 1)))


def letters(count):
    """Letters no other test uses."""
    return "".join(choice(ascii_lowercase) for _ in range(count))


def event(channel, name, at=None, **names):
    """A delivery of events/ as if it happened at a time, with other names."""
    body = (REPOSITORY / "events" / channel / f"{name}.json").read_bytes()
    return as_if_now(body, at or datetime.now(UTC), dict(names.values()))


def heard(stack, channel, account, customer):
    """The one conversation of a customer, as soon as it is there."""
    assert stack.settle_until(lambda: stack.desk.conversations(channel, account, customer))
    assert stack.settle()
    (found,) = stack.desk.conversations(channel, account, customer)
    return found.conversation_id


def mails_about(stack, known):
    found = requests.get(f"{stack.mailbox_url}/_mailbox/mails", timeout=60).json()
    return [mail for mail in found if known in mail["reply_to"]]


def handed_over(stack, known):
    """The first mail that told people of a conversation."""
    assert stack.settle_until(lambda: mails_about(stack, known))
    return mails_about(stack, known)[-1]


def answer(stack, known, text):
    wish = {"mail": handed_over(stack, known)["id"], "text": text}
    requests.post(f"{stack.mailbox_url}/_mailbox/answer", json=wish, timeout=60).raise_for_status()


def replies(stack, known):
    return [(one.text, one.state) for one in stack.desk.sends(known) if one.kind is SendKind.REPLY]


def answered(stack, known, text):
    """An answer by mail that has been posted, and ended what was owed."""
    answer(stack, known, text)
    assert stack.settle_until(lambda: replies(stack, known) == [(text, SendState.SENT)]), replies(stack, known)
    assert stack.settle_until(lambda: states(stack, known) == [State.MET])


def states(stack, known):
    return [one.state for one in stack.desk.obligations(known)]


def said(stack, known):
    return [one.text for one in stack.desk.messages(known) if one.author is Author.CUSTOMER]


def posts(stack, channel, text):
    found = requests.get(f"{stack.sandbox_url}/_sandbox/posts", params={"channel": channel}, timeout=60).json()
    return [post for post in found if post["text"] == text]


def quarantined(stack, words):
    return [one for one in stack.desk.quarantined() if words in one.reason]


def mail(to, sender, subject, text, **headers):
    """A mail to an address of the desk, as its sender's program writes it."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, f"{to}@{MAIL_DOMAIN}", subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


@pytest.fixture
def ran_out(stack):
    """The credentials of an account whose end nobody knows, as they stood when the stack was started."""
    return stack.book.accounts["x"]["900100"].credentials


def test_credentials_that_have_run_out_are_renewed_once_however_many_runs_there_are(stack, ran_out):
    """The first test of all, so that the runs find them as the stack was started with."""
    with ThreadPoolExecutor(2) as runs:
        assert {status for status, _ in runs.map(lambda _: stack.poll(), range(2))} == {200}
    assert stack.settle_until(lambda: held(stack)[0]["refresh_token"] != ran_out["refresh_token"])
    fresh, stored = held(stack)
    assert stack.poll() == (200, "")

    assert held(stack) == (fresh, stored)
    key = watch_key("x", "900100", RENEW_FEED)
    watch = stack.desk.read([key])[key]
    assert isinstance(watch, Watch)
    assert (watch.owner, watch.failures, watch.reason) == (None, 0, None)
    assert asked_who_we_are(stack, fresh["access_token"]) == 200
    assert asked_who_we_are(stack, ran_out["access_token"]) == 401
    assert shown_again(stack, ran_out) == 400


def held(stack):
    """The credentials as they are stored, and how often they were."""
    ssm = stack.session.create_client("ssm")
    name = f"{stack.outputs['SecretsPath']}/channels/x/900100"
    parameter = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return json.loads(parameter["Value"])["credentials"], parameter["Version"]


def asked_who_we_are(stack, token):
    url = f"{stack.sandbox_url}/api.x.com/2/users/me"
    return requests.get(url, headers={"authorization": f"Bearer {token}"}, timeout=60).status_code


def shown_again(stack, credentials):
    """What the platform says to a refresh token that was used."""
    form = {name: credentials[name] for name in ("refresh_token", "client_id")} | {"grant_type": "refresh_token"}
    proof = (credentials["client_id"], credentials["client_secret"])
    return requests.post(f"{stack.sandbox_url}/api.x.com/2/oauth2/token", form, auth=proof, timeout=60).status_code


def test_a_message_on_a_platform_that_is_asked_reaches_people_and_is_answered_once(stack):
    customer, words = f"did:plc:{letters(24)}", unique("We look into it")
    body = event(
        "bluesky",
        "message__mention",
        who=("did:plc:anaexample2222333344445", customer),
        post=("3m5aa2bcdef2a", f"3m5{letters(10)}"),
    )
    assert stack.deliver("bluesky", body) == (200, "")
    known = heard(stack, "bluesky", "did.plc.lanternbikes22desk4444aa", customer)
    assert "where is my parcel?" in handed_over(stack, known)["text"]
    answered(stack, known, words)

    assert stack.deliver("bluesky", body) == (200, ""), "asked again"
    assert stack.settle()

    assert [text.partition(" ")[2] for text in said(stack, known)] == ["where is my parcel? It was due on Friday."]
    assert replies(stack, known) == [(words, SendState.SENT)]
    assert states(stack, known) == [State.MET]
    assert len(posts(stack, "bluesky", words)) == 1
    assert len(mails_about(stack, known)) == 1


def test_what_a_delivery_only_points_at_is_fetched_and_handed_over(stack):
    customer, words = unique("cust"), unique("What does it cost")
    body = event(
        "tiktok",
        "pointer__comment",
        who=("cust+uid/1", customer),
        comment=("7412000000000000001", f"7412{digits(15)}"),
        text=("price?", words),
    )
    assert stack.deliver("tiktok", body)[0] == 200
    known = heard(stack, "tiktok", "biz-open-id-1", customer)
    assert said(stack, known) == [words]
    assert words in handed_over(stack, known)["text"]


def test_a_text_through_the_topic_is_heard_and_answered(stack):
    customer, words = f"+1555{digits(7)}", unique("It is on its way")
    body = event(
        "aws_sms",
        "message__plain",
        who=("+15550100001", customer),
        message=("0f0e2d31-6d07-4c52-a9a5-9b3f0c6f2f01", unique("sms")),
    )
    assert stack.deliver("aws_sms", body)[0] == 200
    known = heard(stack, "aws_sms", "15550100999", customer)
    assert said(stack, known) == ["Where is my order?"]
    answered(stack, known, words)
    assert [post["recipient"] for post in posts(stack, "aws_sms", words)] == [customer]


def test_a_customers_mail_is_answered_in_its_thread_and_so_is_their_next_one(stack):
    customer, words = f"{unique('ana')}@customer.example", unique("It has left our house")
    first = f"<{unique('m')}@customer.example>"
    sender = f"Ana Example <{customer}>"
    stack.deliver("email", mail("support", sender, "Parcel 4711", "Where is my parcel?", Message_ID=first))
    known = heard(stack, "email", "support", customer)
    assert "Where is my parcel?" in handed_over(stack, known)["text"]
    answered(stack, known, words)

    (got,) = posts(stack, "email", words)
    headers = got["request"]["headers"]
    assert got["recipient"] == customer
    assert (headers["In-Reply-To"], headers["References"], headers["Subject"]) == (first, first, "Re: Parcel 4711")

    thanks = {"Message_ID": f"<{unique('m')}@customer.example>"}
    thanks["In_Reply_To"] = f"<{got['native_id']}@eu-central-1.amazonses.com>"
    stack.deliver("email", mail("support", sender, "Re: Parcel 4711", "Thank you, it has come.", **thanks))
    assert stack.settle_until(lambda: "Thank you, it has come." in said(stack, known))


def test_a_platforms_notice_runs_a_timer_until_the_one_word_done(stack):
    pin = digits(12)
    name = f"Ana {letters(8).title()}"
    text = f"{name} commented on your Pin\n\nDo these come in green?\n\nView (https://www.pinterest.com/pin/{pin}/)\n"
    sender = "Pinterest <notifications@notify.pinterest.com>"
    notice = mail(
        "notice+pinterest",
        sender,
        f"{name} commented on your Pin",
        text,
        Message_ID=f"<{unique('n')}@notify.pinterest.com>",
    )
    stack.deliver("notice", notice)
    known = heard(stack, "notice", "pinterest", f"{name} at {pin}")
    assert said(stack, known) == ["Do these come in green?"]
    assert states(stack, known) == [State.OPEN]
    assert f"https://www.pinterest.com/pin/{pin}/" in handed_over(stack, known)["text"]
    assert watched(stack, known) == ["RUNNING"]

    answer(stack, known, "done")

    assert stack.settle_until(lambda: states(stack, known) == [State.MET])
    assert stack.settle_until(lambda: watched(stack, known) == ["ABORTED"])
    assert posts(stack, "notice", "done") == []


def watched(stack, known):
    return [one.status for one in stack.executions() if one.conversation_id == known]


def test_a_forged_notice_starts_nothing_and_is_kept_with_its_reason(stack):
    pin, before = digits(12), len(quarantined(stack, "DMARC says FAIL"))
    forged = json.loads(event("notice", "message__pinterest-comment", pin=("4711000000001", pin)))
    stack.deliver(
        "notice", json.dumps(forged | {"dmarc": "FAIL", "message_id": f"<{unique('n')}@evil.example>"}).encode()
    )
    assert stack.settle_until(lambda: len(quarantined(stack, "DMARC says FAIL")) == before + 1)
    assert stack.desk.conversations("notice", "pinterest", f"Ana Example at {pin}") == ()


def test_what_a_webhook_missed_is_found_by_asking_counted_and_told_to_people(stack):
    ana, bo, post = digits(9), digits(9), digits(6)
    earlier = datetime.now(UTC) - timedelta(minutes=30)
    body = event(
        "facebook", "fetched__comments", earlier, post=("555_", f"{post}_"), ana=('"4242"', f'"{ana}"'), bo=("4243", bo)
    )
    assert stack.poll() == (200, "")
    assert stack.settle_until(lambda: listened_an_hour_longer(stack, watch_key("facebook", "100200300", "comments")))
    assert stack.deliver("facebook", body) == (200, "")
    known = heard(stack, "facebook", "100200300", ana)
    (found,) = [one for one in stack.desk.messages(known) if one.author is Author.CUSTOMER]
    assert (found.text, found.repaired) == ("Where is my parcel?", True)
    assert "had not told us of it: found by asking." in handed_over(stack, known)["text"]
    assert stack.settle_until(lambda: 2.0 in repaired(stack, "facebook", "comments"))


def listened_an_hour_longer(stack, key):
    """Let a feed have been read for an hour more: nobody missed what was said before. False while it is being read."""
    watch = stack.desk.read([key]).get(key)
    if watch is None or watch.owner is not None:
        return False
    try:
        stack.desk.commit([replace(watch, since=watch.since - timedelta(hours=1))])
    except Conflict:
        return False
    return True


def repaired(stack, channel, feed):
    """How many messages each run of the poller found that a webhook had missed, by its own measure."""
    lines = [json.loads(line.text) for line in stack.logs(100_000) if '"PollRepaired"' in line.text]
    return [line["PollRepaired"][0] for line in lines if (line["channel"], line["feed"]) == (channel, feed)]
