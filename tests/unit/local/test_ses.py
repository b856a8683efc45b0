"""The door before SES: raw mails keep their headers, everything else passes as it came."""

import base64
import json
import threading
from urllib.parse import parse_qs

import pytest

from infra.local import ses
from infra.local.serving import Incoming, Outgoing, server

MIME = b"From: desk@in.nightdesk.example\r\nReply-To: r+x@in.nightdesk.example\r\n\r\nHi\r\n"
RAW = {
    "FromEmailAddress": "desk@in.nightdesk.example",
    "Destination": {"ToAddresses": ["a@b.example"], "BccAddresses": ["c@d.example"]},
    "Content": {"Raw": {"Data": base64.b64encode(MIME).decode()}},
}


def call(method="POST", path=ses.SEND, body=RAW):
    return Incoming(
        method=method,
        path=path,
        query={},
        headers={"authorization": "AWS4-HMAC-SHA256 x"},
        body=json.dumps(body).encode(),
    )


class Emulator:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.says = Outgoing(status=200, body=b"{}")
        self.server = server(0, self.answer)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, incoming):
        self.asked.append(incoming)
        return self.says


@pytest.fixture
def behind():
    one = Emulator()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def test_a_raw_mail_goes_on_as_send_raw_email_with_every_byte(behind):
    behind.says = Outgoing(status=200, body=b"<R xmlns='x'><MessageId>id-1</MessageId></R>")
    answer = ses.serve(call(), behind.origin)
    form = {name: values[0] for name, values in parse_qs(behind.asked[0].body.decode()).items()}
    assert base64.b64decode(form["RawMessage.Data"]) == MIME
    assert (form["Action"], form["Source"]) == ("SendRawEmail", "desk@in.nightdesk.example")
    assert (form["Destinations.member.1"], form["Destinations.member.2"]) == ("a@b.example", "c@d.example")
    assert (answer.status, json.loads(answer.body)) == (200, {"MessageId": "id-1"})


def test_a_refusal_keeps_its_code_and_words(behind):
    xml = b"<E><Code>MessageRejected</Code><Message>not &lt;verified&gt;</Message></E>"
    behind.says = Outgoing(status=400, body=xml)
    answer = ses.serve(call(), behind.origin)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "MessageRejected"
    assert json.loads(answer.body) == {"message": "not <verified>"}


def test_another_call_passes_as_it_came(behind):
    behind.says = Outgoing(status=200, body=b'{"EmailIdentities": []}')
    answer = ses.serve(call("GET", "/v2/email/identities", {}), behind.origin)
    assert (behind.asked[0].method, behind.asked[0].path) == ("GET", "/v2/email/identities")
    assert answer.body == b'{"EmailIdentities": []}'


def test_a_simple_mail_is_no_raw_mail():
    assert ses.raw_mail(call(body={"Content": {"Simple": {}}})) is None


def test_an_emulator_that_is_gone_is_a_503():
    assert ses.serve(call(), "http://127.0.0.1:9").status == 503
