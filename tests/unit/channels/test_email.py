from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from infra.local.platforms import email as side
from shared.channels import _letters, email
from shared.domain.connecting import Proof
from shared.domain.events import Kind, Surface
from shared.domain.exchange import Answer, Call, Outbound, Posted, Refusal, Refused, Secret, Unclear
from tests.unit.local.playground import playground

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
FIRST = "<CAF4711-a1@mail.customer.example>"
SECRET = Secret(account_id="support", credentials=side.credentials())
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261110/{}/ses/aws4_request, SignedHeaders=host, Signature=0"


def outbound(**changes):
    fields: dict[str, Any] = {
        "channel": "email",
        "account_id": "support",
        "surface": Surface.DM,
        "thread_id": f"{FIRST} Parcel 4711",
        "customer_id": "ana@customer.example",
        "in_reply_to": FIRST,
        "text": "It is on its way.\nYours, Blue Shop",
        "by_person": True,
        "last_inbound_at": NOW,
        "client_token": "abcdefghijklmn23.reply-abcd",
    }
    return Outbound(**(fields | changes))


def called(**changes) -> Call:
    call = email.reply(outbound(**changes), SECRET, NOW)
    assert isinstance(call, Call)
    return call


def mail_in(call: Call):
    data = json.loads(call.body or b"")["Content"]["Raw"]["Data"]
    return message_from_bytes(base64.b64decode(data), policy=policy.default)


def delivery(**changes):
    fields: dict[str, Any] = {
        "type": "mail",
        "account_id": "support",
        "message_id": FIRST,
        "from": {"name": "Ana", "address": "ana@customer.example"},
        "subject": "Parcel 4711",
        "references": [],
        "in_reply_to": None,
        "date": "2026-11-09T18:30:00Z",
        "text": "Where is it?",
        "authenticated": True,
    }
    (event,) = email.parse(json.dumps(fields | changes).encode(), NOW)
    return event


class TestReading:
    @pytest.mark.parametrize(
        "subject",
        [
            "Re: Parcel 4711",
            "RE:Parcel 4711",
            "AW: Re: Parcel 4711",
            "Re[2]: Parcel 4711",
            "[EXTERNAL] Re: Parcel 4711",
        ],
    )
    def test_an_answer_in_any_program_stays_in_the_conversation(self, subject):
        answer = delivery(
            message_id="<2@x.example>", subject=subject, references=[FIRST, "<ours@ses>"], in_reply_to="<ours@ses>"
        )
        assert answer.thread_id == delivery().thread_id

    def test_a_mail_that_opens_a_thread_shows_its_subject_and_an_answer_does_not_repeat_it(self):
        assert delivery().text == "Parcel 4711\n\nWhere is it?"
        assert delivery(references=[FIRST], in_reply_to=FIRST).text == "Where is it?"

    def test_two_mails_of_one_customer_about_two_things_are_two_conversations(self):
        assert delivery(message_id="<2@x.example>").thread_id != delivery().thread_id

    def test_what_must_get_no_automatic_answer_counts_as_automated_and_says_why(self):
        event = delivery(authenticated=False, quiet="Its sender is not proven.")
        assert (event.automated, event.author_verified, event.detail) == (True, False, "Its sender is not proven.")

    def test_what_our_own_people_wrote_in_their_mail_program_is_an_echo_to_the_customer(self):
        to = ["support@in.shop.example", "ana@customer.example"]
        own = {"name": "Blue Shop", "address": "help@shop.example"}
        event = delivery(**{"from": own}, outbound=True, to=to, references=[FIRST])
        assert (event.kind, event.customer_id) == (Kind.ECHO, "ana@customer.example")

    @given(st.text(max_size=60))
    def test_the_base_subject_is_stable_and_one_line(self, subject):
        base = _letters.base_subject(subject)
        assert base == _letters.base_subject(base) == _letters.base_subject(f"Re: {base}")
        assert len(base.splitlines()) <= 1


class TestReply:
    def test_the_answer_is_a_mail_in_the_customers_thread(self):
        call = called()
        mail = mail_in(call)
        assert (call.url, call.aws_service) == (
            "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails",
            "ses",
        )
        assert str(mail["From"]) == "Nightdesk Shop <support@in.nightdesk.example>"
        assert str(mail["To"]) == "ana@customer.example"
        assert (mail["Subject"], mail["In-Reply-To"], mail["References"]) == ("Re: Parcel 4711", FIRST, FIRST)
        assert mail["Message-ID"] == "<abcdefghijklmn23.reply-abcd@in.nightdesk.example>"
        assert mail.get_content().replace("\r\n", "\n") == "It is on its way.\nYours, Blue Shop\n"
        assert mail["Auto-Submitted"] is None

    def test_an_answer_below_a_later_mail_names_the_whole_thread(self):
        mail = mail_in(called(in_reply_to="<CAF4711-b2@mail.customer.example>"))
        assert mail["References"].split() == [FIRST, "<CAF4711-b2@mail.customer.example>"]

    def test_an_automatic_answer_says_so(self):
        mail = mail_in(called(by_person=False))
        assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")

    def test_text_in_any_script_arrives_as_it_was_written(self):
        words = "Привет, 你好 📦 — naïve\n" + "x" * 2000
        assert mail_in(called(text=words)).get_content().replace("\r\n", "\n").rstrip("\n") == words

    @given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=40))
    def test_no_subject_name_or_token_can_add_a_header(self, subject, name, token):
        evil = "\r\nBcc: eve@evil.example\r\n\r\n"
        secret = Secret(account_id="support", credentials=side.credentials() | {"name": name + evil})
        given = outbound(thread_id=f"{FIRST} {subject}{evil}", client_token=token + evil, text=f"words{evil}")
        call = email.reply(given, secret, NOW)
        assert isinstance(call, Call)
        mail = mail_in(call)
        assert mail["Bcc"] is None
        assert len(mail.get_all("Subject")) == 1
        assert [a.addr_spec for a in mail["To"].addresses] == ["ana@customer.example"]

    @pytest.mark.parametrize("opening", ["=", "=="])
    def test_no_encoded_word_in_a_subject_name_or_id_can_either(self, opening):
        word = f"{opening}?utf-8?q?a=0D=0ABcc:_eve=40evil.example?{opening}"
        secret = Secret(account_id="support", credentials=side.credentials() | {"name": word})
        call = email.reply(outbound(thread_id=f"<{word}> {word}", in_reply_to=f"<{word}>"), secret, NOW)
        assert isinstance(call, Call)
        mail = mail_in(call)
        assert mail["Bcc"] is None
        raw = dict(mail.raw_items())
        assert (str(raw["In-Reply-To"]), str(raw["References"])) == (f"<{word}>", f"<{word}>")

    @pytest.mark.parametrize(
        "customer",
        [None, "", "ana", "ana@", "a@b@c.example", "a,b@c.example", "a\r\nb@c.example", "a..b@c.example", "a@x"],
    )
    def test_what_is_no_address_gets_no_mail(self, customer):
        refused = email.reply(outbound(customer_id=customer), SECRET, NOW)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.NEVER

    @pytest.mark.parametrize(
        "broken", [{"address": ""}, {"region": ""}, {"region": "evil.example/x"}, {"address": "x"}]
    )
    def test_an_account_without_address_or_region_is_blocked(self, broken):
        refused = email.reply(outbound(), Secret(account_id="s", credentials=side.credentials() | broken), NOW)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.BLOCKED

    @pytest.mark.parametrize(
        ("status", "kind", "message", "refusal"),
        [
            (429, "TooManyRequestsException", "Maximum sending rate exceeded.", Refusal.LATER),
            (400, "LimitExceededException", "Daily message quota exceeded.", Refusal.LATER),
            (400, "AccountSuspendedException", "Suspended.", Refusal.BLOCKED),
            (400, "SendingPausedException", "Paused.", Refusal.BLOCKED),
            (400, "MailFromDomainNotVerifiedException", "No.", Refusal.BLOCKED),
            (400, "MessageRejected", "Email address is not verified.", Refusal.BLOCKED),
            (400, "MessageRejected", "It holds a virus.", Refusal.NEVER),
            (403, "AccessDeniedException", "Not authorized.", Refusal.BLOCKED),
            (400, "BadRequestException", "Invalid.", Refusal.NEVER),
        ],
    )
    def test_the_errors_of_ses_are_sorted_by_what_to_do(self, status, kind, message, refusal):
        headers = {"x-amzn-errortype": kind}
        outcome = email.outcome(Answer(status=status, headers=headers, body=json.dumps({"message": message}).encode()))
        assert isinstance(outcome, Refused)
        assert outcome.refusal is refusal

    def test_a_fault_of_ses_leaves_it_open_whether_the_mail_went_out(self):
        assert isinstance(email.outcome(Answer(status=500)), Unclear)


class TestTheSandbox:
    def play(self, tmp_path, call: Call, region: str = "eu-central-1", learnt=True):
        with playground(tmp_path) as ground:
            ground.control("accounts", {"accounts": {"email": {"support": {"credentials": side.credentials()}}}})
            if learnt:
                sender = {"address": "ana@customer.example"}
                ground.delivers("email", {"type": "mail", "account_id": "support", "from": sender, "message_id": FIRST})
            url = call.url.replace("https://", f"{ground.url}/")
            headers = {**call.headers, "authorization": SIGNED.format(region)}
            got = requests.request(call.method, url, headers=headers, data=call.body, timeout=10)
            answer = Answer(
                status=got.status_code, headers={k.lower(): v for k, v in got.headers.items()}, body=got.content
            )
            return answer, ground.look("posts?channel=email")

    def test_an_answer_goes_out_in_the_customers_thread(self, tmp_path):
        answer, (post,) = self.play(tmp_path, called(text="It is on its way. 📦"))
        outcome = email.outcome(answer)
        assert isinstance(outcome, Posted)
        assert outcome.native_id == post["native_id"]
        assert (post["recipient"], post["thread"], post["text"]) == (
            "ana@customer.example",
            FIRST,
            "It is on its way. 📦",
        )
        assert post["request"]["headers"]["Subject"] == "Re: Parcel 4711"

    def test_a_stranger_gets_nothing(self, tmp_path):
        answer, posts = self.play(tmp_path, called(), learnt=False)
        outcome = email.outcome(answer)
        assert isinstance(outcome, Refused)
        assert (outcome.refusal, posts) == (Refusal.BLOCKED, [])

    def test_a_call_for_another_region_is_refused(self, tmp_path):
        answer, _ = self.play(tmp_path, called(), region="us-east-1")
        outcome = email.outcome(answer)
        assert isinstance(outcome, Refused)
        assert outcome.refusal is Refusal.BLOCKED

    def test_the_identity_proves_the_account(self, tmp_path):
        call = email.prove(SECRET, NOW)
        assert call is not None
        answer, _ = self.play(tmp_path, call)
        assert isinstance(email.proven(answer), Proof)

    def test_an_identity_that_is_not_there_proves_nothing(self, tmp_path):
        other = Secret(account_id="s", credentials=side.credentials() | {"address": "x@elsewhere.example"})
        call = email.prove(other, NOW)
        assert call is not None
        answer, _ = self.play(tmp_path, call)
        assert isinstance(email.proven(answer), Refused)
