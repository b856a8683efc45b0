"""What all of Meta's channels share: signature, handshake, and what the Graph API's answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import _meta
from shared.domain.exchange import (
    Answer,
    Call,
    Outcome,
    Posted,
    Refusal,
    Refused,
    Request,
    Response,
    Secret,
    Unclear,
)
from shared.errors import Misconfigured, SignatureRejected
from tests.unit.channels._hostile import ANYTHING

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BODY = b'{"object": "page", "entry": [{"text": "sch\\u00f6n \\/ 50%"}]}'
CURRENT, PREVIOUS = "current-app-secret", "previous-app-secret"
SECRETS = (
    Secret(account_id="1", signing=(CURRENT, PREVIOUS), verify_token="first-word"),
    Secret(account_id="2", signing=("another-app",), verify_token="second-word"),
)


def signed(key: str, body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def delivery(signature: str | None, body: bytes = BODY) -> Request:
    headers = {} if signature is None else {"x-hub-signature-256": signature}
    return Request(method="POST", headers=headers, query={}, body=body)


def rejection(request: Request, secrets: tuple[Secret, ...] = SECRETS) -> str:
    with pytest.raises(SignatureRejected) as caught:
        _meta.verify(request, secrets, NOW)
    return str(caught.value)


class TestSignature:
    @pytest.mark.parametrize("key", [CURRENT, PREVIOUS, "another-app"])
    def test_any_key_of_any_account_is_accepted(self, key):
        _meta.verify(delivery(signed(key)), SECRETS, NOW)

    def test_what_we_sign_is_accepted(self):
        headers = _meta.sign(BODY, SECRETS[0], NOW, "")
        _meta.verify(Request(method="POST", headers=headers, query={}, body=BODY), SECRETS, NOW)
        assert headers["x-hub-signature-256"] == signed(CURRENT)

    def test_the_raw_bytes_are_signed_not_the_json_they_mean(self):
        reserialised = json.dumps(json.loads(BODY)).encode()
        assert json.loads(reserialised) == json.loads(BODY)
        assert "does not match" in rejection(delivery(signed(CURRENT), reserialised))

    def test_a_body_that_was_changed_cut_or_signed_by_a_stranger_is_refused(self):
        for request in (
            delivery(signed(CURRENT), BODY + b" "),
            delivery(signed(CURRENT), BODY[:-1]),
            delivery(signed("a stranger")),
        ):
            assert "does not match" in rejection(request)

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "sha256=",
            signed(CURRENT)[7:],
            signed(CURRENT)[:-1],
            signed(CURRENT) + "0",
            signed(CURRENT).replace("sha256", "SHA256"),
            "sha1=" + signed(CURRENT)[7:] + "00",
            signed(CURRENT) + "," + signed(CURRENT),
            "sha256=" + "g" * 64,
            "sha256=" + "é" * 64,
            "sha256=" + "\u0660" * 64,
            "sha256=" + " " * 64,
            "x" * 100_000,
        ],
    )
    def test_a_header_that_is_not_exactly_one_signature_is_refused(self, header):
        reason = rejection(delivery(header))
        assert len(reason) < 120

    def test_no_reason_tells_the_expected_signature(self):
        reasons = {rejection(delivery(h)) for h in (None, "sha256=short", "sha256=" + "0" * 64, "sha256=" + "Z" * 64)}
        assert not any(signed(key)[7:23] in reason for reason in reasons for key in (CURRENT, PREVIOUS))

    @pytest.mark.parametrize("secrets", [(), (Secret(account_id="1"),), (Secret(account_id="1", signing=("", " ")),)])
    def test_without_a_key_nothing_is_accepted_not_even_what_the_empty_key_signed(self, secrets):
        assert "No signing key" in rejection(delivery(signed("")), secrets)

    def test_all_keys_are_computed_though_the_first_matches(self, monkeypatch):
        used: list[bytes] = []
        digest = hmac.digest

        def noted(key: bytes, message: bytes, name: str) -> bytes:
            used.append(key)
            return digest(key, message, name)

        monkeypatch.setattr(hmac, "digest", noted)
        _meta.verify(delivery(signed(CURRENT)), SECRETS, NOW)
        assert used == [CURRENT.encode(), PREVIOUS.encode(), b"another-app"]

    @given(body=st.binary(max_size=200), header=st.none() | st.text(max_size=80), key=st.text(max_size=10))
    def test_verifying_accepts_or_refuses_and_never_does_anything_else(self, body, header, key):
        try:
            _meta.verify(delivery(header, body), (Secret(account_id="1", signing=(key,)),), NOW)
        except SignatureRejected:
            return
        assert header == signed(key, body)

    def test_signing_without_a_key_says_what_is_missing(self):
        with pytest.raises(Misconfigured, match="account 9 has no signing key"):
            _meta.sign(BODY, Secret(account_id="9"), NOW, "")


def asked(method: str = "GET", **query: str) -> Response | None:
    named = {f"hub.{key}": value for key, value in query.items()}
    return _meta.challenge(Request(method=method, headers={}, query=named, body=b""), SECRETS)


class TestHandshake:
    @pytest.mark.parametrize("word", ["first-word", "second-word"])
    def test_the_word_of_any_account_gets_the_bare_challenge_back(self, word):
        assert asked(mode="subscribe", verify_token=word, challenge="1158201444") == Response(200, "1158201444")

    def test_a_post_is_a_delivery(self):
        assert asked("POST", mode="subscribe", verify_token="first-word", challenge="1") is None

    @pytest.mark.parametrize("word", ["", "first-wor", "first-word ", "third-word", "wörd", "\ud800"])
    def test_a_wrong_word_gets_403_and_no_challenge(self, word):
        answer = asked(mode="subscribe", verify_token=word, challenge="1158201444")
        assert answer is not None
        assert answer.status == 403
        assert "1158201444" not in answer.body

    @pytest.mark.parametrize("challenge", ["", "<script>", "12a", "1 2", "\u0661\u0662", "1" * 65])
    def test_a_challenge_that_is_no_number_is_not_echoed(self, challenge):
        answer = asked(mode="subscribe", verify_token="first-word", challenge=challenge)
        assert answer is not None
        assert answer.status == 403
        assert not challenge or challenge not in answer.body

    def test_a_get_that_is_no_handshake_and_other_methods_are_answered_here(self):
        statuses = [answer.status for answer in (asked(), asked(mode="unsubscribe"), asked("PUT")) if answer]
        assert statuses == [400, 400, 405]

    def test_an_account_without_a_word_is_not_opened_by_an_empty_one(self):
        request = Request(method="GET", headers={}, query={"hub.mode": "subscribe", "hub.challenge": "1"}, body=b"")
        for secret in (Secret(account_id="1"), Secret(account_id="1", verify_token="")):
            answer = _meta.challenge(request, (secret,))
            assert answer is not None
            assert answer.status == 403

    @given(
        method=st.sampled_from(["GET", "POST", "HEAD", ""]),
        query=st.dictionaries(
            st.sampled_from(["hub.mode", "hub.verify_token", "hub.challenge", "x"]),
            st.text(max_size=12) | st.sampled_from(["subscribe", "first-word"]),
        ),
    )
    def test_every_request_gets_an_answer_or_is_a_delivery(self, method, query):
        answer = _meta.challenge(Request(method=method, headers={}, query=query, body=b""), SECRETS)
        assert (answer is None) == (method == "POST")


def graph_error(code: int | None = None, subcode: int | None = None, *, status: int = 400, **more: object) -> Outcome:
    error = {"message": "(#0) words", "code": code, "error_subcode": subcode, **more}
    body = json.dumps({"error": {key: value for key, value in error.items() if value is not None}})
    return _meta.outcome(Answer(status=status, body=body.encode()))


def refused(outcome: Outcome) -> Refused:
    assert isinstance(outcome, Refused)
    return outcome


class TestGraphAnswers:
    @pytest.mark.parametrize(
        ("body", "native_id"),
        [
            (b'{"recipient_id":"77","message_id":"m_1"}', "m_1"),
            (b'{"id":"555_779"}', "555_779"),
            (b'{"id":18000000000000010}', "18000000000000010"),
            (b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}', "wamid.1"),
        ],
    )
    def test_a_success_is_posted_under_the_id_it_names(self, body, native_id):
        assert _meta.outcome(Answer(status=200, body=body)) == Posted(native_id)

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b"<html>", b"\xff", b'{"success":true}', b'{"error":"x","id":"1"}']
    )
    def test_a_success_that_names_no_id_is_unclear(self, body):
        assert isinstance(_meta.outcome(Answer(status=200, body=body)), Unclear)

    def test_an_error_in_a_200_is_an_error(self):
        assert refused(graph_error(190, status=200)).refusal is Refusal.BLOCKED

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_server_fault_is_unclear_whatever_it_says(self, status):
        assert isinstance(graph_error(4, status=status), Unclear)
        assert isinstance(_meta.outcome(Answer(status=status, body=b'{"id":"1"}')), Unclear)

    @pytest.mark.parametrize(
        ("code", "subcode"), [(1, None), (1, 1357046), (2, None), (2, 1545133), (131000, None), (131016, None)]
    )
    def test_a_fault_of_meta_s_own_may_have_posted_it(self, code, subcode):
        assert isinstance(graph_error(code, subcode), Unclear)
        assert isinstance(graph_error(code, subcode, is_transient=True), Unclear)

    def test_an_unheard_of_transient_error_is_unclear_and_a_lasting_one_is_final(self):
        assert isinstance(graph_error(99999, is_transient=True), Unclear)
        assert refused(graph_error(99999)).refusal is Refusal.NEVER

    @pytest.mark.parametrize(
        "code", [4, 17, 32, 613, 80001, 80002, 80006, 80007, 80008, 130429, 131048, 131056, 131057]
    )
    def test_throttling_may_be_tried_later(self, code):
        assert refused(graph_error(code)).refusal is Refusal.LATER
        assert refused(graph_error(code, is_transient=True)).refusal is Refusal.LATER

    def test_429_is_later_also_with_an_unknown_code_or_none(self):
        assert refused(graph_error(99999, status=429)).refusal is Refusal.LATER
        assert refused(_meta.outcome(Answer(status=429, body=b"slow down"))).refusal is Refusal.LATER

    @pytest.mark.parametrize(
        ("code", "subcode"), [(190, 463), (102, None), (10, None), (3, None), (200, None), (299, None), (368, None)]
    )
    def test_a_lost_token_or_permission_blocks_the_account(self, code, subcode):
        assert refused(graph_error(code, subcode)).refusal is Refusal.BLOCKED

    @pytest.mark.parametrize(("code", "subcode"), [(10, 2018278), (10, 2534022), (131047, None)])
    def test_a_closed_window_is_final_and_says_what_opens_it(self, code, subcode):
        outcome = refused(graph_error(code, subcode))
        assert outcome.refusal is Refusal.NEVER
        assert "opens again when the customer writes" in outcome.reason

    @pytest.mark.parametrize(
        ("code", "subcode"),
        [
            (10, 2018108),
            (100, None),
            (100, 33),
            (100, 2018001),
            (230, None),
            (551, None),
            (10900, None),
            (10903, None),
            (1545041, None),
            (131026, None),
            (132001, None),
        ],
    )
    def test_what_this_person_or_place_does_not_take_is_final(self, code, subcode):
        assert refused(graph_error(code, subcode)).refusal is Refusal.NEVER

    def test_messages_withheld_by_meta_wait_for_a_day(self):
        assert refused(graph_error(131049)).after == timedelta(hours=24)

    def test_codes_that_come_as_text_are_understood(self):
        body = b'{"error":{"code":"190","error_subcode":"463"}}'
        assert refused(_meta.outcome(Answer(status=400, body=body))).refusal is Refusal.BLOCKED

    @pytest.mark.parametrize(
        ("headers", "after"),
        [
            ({}, None),
            ({"retry-after": "120"}, timedelta(minutes=2)),
            ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"retry-after": "999999999"}, timedelta(hours=24)),
            (
                {"x-business-use-case-usage": '{"77":[{"type":"messenger","estimated_time_to_regain_access":19}]}'},
                timedelta(minutes=19),
            ),
            ({"x-business-use-case-usage": "not json"}, None),
        ],
    )
    def test_the_wait_that_meta_asks_for_is_kept(self, headers, after):
        answer = Answer(status=400, headers=headers, body=b'{"error":{"code":80006}}')
        assert refused(_meta.outcome(answer)).after == after

    def test_a_token_that_meta_repeats_in_its_message_does_not_reach_the_reason(self):
        token = "EAAG" + "x9" * 60
        for code in (100, 99999, 190):
            assert token not in refused(graph_error(code, message=f"Malformed access token {token}")).reason

    @given(
        status=st.integers(min_value=0, max_value=999),
        error=ANYTHING,
        code=ANYTHING,
        subcode=ANYTHING,
        header=st.text(max_size=30),
    )
    def test_every_answer_has_a_meaning(self, status, error, code, subcode, header):
        headers = {"retry-after": header, "x-business-use-case-usage": header}
        for content in ({"error": error}, error, {"error": {"code": code, "error_subcode": subcode, "message": error}}):
            answer = Answer(status=status, headers=headers, body=json.dumps(content).encode())
            assert isinstance(_meta.outcome(answer), Posted | Refused | Unclear)


class TestCalls:
    def test_an_id_stays_one_segment_of_the_path(self):
        assert (
            _meta.edge(_meta.GRAPH, "../me?x=1#é", "comments") == f"{_meta.GRAPH}/%2E%2E%2Fme%3Fx%3D1%23%C3%A9/comments"
        )

    def test_the_token_goes_into_the_header_and_nowhere_else(self):
        call = _meta.post("https://x", Secret(account_id="1", credentials={"access_token": "tok"}), {"message": "hé"})
        assert isinstance(call, Call)
        assert call.headers["authorization"] == "Bearer tok"
        assert b"tok" not in (call.body or b"")
        assert "tok" not in call.url

    def test_an_account_without_a_token_is_blocked_until_somebody_stores_one(self):
        outcome = _meta.post("https://x", Secret(account_id="1"), {})
        assert isinstance(outcome, Refused)
        assert outcome.refusal is Refusal.BLOCKED
