"""How a website is connected that speaks Standard Webhooks."""

from __future__ import annotations

from shared.domain.connecting import Setup, Wanted

WEBSITE = Setup(
    wanted=(
        Wanted(
            name="account_id",
            ask="A short name for the website",
            where="your own choice; deliveries name it as `account_id`",
            secret=False,
        ),
        Wanted(
            name="signing",
            ask="Signing key",
            where="your website's settings, as whsec_..., or let one be made here and enter it there",
            made=True,
        ),
        Wanted(
            name="reply_url",
            ask="Where answers are delivered",
            where="an https address of your website",
            secret=False,
        ),
    ),
    ticks=(
        "Let the website deliver to {webhook_url}, signed with the signing key by Standard Webhooks.",
        "Let the reply_url take deliveries of the same scheme, and answer 2xx to the type `connection.test`.",
    ),
)
