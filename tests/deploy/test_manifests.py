"""Every chart renders for every file of its ci/, and all that comes out is valid, strictly; the same for all that stands in gitops/."""

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.charts import charts, render, values_files, values_of
from tests.deploy.manifests import Manifest, named, problems

PLANTED = "misspelt"


@dataclass(frozen=True)
class Way:
    """One way of using a chart."""

    chart: Path
    values: Path

    def __str__(self) -> str:
        return f"{self.chart.name}-{self.values.name.removesuffix('-values.yaml')}"


WAYS = [Way(chart, values) for chart in charts() for values in values_files(chart)]


@cache
def rendered(way: Way) -> list[tuple[str, Manifest]]:
    """Where each manifest comes from, and the manifest."""
    by_template = render(way.chart, values_of(way.values), name=way.chart.name, namespace=way.chart.name)
    return [(template, manifest) for template, manifests in by_template.items() for manifest in manifests]


@pytest.fixture(scope="module")
def judged() -> dict[Way, list[str]]:
    """All that is wrong, of all ways at once."""
    made = [(way, template, manifest) for way in WAYS for template, manifest in rendered(way)]
    found: dict[Way, list[str]] = {way: [] for way in WAYS}
    for (way, template, manifest), wrong in zip(made, problems([manifest for *_, manifest in made]), strict=True):
        found[way] += [f"{template}, {named(manifest)}: {problem}" for problem in wrong]
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_a_chart_renders_is_valid(judged: dict[Way, list[str]], way: Way) -> None:
    assert judged[way] == []


def test_every_chart_has_ways_to_use_it() -> None:
    assert charts()
    assert [chart.name for chart in charts() if not values_files(chart)] == []


def test_a_misspelt_field_of_any_kind_that_is_rendered_is_refused() -> None:
    """In its spec where it has one, beside its name where it has none."""
    kinds = {f"{manifest['apiVersion']} {manifest['kind']}": manifest for way in WAYS for _, manifest in rendered(way)}
    spoiled = []
    for manifest in kinds.values():
        changed = copy.deepcopy(manifest)
        (changed["spec"] if isinstance(changed.get("spec"), dict) else changed)[PLANTED] = "x"
        spoiled.append(changed)
    accepted = [kind for kind, wrong in zip(kinds, problems(spoiled), strict=True) if not any(PLANTED in problem for problem in wrong)]
    assert accepted == []
