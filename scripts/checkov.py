"""checkov over what krai is deployed by: Terraform, Dockerfiles, workflows, and manifests as charts render them.

`python -m scripts.checkov` installs it, in a Python of its own. What it does not know of Google (Firestore, Secret Manager, subscriptions)
it is told by terraform/policies. It asks nobody on the network.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.emulators import ROOT, Missing
from scripts.separate import Separate

TOOL = Separate("checkov", Path(__file__).with_suffix(".txt"))
POLICIES = ROOT / "terraform" / "policies"
FRAMEWORKS = ("terraform", "dockerfile", "github_actions", "kubernetes")


@dataclass(frozen=True, slots=True)
class Finding:
    """`file` is relative to the folder that was looked over; `reason` is why it may stay, where somebody wrote that beside it."""

    check: str
    file: str
    resource: str
    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    failed: Sequence[Finding]
    skipped: Sequence[Finding]
    passed: int
    unreadable: Sequence[str]


def look_over(folder: Path) -> Report:
    """Everything in `folder`, of all frameworks. Raises Missing; where CI=true it is installed first."""
    if os.environ.get("CI") == "true":
        TOOL.install()
    if not TOOL.is_installed():
        raise Missing("checkov is not installed: python -m scripts.checkov")
    command = [TOOL.command("python"), TOOL.command("checkov"), "--directory", ".", "--framework", *FRAMEWORKS]
    command += ["--external-checks-dir", str(POLICIES), "--skip-download", "--output", "json", "--soft-fail"]
    environment = os.environ | {"LOG_LEVEL": "ERROR", "PYTHONDONTWRITEBYTECODE": ""}
    told = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
    reports = json.loads(told)
    results = [report["results"] for report in (reports if isinstance(reports, list) else [reports])]
    return Report(
        failed=[_finding(one) for result in results for one in result["failed_checks"]],
        skipped=[_finding(one) for result in results for one in result["skipped_checks"]],
        passed=sum(len(result["passed_checks"]) for result in results),
        unreadable=[error for result in results for error in result["parsing_errors"]],
    )


def _finding(one: dict[str, object]) -> Finding:
    result = one["check_result"]
    reason = str(result.get("suppress_comment", "")) if isinstance(result, dict) else ""
    return Finding(str(one["check_id"]), str(one["file_path"]).lstrip("/"), str(one["resource"]), str(one["check_name"]), reason)


if __name__ == "__main__":
    TOOL.install()
