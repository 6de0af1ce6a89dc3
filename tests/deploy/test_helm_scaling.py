"""How many workers there are for how many messages, by the formula of Kubernetes' autoscaler and the rendered ScaledObject."""

import math
from typing import Any

import pytest

from tests.deploy.release import KRAI_WAYS, of

TOLERANCE = 0.1  # kube-controller-manager's --horizontal-pod-autoscaler-tolerance
TRIGGERS = {"gke": "prometheus", "pubsub-trigger": "gcp-pubsub", "backlog-trigger": "metrics-api"}
TARGET = {"prometheus": "threshold", "gcp-pubsub": "value", "metrics-api": "targetValue"}


def scaler(way: str) -> dict[str, Any]:
    return dict(of("krai", way).get("ScaledObject", "krai-worker")["spec"])


def target(spec: dict[str, Any]) -> float:
    (trigger,) = spec["triggers"]
    return float(trigger["metadata"][TARGET[trigger["type"]]])


def workers(spec: dict[str, Any], messages: int, *, now: int) -> int:
    """KEDA's metric is an AverageValue: ceil(metric / target), unless the replicas there are fit within the tolerance; then the bounds.

    With a minimum of 0 KEDA itself takes the last worker away when there is no message, and brings the first one when there is one.
    """
    low, high = spec["minReplicaCount"], spec["maxReplicaCount"]
    if messages == 0:
        return int(low)
    wanted = math.ceil(messages / target(spec))
    if now and abs(messages / (target(spec) * now) - 1) <= TOLERANCE + 1e-9:
        wanted = now
    return int(min(max(wanted, low, 1), high))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [(0, 1), (1, 1), (4, 1), (5, 1), (6, 2), (10, 2), (11, 3), (15, 3), (16, 3), (1000, 3)],
)
def test_workers_by_messages(messages: int, expected: int) -> None:
    spec = scaler("gke")
    assert workers(spec, messages, now=1) == expected
    if messages != 11:
        assert {workers(spec, messages, now=now) for now in (1, 2, 3)} == {expected}


def test_within_a_tenth_kubernetes_changes_nothing() -> None:
    spec = scaler("gke")
    assert workers(spec, 11, now=2) == 2, "as helm/krai/README.md says"
    assert workers(spec, 12, now=2) == 3


def test_how_often_and_how_long() -> None:
    spec = scaler("gke")
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["pollingInterval"], spec["cooldownPeriod"]) == (1, 3, 15, 60)
    # KEDA's cooldown is for the last worker alone.
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert target(spec) == 5


@pytest.mark.parametrize(("way", "trigger"), TRIGGERS.items())
def test_each_trigger_asks_for_the_same(way: str, trigger: str) -> None:
    spec = scaler(way)
    (only,) = spec["triggers"]
    assert only["type"] == trigger
    assert target(spec) == 5
    assert spec["scaleTargetRef"] == {"name": "krai-worker"}
    assert "replicas" not in of("krai", way).get("Deployment", "krai-worker")["spec"], "KEDA's to set"
    asks_google = trigger != "metrics-api"
    assert ("authenticationRef" in only) == asks_google
    if asks_google:
        assert of("krai", way).get("TriggerAuthentication", only["authenticationRef"]["name"])["spec"] == {
            "podIdentity": {"provider": "gcp"}
        }


def test_cloud_monitoring_is_asked_for_the_subscription() -> None:
    (only,) = scaler("gke")["triggers"]
    asked = only["metadata"]
    assert asked["serverAddress"] == "https://monitoring.googleapis.com/v1/projects/example-project/location/global/prometheus"
    assert 'subscription_id="krai-jobs-sub"' in asked["query"]
    assert asked["ignoreNullValues"] == "false"


def test_the_backlog_is_read_where_the_api_serves_it() -> None:
    release = of("krai", "backlog-trigger")
    (only,) = scaler("backlog-trigger")["triggers"]
    assert only["metadata"]["valueLocation"] == "krai_queue_backlog"
    assert only["metadata"]["url"] == "http://krai-metrics.krai-backend.svc:9090/metrics"
    assert release.get("Service", "krai-metrics")["spec"]["ports"] == [{"name": "metrics", "port": 9090, "targetPort": "metrics"}]
    (rule,) = release.get("NetworkPolicy", "krai-metrics")["spec"]["ingress"]
    assert "keda" in rule["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"]


def test_without_keda_there_is_no_trace_of_it() -> None:
    release = of("krai", "emulators")
    assert release.get("Deployment", "krai-worker")["spec"]["replicas"] == 1
    assert not [kind for kind, _ in release.manifests if kind in {"ScaledObject", "TriggerAuthentication"}]


def test_the_api_scales_by_cpu() -> None:
    spec = of("krai", "gke").get("HorizontalPodAutoscaler", "krai-api")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    assert spec["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    ]
    with_autoscaler = [way for way in KRAI_WAYS if of("krai", way).has("HorizontalPodAutoscaler", "krai-api")]
    assert all("replicas" not in of("krai", way).get("Deployment", "krai-api")["spec"] for way in with_autoscaler)
