"""Calls of channels to AWS itself, signed with the function's own role (Signature Version 4; IAM user guide)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.clients import translate
from shared.domain.exchange import Call, Refusal, Refused
from shared.errors import Unavailable

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

_REGION = re.compile(
    r"^https://[a-z0-9.-]+?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)(?:/|$)"
)


def own_credentials() -> Credentials | None:
    """What this process may call AWS with, found where botocore always looks; None where there is nothing."""
    return botocore.session.get_session().get_credentials()


class AwsSigner:
    """Signs one call at a time; temporary credentials are renewed by botocore."""

    def __init__(self, find: Callable[[], Credentials | None] = own_credentials) -> None:
        self._find = find
        self._found: Credentials | None = None

    def signed(self, call: Call) -> Call | Refused:
        """The call with the headers that prove who makes it, in the region its host names.

        BLOCKED for a host that is none of AWS's (nobody else may see a signature of ours) or where there are no
        credentials; LATER where they could not be renewed just now.
        """
        region = _REGION.match(call.url)
        if region is None or call.aws_service is None:
            return _blocked(
                "The call is not to a regional host of AWS, so it is not signed. Check the account's region."
            )
        if not all(value.isascii() for value in call.headers.values()):
            return _blocked("A header of the call to AWS is not ASCII, so it cannot be signed. Check the account.")
        credentials = self._credentials()
        if isinstance(credentials, Refused):
            return credentials
        request = AWSRequest(method=call.method, url=call.url, data=call.body or b"", headers=dict(call.headers))
        SigV4Auth(credentials, call.aws_service, region[1]).add_auth(request)
        return replace(call, headers=dict(request.headers.items()))

    def _credentials(self) -> ReadOnlyCredentials | Refused:
        try:
            self._found = self._found or self._find()
            if self._found is None:
                return _blocked("The function has no AWS credentials to sign the call with.")
            return self._found.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            if isinstance(translate(error), Unavailable):
                return Refused(refusal=Refusal.LATER, reason="The function's AWS credentials cannot be had just now.")
            return _blocked(f"The function's AWS credentials cannot be used ({type(error).__name__}).")


def _blocked(reason: str) -> Refused:
    return Refused(refusal=Refusal.BLOCKED, reason=reason)
