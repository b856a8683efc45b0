"""What the tools say about the template, with their remarks switched on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.infra.stack import ROOT


def run(*command: str) -> subprocess.CompletedProcess[str]:
    tool, *arguments = command
    offline = {"AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(
        [str(Path(sys.executable).parent / tool), *arguments],
        cwd=ROOT,
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )


def test_cfn_lint_has_nothing_to_say():
    result = run("cfn-lint", "--config-file", "infra/lint/cfnlint.yaml")
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_sam_validate_finds_a_valid_template():
    result = run("sam", "validate", "--lint")
    assert result.returncode == 0, result.stdout + result.stderr
