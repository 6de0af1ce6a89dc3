"""The checks by which Argo CD says that something is healthy, run by the Lua that it has in it: 5.1."""

from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from tests.deploy.applications import GITOPS

CHECKS = yaml.safe_load((GITOPS / "values" / "argo-cd.yaml").read_text())["configs"]["cm"]


def health(kind: str, **thing: Any) -> str:
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals()["obj"] = lua.table_from({"metadata": {}} | thing, recursive=True)
    return str(lua.execute(CHECKS[f"resource.customizations.health.{kind}"])["status"])


def scaled(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": reason} for kind, status, reason in conditions]}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({}, "Progressing"),
        (scaled(("Ready", "Unknown", "")), "Progressing"),
        (scaled(("Ready", "True", "ScaledObjectReady"), ("Active", "False", "ScalerNotActive")), "Healthy"),
        (scaled(("Ready", "False", "TriggerError"), ("Active", "Unknown", "")), "Healthy"),
        (scaled(("Ready", "False", "HPAMetricsUnavailable")), "Healthy"),
        (scaled(("Ready", "False", "ScalingDegraded"), ("Active", "False", "ScalerNotActive")), "Healthy"),
        (scaled(("Ready", "Unknown", "PartialTriggerError")), "Progressing"),
        (scaled(("Ready", "False", "")), "Degraded"),
        (scaled(("Ready", "False", "ScaledObjectCheckFailed")), "Degraded"),
        (scaled(("Ready", "True", "ScaledObjectReady"), ("Fallback", "True", "FallbackExists")), "Degraded"),
        (scaled(("Ready", "False", "TriggerError"), ("Fallback", "True", "FallbackExists")), "Degraded"),
        (scaled(("Ready", "True", "ScaledObjectReady"), ("Paused", "True", "ScaledObjectPaused")), "Suspended"),
    ],
)
def test_a_trigger_without_a_figure_holds_nothing_back(status: dict[str, Any], told: str) -> None:
    assert health("keda.sh_ScaledObject", status=status) == told


def test_what_is_being_deleted_is_under_way() -> None:
    assert health("keda.sh_ScaledObject", metadata={"deletionTimestamp": "2026-01-31T12:00:00Z"}) == "Progressing"
    assert health("keda.sh_ScaledObject") == "Progressing"


@pytest.mark.parametrize(("status", "told"), [({}, "Progressing"), ({"health": {"status": "Degraded"}}, "Degraded")])
def test_an_application_is_as_healthy_as_it_says(status: dict[str, Any], told: str) -> None:
    assert health("argoproj.io_Application", status=status) == told
