"""What a running stack keeps over `down` and `up`."""

from tests.e2e.conftest import ALWAYS_OPEN
from tests.e2e.said import conversation_of, message, unique


def test_conversations_timers_and_work_go_on_after_a_restart(engine):
    before = engine.running()
    customer = unique("gus")
    before.deliver("web", message(customer, unique("m"), "First"))
    assert before.settle()
    known = conversation_of(before, customer).conversation_id
    watched = {one.name for one in before.executions() if one.conversation_id == known}

    assert engine.stop()
    after = engine.start(ALWAYS_OPEN)

    assert [one.text for one in after.desk.messages(known)] == ["First"]
    running = {one.name for one in after.executions() if one.conversation_id == known and one.status == "RUNNING"}
    assert running == watched
    assert after.webhook_url == before.webhook_url

    other = unique("hal")
    after.deliver("web", message(other, unique("m"), "After the restart"))
    assert after.settle()
    new = conversation_of(after, other).conversation_id
    assert [one.status for one in after.executions() if one.conversation_id == new] == ["RUNNING"]
