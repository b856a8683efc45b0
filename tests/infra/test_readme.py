"""README tells what is there: its picture is the template's, its commands and links exist, no question is left out."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
import typer.main

from infra.cli.main import app
from shared.adapters import record_codec
from shared.domain import records
from shared.ports import Desk
from tests.infra.stack import ROOT, events, functions, grants, resource, resources, spell, template

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DRAWN_KINDS = (
    "AWS::Serverless::Function",
    "AWS::Serverless::StateMachine",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::ApiGatewayV2::Api",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ReceiptRule",
)
OUTSIDE = {"platform", "carrier", "people", "subscribers", "minute"}


class Arrow(NamedTuple):
    """One arrow of the picture; dotted ones are where failures go."""

    start: str
    end: str
    dotted: bool = False


# -- the picture --------------------------------------------------------------------------------------------------------


def test_every_box_is_a_resource_of_the_template_or_stands_outside():
    assert boxes() - set(template()["Resources"]) == OUTSIDE


@pytest.mark.parametrize("kind", DRAWN_KINDS)
def test_every_part_that_a_message_passes_is_drawn(kind):
    assert set(resources(kind)) <= boxes()


def test_every_arrow_joins_two_boxes_and_none_stands_twice():
    found = list(_arrows())
    assert len(found) == len(set(found))
    assert {end for arrow in found for end in arrow[:2]} == boxes()


def test_the_arrows_are_those_of_the_template_and_no_others():
    drawn = {arrow for arrow in _arrows() if not OUTSIDE & {arrow.start, arrow.end}}
    wired = {*_entrances(), *_sources(), *_subscribed(), *_granted(), *_failures()}
    assert drawn == wired


def test_what_crosses_the_border_can():
    crossing = {arrow[:2] for arrow in _arrows() if OUTSIDE & {arrow.start, arrow.end}}
    assert crossing == {
        ("platform", "WebhookApi"),
        ("SendFunction", "platform"),
        ("PollFunction", "platform"),
        ("DispatchFunction", "platform"),
        ("carrier", "InboundSmsTopic"),
        ("MailConfiguration", "people"),
        ("people", "InboundMailRule"),
        ("HandOffTopic", "subscribers"),
        *(("minute", _logical(name)) for name, function in functions().items() if events(function, "ScheduleV2")),
    }


@cache
def picture() -> str:
    (found,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    return str(found)


@cache
def boxes() -> frozenset[str]:
    return frozenset(re.findall(r"^ {2}(\w+)[\[({]", picture(), re.MULTILINE))


def _arrows() -> Iterator[Arrow]:
    for line in picture().splitlines()[1:]:
        if "-->" in line or "-.->" in line:
            found = re.fullmatch(r" {2}(\w+) (-->|-\.->)\|[^|]+\| (\w+)", line)
            assert found, f"not read: {line}"
            yield Arrow(found[1], found[3], dotted=found[2] == "-.->")


def _logical(name: str) -> str:
    return f"{name.capitalize()}Function"


def _entrances() -> Iterator[Arrow]:
    """What the API, the state machine and the receipt rule hand on."""
    for integration in resources("AWS::ApiGatewayV2::Integration").values():
        yield Arrow(spell(integration["ApiId"]), spell(integration["IntegrationUri"]))
    for machine, properties in resources("AWS::Serverless::StateMachine").items():
        for action, target in grants(resource(spell(properties["Role"]))["Properties"]):
            if action == "lambda:InvokeFunction":
                yield Arrow(machine, target)
    for name, rule in resources("AWS::SES::ReceiptRule").items():
        for action in rule["Rule"]["Actions"]:
            yield Arrow(name, spell(action["S3Action"]["BucketName"]))
            yield Arrow(name, spell(action["S3Action"]["TopicArn"]))


def _sources() -> Iterator[Arrow]:
    """What brings work to functions."""
    for name, function in functions().items():
        for event in function.get("Events", {}).values():
            properties = event["Properties"]
            source = properties.get("Queue") or properties.get("Topic") or properties.get("Stream")
            if source is not None:
                yield Arrow(spell(source), _logical(name))


def _subscribed() -> Iterator[Arrow]:
    """What topics hand on to queues, and where it goes when that fails."""
    for subscription in resources("AWS::SNS::Subscription").values():
        topic = spell(subscription["TopicArn"])
        yield Arrow(topic, spell(subscription["Endpoint"]))
        yield Arrow(topic, spell(subscription["RedrivePolicy"]["deadLetterTargetArn"]), dotted=True)


def _granted() -> Iterator[Arrow]:
    """What functions may write to, and what they may read beside the table and their sources."""
    given_up = {(arrow.start, arrow.end) for arrow in _failures()}
    for name, function in functions().items():
        for action, target in grants(resource(spell(function["Role"]))["Properties"]):
            place = next((part for part in re.split(r"[:/]", target) if part in template()["Resources"]), None)
            if place is None or place.endswith("Logs") or (_logical(name), place) in given_up:
                continue
            if re.search(r":(Put|Send|Publish|Start|Stop)", action) and "SendRaw" not in action:
                yield Arrow(_logical(name), place)
            if action == "s3:GetObject":
                yield Arrow(place, _logical(name))


def _failures() -> Iterator[Arrow]:
    """Where redrive policies and destinations lead."""
    for queue, properties in resources("AWS::SQS::Queue").items():
        if "RedrivePolicy" in properties:
            yield Arrow(queue, spell(properties["RedrivePolicy"]["deadLetterTargetArn"]), dotted=True)
    for name, function in functions().items():
        invoked = function.get("EventInvokeConfig", {})
        if "DestinationConfig" in invoked:
            yield Arrow(_logical(name), spell(invoked["DestinationConfig"]["OnFailure"]["Destination"]), dotted=True)
        for event in function.get("Events", {}).values():
            properties = event["Properties"]
            if "DestinationConfig" in properties:
                failed = properties["DestinationConfig"]["OnFailure"]["Destination"]
                yield Arrow(_logical(name), spell(failed), dotted=True)
            if "RedrivePolicy" in properties:
                dead_letters = spell(properties["RedrivePolicy"]["deadLetterTargetArn"])
                yield Arrow(spell(properties["Topic"]), dead_letters, dotted=True)


# -- tables -------------------------------------------------------------------------------------------------------------


def section(title: str) -> str:
    """The text below a heading, up to the next of the same level."""
    found = re.search(rf"^## \d+\. {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text."""
    return [[c.strip() for c in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]


def test_every_question_to_the_desk_is_in_the_table_of_access_patterns():
    asked = {name for name, _ in inspect.getmembers(Desk, inspect.isfunction) if not name.startswith("_")}
    told = [row[0].strip("`") for row in rows(section("The table, and who asks it what")) if len(row) == 5]
    assert sorted(told) == sorted({*asked, "Desk.", "---"})


def test_the_keys_are_those_of_the_records():
    told = section("The table, and who asks it what")
    keys = (
        records.message_key("<channel>", "<account>", "<message>"),
        records.conversation_key("<conversation>"),
        records.obligation_key("<conversation>", records.Target.FIRST_RESPONSE, 1),
        records.send_key("<conversation>", "<send>"),
        _quarantined("<id>").key,
        records.watch_key("<channel>", "<account>", "<feed>"),
        _hashed(records.errand_key("<channel>", "<account>", "<reference>")),
        _hashed(records.customer_key("<channel>", "<account>", "<customer>")),
    )
    for key in keys:
        assert re.search(rf"^\| [^|]+ \| `{re.escape(key.partition)}` \| `{re.escape(key.sort)}`", told, re.MULTILINE)
    assert len(keys) == len(typing.get_args(records.Record))


def _hashed(key: records.Key) -> records.Key:
    """A key whose last part is a hash of what is longer than a key may be."""
    return key._replace(partition=f"{key.partition.rpartition('#')[0]}#<hash>")


def test_the_indexes_have_the_keys_and_shards_of_template_and_code():
    told = {row[0].strip("`"): row[1] for row in rows(section("The table, and who asks it what")) if len(row) == 4}
    (table,) = resources("AWS::DynamoDB::Table").values()
    for index in table["GlobalSecondaryIndexes"]:
        assert re.findall(r"`(\w+)`", told[index["IndexName"]]) == [k["AttributeName"] for k in index["KeySchema"]]
    shown = section("The table, and who asks it what")
    for shards in (record_codec.TODO_SHARDS, record_codec.DUE_SHARDS, record_codec.QUARANTINE_SHARDS):
        assert f"`{shards[0]}` to `{shards[-1]}`" in shown
    assert f"`{record_codec.customer_owner('<channel>', '<account>', '<customer>')}`" in shown


def test_every_function_and_every_dead_letter_queue_is_in_the_table_of_hops():
    told = section("Hops, and where their failures go")
    named = set(re.findall(r"`(\w+)`", told))
    dead = {queue for queue in resources("AWS::SQS::Queue") if queue.endswith("DeadLetters")}
    assert {*map(_logical, functions()), *dead} <= named
    assert {name for name in named if name.endswith(("Function", "Queue", "Topic", "Letters"))} <= set(
        template()["Resources"]
    )


def test_every_dead_letter_queue_is_counted_in_the_commands():
    (loop,) = re.findall(r"for queue in ([\w ]+); do", section("Look and repair"))
    queues = {queue for queue in resources("AWS::SQS::Queue") if queue.endswith("DeadLetters")}
    assert {f"{name}DeadLetters" for name in loop.split()} == queues
    assert {f"{name}DeadLetterUrl" for name in loop.split()} <= set(template()["Outputs"])


def _quarantined(name: str) -> records.Quarantined:
    unused: dict[str, Any] = dict.fromkeys(("source", "stage", "reason", "archive_key", "size", "received_at"))
    return records.Quarantined(quarantine_id=name, **unused)


# -- what can be typed --------------------------------------------------------------------------------------------------


def code() -> str:
    """Everything that stands in code, blocks and spans."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", prose)])


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([a-z]+):(?!=)", MAKEFILE, re.MULTILINE))
    told = set(re.findall(r"(?:^|[ (])make ([a-z]+)", code(), re.MULTILINE))
    assert told
    assert told <= targets


def test_every_verb_exists_and_every_verb_is_told():
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group of click, which has no types here
    told = set(re.findall(r"(?:^|[$|] |[(])nightdesk ([a-z]+)", code(), re.MULTILINE))
    assert told == verbs


def test_every_option_of_a_verb_exists():
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # as above
    for verb, rest in re.findall(r"nightdesk ([a-z]+)([^\n`]*)", code()):
        known = {name for parameter in commands[verb].params for name in parameter.opts} | {"--help"}
        assert set(re.findall(r" (--[a-z-]+)", rest)) <= known


def test_every_parameter_that_a_deployment_is_told_exists():
    told = set(re.findall(r"\b([A-Z][A-Za-z]+)=", " ".join(re.findall(r'PARAMETERS="([^"]+)"', README))))
    assert told == {"MailDomain", "DeskAddress", "ReceiptRuleSetName", "PolicyFile"}
    assert told <= set(template()["Parameters"])


def test_every_output_and_resource_that_a_command_asks_for_exists():
    outputs = set(re.findall(r"\boutput (\w+)\b", code())) - {"text"}
    assert outputs
    assert outputs <= set(template()["Outputs"])
    assert set(re.findall(r"\$\(resource (\w+)\)", code())) <= set(template()["Resources"])


def test_every_delivery_that_is_shown_exists():
    shown = re.findall(r"\bevents/\w+/\S+\.json", code())
    assert shown
    assert [name for name in shown if not (ROOT / name).is_file()] == []


# -- links --------------------------------------------------------------------------------------------------------------

LINKS = re.findall(r"\]\(([^)\s]+)\)", README)


def test_every_link_inside_the_repository_leads_somewhere():
    inside = [link.partition("#")[0] for link in LINKS if not link.startswith(("#", "https://"))]
    assert [link for link in inside if not (ROOT / link).exists()] == []


def test_every_link_inside_the_page_leads_to_a_heading():
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert [link for link in LINKS if link.startswith("#") and link[1:] not in anchors] == []


def test_every_decision_is_linked():
    decisions = {f"infra/adr/{path.name}" for path in (ROOT / "infra" / "adr").glob("*.md")}
    assert decisions
    assert decisions <= set(LINKS)


def test_every_file_named_as_a_proof_holds_tests():
    proofs = {link for link in LINKS if link.startswith("tests/") and link.endswith(".py")}
    assert len(proofs) > 5
    for path in proofs:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert any(isinstance(n, ast.FunctionDef) and n.name.startswith("test_") for n in ast.walk(tree)), path


def test_every_folder_of_the_repository_is_told():
    told = set(LINKS)
    folders = [ROOT / name for name in ("functions", "events", "tests")]
    folders += [path for top in ("shared", "infra") for path in (ROOT / top).iterdir() if path.is_dir()]
    wanted = {str(path.relative_to(ROOT)) for path in folders if path.name not in {"__pycache__", "adr"}}
    assert wanted <= told


def test_every_number_of_parameters_and_retries_in_the_picture_is_the_templates():
    send, intake = functions()["send"]["Events"]["Outbound"], functions()["intake"]["Events"]["Inbox"]
    (stream,) = events(functions()["dispatch"], "DynamoDB")
    (sweep,) = events(functions()["dispatch"], "ScheduleV2")
    assert f"batches of {intake['Properties']['BatchSize']}| IntakeFunction" in picture()
    assert f"batches of {send['Properties']['BatchSize']}| SendFunction" in picture()
    for queue in ("Inbox", "Outbound"):
        tries = resources("AWS::SQS::Queue")[f"{queue}Queue"]["RedrivePolicy"]["maxReceiveCount"]
        assert f"{queue}Queue -.->|after {tries} tries| {queue}DeadLetters" in picture()
    hours = stream["MaximumRecordAgeInSeconds"] / 3600
    assert f"after {stream['MaximumRetryAttempts']} repeats or {hours:.0f} hours" in picture()
    assert sweep["ScheduleExpression"] == "rate(1 minute)"
    assert f"after {functions()['mail']['EventInvokeConfig']['MaximumRetryAttempts'] + 1} tries" in picture()
    assert f"reserves {template()['Parameters']['WebhookConcurrency']['Default']} " in README
