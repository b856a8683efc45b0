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


def is_answered(name: str) -> bool:
    """Whether answers are posted there; elsewhere people answer on the platform itself."""
    return any(capability.replies for capability in channels.load(name).CAPABILITIES.values())


def is_asked(name: str) -> bool:
    return How.POLL in channels.load(name).ABOUT.how


every_channel = pytest.mark.parametrize("name", channels.names())
every_channel_that_is_answered = pytest.mark.parametrize("name", [n for n in channels.names() if is_answered(n)])
every_channel_that_is_asked = pytest.mark.parametrize("name", [n for n in channels.names() if is_asked(n)])


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


@every_channel_that_is_answered
def test_an_answer_by_mail_reaches_the_customer_once_and_meets_what_was_owed(talk):
    talk.customer_writes()

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


@every_channel_that_is_asked
def test_what_is_asked_for_again_is_neither_stored_nor_handed_over_again(talk):
    talk.customer_writes()
    talk.agent_answers(ANSWER)
    mails = len(talk.mailer.sent)

    talk.asks()
    talk.settle()

    authors = [m.author for m in talk.messages]
    assert authors.count(Author.CUSTOMER) == 1
    assert authors.count(Author.PERSON) <= 1
    assert len(talk.mailer.sent) == mails
