"""helm/krai: pods that krai's own settings accept, with no more rights, secrets and ways out than each needs."""

import json
import re
from pathlib import Path

import pytest
import yaml
from helm_python import values_from_yaml

from krai.settings import Mode, Settings
from scripts.chart_words import SECRETS
from tests.deploy.release import HELM, KRAI_WAYS, of, render, values

NAMES = {str(field.alias) for field in Settings.model_fields.values()}
GCP_WAYS = [way for way in KRAI_WAYS if way != "embedded"]
PLAUSIBLE = {
    "API_KEY": "a-secret-of-its-own",
    "KRAI_MANIFEST_KEY": "off",
    "KRAI_WAREHOUSE_URL": "postgresql://u:p@h/d?sslmode=require",
    "KRAI_ICEBERG_CREDENTIAL": "id:secret",
    "KRAI_RATE_LIMIT_STORAGE": "redis://h:6379/0",
    "KRAI_OIDC_ISSUERS": '[{"issuer": "https://i.example", "audience": "a", "tenant": "t"}]',
    "GOOGLE_CLIENT_SECRET": "secret",
}
MOUNTED = {"tmp": "/tmp", "data": "/data"}  # noqa: S108 - a volume of its own
CONTAINER_PORTS = {"api": {"http": 8080, "metrics": 9090}, "worker": {"metrics": 9090}}


def settings_of(way: str, component: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the process in that container reads them. Raises what krai raises on settings it refuses."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    release = of("krai", way)
    for name, value in release.plain(component).items() | {(name, PLAUSIBLE[name]) for name in release.secret(component)}:
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("way", KRAI_WAYS)
def test_every_variable_is_a_setting_and_no_secret_is_plain(way: str) -> None:
    release = of("krai", way)
    for component in release.pods():
        listed = [item["name"] for item in release.container(component)["env"]]
        assert len(listed) == len(set(listed)), component
        assert set(listed) <= NAMES, component
        assert not release.plain(component).keys() & SECRETS, component
        assert release.secret(component) <= SECRETS, component


@pytest.mark.parametrize("way", KRAI_WAYS)
def test_krai_starts_with_them(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for component in of("krai", way).pods():
        settings = settings_of(way, component, monkeypatch)
        assert settings.mode is (Mode.EMBEDDED if way == "embedded" else Mode.GCP)
        assert settings.data_dir == Path("/data")
        assert settings.log_format == "json"
        assert settings.host == "0.0.0.0" or component == "sweep"  # noqa: S104 - pods are reached by their address
        assert (settings.port, settings.metrics_port) == (8080, None if component == "sweep" else 9090)


def test_values_arrive_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    api, worker = (settings_of("everything", component, monkeypatch) for component in ("api", "worker"))
    assert (api.customer_name, api.customer_greeting, api.public_url) == ("Customer A", "Hi!", "https://krai.example.org")
    assert (api.rate_limit_create, api.rate_limit_read, api.quota_queued, api.quota_running, api.quota_gib_per_day) == (
        "1000000/15minutes",
        "off",
        None,
        5,
        900_000,
    )
    assert (api.docs, api.session_hours, api.max_source_mb, worker.max_source_mb) == ("off", 0.5, 1_048_576, 1_048_576)
    assert api.origins == ["https://a.example", "https://b.example"]
    assert api.signer_service_account == "signer@example-project.iam.gserviceaccount.com"
    assert (worker.slots, worker.child_memory_mb, worker.grace_s, worker.samples) == (4, 4096, 540, "on")
    assert (worker.pubsub_topic, worker.pubsub_subscription, worker.dead_letter_topic) == ("a-jobs", "a-jobs-sub", "a-jobs-dead")


def test_off_is_off_with_and_without_quotes() -> None:
    own = values_from_yaml(
        "limits: {create: off, read: 'off', queuedJobs: off, runningJobs: 'off'}\nsettings: {KRAI_DOCS: off, KRAI_CALLBACKS: on}"
    )
    told = render("krai", values("krai", "embedded") | own).plain("api")
    names = ("KRAI_RATE_LIMIT_CREATE", "KRAI_RATE_LIMIT_READ", "KRAI_QUOTA_QUEUED", "KRAI_QUOTA_RUNNING", "KRAI_DOCS", "KRAI_CALLBACKS")
    assert [told[name] for name in names] == ["off", "off", "off", "off", "off", "on"]


def test_what_terraform_makes_is_named_as_terraform_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    release, worker = of("krai", "gke"), settings_of("gke", "worker", monkeypatch)
    assert (worker.pubsub_topic, worker.pubsub_subscription, worker.dead_letter_topic) == ("krai-jobs", "krai-jobs-sub", "krai-jobs-dead")
    assert release.plain("api")["KRAI_SIGNER_SERVICE_ACCOUNT"] == "krai-signer@example-project.iam.gserviceaccount.com"
    for component in ("api", "worker"):
        account = release.get("ServiceAccount", f"krai-{component}")
        assert account["metadata"]["annotations"] == {
            "iam.gke.io/gcp-service-account": f"krai-{component}@example-project.iam.gserviceaccount.com"
        }
        assert release.pods()[component]["serviceAccountName"] == f"krai-{component}"
    assert release.pods()["sweep"]["serviceAccountName"] == "krai-worker"
    remote = {item["secretKey"]: item["remoteRef"]["key"] for item in release.get("ExternalSecret", "krai")["spec"]["data"]}
    assert remote == {"API_KEY": "krai-api-key", "KRAI_MANIFEST_KEY": "krai-manifest-key"}


def test_who_gets_which_secret() -> None:
    release = of("krai", "postgres")
    assert release.secret("api") == {"API_KEY", "KRAI_MANIFEST_KEY", "GOOGLE_CLIENT_SECRET", "KRAI_OIDC_ISSUERS", "KRAI_RATE_LIMIT_STORAGE"}
    assert release.secret("worker") == release.secret("sweep") == {"KRAI_MANIFEST_KEY", "KRAI_WAREHOUSE_URL"}
    assert of("krai", "embedded").secret("api") == {"API_KEY"}, "which is all that scripts/deploy makes"
    embedded = render("krai", values("krai", "embedded") | {"secrets": {"source": "existing", "keys": {"KRAI_WAREHOUSE_URL": ""}}})
    assert "KRAI_WAREHOUSE_URL" in embedded.secret("api"), "there the worker is beside it"


@pytest.mark.parametrize("way", KRAI_WAYS)
def test_pods_are_restricted(way: str) -> None:
    for component, pod in of("krai", way).pods().items():
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
        assert {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]} == MOUNTED
        for volume in pod["volumes"]:
            kept = {("embedded", "api", "data")} | {(way, "worker", "data")}
            assert volume.get("emptyDir", {}).get("sizeLimit") or (way, component, volume["name"]) in kept


def test_containers_start_what_the_image_has() -> None:
    release = of("krai", "gke")
    assert {component: release.container(component)["args"] for component in release.pods()} == {
        "api": ["python", "main.py"],
        "worker": ["python", "worker.py"],
        "sweep": ["python", "worker.py", "--sweep-once"],
    }
    for component, ports in CONTAINER_PORTS.items():
        container = release.container(component)
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports
        assert container["image"] == "europe-west1-docker.pkg.dev/example-project/krai/krai:0a1b2c3"
    api = release.container("api")
    assert [api[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")] == [
        "/readyz",
        "/healthz",
        "/healthz",
    ], "a store that does not answer keeps a release from beginning, and takes none away"
    assert of("krai", "postgres").container("api")["image"] == "krai:0.1.0"


@pytest.mark.parametrize("way", KRAI_WAYS)
def test_the_grace_is_longer_than_what_goes_on_in_it(way: str) -> None:
    release = of("krai", way)
    api = release.pods()["api"]
    deregistration_s = api["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    uvicorn_s = 5
    goes_on_s = max(uvicorn_s, int(release.plain("api").get("KRAI_GRACE_S", 0)))
    assert api["terminationGracePeriodSeconds"] >= deregistration_s + goes_on_s + 10
    if way != "embedded":
        assert release.pods()["worker"]["terminationGracePeriodSeconds"] >= int(release.plain("worker")["KRAI_GRACE_S"]) + 20
        assert release.pods()["worker"]["terminationGracePeriodSeconds"] <= 600


def test_a_worker_has_memory_for_its_jobs() -> None:
    pod = of("krai", "everything").container("worker")
    assert pod["resources"]["limits"]["memory"] == f"{4 * 4096 + 768}Mi"


@pytest.mark.parametrize(("way", "spec"), [("gke", {"size": "20Gi"}), ("everything", {"size": "100Gi", "class": "premium-rwo"})])
def test_a_worker_has_a_disk_of_its_own_that_can_be_full(way: str, spec: dict[str, str]) -> None:
    """Beyond an emptyDir's limit the pod would be taken away with all its jobs, before any of them could end with disk_full."""
    (data,) = [volume for volume in of("krai", way).pods()["worker"]["volumes"] if volume["name"] == "data"]
    claim = data["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim.pop("storageClassName", None) == spec.get("class")
    assert claim == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": spec["size"]}}}


@pytest.mark.parametrize("way", KRAI_WAYS)
def test_nothing_goes_in_or_out_but_what_is_listed(way: str) -> None:
    policies = [manifest for (kind, _), manifest in of("krai", way).manifests.items() if kind == "NetworkPolicy"]
    (deny,) = [policy for policy in policies if policy["metadata"]["name"] == "krai-deny"]
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert deny["spec"].keys() == {"podSelector", "policyTypes"}
    labels = [pod["spec"]["podSelector"]["matchLabels"] for pod in policies]
    assert all(label.items() >= deny["spec"]["podSelector"]["matchLabels"].items() for label in labels), "of this release alone"
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress", ()) or ()]
    assert all(rule.get("from") and rule.get("ports") for rule in rules)


def test_the_metadata_server_and_private_networks() -> None:
    out = of("krai", "gke").get("NetworkPolicy", "krai-out")["spec"]["egress"]
    opened = {
        (peer["ipBlock"]["cidr"], port["port"]): peer["ipBlock"].get("except")
        for rule in out
        for peer in rule["to"]
        if "ipBlock" in peer
        for port in rule["ports"]
    }
    assert {("169.254.169.254/32", 80), ("169.254.169.252/32", 988)} <= opened.keys()
    assert set(opened["0.0.0.0/0", 443] or ()) >= {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}
    without = of("krai", "emulators").get("NetworkPolicy", "krai-out")["spec"]["egress"]
    assert all(port["port"] in {53, 443} for rule in without for port in rule["ports"])


@pytest.mark.parametrize("way", GCP_WAYS)
def test_one_pod_goes_at_a_time(way: str) -> None:
    for component in ("api", "worker"):
        assert of("krai", way).get("PodDisruptionBudget", f"krai-{component}")["spec"]["maxUnavailable"] == 1


def test_mode_embedded_is_one_pod_on_one_volume() -> None:
    release = of("krai", "embedded")
    api = release.get("Deployment", "krai-api")
    assert (api["spec"]["replicas"], api["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert release.get("PersistentVolumeClaim", "krai")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert {kind for kind, _ in release.manifests} == {
        "Deployment",
        "Ingress",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Service",
        "ServiceAccount",
    }
    assert release.plain("api")["KRAI_PUBLIC_URL"] == "http://krai.localhost"


def test_a_host_is_reached_by_a_route_or_an_ingress() -> None:
    gateway, shared, ingress = (of("krai", way) for way in ("gke", "shared-gateway", "ingress"))
    certificate = gateway.get("Certificate", "krai-tls")
    assert certificate["metadata"]["annotations"] == {"cert-manager.io/issue-temporary-certificate": "true"}
    assert certificate["spec"]["dnsNames"] == ["krai.example.org"]
    assert certificate["spec"]["issuerRef"] == {"kind": "ClusterIssuer", "name": "letsencrypt"}
    assert gateway.get("Gateway", "krai")["spec"]["listeners"][1]["tls"]["certificateRefs"] == [{"name": certificate["spec"]["secretName"]}]
    certified = of("krai", "everything").get("Gateway", "a")
    assert certified["metadata"]["annotations"] == {"networking.gke.io/certmap": "a"}
    assert not of("krai", "everything").has("Certificate", "krai-tls")
    assert ["tls" in listener for made in (gateway.get("Gateway", "krai"), certified) for listener in made["spec"]["listeners"]] == [
        False,
        True,
        False,
        False,
    ]
    (redirect,) = gateway.get("HTTPRoute", "krai-redirect")["spec"]["rules"]
    assert redirect["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 301}
    assert gateway.get("HealthCheckPolicy", "krai-api")["spec"]["default"]["config"]["httpHealthCheck"] == {"requestPath": "/healthz"}
    route = shared.get("HTTPRoute", "krai-api")["spec"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert not shared.has("Gateway", "public")
    made = ingress.get("Ingress", "krai-api")
    assert made["metadata"]["annotations"] == {
        "cert-manager.io/cluster-issuer": "letsencrypt",
        "external-dns.alpha.kubernetes.io/ttl": "300",
    }
    assert made["spec"]["tls"] == [{"hosts": ["krai.example.org"], "secretName": "krai-tls"}]


def test_alerts_and_dashboard_are_handed_on_as_they_are() -> None:
    folder = HELM / "krai"
    groups = yaml.safe_load((folder / "rules" / "krai.yaml").read_text())
    google, operator = of("krai", "gke"), of("krai", "ingress")
    assert google.get("Rules", "krai")["spec"] == operator.get("PrometheusRule", "krai")["spec"] == groups
    board = operator.get("ConfigMap", "krai-dashboard")
    assert json.loads(board["data"]["krai.json"]) == json.loads((folder / "dashboards" / "krai.json").read_text())
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert google.get("PodMonitoring", "krai")["spec"]["endpoints"] == [{"port": "metrics", "interval": "30s"}]
    monitor = operator.get("PodMonitor", "krai")
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "interval": "30s"}]
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_alerts_lead_where_the_runbooks_are() -> None:
    (group,) = of("krai", "everything").get("PrometheusRule", "krai")["spec"]["groups"]
    led = {rule["annotations"]["runbook_url"].rpartition("/")[0] for rule in group["rules"]}
    assert led == {"https://wiki.example.org/krai"}


def test_a_gateway_has_the_address_that_is_reserved_for_it() -> None:
    assert of("krai", "everything").get("Gateway", "a")["spec"]["addresses"] == [{"type": "NamedAddress", "value": "a"}]
    assert "addresses" not in of("krai", "gke").get("Gateway", "krai")["spec"]


def test_the_image_has_what_the_chart_assumes() -> None:
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text()
    assert re.search(r"--uid[= ]10001\b", dockerfile)
    assert "KRAI_DATA_DIR=/data" in dockerfile
