"""What stands in gitops/ is what comes into the cluster: applications opened, their charts rendered with their values, all of it judged."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from helm_python.errors import HelmError

from tests.deploy.applications import CUSTOMERS, GITOPS, Application, apps, of_customers, opened, root
from tests.deploy.charts import render, values_of
from tests.deploy.manifests import Manifest, named, problems
from tests.guard.source import ROOT

CLUSTER_WIDE = {
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "ValidatingWebhookConfiguration",
}
A_CUSTOMERS_OWN = {"customer", "host", "limits"}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?")
TERRAFORM = ROOT / "terraform" / "argocd.tf"
PAGE = (ROOT / "docs" / "deploy.md").read_text()
OWN = {"backend": "krai-backend", "frontend": "krai-frontend"}  # files of values that one application alone has


@pytest.fixture(scope="module")
def made() -> list[Manifest]:
    """With all customers that there are files of."""
    return apps(customers=[file.stem for file in CUSTOMERS])


@pytest.fixture(scope="module")
def applications(made: list[Manifest], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Application]:
    (customers,) = [manifest for manifest in made if manifest["kind"] == "ApplicationSet"]
    single = [manifest for manifest in made if manifest["kind"] == "Application"]
    found = [opened(manifest) for manifest in (*single, *of_customers(customers, tmp_path_factory.mktemp("set") / "set"))]
    return {application.name: application for application in found}


@pytest.fixture(scope="module")
def projects(made: list[Manifest]) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest["spec"] for manifest in made if manifest["kind"] == "AppProject"}


def group(manifest: Manifest) -> str:
    return str(manifest["apiVersion"]).rpartition("/")[0]


def refused(project: Manifest, namespace: str, manifest: Manifest) -> bool:
    """As Argo CD decides it: cluster-wide kinds by their name, others by kind and namespace."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if kind in CLUSTER_WIDE:
        allowed = project["clusterResourceWhitelist"]
        return not any(
            (one["group"], one["kind"]) == (group(manifest), kind) and fnmatchcase(name, one.get("name", "*")) for one in allowed
        )
    where = manifest["metadata"].get("namespace", namespace)
    here = any(fnmatchcase(where, one["namespace"]) for one in project["destinations"])
    return not here or {"group": group(manifest), "kind": kind} not in project["namespaceResourceWhitelist"]


def test_all_of_it_is_valid(made: list[Manifest], applications: dict[str, Application]) -> None:
    """The applications, and what their charts make with the values that stand here."""
    everything = [*made, root()]
    for application in applications.values():
        everything += [application.manifest, *application.made]
    judged = zip(everything, problems(everything), strict=True)
    assert [f"{named(manifest)}: {problem}" for manifest, wrong in judged for problem in wrong] == []


def test_the_applications_are_these(applications: dict[str, Application]) -> None:
    where = {name: application.namespace for name, application in applications.items()}
    of_krai = {"external-secrets", "keda", "krai-backend", "krai-frontend"}
    assert where == {name: name for name in (*of_krai, *(f"krai-{file.stem}" for file in CUSTOMERS))}


def test_what_git_says_is_put_back_and_what_it_no_longer_says_goes(applications: dict[str, Application]) -> None:
    for application in applications.values():
        policy = application.manifest["spec"]["syncPolicy"]
        assert policy["automated"] == {"prune": True, "selfHeal": True}
        assert "CreateNamespace=true" in policy["syncOptions"]
        assert policy["managedNamespaceMetadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_operators_come_first_then_krai_then_its_dashboard(made: list[Manifest]) -> None:
    waves = {named(manifest): int(manifest["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for manifest in made}
    assert waves["AppProject krai"] == waves["AppProject krai-operators"]
    assert waves["AppProject krai"] < waves["Application external-secrets"] == waves["Application keda"]
    assert waves["Application keda"] < waves["Application krai-backend"] < waves["Application krai-frontend"]
    assert waves["Application keda"] < waves["ApplicationSet krai-customers"]


def test_projects_allow_what_is_made(projects: dict[str, Manifest], applications: dict[str, Application]) -> None:
    namespaces = [
        (application, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": application.namespace}})
        for application in applications.values()
    ]
    things = [(application, manifest) for application in applications.values() for manifest in application.made]
    assert [
        f"{application.name}: {named(manifest)}"
        for application, manifest in (*namespaces, *things)
        if refused(projects[application.project], application.namespace, manifest)
    ] == []


def test_projects_allow_no_kind_that_krai_does_not_make(projects: dict[str, Manifest], applications: dict[str, Application]) -> None:
    made = {
        (group(manifest), manifest["kind"])
        for application in applications.values()
        if application.project == "krai"
        for manifest in application.made
    }
    assert {(one["group"], one["kind"]) for one in projects["krai"]["namespaceResourceWhitelist"]} == made


def test_projects_refuse_the_rest(projects: dict[str, Manifest]) -> None:
    def thing(api_version: str, kind: str, name: str, namespace: str | None = None) -> Manifest:
        return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name} | ({"namespace": namespace} if namespace else {})}

    krai, operators = projects["krai"], projects["krai-operators"]
    assert not refused(krai, "krai-a", thing("apps/v1", "Deployment", "x"))
    assert refused(krai, "krai-a", thing("apps/v1", "Deployment", "x", "kube-system"))
    assert refused(krai, "krai-a", thing("apps/v1", "DaemonSet", "x"))
    assert refused(krai, "krai-a", thing("v1", "Secret", "x"))
    assert refused(krai, "krai-a", thing("v1", "Namespace", "default"))
    assert refused(krai, "krai-a", thing("rbac.authorization.k8s.io/v1", "ClusterRole", "x"))
    assert refused(operators, "keda", thing("rbac.authorization.k8s.io/v1", "ClusterRole", "cluster-admin"))
    assert refused(operators, "keda", thing("apps/v1", "Deployment", "x", "krai-backend"))


@pytest.mark.parametrize("file", CUSTOMERS, ids=lambda file: str(file.stem))
def test_a_customer_is_greeted_as_its_file_says(applications: dict[str, Application], file: Path) -> None:
    said = yaml.safe_load(file.read_text())
    application = applications[f"krai-{file.stem}"]
    containers = [
        container
        for manifest in application.made
        if manifest["kind"] in {"Deployment", "StatefulSet"}
        for container in manifest["spec"]["template"]["spec"]["containers"]
    ]
    env = {entry["name"]: entry.get("value") for container in containers for entry in container.get("env", [])}
    assert (env["CUSTOMER_NAME"], env["KRAI_CUSTOMER_GREETING"]) == (said["customer"]["name"], said["customer"]["greeting"])
    routes = [manifest for manifest in application.made if manifest["kind"] == "HTTPRoute"]
    assert {host for route in routes for host in route["spec"]["hostnames"]} == {said["host"]}


def test_a_customers_file_holds_only_what_is_its_own() -> None:
    assert len(CUSTOMERS) > 1
    said = {file: yaml.safe_load(file.read_text()) for file in CUSTOMERS}
    assert [file.name for file, values in said.items() if values.keys() - A_CUSTOMERS_OWN] == []
    assert len({values["host"] for values in said.values()}) == len(said)
    assert [file.name for file in CUSTOMERS if not NAME.fullmatch(file.stem) or file.stem in {"backend", "frontend"}] == []


def test_no_customer_runs_that_is_not_named(tmp_path: Path) -> None:
    """The files here are examples: whoever takes this repository pays for none of them."""
    assert root()["spec"]["source"]["helm"]["valuesObject"]["customers"] == []
    assert [manifest for manifest in apps() if manifest["kind"] == "ApplicationSet"] == []
    (one,) = [manifest for manifest in apps(customers=["b"]) if manifest["kind"] == "ApplicationSet"]
    assert [manifest["metadata"]["name"] for manifest in of_customers(one, tmp_path / "set")] == ["krai-b"]


@pytest.mark.parametrize(("name", "only"), OWN.items())
def test_what_is_krais_own_reaches_no_customer(applications: dict[str, Application], name: str, only: str) -> None:
    file = GITOPS / "values" / f"{name}.yaml"
    assert {application.name for application in applications.values() if file in application.value_files} == {only}


@pytest.mark.parametrize(("name", "only"), OWN.items())
def test_the_page_shows_what_its_chart_takes(applications: dict[str, Application], tmp_path: Path, name: str, only: str) -> None:
    (shown,) = re.findall(rf"^```yaml\n(# of {name}\.yaml\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "shown.yaml").write_text(shown)
    source = applications[only].manifest["spec"]["source"]
    values = values_of(*applications[only].value_files, tmp_path / "shown.yaml", last=source["helm"]["valuesObject"])
    made = [one for some in render(ROOT / source["path"], values, name="krai", namespace=only).values() for one in some]
    assert [f"{named(manifest)}: {wrong}" for manifest, wrong in zip(made, problems(made), strict=True) if wrong] == []


def test_people_write_into_no_file_that_customers_read() -> None:
    step = PAGE.partition("\n## 3.")[2].partition("\n## 4.")[0]
    assert set(re.findall(r"gitops/values/([\w-]+)\.yaml", step)) == set(OWN)


def test_customers_have_no_key_in_common(applications: dict[str, Application]) -> None:
    asked = [
        entry["remoteRef"]["key"]
        for file in CUSTOMERS
        for manifest in applications[f"krai-{file.stem}"].made
        if manifest["kind"] == "ExternalSecret"
        for entry in manifest["spec"]["data"]
    ]
    assert asked == [f"krai-{file.stem}-api-key" for file in CUSTOMERS]


def test_every_file_of_values_is_used(applications: dict[str, Application]) -> None:
    used = {file for application in applications.values() for file in application.value_files}
    there = {*(GITOPS / "values").glob("*.yaml"), *CUSTOMERS}
    assert there - used == {GITOPS / "values" / "argo-cd.yaml"}, "that one is for Argo CD itself"


@pytest.mark.parametrize(
    "wrong",
    [
        {"projectId": "x"},
        {"project_id": "X"},
        {"host": "https://krai.example.org"},
        {"repoURL": ""},
        {"gcs_bucket": "gs://x"},
        {"customers": ["a/../b"]},
        {"customers": ["backend"]},
        {"firestore_database": "Krai"},
    ],
)
def test_what_the_root_application_says_is_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(HelmError):
        apps(**wrong)


def test_alerts_lead_to_the_runbooks_of_this_repository() -> None:
    def runbooks(**more: object) -> set[str]:
        made = apps(customers=["a"], **more)
        told = [manifest["spec"] for manifest in made if manifest["metadata"]["name"] in {"krai-backend", "krai-customers"}]
        of_krai = [one.get("source") or one["template"]["spec"]["sources"][0] for one in told]
        assert len(of_krai) == 2
        return {source["helm"]["valuesObject"]["monitoring"]["runbooks"] for source in of_krai}

    assert runbooks() == {"https://github.com/example/krai/blob/main/docs/runbooks"}
    for url in (
        "https://github.com/me/krai.git",
        "git@github.com:me/krai.git",
        "ssh://git@github.com/me/krai.git",
        "https://github.com/me/krai",
    ):
        assert runbooks(repoURL=url, revision="v1.2.3") == {"https://github.com/me/krai/blob/v1.2.3/docs/runbooks"}


def test_the_root_application_does_not_give_up() -> None:
    retry = {"limit": -1, "backoff": {"duration": "30s", "factor": 2, "maxDuration": "5m"}}
    assert root()["spec"]["syncPolicy"]["retry"] == retry
    assert 'retry       = { limit = -1, backoff = { duration = "30s", factor = 2, maxDuration = "5m" } }' in TERRAFORM.read_text()


def test_krai_works_in_the_database_that_terraform_names() -> None:
    (backend,) = [manifest for manifest in apps(firestore_database="krai-2") if named(manifest) == "Application krai-backend"]
    deployments = [manifest for manifest in opened(backend).made if manifest["kind"] == "Deployment"]
    told = [
        entry["value"]
        for deployment in deployments
        for container in deployment["spec"]["template"]["spec"]["containers"]
        for entry in container["env"]
        if entry["name"] == "KRAI_FIRESTORE_DATABASE"
    ]
    assert told == ["krai-2"] * len(deployments)
    assert len(deployments) > 1


def test_the_tags_are_where_the_workflow_writes_them() -> None:
    for name in ("krai", "krai-frontend"):
        assert "tag" in yaml.safe_load((GITOPS / "values" / f"{name}.yaml").read_text())["image"]


def test_terraform_says_all_that_the_root_application_needs() -> None:
    said = TERRAFORM.read_text()
    (version,) = re.findall(r"argo-helm --version (\S+)", (GITOPS / "README.md").read_text())
    assert f'"{version}"' in said, "both install the same Argo CD"
    assert [name for name in yaml.safe_load((GITOPS / "argocd" / "values.yaml").read_text()) if not re.search(rf"\b{name}\b", said)] == []
