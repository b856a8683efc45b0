"""Step 1: prove where a delivery comes from and keep it. Nothing is parsed here."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.exchange import Delivery, Request, Response, accepted, addressee, pushing
from shared.errors import BodyTooLarge, NightdeskError, SignatureRejected, UnknownChannel
from shared.ports import Channels, Clock, Ids, Inbox, Secrets


@dataclass(frozen=True, slots=True)
class Webhook:
    """Answers platforms."""

    channels: Channels
    secrets: Secrets
    inbox: Inbox
    clock: Clock
    ids: Ids
    max_body_bytes: int

    def answer(self, channel_name: str, request: Request) -> Response:
        """The response to any request: errors of the family become their status and one plain line."""
        try:
            return self._answer(channel_name, request)
        except UnknownChannel as error:
            return Response(error.status, "There is no such channel here.")
        except (SignatureRejected, BodyTooLarge) as error:
            return Response(error.status, str(error))
        except NightdeskError as error:
            return Response(error.status, "The delivery could not be kept. Please send it again.")

    def _answer(self, channel_name: str, request: Request) -> Response:
        if len(request.body) > self.max_body_bytes:
            raise BodyTooLarge(f"The body has {len(request.body)} bytes; at most {self.max_body_bytes} are taken.")
        if request.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            return Response(415, "Send the body without a content encoding.")
        channel = pushing(self.channels(channel_name))
        if channel is None:
            raise UnknownChannel(f"{channel_name} takes no deliveries here. See shared/channels/README.md.")
        secrets = self.secrets.channel(channel_name)
        handshake = channel.challenge(request, secrets)
        if handshake is not None:
            return handshake
        now = self.clock.now()
        channel.verify(request, secrets, now)
        delivery = Delivery(
            delivery_id=self.ids.new(),
            channel=channel_name,
            body=request.body,
            received_at=now,
            account_id=addressee(channel, request, secrets),
        )
        self.inbox.put(delivery)
        return accepted(channel)
