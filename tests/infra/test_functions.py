"""What every function says about itself, and that its environment is what its settings read."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from shared import settings
from tests.infra.stack import ROOT, environment, functions, resource, resources, spell, template

FUNCTIONS = functions()
SETTINGS: dict[str, type[settings.Settings]] = {
    "webhook": settings.WebhookSettings,
    "intake": settings.IntakeSettings,
    "dispatch": settings.DispatchSettings,
    "clock": settings.ClockSettings,
    "send": settings.SendSettings,
    "mail": settings.MailSettings,
    "poll": settings.PollSettings,
}
# Read by the logging and metrics toolkit, not by us.
SHARED_ENVIRONMENT = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}


def test_there_is_a_function_for_every_folder_and_settings_for_every_function():
    folders = {p.name for p in (ROOT / "functions").iterdir() if (p / "__init__.py").is_file()}
    assert set(FUNCTIONS) == folders == set(SETTINGS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_a_function_needs_is_in_its_environment(name):
    needed = {f.name.upper() for f in fields(SETTINGS[name]) if f.default is MISSING}
    assert needed <= environment(FUNCTIONS[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_in_the_environment_is_a_setting_that_is_read(name):
    assert environment(FUNCTIONS[name]) <= {f.name.upper() for f in fields(SETTINGS[name])}


def test_what_all_functions_share_in_their_environment_is_the_toolkit_s():
    assert set(template()["Globals"]["Function"]["Environment"]["Variables"]) == SHARED_ENVIRONMENT


def test_no_secret_is_a_parameter_or_in_an_environment():
    assert not [name for name, parameter in template()["Parameters"].items() if "NoEcho" in parameter]
    names = {variable for f in FUNCTIONS.values() for variable in environment(f)} | SHARED_ENVIRONMENT
    assert not [n for n in names - {"SECRETS_PATH"} if any(w in n for w in ("SECRET", "TOKEN", "KEY", "PASSWORD"))]


def test_the_path_of_the_secrets_is_said_alike_to_all():
    said = {
        spell(f["Environment"]["Variables"]["SECRETS_PATH"])
        for f in FUNCTIONS.values()
        if "SECRETS_PATH" in environment(f)
    }
    assert said == {"/nightdesk/StackName"} == {spell(template()["Outputs"]["SecretsPath"]["Value"])}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_has_the_same_name_in_lambda_and_in_tests(name):
    function = resource(f"{name.capitalize()}Function")
    assert function["Properties"]["CodeUri"] == f"functions/{name}/"
    assert function["Properties"]["Handler"] == f"functions.{name}.handler.handler"
    assert function["Metadata"]["BuildProperties"] == {"ParentPackageMode": "auto"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_memory_and_purpose_are_explicit(name):
    function = FUNCTIONS[name]
    assert 0 < function["Timeout"] <= (300 if name == "poll" else 60)
    assert 128 <= function["MemorySize"] <= 1024
    assert len(function["Description"]) > 20


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_into_its_own_group(name):
    assert spell(FUNCTIONS[name]["LoggingConfig"]["LogGroup"]) == f"{name.capitalize()}Logs"


@pytest.mark.parametrize("group", resources("AWS::Logs::LogGroup"))
def test_logs_are_forgotten_after_a_time(group):
    assert spell(resources("AWS::Logs::LogGroup")[group]["RetentionInDays"]) == "LogRetentionDays"


def test_runtime_and_processor_are_said_once_for_functions_and_layer():
    shared = template()["Globals"]["Function"]
    layer = resource("SharedLayer")
    assert spell(shared["Runtime"]) == "PythonRuntime"
    assert [spell(a) for a in shared["Architectures"]] == ["Architecture"]
    assert [spell(a) for a in shared["Layers"]] == ["SharedLayer"]
    assert [spell(r) for r in layer["Properties"]["CompatibleRuntimes"]] == ["PythonRuntime"]
    assert [spell(a) for a in layer["Properties"]["CompatibleArchitectures"]] == ["Architecture"]
    assert spell(layer["Metadata"]["BuildMethod"]) == "PythonRuntime"
    assert spell(layer["Metadata"]["BuildArchitecture"]) == "Architecture"
    assert layer["Metadata"]["BuildProperties"] == {"ParentPackageMode": "explicit", "ParentPackages": "shared"}
    assert not [name for name, f in FUNCTIONS.items() if {"Runtime", "Architectures", "Layers"} & set(f)]


def test_lambda_runs_python_3_13_on_arm64_unless_told_otherwise():
    parameters = template()["Parameters"]
    assert (parameters["PythonRuntime"]["Default"], parameters["Architecture"]["Default"]) == ("python3.13", "arm64")


def test_what_a_deployment_must_be_told_is_the_mail_domain_and_the_desk_s_address():
    assert {n for n, p in template()["Parameters"].items() if "Default" not in p} == {"MailDomain", "DeskAddress"}
