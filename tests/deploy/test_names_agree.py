"""One thing has one name: in settings, charts, Terraform, gitops, workflows and documents. One that is missing is an error too."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from krai import metrics
from krai.settings import Settings
from krai.transfer.samples import CONTACTS_PATH
from scripts import provision
from tests.deploy.charts import HELM, render, values_files, values_of
from tests.deploy.manifests import Manifest
from tests.guard.source import ROOT

TERRAFORM = ROOT / "terraform"
GITOPS = ROOT / "gitops"
WORKFLOWS = ROOT / ".github" / "workflows"
SETTINGS = {str(field.alias): field for field in Settings.model_fields.values()}
# What a container is told beside krai's settings: by its system, and nginx by its image.
NOT_KRAIS = {"HOME", "TMPDIR"}

# Setting, output of Terraform, value of the chart.
SAME = (
    ("GOOGLE_CLOUD_PROJECT", "project_id", "google.project"),
    ("GCS_BUCKET", "gcs_bucket", "google.bucket"),
    ("KRAI_FIRESTORE_DATABASE", "firestore_database", "google.firestoreDatabase"),
    ("PUBSUB_TOPIC", "pubsub_topic", "pubsub.topic"),
    ("PUBSUB_SUBSCRIPTION", "pubsub_subscription", "pubsub.subscription"),
    ("KRAI_DEAD_LETTER_TOPIC", "dead_letter_topic", "pubsub.deadLetterTopic"),
    ("KRAI_SIGNER_SERVICE_ACCOUNT", "signer_service_account", "google.signerServiceAccount"),
)
OUTPUTS = {
    *(output for _, output, _ in SAME),
    "region",
    "cluster_name",
    "artifact_registry_repository",
    "api_service_account",
    "worker_service_account",
    "eso_service_account",
    "keda_service_account",
    "gcp_workload_identity_provider",
    "github_actions_service_account",
}
ACCOUNTS = {"krai-api", "krai-worker", "krai-signer", "krai-eso", "keda-operator", "github-actions"}
NAMESPACES = {"krai-backend", "krai-frontend", "keda", "external-secrets"}


@cache
def terraform(name: str) -> str:
    return (TERRAFORM / name).read_text()


def outputs() -> dict[str, str]:
    """Description of each."""
    return dict(re.findall(r'^output "(\w+)" \{\n  description = "(.*)"$', terraform("outputs.tf"), re.MULTILINE))


def secrets() -> dict[str, str]:
    """Name in Secret Manager by setting."""
    table = re.search(r"^  secrets = \{\n(.*?)^  \}", terraform("secrets.tf"), re.MULTILINE | re.DOTALL)
    assert table is not None
    return dict(re.findall(r'(\w+) += "([\w-]+)"', table[1]))


def accounts() -> set[str]:
    return {name for file in TERRAFORM.glob("*.tf") for name in re.findall(r'^  account_id   = "([\w-]+)"', file.read_text(), re.MULTILINE)}


def identities() -> set[str]:
    """namespace/name of the Kubernetes service accounts that are somebody in Google's cloud."""
    return set(re.findall(r'^    "([\w-]+/[\w-]+)" += google_service_account\.', terraform("accounts.tf"), re.MULTILINE))


@cache
def release(*, last: str = "{}") -> list[Manifest]:
    """helm/krai on GKE as Terraform makes it; `last` is values as YAML."""
    chart = HELM / "krai"
    values = values_of(chart / "ci" / "gke-values.yaml", last=yaml.safe_load(last))
    return [one for manifests in render(chart, values, name="krai", namespace="krai-backend").values() for one in manifests]


def containers(manifests: list[Manifest]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "CronJob", "StatefulSet"}:
            pod = manifest["spec"].get("jobTemplate", manifest)["spec"]["template"]["spec"]
            found += [*pod["containers"], *pod.get("initContainers", [])]
    return found


def environment(manifests: list[Manifest]) -> dict[str, set[str]]:
    """Values of each variable, over all containers; of a secret, the key in it."""
    told: dict[str, set[str]] = {}
    for container in containers(manifests):
        for variable in container.get("env", []):
            value = variable.get("value", variable.get("valueFrom", {}).get("secretKeyRef", {}).get("key", ""))
            told.setdefault(variable["name"], set()).add(str(value))
    return told


def workflows() -> str:
    return "\n".join(file.read_text() for file in sorted(WORKFLOWS.glob("*.y*ml")))


def documents() -> str:
    return "\n".join(file.read_text() for file in (ROOT / "README.md", ROOT / "docs" / "deploy.md", TERRAFORM / "README.md"))


@pytest.mark.parametrize(("setting", "output", "value"), SAME, ids=[setting for setting, *_ in SAME])
def test_a_setting_an_output_and_a_value_are_one_thing(setting: str, output: str, value: str) -> None:
    assert setting in SETTINGS
    assert outputs()[output].startswith(setting)
    # The chart hands this very value to that setting.
    part, name = value.split(".")
    told = environment(release(last=yaml.safe_dump({part: {name: "told-by-a-test"}})))
    assert told[setting] == {"told-by-a-test"}
    # Terraform hands it to the chart, where it deploys by itself.
    assert re.search(rf"^        {name} += ", terraform("release.tf"), re.MULTILINE)
    assert setting in documents()


@pytest.mark.parametrize(("setting", "value"), [(setting, value) for setting, _, value in SAME if value.startswith("pubsub.")])
def test_defaults_are_the_same_wherever_they_stand(setting: str, value: str) -> None:
    default = SETTINGS[setting].default
    part, name = value.split(".")
    assert yaml.safe_load((HELM / "krai" / "values.yaml").read_text())[part][name] == default
    assert f'"{default}"' in terraform("pubsub.tf")
    assert default in {provision.TOPIC, provision.SUBSCRIPTION, provision.DEAD}


@pytest.mark.parametrize("values", values_files(HELM / "krai"), ids=lambda file: file.stem)
def test_every_variable_of_the_chart_is_a_setting(values: Path) -> None:
    made = render(HELM / "krai", values_of(values), name="krai", namespace="krai-backend")
    told = environment([one for manifests in made.values() for one in manifests])
    assert told
    assert set(told) - set(SETTINGS) - NOT_KRAIS == set()


def test_terraform_has_the_outputs_that_others_count_on() -> None:
    assert set(outputs()) >= OUTPUTS


def test_every_secret_setting_has_its_place() -> None:
    # Also two that may hold a password, though they are read as text.
    wanted = {name for name, field in SETTINGS.items() if "SecretStr" in str(field.annotation) or field.annotation is SecretStr}
    assert set(secrets()) == wanted | {"API_KEY", "KRAI_OIDC_ISSUERS", "KRAI_RATE_LIMIT_STORAGE"}
    for setting, secret in secrets().items():
        assert secret == "krai-" + setting.lower().removeprefix("krai_").replace("_", "-")


def test_the_chart_asks_secret_manager_for_what_terraform_made() -> None:
    asked = {
        entry["secretKey"]: entry["remoteRef"]["key"]
        for manifest in release()
        if manifest["kind"] == "ExternalSecret"
        for entry in manifest["spec"]["data"]
    }
    assert asked["API_KEY"] == "krai-api-key"
    assert {setting: secrets().get(setting) for setting in asked} == asked


def test_accounts_are_the_same() -> None:
    assert accounts() >= ACCOUNTS
    # Pods are somebody by an annotation in the chart and a binding in Terraform: both, or neither works.
    project = "example-project"
    bound = identities()
    for manifest in release(last=yaml.safe_dump({"google": {"project": project}})):
        if manifest["kind"] == "ServiceAccount":
            account = manifest["metadata"].get("annotations", {}).get("iam.gke.io/gcp-service-account")
            if account is not None:
                assert account.removesuffix(f"@{project}.iam.gserviceaccount.com") in accounts()
                assert f"krai-backend/{manifest['metadata']['name']}" in bound
                bound.discard(f"krai-backend/{manifest['metadata']['name']}")
    assert bound == {"keda/keda-operator", "external-secrets/external-secrets"}


def test_operators_run_as_the_accounts_that_terraform_made() -> None:
    keda = yaml.safe_load((HELM / "keda" / "values.yaml").read_text())["keda"]["serviceAccount"]["operator"]
    eso = yaml.safe_load((HELM / "external-secrets" / "values.yaml").read_text())["external-secrets"]["serviceAccount"]
    assert (keda["name"], eso["name"]) == ("keda-operator", "external-secrets")
    operators = (GITOPS / "argocd" / "templates" / "operators.yaml").read_text()
    assert {"krai-eso", "keda-operator"} <= set(re.findall(r'"([\w-]+)"', operators))


def test_the_api_may_look_at_every_file_that_an_import_names() -> None:
    granted = re.findall(r'"google_storage_bucket_iam_member" "api_\w+" \{(.*?)^\}', terraform("bucket.tf"), re.MULTILINE | re.DOTALL)
    roles = dict(re.findall(r"^    (krai\w+) += \[(.*)\]$", terraform("bucket.tf"), re.MULTILINE))
    may: set[str] = set()
    for body in granted:
        (role,) = re.findall(r'custom_role\.bucket\["(\w+)"\]', body)
        if '"storage.objects.get"' in roles[role]:
            may |= set(re.findall(r"objects}/(\w+/)", body))
    assert may == {"jobs/", "uploads/", f"{CONTACTS_PATH.partition('/')[0]}/"}


def test_namespaces_are_the_same() -> None:
    deployed = set(re.findall(r'^  namespace +=? "([\w-]+)"$', terraform("release.tf"), re.MULTILINE))
    assert deployed == NAMESPACES
    applications = "\n".join(file.read_text() for file in (GITOPS / "argocd" / "templates").glob("*.yaml"))
    assert [name for name in sorted(NAMESPACES) if name not in applications] == []


def test_terraform_tells_argo_cd_all_that_it_asks_for() -> None:
    schema = yaml.safe_load((GITOPS / "argocd" / "values.schema.json").read_text())
    told = re.search(r"valuesObject = \{\n(.*?)\n +\}", terraform("argocd.tf"), re.DOTALL)
    assert told is not None
    assert set(re.findall(r"^ +(\w+) += ", told[1], re.MULTILINE)) == set(schema["required"])
    assert set(schema["required"]) - set(outputs()) == {"repoURL", "host", "customers"}


def handed(release: str) -> dict[str, Any]:
    """The values that release.tf hands to a chart: the keys as they are, and what Terraform only knows later as "x1"."""
    body = terraform("release.tf").partition(f'resource "helm_release" "{release}"')[2].partition("\nresource ")[0]
    told = re.search(r"yamlencode\(\{\n(.*?)\n +\}\)", body, re.DOTALL)
    assert told is not None
    lines = []
    for line in told[1].splitlines():
        key, _, value = line.partition(" = ")
        if value == "{":
            lines.append(f"{key.rstrip()}:")
        elif value.startswith("merge("):
            lines.append(f"{key.rstrip()}: {{repository: x1, tag: x1}}")
        elif value:
            lines.append(f"{key.rstrip()}: x1")
    values: dict[str, Any] = yaml.safe_load("\n".join(lines))
    return values


@pytest.mark.parametrize(("name", "chart"), [("krai", "krai"), ("krai_frontend", "krai-frontend")])
def test_charts_take_what_terraform_hands_them(name: str, chart: str) -> None:
    values = handed(name) | {"host": "krai.example.org"}
    if "monitoring" in values:
        values["monitoring"]["runbooks"] = "https://x1"
    (files,) = re.findall(rf'\["({chart}\.yaml", "\w+\.yaml)"\]', terraform("release.tf"))
    shared = [GITOPS / "values" / file for file in files.split('", "')]
    # Refused by the chart's schema if it does not know one of them.
    assert render(HELM / chart, values_of(*shared, last=values), name=chart, namespace="krai-backend")
    with pytest.raises(Exception, match="novel"):
        render(HELM / chart, values_of(*shared, last=values | {"novel": "x1"}), name=chart, namespace="krai-backend")


@pytest.mark.parametrize(("name", "chart"), [("keda", "keda"), ("external_secrets", "external-secrets")])
def test_terraform_says_who_operators_are_where_their_charts_look(name: str, chart: str) -> None:
    def places(values: dict[str, Any], path: str = "") -> set[str]:
        return {where for key, value in values.items() for where in ({path} if key.startswith("iam.") else places(value, f"{path}/{key}"))}

    values = yaml.safe_load((HELM / chart / "values.yaml").read_text())
    (place,) = places(handed(name))
    for key in place.strip("/").split("/"):
        values = values[key]
    assert values == {}


def test_alerts_and_tiles_ask_for_metrics_that_there_are() -> None:
    there = {family.name for family in metrics.REGISTRY.collect()}
    asked = set(re.findall(r"krai_[a-z_]+(?=\{|\[)", terraform("monitoring.tf")))
    assert asked
    assert sorted(name for name in asked if re.sub(r"_(count|total|sum|bucket)$", "", name) not in there) == []


def test_every_alert_has_its_runbook() -> None:
    text = terraform("monitoring.tf")
    named = set(re.findall(r"/([a-z-]+)\.md\)", text)) | set(re.findall(r"^    ([a-z-]+) = \{\n      says", text, re.MULTILINE))
    assert named >= {"dead-letters", "queue-age", "api-errors", "api-down"}
    assert sorted(name for name in named if not (ROOT / "docs" / "runbooks" / f"{name}.md").exists()) == []


def test_workflows_take_secrets_that_somebody_can_fill_in() -> None:
    used = set(re.findall(r"secrets\.([A-Z_]+)", workflows()))
    assert used >= {"GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_SERVICE_ACCOUNT", "GCP_PROJECT_ID", "SLACK_WEBHOOK_URL"}
    deploy = (ROOT / "docs" / "deploy.md").read_text()
    assert sorted(name for name in used | set(re.findall(r"vars\.([A-Z_]+)", workflows())) if name not in deploy) == []
    # Terraform says which output is which.
    described = " ".join(outputs().values())
    assert sorted(name for name in used if name.startswith("GCP_") and name not in described) == []
    named = set(re.findall(r"GitHub (?:secret|variable) (\w+)", described))
    assert sorted(name for name in named if name not in workflows()) == []


def test_documents_name_outputs_that_there_are() -> None:
    named = set(re.findall(r"terraform (?:-chdir=\S+ )?output (?:-\w+ )?(\w+)", documents() + workflows()))
    named |= set(re.findall(r"\$\(out (\w+)\)", documents()))
    assert named
    assert named - set(outputs()) == set()


def test_workflows_set_variables_that_there_are() -> None:
    files = sorted(TERRAFORM.glob("variables*.tf"))
    variables = {name for file in files for name in re.findall(r'^variable "(\w+)"', file.read_text(), re.MULTILINE)}
    named = set(re.findall(r"TF_VAR_(\w+)", workflows())) | set(re.findall(r'-var="?(\w+)=', workflows() + documents()))
    assert named
    assert named - variables == set()


def test_images_are_pushed_where_charts_look_for_them() -> None:
    # <region>-docker.pkg.dev/<project>/<repository>/<image>
    assert re.search(r'^  repository_id = "krai" #', terraform("registry.tf"), re.MULTILINE)
    pushed = set(re.findall(r"-docker\.pkg\.dev/\$\{\{ secrets\.GCP_PROJECT_ID \}\}/([\w-]+)/", workflows()))
    assert pushed == {"krai"}
    applications = (GITOPS / "argocd" / "templates" / "krai.yaml").read_text()
    assert set(re.findall(r"artifact_registry_repository \}\}/([\w-]+)", applications)) == {"krai", "krai-frontend"}


def test_workers_are_scaled_by_the_subscription_that_they_pull_from() -> None:
    scaled = [one for one in release(last="worker: {scaling: {trigger: prometheus}}") if one["kind"] == "ScaledObject"]
    query = scaled[0]["spec"]["triggers"][0]["metadata"]["query"]
    assert f'subscription_id="{SETTINGS["PUBSUB_SUBSCRIPTION"].default}"' in query
