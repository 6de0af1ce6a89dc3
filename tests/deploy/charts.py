"""The charts of this repository, rendered as Helm renders them, without its binary."""

from pathlib import Path

import yaml
from helm_python import Chart

from tests.deploy.manifests import Manifest, read
from tests.guard.source import ROOT

HELM = ROOT / "helm"


def charts() -> list[Path]:
    return sorted(file.parent for file in HELM.glob("*/Chart.yaml"))


def values_files(chart: Path) -> list[Path]:
    return sorted(chart.glob("ci/*-values.yaml"))


def values_of(*files: Path, last: dict[str, object] | None = None) -> dict[str, object]:
    """As `helm --values FILE --values FILE` lays one over the other."""
    merged: dict[str, object] = {}
    for values in (*(yaml.safe_load(file.read_text()) or {} for file in files), last or {}):
        _lay_over(merged, values)
    return merged


def _lay_over(below: dict[str, object], above: dict[str, object]) -> None:
    for key, value in above.items():
        kept = below.get(key)
        if isinstance(kept, dict) and isinstance(value, dict):
            _lay_over(kept, value)
        else:
            below[key] = value


def render(chart: Path, values: dict[str, object], *, name: str, namespace: str) -> dict[str, list[Manifest]]:
    """Manifests by the template that made them."""
    with Chart.load(chart) as loaded:
        rendered = loaded.render(values, name=name, namespace=namespace)
    return {template: read(text) for template, text in rendered.items() if not template.endswith("NOTES.txt")}


def of_krai(kind: str, name: str, **values: object) -> Manifest:
    """That manifest of helm/krai, with the values of GKE and `values` over them."""
    krai = HELM / "krai"
    made = render(krai, values_of(krai / "ci" / "gke-values.yaml", last=values), name="krai", namespace="krai-backend")
    (found,) = [one for manifests in made.values() for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def scaled_object(trigger: str) -> Manifest:
    return of_krai("ScaledObject", "krai-worker", worker={"scaling": {"trigger": trigger}})
