"""A release of a chart as Helm would make it, and what its containers are told."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

from tests.guard.source import ROOT

HELM = ROOT / "helm"
NAMESPACE = "krai-backend"
WAYS = {
    chart: sorted(file.stem.removesuffix("-values") for file in (HELM / chart / "ci").glob("*-values.yaml"))
    for chart in ("krai", "krai-frontend")
}
EVERY_WAY = [(chart, way) for chart, ways in WAYS.items() for way in ways]
KRAI_WAYS = WAYS["krai"]
Manifest = dict[str, Any]


class Release:
    """The manifests of one release, by kind and name."""

    def __init__(self, manifests: Mapping[tuple[str, str], Manifest]) -> None:
        self.manifests = manifests

    def get(self, kind: str, name: str) -> Manifest:
        return self.manifests[kind, name]

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self.manifests

    def pods(self) -> dict[str, Manifest]:
        """Pod specifications by component."""
        found = {}
        for (kind, _), manifest in self.manifests.items():
            if kind == "Deployment":
                template = manifest["spec"]["template"]
            elif kind == "CronJob":
                template = manifest["spec"]["jobTemplate"]["spec"]["template"]
            else:
                continue
            found[template["metadata"]["labels"].get("app.kubernetes.io/component", "frontend")] = template["spec"]
        return found

    def container(self, component: str) -> Manifest:
        (container,) = self.pods()[component]["containers"]
        return dict(container)

    def plain(self, component: str) -> dict[str, str]:
        """Environment variables whose value stands in the manifest."""
        return {item["name"]: item["value"] for item in self.container(component)["env"] if "value" in item}

    def secret(self, component: str) -> set[str]:
        """Those that come from a Secret."""
        return {item["name"] for item in self.container(component)["env"] if "secretKeyRef" in item.get("valueFrom", {})}


def values(chart: str, way: str) -> dict[str, Any]:
    return dict(yaml.safe_load((HELM / chart / "ci" / f"{way}-values.yaml").read_text()))


def render(chart: str, own: Mapping[str, Any], *, folder: Path = HELM) -> Release:
    """Raises HelmValuesError and HelmRenderError."""
    with Chart.load(folder / chart) as loaded:
        rendered = loaded.render(dict(own), name="krai", namespace=NAMESPACE)
    found: dict[tuple[str, str], Manifest] = {}
    for manifest in _documents(rendered):
        key = manifest["kind"], manifest["metadata"]["name"]
        if key in found:
            raise ValueError(f"{key} is there twice")
        found[key] = manifest
    return Release(found)


@cache
def of(chart: str, way: str) -> Release:
    """The release of one of the chart's ways of use."""
    return render(chart, values(chart, way))


def _documents(rendered: Mapping[str, str]) -> Iterator[Manifest]:
    for template, text in rendered.items():
        if not template.endswith("NOTES.txt"):
            yield from (document for document in yaml.safe_load_all(text) if document)
