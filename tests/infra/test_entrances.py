"""The ways in: the HTTP API for platforms, SES for agents' mail. And what the stack tells those who use it."""

from __future__ import annotations

from tests.infra.stack import TEMPLATE, functions, resource, resources, spell, template


def test_the_only_route_leads_to_the_webhook():
    (route,) = resources("AWS::ApiGatewayV2::Route").values()
    (integration,) = resources("AWS::ApiGatewayV2::Integration").values()
    assert route["RouteKey"] == "ANY /webhooks/{channel}"
    assert spell(route["Target"]) == "integrations/WebhookIntegration"
    assert spell(integration["IntegrationUri"]) == "WebhookFunction"
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")


def test_a_flood_is_held_back_at_the_stage_and_at_the_function():
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    limits = {name: spell(value) for name, value in stage["DefaultRouteSettings"].items()}
    assert limits == {"ThrottlingRateLimit": "WebhookRate", "ThrottlingBurstLimit": "WebhookBurst"}
    assert stage["StageName"] == "$default"
    condition, reserved, none = functions()["webhook"]["ReservedConcurrentExecutions"]["Fn::If"]
    assert (condition, spell(reserved), spell(none)) == ("Reserved", "WebhookConcurrency", "AWS::NoValue")
    assert template()["Parameters"]["WebhookConcurrency"]["Default"] >= 1


def test_the_access_log_holds_no_query_string():
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    log = stage["AccessLogSettings"]
    assert spell(log["DestinationArn"]) == "WebhookAccessLogs"
    assert "$context.status" in log["Format"]
    assert "\n" not in log["Format"]
    assert not [word for word in ("query", "$context.protocol", "userAgent") if word in log["Format"]]


def test_only_this_api_may_call_the_webhook():
    (permission,) = resources("AWS::Lambda::Permission").values()
    assert spell(permission["FunctionName"]) == "WebhookFunction"
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert ":WebhookApi/*/*/webhooks/{channel}" in spell(permission["SourceArn"])


def test_received_mail_goes_to_the_bucket_and_is_named_on_the_topic():
    rule = resource("InboundMailRule")
    (action,) = rule["Properties"]["Rule"]["Actions"]
    assert spell(action["S3Action"]["BucketName"]) == "InboundMailBucket"
    assert action["S3Action"]["ObjectKeyPrefix"] == "in/"
    assert spell(action["S3Action"]["TopicArn"]) == "InboundMailTopic"
    assert rule["Properties"]["Rule"]["ScanEnabled"] is True  # the spam and virus verdicts are read


def test_the_receipt_rule_joins_a_rule_set_that_is_there_and_only_if_one_is_named():
    assert resource("InboundMailRule")["Condition"] == "HasReceiptRuleSet"
    assert spell(resource("InboundMailRule")["Properties"]["RuleSetName"]) == "ReceiptRuleSetName"
    assert template()["Parameters"]["ReceiptRuleSetName"]["Default"] == ""
    assert not resources("AWS::SES::ReceiptRuleSet")


def test_ses_is_let_into_the_bucket_and_the_topic_and_nowhere_else():
    let_in = {
        (statement["Action"], spell(statement["Resource"]))
        for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")
        for policy in resources(kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
    }
    assert let_in == {("s3:PutObject", "InboundMailBucket/in/*"), ("sns:Publish", "InboundMailTopic")}


def test_texts_of_aws_come_through_a_topic_that_its_sms_service_alone_may_publish_to():
    let_in = {
        (spell(statement["Resource"]), statement["Action"], spell(statement["Condition"]["StringEquals"]))
        for policy in resources("AWS::SNS::TopicPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "sms-voice.amazonaws.com"}
    }
    assert let_in == {("InboundSmsTopic", "sns:Publish", str({"aws:SourceAccount": {"Ref": "AWS::AccountId"}}))}
    assert "KmsMasterKeyId" not in resources("AWS::SNS::Topic")["InboundSmsTopic"]


def test_the_topic_puts_its_texts_on_the_inbox_whole_for_the_envelope_holds_their_time():
    (subscription,) = resources("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], spell(subscription["Endpoint"])) == ("sqs", "InboxQueue")
    assert spell(subscription["TopicArn"]) == "InboundSmsTopic"
    assert "RawMessageDelivery" not in subscription
    assert spell(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == "InboxDeadLetters"
    told = functions()["intake"]["Environment"]["Variables"]["INBOUND_SMS_TOPIC_ARN"]
    assert spell(told) == spell(subscription["TopicArn"])


def test_mail_is_sent_through_the_configuration_set_over_tls():
    configuration = resources("AWS::SES::ConfigurationSet")["MailConfiguration"]
    assert configuration["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert set(configuration["SuppressionOptions"]["SuppressedReasons"]) == {"BOUNCE", "COMPLAINT"}


def test_the_outputs_name_what_operators_and_the_laptop_engine_look_for():
    assert {name: spell(output["Value"]) for name, output in template()["Outputs"].items()} == {
        "WebhookUrl": "https://WebhookApi.execute-api.Region.URLSuffix/webhooks/",
        "SecretsPath": "/nightdesk/StackName",
        "DeskTableName": "DeskTable",
        "ArchiveBucketName": "ArchiveBucket",
        "InboxQueueUrl": "InboxQueue",
        "InboxDeadLetterUrl": "InboxDeadLetters",
        "DispatchDeadLetterUrl": "DispatchDeadLetters",
        "HandOffTopicArn": "HandOffTopic",
        "SlaStateMachineArn": "SlaStateMachine",
        "OutboundQueueUrl": "OutboundQueue",
        "OutboundDeadLetterUrl": "OutboundDeadLetters",
        "InboundMailBucketName": "InboundMailBucket",
        "InboundMailTopicArn": "InboundMailTopic",
        "MailDeadLetterUrl": "MailDeadLetters",
        "InboundSmsTopicArn": "InboundSmsTopic",
        "PollFunctionName": "PollFunction",
    }


def test_the_template_stays_short_enough_to_read():
    assert len(TEMPLATE.read_text().splitlines()) < 800  # infra/adr/0017: one template, until it is not read in one go
