"""Manifests as the cluster will judge them: strictly, unknown fields and unknown kinds refused."""

import json
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from scripts import npm

Manifest = dict[str, Any]

SCHEMAS = Path(__file__).with_name("schemas")
# The oldest Kubernetes that the charts say they run on, and the newest there is a schema of.
OLDEST, NEWEST = "1.31", "1.37"
# Kubernetes' own. Any other group is a custom resource.
OWN_GROUPS = {
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
}


class _Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice in one mapping, as the cluster does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ValueError(f"{key.value!r} stands twice{key.start_mark}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(text: str) -> list[Manifest]:
    """The documents of a YAML stream that are not empty. Raises ValueError."""
    return [document for document in yaml.load_all(text, _Loader) if document]


def named(manifest: Manifest) -> str:
    return f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"


def problems(manifests: Sequence[Manifest]) -> list[list[str]]:
    """What is wrong with each. One call for many: the compiler behind it takes two seconds, however few there are."""
    once = {json.dumps(manifest): manifest for manifest in manifests}
    own = {text: _own_problems(manifest) for text, manifest in once.items() if _is_own(manifest)}
    others = {text: manifest for text, manifest in once.items() if text not in own}
    found = own | dict(zip(others, _custom_problems(list(others.values())), strict=True))
    return [found[json.dumps(manifest)] for manifest in manifests]


def _is_own(manifest: Manifest) -> bool:
    group, _, version = manifest["apiVersion"].rpartition("/")
    return group in OWN_GROUPS and bool(version)


def _own_problems(manifest: Manifest) -> list[str]:
    found = []
    for version in (OLDEST, NEWEST):
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{error.json_path}: {error.message[:300]}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(error.message)
    return list(dict.fromkeys(found))


def _custom_problems(manifests: Sequence[Manifest]) -> list[list[str]]:
    if not manifests:
        return []
    install()
    node = ["node", "check.mjs"]
    done = subprocess.run(node, cwd=SCHEMAS, check=True, input=json.dumps(manifests), stdout=subprocess.PIPE, text=True)
    answers: list[list[str]] = json.loads(done.stdout)
    return answers


@cache
def install() -> None:
    """Without node these tests are skipped on a laptop, and fail where CI=true."""
    if npm.node_is_there():
        npm.install(SCHEMAS)
    elif os.environ.get("CI") == "true":
        pytest.fail("node is not installed")
    else:
        pytest.skip("node is not installed")
