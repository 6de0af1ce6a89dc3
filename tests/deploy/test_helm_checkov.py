"""checkov has nothing to say of the charts' manifests that is not answered: for all of them in helm/checkov.yaml, for one on that one."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.emulators import Missing
from tests.deploy.release import EVERY_WAY, HELM, of

checkov = pytest.importorskip("scripts.checkov")

BAD = "bad.yaml"
WORDS = 6  # a reason has more
# A pod with a capability more than none, and root's.
BAD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bad"},
    "spec": {"containers": [{"name": "bad", "image": "bad:1", "securityContext": {"privileged": True}}]},
}


def of_all() -> dict[str, str]:
    """What no manifest does, with the reason above it."""
    text = (HELM / "checkov.yaml").read_text()
    return {
        check: " ".join(reason.replace("#", " ").split()) for reason, check in re.findall(r"((?:^  #.*\n)+)  - (\w+)$", text, re.MULTILINE)
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of all manifests of all ways of use at once, for most of the time goes into checkov's start. Missing, it is as with the emulators."""
    folder: Path = tmp_path_factory.mktemp("manifests")
    for chart, way in EVERY_WAY:
        (folder / f"{chart}-{way}.yaml").write_text(yaml.safe_dump_all(list(of(chart, way).manifests.values())))
    (folder / BAD).write_text(yaml.safe_dump(BAD_POD))
    try:
        return checkov.look_over(folder)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def test_everything_was_read(report: Any) -> None:
    assert report.unreadable == []
    assert report.passed > 100 * len(EVERY_WAY)


def test_nothing_is_found_that_is_not_answered(report: Any) -> None:
    assert {
        (finding.check, finding.resource) for finding in report.failed if finding.file != BAD and finding.check not in of_all()
    } == set()


def test_every_answer_has_a_question_and_a_reason(report: Any) -> None:
    assert {finding.check for finding in report.failed if finding.file != BAD} == of_all().keys()
    reasons = [*of_all().values(), *(finding.reason for finding in report.skipped)]
    assert [reason for reason in reasons if len(reason.split()) < WORDS] == []


def test_what_is_bad_is_found(report: Any) -> None:
    assert {"CKV_K8S_16", "CKV_K8S_20", "CKV_K8S_23"} <= {finding.check for finding in report.failed if finding.file == BAD}
