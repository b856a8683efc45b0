"""Staging: what is built, and when it has to be built again."""

import shutil

import pytest

from infra.local import stack
from infra.local.addresses import REPOSITORY, AddressBook
from shared.errors import Misconfigured

BOOK = AddressBook(ports={"sandbox": 8081, "emulator": 4566})
OUTPUTS = {"WebhookUrl": "https://1d7088bb.execute-api.eu-central-1.amazonaws.com/webhooks/"}


@pytest.fixture
def repository(tmp_path):
    """The files that are staged, and no others of the working copy."""
    for name in ("functions", "shared", "infra/statemachines"):
        shutil.copytree(REPOSITORY / name, tmp_path / "repository" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(REPOSITORY / "template.yaml", tmp_path / "repository" / "template.yaml")
    return tmp_path / "repository"


def digest(repository, target, told=None, policy_file=None):
    return stack.stage(target, policy_file, repository).digest(told or {})


def test_the_staged_tree_holds_what_the_template_needs(repository, tmp_path):
    stack.stage(tmp_path / "source", None, repository)
    for name in (
        "template.yaml",
        "functions/webhook/handler.py",
        "shared/errors.py",
        "infra/statemachines/sla.asl.json",
    ):
        assert (tmp_path / "source" / name).is_file()


def test_bytecode_of_the_working_copy_is_left_behind(repository, tmp_path):
    (repository / "shared" / "__pycache__").mkdir()
    (repository / "shared" / "__pycache__" / "errors.cpython-311.pyc").write_bytes(b"stale")
    stack.stage(tmp_path / "source", None, repository)
    assert not list((tmp_path / "source").rglob("*.pyc"))


def test_the_same_sources_have_the_same_digest(repository, tmp_path):
    assert digest(repository, tmp_path / "one") == digest(repository, tmp_path / "two")


def test_a_changed_file_changes_the_digest(repository, tmp_path):
    before = digest(repository, tmp_path / "source")
    (repository / "shared" / "errors.py").write_text("# changed")
    assert digest(repository, tmp_path / "source") != before


def test_a_moved_file_changes_the_digest(repository, tmp_path):
    before = digest(repository, tmp_path / "source")
    (repository / "shared" / "errors.py").rename(repository / "shared" / "mistakes.py")
    assert digest(repository, tmp_path / "source") != before


def test_another_parameter_changes_the_digest(repository, tmp_path):
    assert digest(repository, tmp_path / "source", {"A": "1"}) != digest(repository, tmp_path / "source", {"A": "2"})


def test_a_given_policy_travels_with_the_sources(repository, tmp_path):
    own = tmp_path / "ours.yaml"
    shutil.copyfile(repository / "shared" / "policy" / "policy.yaml", own)
    staged = stack.stage(tmp_path / "source", own, repository)
    assert staged.policy_file == "ours.yaml"
    assert (tmp_path / "source" / "shared" / "policy" / "ours.yaml").read_bytes() == own.read_bytes()


def test_a_bad_policy_is_refused_before_anything_is_built(repository, tmp_path):
    (tmp_path / "bad.yaml").write_text("wrong: true\n")
    with pytest.raises(Misconfigured, match=r"bad\.yaml"):
        stack.stage(tmp_path / "source", tmp_path / "bad.yaml", repository)


def test_a_policy_whose_name_the_template_would_refuse_gets_another(repository, tmp_path):
    odd = tmp_path / "our rules.yml"
    shutil.copyfile(repository / "shared" / "policy" / "policy.yaml", odd)
    assert stack.stage(tmp_path / "source", odd, repository).policy_file == "given.yaml"
    assert (tmp_path / "source" / "shared" / "policy" / "given.yaml").read_bytes() == odd.read_bytes()


def test_an_incomplete_working_copy_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"template\.yaml is missing"):
        stack.stage(tmp_path / "source", None, tmp_path / "nowhere")


@pytest.mark.parametrize(("machine", "word"), [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64")])
def test_processors_have_lambdas_words(machine, word):
    assert stack.architecture(machine) == word


def test_a_processor_that_lambda_does_not_have_is_refused():
    with pytest.raises(Misconfigured, match="riscv64"):
        stack.architecture("riscv64")


def test_the_stack_is_told_to_talk_to_the_sandbox():
    assert stack.parameters(BOOK, "policy.yaml")["PlatformOrigin"] == "http://127.0.0.1:8081"


def test_the_webhook_is_reached_by_path_and_needs_no_name_resolution():
    url = stack.webhook_url(BOOK, OUTPUTS)
    assert url == "http://127.0.0.1:4566/_aws/execute-api/1d7088bb/$default/webhooks/"
