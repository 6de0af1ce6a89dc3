"""gitops/ as Argo CD reads it: which applications there are, and what each brings into the cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.charts import render, values_of
from tests.deploy.manifests import Manifest, read
from tests.guard.source import ROOT

GITOPS = ROOT / "gitops"
CUSTOMERS = sorted((GITOPS / "customers").glob("*.yaml"))


@dataclass(frozen=True)
class Application:
    manifest: Manifest
    made: list[Manifest]  # by its charts
    value_files: frozenset[Path]

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def project(self) -> str:
        return str(self.manifest["spec"]["project"])

    @property
    def namespace(self) -> str:
        return str(self.manifest["spec"]["destination"]["namespace"])


def root() -> Manifest:
    (manifest,) = read((GITOPS / "root.yaml").read_text())
    return manifest


def apps(**more: object) -> list[Manifest]:
    """What the root application makes: projects, applications, and the set of customers where it names any."""
    source = root()["spec"]["source"]
    filled = {"$ARGOCD_APP_SOURCE_REPO_URL": source["repoURL"], "$ARGOCD_APP_SOURCE_TARGET_REVISION": source["targetRevision"]}
    values = source["helm"]["valuesObject"] | {one["name"]: filled[one["value"]] for one in source["helm"]["parameters"]} | more
    return [manifest for made in render(ROOT / source["path"], values, name="krai", namespace="argocd").values() for manifest in made]


def of_customers(set_of: Manifest, folder: Path) -> Iterator[Manifest]:
    """What the set makes of each file. Its template is Go's with sprig's functions, as Helm's own are."""
    (generator,) = set_of["spec"]["generators"]
    files = [file for one in generator["git"]["files"] for file in sorted(ROOT.glob(one["path"]))]
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: set, version: 0.1.0}")
    template = {"apiVersion": set_of["apiVersion"], "kind": "Application"} | set_of["spec"]["template"]
    (folder / "templates" / "application.yaml").write_text(f"{{{{ with .Values }}}}\n{yaml.safe_dump(template)}\n{{{{ end }}}}")
    for file in files:
        parameters = yaml.safe_load(file.read_text()) | {"path": {"filename": file.name}}
        for made in render(folder, parameters, name="set", namespace="argocd").values():
            yield from made


def opened(manifest: Manifest) -> Application:
    """With what its charts make, where these are in this repository."""
    spec = manifest["spec"]
    made: list[Manifest] = []
    files: set[Path] = set()
    for source in spec.get("sources") or [spec["source"]]:
        chart = ROOT / source["path"]
        beside = [(chart / name).resolve() for name in source["helm"].get("valueFiles", [])]
        files |= set(beside)
        values: dict[str, Any] = values_of(*beside, last=source["helm"].get("valuesObject", {}))
        by_template = render(chart, values, name=source["helm"]["releaseName"], namespace=spec["destination"]["namespace"])
        made += [one for manifests in by_template.values() for one in manifests]
    return Application(manifest, made, frozenset(files))
