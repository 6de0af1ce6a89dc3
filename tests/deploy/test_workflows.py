"""The workflows: nothing from outside that is not pinned, no right that a job does not need, and names that are documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.workflows import ACTIONS, USES, WORKFLOWS, Workflow, read
from tests.guard.source import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
TOOLS = Path(sys.executable).parent
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")

# Which job may change what. Everything else may read the repository at most.
WRITES = {
    "cd": {"image": {"id-token", "attestations"}},
    "ci": {},
    "infra": {"plan": {"id-token", "pull-requests"}},
    "release": {"plan": {"id-token"}, "apply": {"id-token"}},
    "slack": {},
}

BAD = """
name: bad
on: pull_request_target
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""


def zizmor(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "zizmor"), "--offline", "--no-progress", "--strict-collection", "--color=never", str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def unpinned(text: str) -> list[str]:
    """What is taken from outside by something else than a commit, or without the version that this was."""
    found = []
    for use in USES.finditer(text):
        pinned = PINNED.fullmatch(use["what"]) and re.fullmatch(r"v\d+\.\d+\.\d+", use["version"] or "")
        if not (pinned or use["what"].startswith("$/.github/")):
            found.append(use["what"])
    return found


def every_text() -> str:
    return "\n".join([*(workflow.text for workflow in WORKFLOWS.values()), *(action.read_text() for action in ACTIONS)])


def test_zizmor_is_content() -> None:
    found = zizmor(ROOT / ".github")
    assert found.returncode == 0, found.stdout


def test_zizmor_finds_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    found = zizmor(tmp_path / "bad.yaml")
    assert found.returncode != 0
    assert {"dangerous-triggers", "template-injection", "unpinned-uses"} <= set(re.findall(r"\[([a-z-]+)\]", found.stdout))


def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it() -> None:
    assert unpinned(every_text()) == []
    assert every_text().count("uses: ") == len(USES.findall(every_text())), "no `uses` escapes the pattern"


def test_an_action_is_the_same_everywhere() -> None:
    used = {(what.partition("@")[0], what) for what, _ in USES.findall(every_text()) if "@" in what}
    assert len({name for name, _ in used}) == len(used)


@pytest.mark.parametrize(
    "line",
    [
        "  - uses: actions/checkout@v4",
        "  - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "  uses: a/b/.github/workflows/c.yaml@main # v1.0.0",
        "  - uses: docker://alpine:3",
    ],
)
def test_what_is_not_pinned_is_found(line: str) -> None:
    assert len(unpinned(line)) == 1


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_rights_are_named_job_by_job(workflow: Workflow) -> None:
    assert workflow.content["permissions"] == {}
    assert workflow.writes() == WRITES[workflow.name]
    for job in workflow.jobs.values():
        assert {level for scope, level in job["permissions"].items() if scope != "contents"} <= {"write"}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_nothing_runs_for_ever_or_beside_itself(workflow: Workflow) -> None:
    assert all("timeout-minutes" in job for job in workflow.jobs.values() if "steps" in job)
    assert "concurrency" in workflow.content or workflow.triggers == {"workflow_call"}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_only_what_deploys_comes_into_the_project(workflow: Workflow) -> None:
    """An account that may change things is never at hand where a pull request says what is run."""
    signs_in = {job for job, content in workflow.jobs.items() if "google-github-actions/auth" in str(content)}
    assert signs_in == {job for job, may in workflow.writes().items() if "id-token" in may}
    if "pull_request" in workflow.triggers:
        accounts = set(re.findall(r"service_account: (\S.*)", workflow.text))
        assert accounts <= {"${{ vars.GCP_PLAN_SERVICE_ACCOUNT }}"}
        assert all("head.repo.full_name == github.repository" in workflow.jobs[job]["if"] for job in signs_in)


def test_a_plan_is_made_where_its_secrets_are() -> None:
    # Pull requests of forks and of Dependabot have none, and a check that always fails is no check.
    asked = " ".join(WORKFLOWS["infra"].jobs["plan"]["if"].split())
    assert "head.repo.full_name == github.repository" in asked
    # Not github.actor: that is whoever pushed last.
    assert "github.event.pull_request.user.login != 'dependabot[bot]'" in asked


def test_no_shell_script_has_words_of_others_in_it(tmp_path: Path) -> None:
    scripts = [step["run"] for workflow in WORKFLOWS.values() for step in workflow.steps() if "run" in step]
    assert [script for script in scripts if "${{" in script] == []
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.sh").write_text(f"#!/usr/bin/env bash\nset -e\n{script}")
    checked = subprocess.run(
        [TOOLS / "shellcheck", "--exclude=SC2153", *sorted(tmp_path.iterdir())], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("context", ["secrets", "vars"])
def test_every_secret_and_variable_is_documented_and_used(context: str) -> None:
    used = set().union(*(workflow.named(context) for workflow in WORKFLOWS.values()))
    kind = {"secrets": "secret", "vars": "variable"}[context]
    assert used == set(re.findall(rf"^\| `([A-Z_]+)` \| {kind} \|", PAGE, re.MULTILINE))


def test_terraform_is_the_same_everywhere() -> None:
    assert len(set(re.findall(r"terraform_version: (\S+)", every_text()))) == 1


def test_what_the_gate_wants_is_there_before_it() -> None:
    """The runner brings a browser and node, the action everything else: a job may want it without the gate, which would find it missing."""
    (action,) = (file.read_text() for file in ACTIONS if file.parent.name == "emulators")
    wanted = set(re.findall(r"missing\+=\((.*?)\)", (ROOT / ".ci" / "run").read_text()))
    packages = {package for line in wanted for package in line.split()}
    assert packages >= {"redis-server", "postgresql", "prometheus"}
    assert packages - {"chromium", "nodejs", "npm"} <= set(action.split())
    assert "hashicorp/setup-terraform@" in action


def test_the_python_of_the_image_is_tested() -> None:
    in_image = re.findall(r"^FROM python:([\d.]+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(in_image) <= set(WORKFLOWS["ci"].jobs["test"]["strategy"]["matrix"]["python"])


def test_images_are_signed_attested_and_named_by_their_commit() -> None:
    steps = WORKFLOWS["cd"].jobs["image"]["steps"]
    text = str(steps)
    assert text.index("build-push-action") < text.index("cosign sign --yes")
    assert "${GITHUB_SHA::7}" in text
    attested = [step["with"] for step in steps if "actions/attest@" in step.get("uses", "")]
    assert [("sbom-path" in what, what["push-to-registry"]) for what in attested] == [(False, True), (True, True)]
    assert all(what["subject-digest"] == "${{ steps.build.outputs.digest }}" for what in attested)
    assert {entry["name"] for entry in WORKFLOWS["cd"].jobs["image"]["strategy"]["matrix"]["include"]} == {"krai", "krai-frontend"}


def test_the_commit_that_names_the_images_gets_past_a_rule_for_main_and_starts_nothing() -> None:
    """By a deploy key, for no rule of a repository lets the app github-actions past; and what such a key pushes starts workflows."""
    bump = WORKFLOWS["cd"].jobs["bump"]
    (checkout,) = [step["with"] for step in bump["steps"] if "actions/checkout@" in step.get("uses", "")]
    assert checkout == {"ref": "main", "ssh-key": "${{ secrets.GITOPS_DEPLOY_KEY }}", "persist-credentials": True}
    assert bump["environment"] == "gitops", "where no other branch comes in"
    assert "--env gitops" in PAGE
    assert "--allow-write" in PAGE
    written = set(re.findall(r"strenv\(TAG\)' (\S+)", bump["steps"][-1]["run"]))
    assert written == {"gitops/values/krai.yaml", "gitops/values/krai-frontend.yaml"}
    started = {name for name, workflow in WORKFLOWS.items() if "branches" in (workflow.content[True].get("push") or {})}
    assert started == {"cd"}
    assert WORKFLOWS["cd"].content[True]["push"]["paths-ignore"] == ["gitops/**"]


def test_the_first_images_are_asked_for() -> None:
    assert "workflow_dispatch" in WORKFLOWS["cd"].triggers
    applied = PAGE.index("terraform -chdir=terraform apply -var=revision=main\n")
    assert PAGE.index("gh workflow run cd ") < PAGE.index("gh run watch ") < applied


def test_a_release_waits_for_no_customer() -> None:
    (waits,) = [step["run"] for step in WORKFLOWS["release"].steps() if "kubectl wait" in step.get("run", "")]
    assert "--all " not in waits
    assert "for name in external-secrets keda krai-backend krai-frontend krai; do" in waits


def test_a_job_without_rights_of_its_own_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    with pytest.raises(KeyError, match="permissions"):
        read(tmp_path / "bad.yaml").writes()
