"""The laptop engine: emulator, platform sandbox and mailbox, with the deployed stack on them.

with Engine() as stack:
    stack.deliver("whatsapp", body)
"""

from __future__ import annotations

import fcntl
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from botocore.exceptions import ClientError

from infra.local import accounts, emulator, parts, stack, wiring
from infra.local.addresses import REPOSITORY, AddressBook, Home, Interrupted
from infra.local.emulator import EmulatorSession
from infra.local.parts import Part
from infra.local.running import RunningStack
from shared import channels
from shared.errors import Misconfigured

# Each finds what it needs already there; they are stopped the other way round.
_ORDER = ("sandbox", "mailbox", "ses", "emulator", "redelivery")
_CALLED = {"ses": "door to SES", "redelivery": "redelivery of changes"}
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0  # the emulator writes its state while it stops
_SETTLE_SECONDS = 10.0

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


class Engine:
    """Starts and stops everything. One folder is one engine; a second command on it finds the first one's parts."""

    def __init__(self, home: Home | None = None, say: Say = _silent) -> None:
        self.home = home or Home()
        self._say = say
        self.seconds: dict[str, float] = {}  # how long each step of the last start took

    def __enter__(self) -> RunningStack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, policy_file: Path | None = None) -> RunningStack:
        """Bring everything up, as far as it is not yet, with the stack as the sources say.

        Raises PartFailed with the end of a log, and Misconfigured for a policy or file that is not right.
        """
        with self._locked():
            sources = stack.stage(self.home.source, policy_file)  # first: what is wrong there needs nothing started
            found = AddressBook.load(self.home.book)
            was_up = self._all_well(found)
            try:
                return self._start(found, sources)
            except BaseException:
                if not was_up:
                    self._stop_parts(AddressBook.load(self.home.book))
                raise

    def running(self) -> RunningStack:
        """The stack that is up. Raises Misconfigured when it is not."""
        book = AddressBook.load(self.home.book)
        if book.deployed is None or not self._all_well(book):
            raise Misconfigured("The stack is not up. Start it with `nightdesk up`.")
        return RunningStack(self.home, book)

    def stop(self) -> bool:
        """End all parts; what they keep is there at the next start. Whether all of them wrote what they know."""
        with self._locked():
            book = AddressBook.load(self.home.book)
            if book.deployed is not None and self._all_well(book):
                # Changes that no function has read yet are not kept over a restart.
                RunningStack(self.home, book).settle(_SETTLE_SECONDS)
            return self._stop_parts(book)

    # -- steps --------------------------------------------------------------------------------------------------------

    def _start(self, book: AddressBook, sources: stack.Sources) -> RunningStack:
        book = self._with_parts(book)
        with self._timed("stage, build and deploy"):
            self._say("Building and deploying the stack")
            deployed = stack.bring_up(self.home, book, sources)
            book = replace(book, deployed=deployed)
        book.save(self.home.book)
        with self._timed("secrets and addresses"):
            book = self._wired(book, deployed.outputs)
        book.save(self.home.book)
        return RunningStack(self.home, book)

    def _with_parts(self, book: AddressBook) -> AddressBook:
        if self._all_well(book):
            self._say("Everything is up already")
            return book
        self._stop_parts(book)
        with self._timed("start"):
            book = replace(book.with_ports(), interrupted=(*book.interrupted, *emulator.prepare(self.home)))
            for part in self._parts(book):
                self._say(f"Starting the {_CALLED.get(part.name, part.name)}")
                process = parts.start(part, REPOSITORY)
                book = replace(book, processes={**book.processes, part.name: process})
                book.save(self.home.book)
                parts.wait_until_well(part, process, _START_SECONDS)
        return book

    def _wired(self, book: AddressBook, outputs: Mapping[str, str]) -> AddressBook:
        wanted = accounts.named_in(REPOSITORY / "events", channels.names())
        keys = book.reply_keys or (secrets.token_urlsafe(32),)
        book = replace(book, accounts=accounts.made(wanted, book.accounts), reply_keys=keys)
        session = EmulatorSession(book.url("emulator"))
        wiring.put_secrets(session, outputs["SecretsPath"], book.accounts, book.reply_keys)
        wiring.verify_identities(session)
        wiring.tell_sandbox(book, outputs)
        wiring.tell_mailbox(book, outputs)
        _start_again(session, book.interrupted)
        return replace(book, interrupted=())

    def _stop_parts(self, book: AddressBook) -> bool:
        well = True
        for name in reversed(_ORDER):
            process = book.processes.get(name)
            if process is not None:
                well &= parts.stop(process, _STOP_SECONDS)
        if book.processes:
            replace(book, processes={}).save(self.home.book)
        return well

    def _all_well(self, book: AddressBook) -> bool:
        if set(book.processes) != set(_ORDER):
            return False
        return all(
            parts.is_running(book.processes[part.name]) and parts.answers(part.health) for part in self._parts(book)
        )

    def _parts(self, book: AddressBook) -> tuple[Part, ...]:
        made = {
            "sandbox": self._own(
                "sandbox", book, "--port", str(book.ports["sandbox"]), "--state", self._state("sandbox"),
            ),
            "mailbox": self._own(
                "mailbox", book, "--smtp-port", str(book.ports["smtp"]), "--http-port", str(book.ports["mailbox"]),
                "--state", self._state("mailbox"),
            ),
            "ses": self._own("ses", book, "--port", str(book.ports["ses"]), "--emulator", book.url("emulator")),
            "emulator": emulator.part(self.home, book),
            "redelivery": self._own(
                "redelivery", book, "--port", str(book.ports["redelivery"]), "--emulator", book.url("emulator"),
            ),
        }  # fmt: skip
        return tuple(made[name] for name in _ORDER)

    def _own(self, name: str, book: AddressBook, *arguments: str) -> Part:
        return Part(
            name=name,
            command=(sys.executable, "-m", f"infra.local.{name}", *arguments),
            environment=emulator.surroundings(book),
            health=f"{book.url(name)}/_health",
            log=self.home.logs / f"{name}.log",
        )

    def _state(self, name: str) -> str:
        folder = self.home.state / name
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One command at a time: two that start at once would start everything twice."""
        self.home.folder.mkdir(parents=True, exist_ok=True)
        with (self.home.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say("Waiting for another command that starts or stops the engine")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = time.monotonic() - began


def _start_again(session: EmulatorSession, interrupted: tuple[Interrupted, ...]) -> None:
    machines = session.create_client("stepfunctions")
    for one in interrupted:
        try:
            machines.start_execution(stateMachineArn=one.machine, name=one.name, input=one.input)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ExecutionAlreadyExists", "StateMachineDoesNotExist"}:
                raise Misconfigured(f"The timer {one.name} could not be started again: {error}") from error
