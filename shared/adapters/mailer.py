"""Mail to people through SES."""

from __future__ import annotations

from shared.adapters.clients import Clients, aws_errors
from shared.domain.notices import Mail


class SesMailer:
    """SendEmail knows no idempotency token, so each call is one attempt; who calls again may send twice."""

    def __init__(self, clients: Clients, configuration_set: str) -> None:
        self._clients = clients
        self._configuration_set = configuration_set

    def send(self, mail: Mail) -> str:
        """SES's id of the mail. Raises Unavailable."""
        with aws_errors():
            answer = self._clients.sesv2.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": [mail.to]},
                Content={"Raw": {"Data": mail.mime}},
                ConfigurationSetName=self._configuration_set,
            )
        return answer["MessageId"]
