"""Where accounts are connected: the laptop's engine with its sandbox, or a stack on AWS with ordinary credentials.

The second was never run against a real account: it is the same code with other addresses.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import botocore.session
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from infra.cli.connecting import Place
from infra.local import wiring
from infra.local.addresses import Account, AddressBook
from infra.local.emulator import CREDENTIALS
from infra.local.engine import Engine
from infra.local.running import RunningStack
from shared.adapters.aws_calls import AwsSigner, own_credentials
from shared.adapters.clients import Clients
from shared.adapters.platforms import HttpPlatforms, one_attempt_session
from shared.adapters.secrets import SsmSecrets
from shared.adapters.system import SystemClock
from shared.channels import load
from shared.domain.exchange import Secret
from shared.errors import Misconfigured

Find = Callable[[], Credentials | None]


def laptop() -> Place:
    """The running engine. Its sandbox is told of each account first, as if it had been registered on the platform.

    Raises Misconfigured where nothing runs.
    """
    running = Engine().running()
    place = _place(
        "the laptop",
        running.clients,
        running.outputs["SecretsPath"],
        running.webhook_url,
        running.sandbox_url,
        lambda: Credentials(*CREDENTIALS.values()),  # the emulator's own: a sandbox is shown no signature of a person's
    )
    return replace(place, register=lambda channel, secret: _register(running, channel, secret), played=True)


def on_aws(stack: str, session: botocore.session.Session | None = None) -> Place:
    """A deployed stack, found by its name with the credentials and region that AWS tools use. Raises Misconfigured."""
    own = session or _own_session()
    try:
        cloudformation: Any = own.create_client("cloudformation")  # a client without published types
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except (ClientError, BotoCoreError, IndexError) as error:
        said = _meaning(error)
        raise Misconfigured(
            f"The stack {stack} was not found: {said}. Check its name, AWS_PROFILE and AWS_REGION."
        ) from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    absent = [name for name in ("SecretsPath", "WebhookUrl") if name not in outputs]
    if absent:
        raise Misconfigured(f"The stack {stack} is no Nightdesk: it has no output {', '.join(absent)}.")
    return _place(
        f"the stack {stack}", Clients(own), outputs["SecretsPath"], outputs["WebhookUrl"], "", own.get_credentials
    )


def _own_session() -> botocore.session.Session:
    """Botocore alone looks at AWS_DEFAULT_REGION only; AWS's other tools take AWS_REGION, and before it."""
    session = botocore.session.get_session()
    if region := os.environ.get("AWS_REGION"):
        session.set_config_variable("region", region)
    return session


def _meaning(error: Exception) -> str:
    """What AWS says, or botocore; neither holds a credential."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message") or type(error).__name__).rstrip(".")
    return str(error).rstrip(".") or type(error).__name__


def _place(
    name: str, clients: Clients, path: str, webhook_url: str, origin: str, find: Find = own_credentials
) -> Place:
    """Calls that AWS wants signed are signed by who runs the command, with what `find` finds."""
    clock = SystemClock()
    secrets = SsmSecrets(clients, path, clock)
    session = one_attempt_session()
    caller = HttpPlatforms(load, secrets, clock, origin=origin, session=session, signer=AwsSigner(find))
    return Place(name, webhook_url, path.rstrip("/"), secrets, caller, clock)


def _register(running: RunningStack, channel: str, secret: Secret) -> None:
    """Let the sandbox and the next command know the account. One it knows keeps what the platform alone can tell."""
    book = AddressBook.load(running.home.book)
    by_id = book.accounts.get(channel, {})
    known = by_id.get(secret.account_id)
    made = Account(
        signing=secret.signing,
        verify_token=secret.verify_token or "",
        credentials={**(known.credentials if known is not None else {}), **secret.credentials},
    )
    replace(book, accounts={**book.accounts, channel: {**by_id, secret.account_id: made}}).save(running.home.book)
    # Of this account alone: what the sandbox gave the others since the book was written, such as tokens, stays.
    wiring.tell_sandbox(replace(book, accounts={channel: {secret.account_id: made}}), running.outputs)
