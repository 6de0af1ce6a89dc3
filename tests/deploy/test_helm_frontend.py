"""helm/krai-frontend fits the image of frontend/Dockerfile."""

import json
import re

import pytest

from tests.deploy.release import WAYS, of, render, values
from tests.guard.source import ROOT

FRONTEND = ROOT / "frontend"
WRITTEN_TO = {"/tmp"}  # noqa: S108 - a volume of its own


@pytest.mark.parametrize("way", WAYS["krai-frontend"])
def test_every_variable_is_one_that_the_image_reads(way: str) -> None:
    named = set(re.findall(r"(\w+)=\"", re.findall(r"^ENV .*$", (FRONTEND / "Dockerfile").read_text(), re.MULTILINE)[0]))
    assert of("krai-frontend", way).plain("frontend").keys() == named


@pytest.mark.parametrize("way", WAYS["krai-frontend"])
def test_pods_are_restricted_and_write_where_nginx_does(way: str) -> None:
    pod = of("krai-frontend", way).pods()["frontend"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == WRITTEN_TO
    assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"])
    assert pod["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"]


def test_the_image_writes_where_the_pod_may() -> None:
    written = re.findall(r"NGINX_ENVSUBST_OUTPUT_DIR=(\S+)", (FRONTEND / "Dockerfile").read_text())
    assert written
    assert set(written) <= WRITTEN_TO


def test_nginx_answers_what_is_asked() -> None:
    template = (FRONTEND / "nginx" / "default.conf.template").read_text()
    container = of("krai-frontend", "gke").container("frontend")
    (port,) = container["ports"]
    assert f"listen {port['containerPort']};" in template
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert f"location = {container[probe]['httpGet']['path']} {{" in template
    health = of("krai-frontend", "gke").get("HealthCheckPolicy", "krai-frontend")
    assert health["spec"]["default"]["config"]["httpHealthCheck"]["requestPath"] == "/healthz"


def test_it_has_its_path_of_the_apis_host_or_a_host_of_its_own() -> None:
    (rule,) = of("krai-frontend", "gke").get("HTTPRoute", "krai-frontend")["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/ui"}}]
    (own,) = of("krai-frontend", "own-host").get("Ingress", "krai-frontend")["spec"]["rules"]
    assert own["http"]["paths"][0]["path"] == "/"


def test_ways_to_sign_in_are_json() -> None:
    assert json.loads(of("krai-frontend", "gke").plain("frontend")["KRAI_SIGN_IN"]) == [{"name": "Google", "url": "/login"}]


def test_it_calls_nobody() -> None:
    policy = of("krai-frontend", "gke").get("NetworkPolicy", "krai-frontend")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy


def test_a_customers_file_is_for_both_charts() -> None:
    customer = {"host": "a.example.org", "customer": {"name": "A", "greeting": "Hi!"}, "limits": {"create": "10/minute", "queuedJobs": 5}}
    krai = render("krai", values("krai", "embedded") | customer)
    page = render("krai-frontend", values("krai-frontend", "embedded") | customer)
    assert krai.plain("api").items() >= {"CUSTOMER_NAME": "A", "KRAI_CUSTOMER_GREETING": "Hi!", "KRAI_QUOTA_QUEUED": "5"}.items()
    assert page.plain("frontend")["CUSTOMER_NAME"] == "A"
    assert {
        rule["host"]
        for release, name in ((krai, "krai-api"), (page, "krai-frontend"))
        for rule in release.get("Ingress", name)["spec"]["rules"]
    } == {"a.example.org"}
