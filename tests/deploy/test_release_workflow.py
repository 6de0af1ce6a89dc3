"""The steps of `release` that act, as a shell runs them: what they ask of kubectl, Terraform and gcloud, and what they make of it."""

import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.workflows import WORKFLOWS

APPLY = WORKFLOWS["release"].jobs["apply"]
STEPS: dict[str, dict[str, Any]] = {step.get("name", step.get("id", step.get("uses"))): step for step in APPLY["steps"]}
RELEASED = ("external-secrets", "keda", "krai-backend", "krai-frontend", "krai")
TOOL = '#!/bin/bash\necho "$(basename "$0") $*" >>"$LOG"\n'


@dataclass
class Runner:
    """A checkout of the tag v2, and tools that answer what a test says."""

    folder: Path
    answers: dict[str, str] = field(default_factory=dict)  # a tool's words begin with this: what a shell does then

    def git(self, *words: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
        names = [option for name in ("user.name", "user.email") for option in ("-c", f"{name}=x")]
        done = subprocess.run(
            ["git", *names, *words], cwd=self.folder / "code", env=os.environ | own, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def run(self, name: str, **told: str) -> tuple[int, list[str]]:
        """Whether the step succeeds, and what it asked."""
        step = STEPS[name]
        tools = self.folder / "bin"
        tools.mkdir(exist_ok=True)
        answers = self.answers | {"gh api repos/owner/krai/git/ref/tags/v2 --jq .object.sha": f"echo {self.git('rev-parse', 'v2')}"}
        for tool in ("kubectl", "terraform", "gcloud", "gh", "sleep"):
            cases = "".join(f"  '{words}'*) {then} ;;\n" for words, then in answers.items())
            (tools / tool).write_text(f'{TOOL}case "$(basename "$0") $*" in\n{cases}esac\n')
            (tools / tool).chmod(0o755)
        log = self.folder / "log"
        log.write_text("")
        given = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "LOG": str(log),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_REPOSITORY": "owner/krai",
            "GITHUB_REF_NAME": "v2",
            "GITHUB_SHA": self.git("rev-parse", "v2^{commit}"),
            "BUCKET": "b",
        }
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.folder / "code" / step.get("working-directory", ""),
            env=given | told,
            check=False,
            capture_output=True,
            text=True,
            timeout=20,  # it waits where it should not
        )
        return done.returncode, log.read_text().splitlines()

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    runner = Runner(tmp_path)
    for folder in ("terraform", "helm", "gitops/values"):
        (tmp_path / "code" / folder).mkdir(parents=True)
    (tmp_path / "code" / "terraform" / "main.tf").touch()
    runner.git("init", "--quiet")
    for version in ("v1", "v2"):
        (tmp_path / "code" / "helm" / "chart").write_text(version)
        (tmp_path / "code" / "gitops" / "values" / "krai.yaml").write_text(version)
        runner.git("add", "--all")
        runner.git("commit", "--quiet", "--message", version)
        runner.git("tag", "--annotate", "--message", version, version)
    return runner


def test_what_argo_cd_follows_is_what_was_before(runner: Runner) -> None:
    runner.answers = {
        "terraform output": """echo '{"revision": {"value": "v0"}}'""",
        "kubectl get crd": "echo crd",
        "kubectl get application krai ": "printf v1",
        "kubectl get deployment krai-api": "printf eu-docker.pkg.dev/p/krai/krai:abc1234",
    }
    assert runner.run("What runs now")[0] == 0
    assert runner.outputs() == {"revision": "v1", "image_tag": "abc1234"}


def test_without_argo_cd_it_is_what_terraform_has_deployed(runner: Runner) -> None:
    runner.answers = {
        "terraform output": """echo '{"revision": {"value": "v0"}}'""",
        "kubectl get application": "exit 1",
        "kubectl get deployment krai-api": "printf eu-docker.pkg.dev/p/krai/krai:abc1234",
    }
    assert runner.run("What runs now")[0] == 0
    assert runner.outputs() == {"revision": "v0", "image_tag": "abc1234"}


def test_a_release_begins_where_nothing_runs(runner: Runner) -> None:
    runner.answers = {"terraform output": "echo '{}'"}
    assert runner.run("What runs now")[0] == 0
    assert runner.outputs() == {"revision": "", "image_tag": ""}


def test_a_cluster_that_does_not_answer_is_not_an_empty_one(runner: Runner) -> None:
    runner.answers = {"terraform output": "echo '{}'", "kubectl get deployment": "exit 1"}
    assert runner.run("What runs now")[0] != 0


@pytest.mark.parametrize("shown", ["v2^{commit}", "v2"], ids=["commit", "tag"])
def test_each_of_what_was_released_is_waited_for(runner: Runner, shown: str) -> None:
    # Argo CD still shows the version before when it is asked for the first time.
    there = runner.folder / "asked"
    runner.answers = {
        "kubectl get application keda": f"[ -e {there} ] && printf {runner.git('rev-parse', shown)}; touch {there}",
        "kubectl get application": f"printf {runner.git('rev-parse', shown)}",
        "kubectl get deployments": "echo deployment.apps/a; echo deployment.apps/b",
    }
    done, asked = runner.run("It runs", DELIVERY="argocd")
    assert done == 0
    waits = [line.split() for line in asked if line.startswith("kubectl wait")]
    assert [(words[3], words[6].rpartition("=")[2]) for words in waits] == [
        (name, state) for name in RELEASED for state in ("Synced", "Healthy")
    ]
    assert sum(line.startswith("sleep") for line in asked) == 1
    assert not any("--all" in line for line in asked)
    rolled = [line.split() for line in asked if line.startswith("kubectl rollout")]
    assert [(words[4], words[-1]) for words in rolled] == [
        (namespace, f"deployment.apps/{name}") for namespace in ("krai-backend", "krai-frontend") for name in "ab"
    ]


@pytest.mark.parametrize("name", RELEASED)
def test_one_that_stays_behind_is_no_release(runner: Runner, name: str) -> None:
    runner.answers = {
        f"kubectl get application {name}": f"printf {runner.git('rev-parse', 'v1')}",
        "kubectl get application": f"printf {runner.git('rev-parse', 'v2')}",
        "sleep": "exit 1",  # it would wait until its time is over
    }
    assert runner.run("It runs", DELIVERY="argocd")[0] != 0


@pytest.mark.parametrize("broken", ["kubectl wait application krai-frontend", "kubectl rollout status --namespace krai-frontend"])
def test_one_that_is_not_healthy_is_no_release(runner: Runner, broken: str) -> None:
    runner.answers = {
        broken: "exit 1",
        "kubectl get application": f"printf {runner.git('rev-parse', 'v2')}",
        "kubectl get deployments": "echo deployment.apps/a",
        "kubectl rollout": 'case "$*" in *krai-frontend*) exit 1 ;; esac',
    }
    assert runner.run("It runs", DELIVERY="argocd")[0] != 0


def test_what_terraform_deploys_is_no_application(runner: Runner) -> None:
    runner.answers = {"kubectl get application": "exit 1", "kubectl get deployments": "echo deployment.apps/a"}
    done, asked = runner.run("It runs", DELIVERY="helm")
    assert done == 0
    assert [line for line in asked if "application" in line] == []
    assert sum(line.startswith("kubectl rollout") for line in asked) == 2


def test_terraform_goes_back_with_the_charts_of_then(runner: Runner) -> None:
    done, asked = runner.run("Back to what was before", REVISION="v1", IMAGE_TAG="abc1234")
    assert done == 0
    assert asked[-1] == "terraform apply -refresh=false -auto-approve -var=revision=v1 -var=image_tag=abc1234"
    assert (runner.folder / "code" / "helm" / "chart").read_text() == "v1"
    assert (runner.folder / "code" / "gitops" / "values" / "krai.yaml").read_text() == "v1"


def test_a_branch_is_gone_back_to_by_its_name(runner: Runner) -> None:
    done, asked = runner.run("Back to what was before", REVISION="main-of-somebody", IMAGE_TAG="")
    assert done == 0
    assert "-var=revision=main-of-somebody " in asked[-1]
    assert (runner.folder / "code" / "helm" / "chart").read_text() == "v2"


@pytest.mark.parametrize(("who", "removals"), [(f"{getuser()}@{socket.gethostname()}", 1), ("ada@laptop", 0)])
def test_only_its_own_lock_is_removed(runner: Runner, who: str, removals: int) -> None:
    runner.answers = {
        "gcloud storage cat gs://b/krai/default.tflock": f"echo '{json.dumps({'Who': who})}'",
        "gcloud storage objects describe gs://b/krai/default.tflock": "echo 1764150000000000",
    }
    done, asked = runner.run("Back to what was before", REVISION="v1", IMAGE_TAG="abc1234")
    assert done == 0
    assert asked.count("terraform force-unlock -force 1764150000000000") == removals


def test_there_is_nothing_to_go_back_to_after_the_first(runner: Runner) -> None:
    done, asked = runner.run("Back to what was before", REVISION="", IMAGE_TAG="")
    assert (done, asked) == (1, [])


def test_whatever_ends_a_release_it_goes_back() -> None:
    names = list(STEPS)
    assert names.index("What runs now") < names.index("apply") < names.index("It runs") < names.index("Back to what was before")
    assert STEPS["Back to what was before"]["if"] == "(failure() || cancelled()) && steps.before.outcome == 'success'"
    # A step that runs out of time has failed. A job that does is cancelled, with five minutes left.
    within = [STEPS[name]["timeout-minutes"] for name in ("apply", "It runs", "Back to what was before")]
    assert sum(within) + 30 <= APPLY["timeout-minutes"]


def test_a_token_does_not_run_out_while_somebody_waits() -> None:
    (credentials,) = [step["with"] for step in APPLY["steps"] if "get-gke-credentials@" in step.get("uses", "")]
    (tools,) = [step["with"] for step in APPLY["steps"] if "setup-gcloud@" in step.get("uses", "")]
    assert credentials["use_auth_provider"] == "true"
    assert tools["install_components"] == "gke-gcloud-auth-plugin"
