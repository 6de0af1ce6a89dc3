"""The charts of KEDA and External Secrets: pinned, locked, and told nothing that they do not know.

The charts themselves are not in this repository. What needs them runs once `helm dependency build helm/keda` has brought them.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

from tests.deploy.charts import HELM, charts

WRAPPERS = [chart for chart in charts() if yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies")]
OF_A_DEPENDENCY = ("name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias")


def digest(wanted: list[dict[str, Any]], locked: list[dict[str, Any]]) -> str:
    """As Helm's resolver makes it: of what is wanted and of what was found, not of the archives."""
    both = [[{key: one[key] for key in OF_A_DEPENDENCY if key in one} for one in some] for some in (wanted, locked)]
    return f"sha256:{hashlib.sha256(json.dumps(both, separators=(',', ':')).encode()).hexdigest()}"


def unknown(values: dict[str, Any], known: dict[str, Any], path: str = "") -> list[str]:
    """What upstream's values do not have. An empty mapping there takes anything."""
    found = []
    for key, value in values.items():
        if key not in known:
            found.append(f"{path}{key}")
        elif isinstance(value, dict) and isinstance(known[key], dict) and known[key]:
            found += unknown(value, known[key], f"{path}{key}.")
    return found


def test_there_are_two() -> None:
    assert [chart.name for chart in WRAPPERS] == ["external-secrets", "keda"]


@pytest.mark.parametrize("chart", WRAPPERS, ids=lambda chart: str(chart.name))
def test_the_lock_is_of_this_chart(chart: Path) -> None:
    wanted = yaml.safe_load((chart / "Chart.yaml").read_text())["dependencies"]
    lock = yaml.safe_load((chart / "Chart.lock").read_text())
    assert [(one["name"], one["version"], one["repository"]) for one in wanted] == [
        (one["name"], one["version"], one["repository"]) for one in lock["dependencies"]
    ], "exact versions"
    assert lock["digest"] == digest(wanted, lock["dependencies"])


@pytest.mark.parametrize("chart", WRAPPERS, ids=lambda chart: str(chart.name))
def test_the_repository_is_added_before_the_archive_is_fetched(chart: Path) -> None:
    """`helm dependency build` takes no repository that this machine has no name for."""
    (wanted,) = yaml.safe_load((chart / "Chart.yaml").read_text())["dependencies"]
    added, built, _ = (chart / "README.md").read_text().partition("helm dependency build ")
    assert built
    assert re.search(rf"^helm repo add \S+ {re.escape(wanted['repository'])}$", added, re.MULTILINE)


def test_a_digest_is_as_helm_makes_it() -> None:
    """A lock file that Helm wrote, of another chart."""
    locked = {"name": "bitwarden-sdk-server", "version": "v0.6.0", "repository": "oci://ghcr.io/external-secrets/charts"}
    wanted = locked | {"condition": "bitwarden-sdk-server.enabled"}
    assert digest([wanted], [locked]) == "sha256:208b88721c3e5991e45a41a2d5dd376ac8d98af6991bc7da43e86955ccda1c9a"


@pytest.mark.parametrize("chart", WRAPPERS, ids=lambda chart: str(chart.name))
def test_every_value_is_one_that_the_chart_below_knows(chart: Path) -> None:
    (dependency,) = yaml.safe_load((chart / "Chart.yaml").read_text())["dependencies"]
    archive = chart / "charts" / f"{dependency['name']}-{dependency['version']}.tgz"
    if not archive.exists():
        pytest.skip(f"helm dependency build helm/{chart.name}")
    with Chart.load(archive) as below:
        values = yaml.safe_load((chart / "values.yaml").read_text())
        assert list(values) == [dependency["name"]]
        assert unknown(values[dependency["name"]], below.values) == []


def test_an_unknown_value_is_found() -> None:
    known = {"a": {"b": 1, "free": {}}}
    assert unknown({"a": {"b": 2, "free": {"x": 1}}}, known) == []
    assert unknown({"a": {"bb": 2}, "c": 1}, known) == ["a.bb", "c"]


def test_no_wrapper_is_told_a_project() -> None:
    """Whose project it is stands in gitops/, once."""
    for chart in WRAPPERS:
        assert "iam.gserviceaccount.com" not in yaml.safe_dump(yaml.safe_load((HELM / chart.name / "values.yaml").read_text()))
