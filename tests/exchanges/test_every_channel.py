"""On every channel a customer is heard and answered, once, and what comes back is recognised."""

from __future__ import annotations

import pytest

from infra.local.platforms import sides
from shared import channels
from shared.domain.exchange import How
from shared.domain.records import Author, State
from shared.services.agent_mail import Ended
from tests.exchanges.exchange import exchange

ANSWER = "Thank you for writing. We are looking into it."

every_channel = pytest.mark.parametrize("name", channels.names())


@pytest.fixture
def talk(name, tmp_path):
    with exchange(name, tmp_path) as made:
        yield made


def test_every_channel_has_a_side_in_the_sandbox_and_a_demonstration():
    assert set(channels.names()) == set(sides())
    assert [name for name, side in sides().items() if not hasattr(side, "DEMO")] == []


@every_channel
def test_a_customers_message_is_handed_to_people_and_owed_an_answer(talk):
    talk.customer_writes()

    assert talk.quarantined == []
    assert talk.obligation.state is State.OPEN
    assert [m.author for m in talk.messages] == [Author.CUSTOMER]
    assert talk.mailer.sent


@every_channel
def test_an_answer_by_mail_reaches_the_customer_once_and_meets_what_was_owed(talk, name):
    talk.customer_writes()
    capability = channels.load(name).CAPABILITIES[talk.conversation.surface]
    if not capability.replies:
        pytest.skip("answered by hand, see below")

    assert talk.agent_answers(ANSWER) is Ended.ACCEPTED

    assert [ANSWER in str(post["text"]) for post in talk.posts] == [True]
    assert talk.obligation.state is State.MET
    assert [m.author for m in talk.messages] == [Author.CUSTOMER, Author.PERSON]
    assert talk.quarantined == []


@every_channel
def test_where_a_person_answers_on_the_platform_one_word_meets_what_was_owed(talk):
    talk.customer_writes()

    talk.agent_answers("done")

    assert talk.posts == []
    assert talk.obligation.state is State.MET


@every_channel
def test_what_is_asked_for_again_is_neither_stored_nor_handed_over_again(talk, name):
    if How.POLL not in channels.load(name).ABOUT.how:
        pytest.skip("nobody asks this platform")
    talk.customer_writes()
    mails = len(talk.mailer.sent)
    talk.agent_answers(ANSWER)

    talk.asks()
    talk.settle()

    authors = [m.author for m in talk.messages]
    assert authors.count(Author.CUSTOMER) == 1
    assert authors.count(Author.PERSON) <= 1
    assert len([m for m in talk.mailer.sent if m.to == talk.mailer.sent[0].to]) >= mails
