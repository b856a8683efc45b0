"""Wiring: adapters into services, once per process. Imports are inside the functions, so that each function of the
application loads what it uses and the webhook stays light.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from shared.adapters.clients import Clients
    from shared.adapters.platforms import HttpPlatforms
    from shared.adapters.queues import SqsInbox
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.table import DynamoDesk
    from shared.domain.exchange import Delivery
    from shared.domain.policy import Policy
    from shared.domain.records import Key
    from shared.services.agent_mail import AgentMails
    from shared.services.clock import ObligationClock
    from shared.services.dispatch import Dispatch
    from shared.services.intake import Intake
    from shared.services.poll import Poller
    from shared.services.renew import Renewer
    from shared.services.send import Sender
    from shared.services.sweep import Sweep
    from shared.services.webhook import Webhook


@cache
def clients() -> Clients:
    """The AWS clients of this process."""
    from shared.adapters.clients import Clients

    return Clients()


def _policy(file_name: str, desk_address: str) -> Policy:
    from shared import channels
    from shared.policy.model import read_packaged

    return read_packaged(file_name, desk_address, channels.names())


def _inbox(queue_url: str, archive_bucket: str) -> SqsInbox:
    from shared.adapters.archive import S3Archive
    from shared.adapters.queues import SqsInbox

    return SqsInbox(clients(), queue_url, S3Archive(clients(), archive_bucket))


@cache
def webhook() -> Webhook:
    """Step 1."""
    from shared import channels
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.system import RandomIds, SystemClock
    from shared.services.webhook import Webhook
    from shared.settings import WebhookSettings

    settings, clock = WebhookSettings.read(os.environ), SystemClock()
    inbox = _inbox(settings.inbox_queue_url, settings.archive_bucket)
    secrets = SsmSecrets(clients(), settings.secrets_path, clock)
    return Webhook(channels.load, secrets, inbox, clock, RandomIds(), int(settings.max_body_bytes))


@cache
def intake() -> Intake:
    """Step 2."""
    from shared import channels
    from shared.adapters.archive import S3Archive
    from shared.adapters.system import SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.services.intake import Intake
    from shared.settings import IntakeSettings

    settings = IntakeSettings.read(os.environ)
    return Intake(
        DynamoDesk(clients(), settings.desk_table),
        S3Archive(clients(), settings.archive_bucket),
        channels.load,
        _policy(settings.policy_file, settings.desk_address),
        SystemClock(),
    )


def read_delivery(body: str, sent_at: datetime) -> Delivery:
    """The delivery in a message that the inbox queue took at `sent_at`; a long one is fetched from where it was put."""
    from shared.adapters.archive import S3Archive
    from shared.adapters.queues import Waited, delivery_of
    from shared.settings import IntakeSettings

    settings = IntakeSettings.read(os.environ)
    archive = S3Archive(clients(), settings.archive_bucket)
    return delivery_of(Waited(body=body, sent_at=sent_at), archive.get, {settings.inbound_sms_topic_arn: "aws_sms"})


@cache
def dispatch() -> Dispatch:
    """Step 3."""
    from shared import channels
    from shared.adapters.mailer import SesMailer
    from shared.adapters.notifier import SnsNotifier
    from shared.adapters.platforms import HttpPlatforms, one_attempt_session
    from shared.adapters.queues import SqsOutbox
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.system import SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.adapters.timers import StepFunctionsTimers
    from shared.services.dispatch import Dispatch
    from shared.services.fetch import Fetcher
    from shared.services.people import Office, People
    from shared.services.profiles import Profiles
    from shared.services.reporting import Reporting
    from shared.settings import DispatchSettings

    settings, clock = DispatchSettings.read(os.environ), SystemClock()
    desk = DynamoDesk(clients(), settings.desk_table)
    secrets = SsmSecrets(clients(), settings.secrets_path, clock)
    mailer = SesMailer(clients(), settings.configuration_set)
    notifier = SnsNotifier(clients(), settings.hand_off_topic_arn)
    office = Office(_policy(settings.policy_file, settings.desk_address), settings.mail_domain)
    platforms = HttpPlatforms(
        channels.load, secrets, clock, origin=settings.platform_origin, session=one_attempt_session(), read_seconds=4
    )
    return Dispatch(
        desk,
        StepFunctionsTimers(clients(), settings.sla_state_machine_arn),
        SqsOutbox(clients(), settings.outbound_queue_url),
        People(desk, mailer, notifier, channels.load, secrets, clock, office),
        Profiles(desk, channels.load, secrets, platforms, clock),
        Fetcher(
            desk, channels.load, secrets, platforms, _inbox(settings.inbox_queue_url, settings.archive_bucket), clock
        ),
        Reporting(mailer, notifier, office),
    )


@cache
def sweep() -> Sweep:
    """Step 8, which rides on the dispatch function."""
    from shared.adapters.system import SystemClock
    from shared.services.clock import ObligationClock
    from shared.services.sweep import Sweep

    carrier = dispatch()
    clock = SystemClock()
    return Sweep(carrier.desk, carrier, ObligationClock(carrier.desk, clock), clock)


@cache
def clock() -> ObligationClock:
    """Step 4."""
    from shared.adapters.system import SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.services.clock import ObligationClock
    from shared.settings import ClockSettings

    return ObligationClock(DynamoDesk(clients(), ClockSettings.read(os.environ).desk_table), SystemClock())


@cache
def sender() -> Sender:
    """Step 5."""
    from shared import channels
    from shared.adapters.platforms import HttpPlatforms, one_attempt_session
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.system import RandomIds, SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.services.send import Sender
    from shared.settings import SendSettings

    settings, clock = SendSettings.read(os.environ), SystemClock()
    secrets = SsmSecrets(clients(), settings.secrets_path, clock)
    return Sender(
        DynamoDesk(clients(), settings.desk_table),
        HttpPlatforms(channels.load, secrets, clock, origin=settings.platform_origin, session=one_attempt_session()),
        _policy(settings.policy_file, settings.desk_address),
        clock,
        RandomIds(),
    )


def read_send_key(body: str) -> Key:
    """The ledger entry that a message of the outbound queue speaks of."""
    from shared.adapters.queues import send_key_of

    return send_key_of(body)


@cache
def agent_mail() -> AgentMails:
    """Step 6."""
    from shared import channels
    from shared.adapters.archive import S3Archive
    from shared.adapters.mailer import SesMailer
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.system import SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.services.agent_mail import AgentMails
    from shared.services.people import Office
    from shared.settings import MailSettings

    settings, clock = MailSettings.read(os.environ), SystemClock()
    return AgentMails(
        DynamoDesk(clients(), settings.desk_table),
        S3Archive(clients(), settings.inbound_mail_bucket),
        SesMailer(clients(), settings.configuration_set),
        channels.load,
        SsmSecrets(clients(), settings.secrets_path, clock),
        clock,
        Office(_policy(settings.policy_file, settings.desk_address), settings.mail_domain),
        _inbox(settings.inbox_queue_url, settings.archive_bucket),
    )


@cache
def _asking() -> tuple[DynamoDesk, SsmSecrets, HttpPlatforms]:
    """What renewing and reading share: credentials that were renewed are those that are read with."""
    from shared import channels
    from shared.adapters.platforms import HttpPlatforms, one_attempt_session
    from shared.adapters.secrets import SsmSecrets
    from shared.adapters.system import SystemClock
    from shared.adapters.table import DynamoDesk
    from shared.observability import logger
    from shared.settings import PollSettings

    settings, clock = PollSettings.read(os.environ), SystemClock()
    secrets = SsmSecrets(
        clients(),
        settings.secrets_path,
        clock,
        unusable=lambda error: logger("poll").error("account left out", reason=str(error)),
    )
    platforms = HttpPlatforms(
        channels.load, secrets, clock, origin=settings.platform_origin, session=one_attempt_session()
    )
    return DynamoDesk(clients(), settings.desk_table), secrets, platforms


@cache
def poller() -> Poller:
    """Step 7."""
    from shared import channels
    from shared.adapters.system import RandomIds, SystemClock
    from shared.services.poll import Poller
    from shared.settings import PollSettings

    settings = PollSettings.read(os.environ)
    desk, secrets, platforms = _asking()
    return Poller(
        desk,
        secrets,
        platforms,
        channels.load,
        _inbox(settings.inbox_queue_url, settings.archive_bucket),
        _policy(settings.policy_file, settings.desk_address),
        SystemClock(),
        RandomIds(),
    )


@cache
def renewer() -> Renewer:
    """Step 7, before anything is asked."""
    from shared import channels
    from shared.adapters.system import RandomIds, SystemClock
    from shared.services.renew import Renewer

    desk, secrets, platforms = _asking()
    return Renewer(desk, secrets, platforms, channels.load, SystemClock(), RandomIds())
