"""The stack on the emulator: stage the sources, build them with SAM, deploy, read the outputs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from infra import bytecode
from infra.local.addresses import DESK_ADDRESS, MAIL_DOMAIN, REGION, REPOSITORY, STACK, AddressBook, Deployed, Home
from infra.local.emulator import EmulatorSession, surroundings
from infra.local.parts import PartFailed, tail
from shared.errors import Misconfigured

SHIPPED_POLICY = "policy.yaml"
ARTEFACTS = "nightdesk-artefacts"
_STAGED = ("template.yaml", "functions", "shared", "infra/statemachines")
# Every function that starts would unpack 50 MB of them on a laptop; there it runs in this very environment, which is
# locked to the same versions. tests/infra build the layer as it goes to AWS.
_NO_REQUIREMENTS = "# The emulator's interpreter brings them.\n"
_POLICY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.yaml")  # what the template takes
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Sources:
    """A staged tree and the policy file in it that the stack is to follow."""

    folder: Path
    policy_file: str

    def digest(self, parameters: Mapping[str, str]) -> str:
        """A name for everything the stack is made of; equal digests make equal stacks."""
        summed = hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode())
        for file in sorted(_files(self.folder)):
            summed.update(f"\0{file.relative_to(self.folder).as_posix()}\0".encode())
            summed.update(hashlib.sha256(file.read_bytes()).digest())
        return summed.hexdigest()


def stage(folder: Path, policy_file: Path | None = None, repository: Path = REPOSITORY) -> Sources:
    """Copy what the stack is made of into a fresh folder. Raises Misconfigured for a policy that cannot be read."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in _STAGED:
        _copy(repository / name, folder / name)
    (folder / "shared" / "requirements.txt").write_text(_NO_REQUIREMENTS, encoding="utf-8")
    return Sources(folder, _add_policy(folder / "shared" / "policy", policy_file))


def parameters(book: AddressBook, policy_file: str) -> dict[str, str]:
    """What the template is told on this machine."""
    return {
        "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": architecture(platform.machine()),
        "MailDomain": MAIL_DOMAIN,
        "DeskAddress": DESK_ADDRESS,
        "PolicyFile": policy_file,
        "PlatformOrigin": book.url("sandbox"),
        "DeletionProtection": "false",
    }


def architecture(machine: str) -> str:
    """Lambda's word for a processor. Raises Misconfigured for one that Lambda does not have."""
    try:
        return _MACHINES[machine.lower()]
    except KeyError:
        raise Misconfigured(f"Lambda knows no processor {machine!r}, only {sorted(set(_MACHINES.values()))}.") from None


def bring_up(home: Home, book: AddressBook, sources: Sources) -> Deployed:
    """The stack as the sources say: built and deployed where something changed. Raises PartFailed."""
    told = parameters(book, sources.policy_file)
    digest = sources.digest(told)
    session = EmulatorSession(book.url("emulator"))
    if book.deployed is not None and book.deployed.digest == digest and outputs(session):
        return book.deployed
    build(home, book, told)
    deploy(home, book, told)
    return Deployed(digest=digest, policy_file=sources.policy_file, outputs=outputs(session))


def build(home: Home, book: AddressBook, told: Mapping[str, str]) -> None:
    """Run `sam build` over the staged tree and give its code bytecode. Raises PartFailed."""
    arguments = ("--template", str(home.source / "template.yaml"), "--base-dir", str(home.source))
    _sam(home, book, "build", *arguments, "--build-dir", str(home.build), *_overrides(told))
    bytecode.write(home.build)


def deploy(home: Home, book: AddressBook, told: Mapping[str, str]) -> None:
    """Run `sam deploy` against the emulator. Raises PartFailed."""
    session = EmulatorSession(book.url("emulator"))
    _make_bucket(session)
    _clear_away(session)
    arguments = ("--template-file", str(home.build / "template.yaml"), "--stack-name", STACK, "--s3-bucket", ARTEFACTS)
    switches = ("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset")
    _sam(home, book, "deploy", *arguments, *switches, "--no-progressbar", "--region", REGION, *_overrides(told))


def outputs(session: EmulatorSession) -> dict[str, str]:
    """The outputs of the stack; empty where it does not stand."""
    described = _described(session)
    if described.get("StackStatus") not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return {}
    return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}


def webhook_url(book: AddressBook, stack_outputs: Mapping[str, str]) -> str:
    """Where the emulator answers for the API; the channel's name follows.

    By path, because not every machine resolves the names below `localhost` that the emulator gives to APIs.
    """
    api = (urlsplit(stack_outputs["WebhookUrl"]).hostname or "").partition(".")[0]
    return f"{book.url('emulator')}/_aws/execute-api/{api}/$default/webhooks/"


def _sam(home: Home, book: AddressBook, verb: str, *arguments: str) -> None:
    log = home.logs / f"sam-{verb}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    here = Path(sys.executable).parent
    environment = surroundings(book) | {
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}",  # `sam build` looks for the runtime's Python
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
        "NO_COLOR": "1",
    }
    with log.open("wb") as output:
        ended = subprocess.run(
            (str(here / "sam"), verb, *arguments), cwd=home.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if ended.returncode != 0:
        raise PartFailed(f"`sam {verb}` failed.\n{tail(log, 25)}")


def _overrides(told: Mapping[str, str]) -> tuple[str, ...]:
    return ("--parameter-overrides", *(f"{name}={value}" for name, value in told.items()))


def _described(session: EmulatorSession) -> dict[str, Any]:
    try:
        found: dict[str, Any] = session.create_client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:  # how CloudFormation says that there is no such stack
        return {}
    return found


def _clear_away(session: EmulatorSession) -> None:
    """Delete what a first deployment that failed has left: CloudFormation updates no stack that was never complete."""
    if _described(session).get("StackStatus") in {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}:
        client = session.create_client("cloudformation")
        client.delete_stack(StackName=STACK)
        client.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def _make_bucket(session: EmulatorSession) -> None:
    try:
        session.create_client("s3").create_bucket(
            Bucket=ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def _add_policy(folder: Path, policy_file: Path | None) -> str:
    from shared.policy import model  # pydantic: only where a stack is made

    path = policy_file or folder / SHIPPED_POLICY
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The policy {path} cannot be read: {error}.") from error
    model.load(text, desk_address=DESK_ADDRESS, name=path.name)
    if policy_file is None:
        return SHIPPED_POLICY
    name = policy_file.name if _POLICY_NAME.fullmatch(policy_file.name) else "given.yaml"
    (folder / name).write_text(text, encoding="utf-8")
    return name


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise Misconfigured(f"{source} is missing: this is no complete working copy of Nightdesk.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copyfile(source, target)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
