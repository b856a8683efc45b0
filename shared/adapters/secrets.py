"""Secrets in SSM parameters, decrypted at run time and kept for five minutes.

`<path>/channels/<channel>/<account>` is a SecureString with JSON: `{"signing": [current, previous],
"verify_token": ..., "credentials": {"access_token": ...}}`. `<path>/mail/reply-keys` is one with
`{"current": ..., "previous": ...}`.
No error here tells a value, not even through the error that caused it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from shared.adapters.clients import Clients, aws_errors, code_of
from shared.domain.exchange import Secret
from shared.errors import Misconfigured
from shared.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

KEPT_FOR = timedelta(minutes=5)
BETWEEN_REFRESHES = timedelta(minutes=1)  # so that forged signatures do not become calls to SSM

_OURS = frozenset({"signing", "verify_token", "credentials"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Fetched:
    at: datetime
    secrets: tuple[Secret, ...]


def _raised(error: Misconfigured) -> None:
    raise error


class SsmSecrets:
    """The secrets below one path of the parameter store."""

    def __init__(
        self, clients: Clients, path: str, clock: Clock, *, unusable: Callable[[Misconfigured], None] = _raised
    ) -> None:
        """`unusable` is told of each account whose parameter cannot be read: it raises, or lets the others through."""
        self._clients = clients
        self._unusable = unusable
        self._path = path.rstrip("/")
        self._clock = clock
        self._channels: dict[str, _Fetched] = {}
        self._all: tuple[datetime, Mapping[str, tuple[Secret, ...]]] | None = None
        self._others: dict[str, Mapping[str, Any]] = {}  # members that are none of ours, by parameter
        self._reply_keys: tuple[datetime, tuple[bytes, ...]] | None = None

    def channel(self, name: str, *, refresh: bool = False) -> tuple[Secret, ...]:
        """All accounts of a channel. `refresh` asks again before its five minutes are over, at most once a minute.

        Raises Unavailable; Misconfigured for a parameter that cannot be read.
        """
        now = self._clock.now()
        kept = self._channels.get(name)
        if kept is None or now - kept.at >= (BETWEEN_REFRESHES if refresh else KEPT_FOR):
            kept = _Fetched(now, tuple(secret for _, secret in self._readable(f"{self._path}/channels/{name}")))
            self._channels[name] = kept
        return kept.secrets

    def account(self, name: str, account_id: str) -> Secret:
        """One account. Raises Misconfigured where there is none, Unavailable."""
        for secrets in (self.channel(name), self.channel(name, refresh=True)):
            for secret in secrets:
                if secret.account_id == account_id:
                    return secret
        raise Misconfigured(
            f"There is no secret for account {account_id} of {name}. "
            f"Put it into the parameter {self._path}/channels/{name}/{account_id}."
        )

    def fresh(self, name: str, account_id: str) -> Secret:
        """One account as it is stored now. Raises Misconfigured where there is none, Unavailable."""
        parameter = f"{self._path}/channels/{name}/{account_id}"
        answer = _asked(parameter, lambda: self._clients.ssm.get_parameter(Name=parameter, WithDecryption=True))
        secret = _secret(answer["Parameter"])
        value = _json(parameter, answer["Parameter"].get("Value", ""))
        self._others[parameter] = {member: one for member, one in value.items() if member not in _OURS}
        return secret

    def everything(self) -> Mapping[str, tuple[Secret, ...]]:
        """All accounts of all channels, without those that `unusable` let pass. Raises Unavailable, Misconfigured."""
        now = self._clock.now()
        if self._all is None or now - self._all[0] >= KEPT_FOR:
            found: dict[str, tuple[Secret, ...]] = {}
            for channel, secret in self._readable(f"{self._path}/channels", recursive=True):
                found[channel] = (*found.get(channel, ()), secret)
            self._all = (now, found)
        return self._all[1]

    def store(self, name: str, secret: Secret) -> None:
        """Replace one account of a channel. Whoever else keeps the old one does so for five minutes more. What somebody
        noted beside our members stays as it was when the account was read `fresh`.

        Raises Unavailable, Misconfigured.
        """
        parameter = f"{self._path}/channels/{name}/{secret.account_id}"
        value = dict(self._others.get(parameter, {})) | {
            "signing": secret.signing,
            "verify_token": secret.verify_token,
            "credentials": secret.credentials,
        }
        _asked(
            parameter,
            lambda: self._clients.ssm.put_parameter(
                Name=parameter,
                Value=json.dumps(value),
                Type="SecureString",
                Tier="Intelligent-Tiering",  # the standard tier holds 4 KB; a key in JSON beside two tokens is longer
                Overwrite=True,
            ),
        )
        self._channels.pop(name, None)
        self._all = None

    def reply_keys(self) -> tuple[bytes, ...]:
        """The keys that sign reply addresses, current first. Raises Misconfigured, Unavailable."""
        now = self._clock.now()
        if self._reply_keys is None or now - self._reply_keys[0] >= KEPT_FOR:
            self._reply_keys = (now, self._fetch_reply_keys(f"{self._path}/mail/reply-keys"))
        return self._reply_keys[1]

    def _fetch_reply_keys(self, name: str) -> tuple[bytes, ...]:
        answer = _asked(name, lambda: self._clients.ssm.get_parameter(Name=name, WithDecryption=True))
        value = _json(name, answer["Parameter"].get("Value", ""))
        keys = (_text(name, value, "current"), _text(name, value, "previous"))
        if keys[0] is None:
            raise _unusable(name, 'has no "current"')
        return tuple(key.encode() for key in keys if key is not None)

    def _readable(self, path: str, *, recursive: bool = False) -> Iterator[tuple[str, Secret]]:
        """Channel and account of every parameter below a path that can be read."""
        for parameter in self._below(path, recursive=recursive):
            try:
                secret = _secret(parameter)
            except Misconfigured as error:
                self._unusable(error)
            else:
                yield parameter.get("Name", "").split("/")[-2], secret

    def _below(self, path: str, *, recursive: bool = False) -> Iterator[ParameterTypeDef]:
        asked: dict[str, Any] = {"Path": path, "WithDecryption": True, "Recursive": recursive}
        while True:
            page = _asked(path, lambda: self._clients.ssm.get_parameters_by_path(**asked))
            yield from page["Parameters"]
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]


def _asked(name: str, call: Callable[[], T]) -> T:
    try:
        with aws_errors():
            return call()
    except ClientError as error:
        raise Misconfigured(
            f"SSM gave {code_of(error)} for {name}. Check that it exists and that the function's role may read it."
        ) from error


def _secret(parameter: ParameterTypeDef) -> Secret:
    name = parameter.get("Name", "")
    value = _json(name, parameter.get("Value", ""))
    signing, credentials = value.get("signing", []), value.get("credentials", {})
    if not isinstance(signing, list) or not all(key is None or isinstance(key, str) for key in signing):
        raise _unusable(name, '"signing" is not a list of texts')
    if not isinstance(credentials, dict) or not all(isinstance(one, str) for one in credentials.values()):
        raise _unusable(name, '"credentials" is not an object of texts')
    return Secret(
        account_id=name.rpartition("/")[2],
        signing=tuple(key for key in signing if key),
        verify_token=_text(name, value, "verify_token"),
        credentials=credentials,
    )


def _json(name: str, value: str) -> Mapping[str, Any]:
    try:
        read = json.loads(value)
    except ValueError:
        raise _unusable(name, "is not JSON") from None  # the decoder's error carries the whole value
    if not isinstance(read, dict):
        raise _unusable(name, "is not a JSON object")
    return read


def _text(name: str, value: Mapping[str, Any], member: str) -> str | None:
    text = value.get(member)
    if text is not None and not isinstance(text, str):
        raise _unusable(name, f'"{member}" is not a text')
    return text or None


def _unusable(name: str, what: str) -> Misconfigured:
    return Misconfigured(f"The parameter {name} cannot be used: {what}.")
