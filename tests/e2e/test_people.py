"""From a customer's message to a person's answer and back, over mail that keeps its headers."""

import requests

from shared.domain.records import SendKind, SendState, State
from tests.e2e.said import conversation_of, message, unique


def mails_about(stack, conversation_id):
    mails = requests.get(f"{stack.mailbox_url}/_mailbox/mails", timeout=60).json()
    return [mail for mail in mails if conversation_id in mail["reply_to"]]


def answer(stack, mail, text):
    wish = {"mail": mail["id"], "text": text}
    requests.post(f"{stack.mailbox_url}/_mailbox/answer", json=wish, timeout=60).raise_for_status()


def posts(stack, customer):
    found = requests.get(f"{stack.sandbox_url}/_sandbox/posts", timeout=60).json()
    return [post for post in found if post["recipient"] == customer]


def test_a_hand_off_mail_reaches_the_agents_with_an_address_that_answers_the_customer(stack):
    customer = unique("flo")
    stack.deliver("web", message(customer, unique("m"), "Can I change my order?"))
    assert stack.settle()
    known = conversation_of(stack, customer).conversation_id
    (mail,) = mails_about(stack, known)
    assert "Can I change my order?" in mail["text"]
    assert mail["reply_to"].endswith("@in.nightdesk.example")


def test_a_persons_answer_by_mail_is_posted_once_and_meets_what_is_owed(stack):
    customer = unique("ivy")
    stack.deliver("web", message(customer, unique("m"), "Do you ship to Norway?"))
    assert stack.settle()
    known = conversation_of(stack, customer).conversation_id
    (mail,) = mails_about(stack, known)
    answer(stack, mail, "Yes, we do.")
    assert stack.settle_until(lambda: [one.state for one in stack.desk.sends(known)][-1:] == [SendState.SENT])
    replies = [one for one in stack.desk.sends(known) if one.kind is SendKind.REPLY]
    assert [(one.text, one.state) for one in replies] == [("Yes, we do.", SendState.SENT)]
    assert [post["text"] for post in posts(stack, customer) if post["text"] == "Yes, we do."] == ["Yes, we do."]
    assert stack.settle_until(lambda: [one.state for one in stack.desk.obligations(known)] == [State.MET])
    assert stack.settle_until(
        lambda: [one.status for one in stack.executions() if one.conversation_id == known] == ["ABORTED"]
    )
