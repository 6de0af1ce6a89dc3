"""What krai imports is declared, pinned, explained and used."""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from tests.guard.source import ROOT, Module, belongs, plant, read_modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: list[str] = [re.split(r"[\[=<>~! ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]]
DEV: list[str] = [re.split(r"[\[=<>~! ]", requirement)[0] for requirement in PROJECT["dependency-groups"]["dev"]]


# Packages that are not imported by their own name. Google's share one namespace.
IMPORTED_AS = {
    "backports.zstd": "backports_zstd",
    "google.api_core": "google_api_core",
    "google.auth": "google_auth",
    "google.oauth2": "google_auth",
    "google.cloud.bigquery": "google_cloud_bigquery",
    "google.cloud.firestore": "google_cloud_firestore",
    "google.cloud.firestore_v1": "google_cloud_firestore",
    "google.cloud.storage": "google_cloud_storage",
    "google.pubsub_v1": "google_cloud_pubsub",
    "grpc": "grpcio",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry_exporter_otlp_proto_http",
    "opentelemetry.sdk": "opentelemetry_sdk",
    "opentelemetry": "opentelemetry_api",
}


NEWER_PYTHONS = {"compression"}  # what the standard library of a later one has


def package_of(name: str) -> str:
    return next((package for prefix, package in IMPORTED_AS.items() if belongs(name, prefix)), name.partition(".")[0])


def imported(modules: Iterable[Module]) -> set[str]:
    """Packages of what is neither krai's nor Python's own."""
    names = {package_of(name) for module in modules for _, name in module.imports()}
    return names - sys.stdlib_module_names - NEWER_PYTHONS - {"krai", "main", "worker"}


def mismatches(modules: Iterable[Module], declared: Iterable[str]) -> set[str]:
    """What is imported but not declared, and what is declared but not imported."""
    return imported(modules) ^ {name.replace("-", "_") for name in declared}


def explained(page: str) -> set[str]:
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package", "---"}


def test_krai_declares_what_it_imports_and_nothing_else() -> None:
    assert mismatches(read_modules(), RUNTIME) == set()


def test_every_dependency_has_its_reason() -> None:
    assert explained((ROOT / "docs" / "dependencies.md").read_text()) == {*RUNTIME, *DEV}


def test_every_dependency_of_the_dashboard_has_its_reason() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text())
    page = (ROOT / "docs" / "dependencies.md").read_text().partition("## Dashboard")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([^`/]+|@[^`]+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE))))
    assert named == package["dependencies"].keys() | package["devDependencies"].keys()


def test_every_dependency_is_pinned() -> None:
    files = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    pinned = dict(pins := re.findall(r"^([a-z0-9-]+)==(\S+)", files, re.MULTILINE))
    assert {*RUNTIME, *DEV} <= pinned.keys()
    assert {(name, version) for name, version in pins} == set(pinned.items()), "one version of each"


def test_an_undeclared_and_an_unused_dependency_are_found(tmp_path: Path) -> None:
    lines = ("import os", "from krai import errors", "from attrs import define", "import pydantic_core", "import grpc.aio")
    modules = plant(tmp_path, {"krai/job.py": "\n".join((*lines, "from google.cloud import storage, tasks"))})
    declared = ["pydantic-core", "left-pad", "google-cloud-storage", "google-auth", "grpcio"]
    assert mismatches(modules, declared) == {"attrs", "left_pad", "google_auth", "google"}


def test_a_dependency_without_a_reason_is_not_explained() -> None:
    assert explained("| package | for |\n| --- | --- |\n| pydantic-core | errors |\nword | x |\n") == {"pydantic-core"}
