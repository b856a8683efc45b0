"""Telling people of what does not get through by itself: they look there, and put it right."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.records import Errand, Watch
from shared.mail import report
from shared.ports import Mailer, Notifier
from shared.services.people import Office


@dataclass(frozen=True, slots=True)
class Reporting:
    """Writes to all agents and to the fan-out topic. At least once, like every mail to people."""

    mailer: Mailer
    notifier: Notifier
    office: Office

    def report(self, record: Watch | Errand) -> None:
        """Tell of a feed that is not read, or of something that could not be fetched. Raises Unavailable."""
        trouble = _trouble(record)
        policy = self.office.policy
        sender = report.Sender(company=policy.company, sender=self.office.sender, mail_domain=self.office.mail_domain)
        for agent in policy.agents:
            self.mailer.send(report.report(trouble, agent, sender))
        self.notifier.publish(report.notice(trouble))


def _trouble(record: Watch | Errand) -> report.Trouble:
    if isinstance(record, Errand):
        return report.not_fetched(record.channel, record.account_id, record.reference, record.reason or "")
    return report.not_read(record.channel, record.account_id, record.feed, record.phrase, record.reason or "")
