from __future__ import annotations

import json

from shared.domain.polling import Feed, Item, Purpose
from shared.services.poll_handing import LONGEST_DELIVERY, HandingOn, Job, bodies, body_of
from tests.fakes.asked import ACCOUNT, CHANNEL, AskedChannel, item_of
from tests.fakes.desk import MemoryDesk
from tests.fakes.effects import MemoryInbox
from tests.fakes.given import FixedClock
from tests.fakes.records import message

JOB = Job(CHANNEL, ACCOUNT, "news")
FEED = Feed(name="news")


def item(name: str, **raw: object) -> Item:
    return item_of({"id": name, "at": "2026-11-20T12:00:00+00:00", "text": "words", **raw})


def handed(*items: Item, inbox: MemoryInbox | None = None, desk: MemoryDesk | None = None, feed: Feed = FEED):
    return HandingOn(desk or MemoryDesk(), inbox or MemoryInbox(), FixedClock()).hand_on(
        JOB, feed, AskedChannel(), items, ()
    )


def test_deliveries_stay_below_their_limit_and_lose_nothing():
    raws = [{"id": str(n), "text": "x" * (n * 37 % 5000)} for n in range(300)]

    made = list(bodies(JOB, raws))

    assert len(made) > 1
    assert max(map(len, made)) <= LONGEST_DELIVERY
    assert [raw for body in made for raw in json.loads(body)["items"]] == raws


def test_an_item_that_is_longer_than_that_goes_alone():
    long = {"id": "long", "text": "x" * LONGEST_DELIVERY}

    made = [json.loads(body)["items"] for body in bodies(JOB, [{"id": "a"}, long, {"id": "b"}])]

    assert made == [[{"id": "a"}], [long], [{"id": "b"}]]


def test_where_nothing_is_new_nothing_is_delivered():
    inbox = MemoryInbox()

    assert handed(inbox=inbox).items == 0
    assert inbox.waiting == []


def test_text_that_is_no_utf_8_comes_through():
    raw = {"id": "a", "text": "\ud83d broken"}

    assert json.loads(body_of(JOB, [raw]))["items"] == [raw]


def test_the_same_items_are_the_same_delivery_and_others_another():
    inbox = MemoryInbox()
    handed(item("a"), inbox=inbox)
    handed(item("a"), inbox=inbox)
    handed(item("b"), inbox=inbox)

    first, again, other = (delivery.delivery_id for delivery in inbox.waiting)
    assert first == again != other
    assert first.startswith("poll-")


def test_what_the_webhook_brought_is_no_repair():
    desk = MemoryDesk()
    desk.commit([message(channel=CHANNEL, account_id=ACCOUNT, message_id="brought")])
    desk.commit([message(channel=CHANNEL, account_id=ACCOUNT, message_id="edited only", author=None)])
    sweep = Feed(name="news", purpose=Purpose.BACKSTOP)

    found = handed(item("brought"), item("edited only"), item("missed"), desk=desk, feed=sweep)

    assert (found.items, found.repaired) == (3, 2)


def test_a_hundred_messages_and_more_are_looked_up():
    sweep = Feed(name="news", purpose=Purpose.BACKSTOP)

    assert handed(*(item(str(n)) for n in range(150)), feed=sweep).repaired == 150
