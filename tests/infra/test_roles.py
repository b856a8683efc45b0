"""Who may do what. A new permission is a line here before it is one in the template."""

from __future__ import annotations

import re

import pytest

from tests.infra.stack import functions, grants, listed, resources, spell, statements

PARAMETERS = "arn:Partition:ssm:Region:AccountId:parameter/nightdesk/StackName"
SES = "arn:Partition:ses:Region:AccountId"
READ_DESK = {("dynamodb:GetItem", "DeskTable"), ("dynamodb:BatchGetItem", "DeskTable")}
LIST_LEDGER = {("dynamodb:Query", "DeskTable")}
LIST_MESSAGES = {("dynamodb:Query", "DeskTable/index/listing")}
LIST_OPEN_WORK = {("dynamodb:Query", "DeskTable/index/todo"), ("dynamodb:Query", "DeskTable/index/due")}
WRITE_DESK = {("dynamodb:PutItem", "DeskTable"), ("dynamodb:ConditionCheckItem", "DeskTable")}
SEND_MAIL = {
    (f"ses:{action}", f"{SES}:{place}")
    for action in ("SendEmail", "SendRawEmail")
    for place in ("identity/MailDomain", "configuration-set/MailConfiguration")
}
REPLY_KEYS = {("ssm:GetParameter", f"{PARAMETERS}/mail/reply-keys")}
READ_ACCOUNTS = {("ssm:GetParametersByPath", f"{PARAMETERS}/channels/*")}
DELIVER = {("sqs:SendMessage", "InboxQueue"), ("s3:PutObject", "ArchiveBucket/big/*")}
SMS = "arn:Partition:sms-voice:Region:AccountId"


def consume(queue: str) -> set[tuple[str, str]]:
    return {(f"sqs:{action}", queue) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}


GRANTS = {
    "webhook": DELIVER | READ_ACCOUNTS,
    "intake": {("s3:PutObject", "ArchiveBucket/*"), ("s3:GetObject", "ArchiveBucket/*")}
    | consume("InboxQueue")
    | READ_DESK
    | LIST_LEDGER
    | LIST_MESSAGES
    | WRITE_DESK,
    "dispatch": {
        ("dynamodb:DescribeStream", "DeskTable/stream/*"),
        ("dynamodb:GetRecords", "DeskTable/stream/*"),
        ("dynamodb:GetShardIterator", "DeskTable/stream/*"),
        ("dynamodb:ListStreams", "DeskTable/stream/*"),
        ("sqs:SendMessage", "DispatchDeadLetters"),
        ("sqs:SendMessage", "OutboundQueue"),
        ("states:StartExecution", "SlaStateMachine"),
        ("states:StopExecution", "arn:Partition:states:Region:AccountId:execution:SlaStateMachine:*"),
        ("sns:Publish", "HandOffTopic"),
    }
    | READ_DESK
    | LIST_LEDGER
    | LIST_MESSAGES
    | LIST_OPEN_WORK
    | WRITE_DESK
    | SEND_MAIL
    | REPLY_KEYS
    | READ_ACCOUNTS
    | DELIVER,
    "clock": READ_DESK | WRITE_DESK,
    "send": {
        ("sms-voice:SendTextMessage", f"{SMS}:phone-number/*"),
        ("sms-voice:SendTextMessage", f"{SMS}:pool/*"),
    }
    | consume("OutboundQueue")
    | READ_ACCOUNTS
    | READ_DESK
    | WRITE_DESK
    | SEND_MAIL,
    "mail": {("s3:GetObject", "InboundMailBucket/in/*"), ("sqs:SendMessage", "MailDeadLetters")}
    | READ_DESK
    | LIST_LEDGER
    | LIST_MESSAGES
    | WRITE_DESK
    | SEND_MAIL
    | REPLY_KEYS
    | READ_ACCOUNTS
    | DELIVER,
    "poll": {
        ("ssm:GetParametersByPath", f"{PARAMETERS}/channels"),
        ("ssm:GetParameter", f"{PARAMETERS}/channels/*"),
        ("ssm:PutParameter", f"{PARAMETERS}/channels/*"),
    }
    | READ_ACCOUNTS
    | READ_DESK
    | WRITE_DESK
    | DELIVER,
}

# Actions for which the service takes no resource (service authorization reference).
WITHOUT_RESOURCE = {
    "SlaRole": {
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    },
}
ROLES = resources("AWS::IAM::Role")


def test_every_function_has_a_role_of_its_own():
    assert {name: spell(f["Role"]) for name, f in functions().items()} == {
        name: f"{name.capitalize()}Role" for name in functions()
    }
    assert set(ROLES) == {f"{name.capitalize()}Role" for name in functions()} | {"SlaRole"}


@pytest.mark.parametrize("name", GRANTS)
def test_a_function_may_do_what_its_step_needs_and_nothing_else(name):
    own_log = {("logs:CreateLogStream", f"{name.capitalize()}Logs"), ("logs:PutLogEvents", f"{name.capitalize()}Logs")}
    assert grants(ROLES[f"{name.capitalize()}Role"]) == GRANTS[name] | own_log


def test_every_function_is_in_the_list_of_grants():
    assert set(functions()) == set(GRANTS)


def test_the_state_machine_may_only_invoke_the_clock():
    allowed = {g for g in grants(ROLES["SlaRole"]) if g[0] not in WITHOUT_RESOURCE["SlaRole"]}
    assert allowed == {("lambda:InvokeFunction", "ClockFunction")}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_holds_a_wildcard_action(role):
    assert not [action for action, _ in grants(ROLES[role]) if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_holds_every_resource_where_the_service_takes_one(role):
    assert {action for action, target in grants(ROLES[role]) if target == "*"} == WITHOUT_RESOURCE.get(role, set())


@pytest.mark.parametrize("role", ROLES)
def test_no_role_borrows_a_managed_policy_or_allows_by_exclusion(role):
    assert "ManagedPolicyArns" not in ROLES[role]
    assert all(s["Effect"] == "Allow" and not {"NotAction", "NotResource"} & set(s) for s in statements(ROLES[role]))


@pytest.mark.parametrize("role", ROLES)
def test_only_the_service_that_runs_it_may_take_a_role(role):
    (trust,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    service = "states.amazonaws.com" if role == "SlaRole" else "lambda.amazonaws.com"
    assert trust["Principal"] == {"Service": service}
    assert trust["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("role", ["DispatchRole", "MailRole", "SendRole"])
def test_mail_goes_out_from_our_own_domain_only(role):
    (mail,) = [s for s in statements(ROLES[role]) if "ses:SendEmail" in listed(s["Action"])]
    assert spell(mail["Condition"]["StringLike"]["ses:FromAddress"]) == "*@MailDomain"


def test_only_intake_may_write_to_the_archive_and_who_fills_the_inbox_where_its_long_bodies_lie():
    writers = {
        (role, target) for role in ROLES for action, target in grants(ROLES[role]) if action.startswith("s3:Put")
    }
    fill_the_inbox = {role for role in ROLES if ("sqs:SendMessage", "InboxQueue") in grants(ROLES[role])}
    long_bodies = {(role, "ArchiveBucket/big/*") for role in fill_the_inbox}
    assert writers == {("IntakeRole", "ArchiveBucket/*")} | long_bodies


def test_only_the_poller_may_change_an_account_and_none_may_change_the_reply_keys():
    changed = {
        (role, target) for role in ROLES for action, target in grants(ROLES[role]) if action == "ssm:PutParameter"
    }
    assert changed == {("PollRole", f"{PARAMETERS}/channels/*")}


def test_nobody_may_scan_or_delete():
    actions = {action for role in ROLES.values() for action, _ in grants(role)}
    assert not [a for a in actions if re.search(r"Scan|dynamodb:Delete|s3:Delete|:Purge", a)]


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_a_service_is_let_in_from_this_account_only(kind):
    policies = resources(kind).values()
    assert policies
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert list(statement["Principal"]) == ["Service"]
                keys = {key for operator in statement["Condition"].values() for key in operator}
                assert keys & {"aws:SourceAccount", "aws:SourceArn"}
