"""`make deploy` with helm and kubectl that only write down what they are asked."""

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.deploy.release import render
from tests.guard.source import ROOT

RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >>"$RECORD"
case "$*" in
  "get namespace "*|*"get secret krai") [ -e "$RECORD.there" ] ;;
  *"create secret"*) cat >"$RECORD.key" ;;
esac
"""


class Tree:
    """A copy of what `make deploy` reads, with one customer, and tools that record."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record = folder, folder / "record"
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "deploy", folder / "scripts")
        (folder / "helm").symlink_to(ROOT / "helm")
        (folder / "gitops" / "customers").mkdir(parents=True)
        (folder / "gitops" / "customers" / "a.yaml").write_text("host: a.example.org\ncustomer: {name: A, greeting: Hi!}\n")
        (folder / "bin").mkdir()
        for tool in ("helm", "kubectl"):
            (folder / "bin" / tool).write_text(RECORDER)
            (folder / "bin" / tool).chmod(0o755)

    def deploy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["scripts/deploy"],
            cwd=self.folder,
            env={"PATH": path, "RECORD": str(self.record), "TAG": "0a1b2c3"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self) -> list[str]:
        return self.record.read_text().splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_customer_gets_a_namespace_a_key_and_both_charts(tree: Tree) -> None:
    done = tree.deploy(CUSTOMER="a")
    assert done.returncode == 0, done.stderr
    asked = tree.asked()
    assert "kubectl create namespace krai-a" in asked
    assert "kubectl label --overwrite namespace krai-a pod-security.kubernetes.io/enforce=restricted" in asked
    key = (tree.folder / "record.key").read_text()
    assert len(key) >= 40
    assert key not in done.stdout + done.stderr + "".join(asked)
    releases = [line.split() for line in asked if line.startswith("helm ")]
    assert [line[3:5] for line in releases] == [["krai", "helm/krai"], ["krai-frontend", "helm/krai-frontend"]]
    for _, _, _, name, _, *options in releases:
        files = [after for option, after in pairwise(options) if option == "--values"]
        merged: dict[str, object] = {}
        for file in files:
            merged |= yaml.safe_load((tree.folder / file).read_text())
        assert render(name, merged).plain("api" if name == "krai" else "frontend")["CUSTOMER_NAME"] == "A"
        assert "image.tag=0a1b2c3" in options


def test_what_is_there_stays(tree: Tree) -> None:
    (tree.folder / "record.there").touch()
    assert tree.deploy(CUSTOMER="a").returncode == 0
    assert not [line for line in tree.asked() if " create " in line]


def test_a_deployment_in_the_cloud_makes_no_key(tree: Tree) -> None:
    assert tree.deploy(CUSTOMER="a", VALUES="helm/krai/ci/gke-values.yaml").returncode == 0
    assert not [line for line in tree.asked() if "secret" in line]
    assert "--values helm/krai/ci/gke-values.yaml" in tree.record.read_text()


@pytest.mark.parametrize("customer", ["", "b", "../customers/a"])
def test_a_customer_that_is_none_is_refused(tree: Tree, customer: str) -> None:
    done = tree.deploy(CUSTOMER=customer)
    assert done.returncode == 2, done.stderr
    assert "a.yaml" in done.stderr
    assert not tree.record.exists()
