"""The engine's folder and its address book: which part listens where, what was deployed, and the keys made for it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from shared.errors import Misconfigured

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("NIGHTDESK_HOME") or REPOSITORY / ".nightdesk")
PORTS = ("emulator", "ses", "redelivery", "sandbox", "mailbox", "smtp")
STACK = "nightdesk"
REGION = "eu-central-1"
MAIL_DOMAIN = "in.nightdesk.example"
DESK_ADDRESS = "desk@nightdesk.example"


@dataclass(frozen=True, slots=True)
class Home:
    """Where the engine keeps everything it makes; nothing outside of it is touched."""

    folder: Path = HOME

    @property
    def book(self) -> Path:
        """The address book. It holds secrets of the sandbox's accounts, so only its owner may read it."""
        return self.folder / "engine.json"

    @property
    def source(self) -> Path:
        """The staged tree that is built."""
        return self.folder / "source"

    @property
    def build(self) -> Path:
        """What `sam build` makes of it."""
        return self.folder / "build"

    @property
    def state(self) -> Path:
        """What the parts keep between runs; each has its own folder in it."""
        return self.folder / "state"

    @property
    def logs(self) -> Path:
        """One file for each part and each tool."""
        return self.folder / "logs"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator, such as unpacked functions; emptied at every start."""
        return self.folder / "tmp"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours. A pid alone may have been given to somebody else since; with its start time it cannot."""

    pid: int
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What stands in the emulator: the digest of its sources and parameters, and the stack's outputs."""

    digest: str
    policy_file: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """An execution that ran when the emulator was stopped, to be started again with the same name and input."""

    machine: str
    name: str
    input: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The secrets of one channel account, as the desk, the sandbox and `nightdesk deliver` know them."""

    signing: tuple[str, ...]
    verify_token: str
    credentials: Mapping[str, str]


Accounts = Mapping[str, Mapping[str, Account]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBook:
    """What one command of `nightdesk` leaves for the next."""

    ports: Mapping[str, int] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)
    deployed: Deployed | None = None
    accounts: Accounts = field(default_factory=dict)
    reply_keys: tuple[str, ...] = ()
    interrupted: tuple[Interrupted, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """The book in a file; an empty one where there is no file. Raises Misconfigured where it cannot be read."""
        if not path.exists():
            return cls()
        try:
            return cls(**_read(json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Misconfigured(
                f"{path} is no address book ({error}). Remove the folder {path.parent} and start again."
            ) from error

    def save(self, path: Path) -> None:
        """Replace the file in one step, readable for its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        draft.replace(path)

    def url(self, part: str) -> str:
        """Where a part answers HTTP."""
        return f"http://127.0.0.1:{self.ports[part]}"

    def with_ports(self) -> Self:
        """The same book with a free port for every part; those of last time where nobody took them."""
        return replace(self, ports=free_ports(PORTS, self.ports))


def free_ports(names: Iterable[str], wanted: Mapping[str, int]) -> dict[str, int]:
    """A port of 127.0.0.1 for each name that nothing listens on, the wanted one if possible. No two are the same."""
    with ExitStack() as held:
        return {name: held.enter_context(_bound(wanted.get(name, 0))).getsockname()[1] for name in names}


def _bound(port: int) -> socket.socket:
    for candidate in (port, 0):
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", candidate))
        except OSError:
            taken.close()
        else:
            return taken
    raise Misconfigured("This machine has no free port left on 127.0.0.1.")


def _read(plain: dict[str, Any]) -> dict[str, Any]:
    deployed = plain["deployed"]
    return {
        "ports": plain["ports"],
        "processes": {name: Process(**one) for name, one in plain["processes"].items()},
        "deployed": Deployed(**deployed) if deployed else None,
        "accounts": {
            channel: {name: _account(one) for name, one in accounts.items()}
            for channel, accounts in plain["accounts"].items()
        },
        "reply_keys": tuple(plain["reply_keys"]),
        "interrupted": tuple(Interrupted(**one) for one in plain["interrupted"]),
    }


def _account(plain: dict[str, Any]) -> Account:
    return Account(
        signing=tuple(plain["signing"]), verify_token=plain["verify_token"], credentials=plain["credentials"]
    )
