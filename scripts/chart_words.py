"""What values of both charts are made of, and which of krai's settings a chart takes from where."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from krai.settings import RATE, Settings

HOST = r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)?$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti)?$"
Quantity = Annotated[str, Field(pattern=QUANTITY)]
Off = Literal["off", False]  # YAML reads a bare `off` as false
Rate = Annotated[str, Field(pattern=f"^({RATE.pattern}|off)$")] | Literal[False]
Quota = Annotated[int, Field(ge=1, le=900_000)] | Off
Labels = dict[str, str]
Rules = list[dict[str, Any]]  # as Kubernetes has them; its own schema judges them

# What a URL or a document may carry a password in, beside those that settings.py calls secret.
SECRETS = {
    str(field.alias) for field in Settings.model_fields.values() if "SecretStr" in str(field.annotation) or field.annotation is SecretStr
}
SECRETS |= {"API_KEY", "KRAI_OIDC_ISSUERS", "KRAI_RATE_LIMIT_STORAGE"}
# Values of their own in helm/krai, or none of a deployment's business.
OF_THE_CHART = {
    "PORT",
    "CORS_ORIGINS",
    "CUSTOMER_NAME",
    "GCS_BUCKET",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_CLOUD_PROJECT",
    "KRAI_CHILD_MEMORY_MB",
    "KRAI_CUSTOMER_GREETING",
    "KRAI_DATA_DIR",
    "KRAI_DEAD_LETTER_TOPIC",
    "KRAI_FAIL",
    "KRAI_FIRESTORE_DATABASE",
    "KRAI_GRACE_S",
    "KRAI_HOST",
    "KRAI_LOG",
    "KRAI_METRICS_PORT",
    "KRAI_PUBLIC_URL",
    "KRAI_QUOTA_GIB_PER_DAY",
    "KRAI_QUOTA_QUEUED",
    "KRAI_QUOTA_RUNNING",
    "KRAI_RATE_LIMIT_CREATE",
    "KRAI_RATE_LIMIT_READ",
    "KRAI_SAMPLES",
    "KRAI_SIGNER_SERVICE_ACCOUNT",
    "KRAI_SLOTS",
    "KRAI_TRUSTED_PROXIES",
    "PUBSUB_SUBSCRIPTION",
    "PUBSUB_TOPIC",
}


def others() -> list[str]:
    """The settings that the value `settings` takes."""
    return sorted({str(field.alias) for field in Settings.model_fields.values()} - SECRETS - OF_THE_CHART)


def names(allowed: Sequence[str]) -> dict[str, Any]:
    """For a map: these keys and no others."""
    return {"propertyNames": {"enum": list(allowed)}}


class Values(BaseModel):
    """In YAML by camelCase names; unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=True)


class Customer(Values):
    name: Annotated[str, Field(min_length=1, description="CUSTOMER_NAME: whose deployment this is")] = "krai"
    greeting: Annotated[str, Field(description="what `GET /` greets with; `Hello from <name>!` when it is empty")] = ""


class Limits(Values):
    create: Annotated[Rate, Field(description="KRAI_RATE_LIMIT_CREATE: jobs and uploads a caller may create, or off")] = "100/15minutes"
    read: Annotated[Rate, Field(description="KRAI_RATE_LIMIT_READ: all other requests of a caller, or off")] = "6000/15minutes"
    queued_jobs: Annotated[Quota, Field(description="KRAI_QUOTA_QUEUED: unfinished jobs of a caller, or off")] = 1000
    running_jobs: Annotated[Quota, Field(description="KRAI_QUOTA_RUNNING: those of them that may run at once, or off")] = 20
    gib_per_day: Annotated[Quota, Field(description="KRAI_QUOTA_GIB_PER_DAY: what a caller may process in a day, or off")] = 1024


class Image(Values):
    repository: Annotated[str, Field(min_length=1, description="without a tag, as REGION-docker.pkg.dev/PROJECT/krai/krai")] = "krai"
    tag: Annotated[str, Field(description="the short SHA that was built; the version of the chart when it is empty")] = ""
    pull_policy: Annotated[Literal["IfNotPresent", "Always", "Never"], Field(description="when the node asks the registry")] = (
        "IfNotPresent"
    )
    pull_secrets: Annotated[list[str], Field(description="names of Secrets for the registry; GKE needs none for Artifact Registry")] = []


class Service(Values):
    type: Annotated[
        Literal["ClusterIP", "NodePort", "LoadBalancer"], Field(description="LoadBalancer: an address of its own, without TLS")
    ] = "ClusterIP"
    annotations: Annotated[Labels, Field(description="of the Service")] = {}


class Gateway(Values):
    name: Annotated[str, Field(description="the Gateway that the HTTPRoute belongs to")] = "krai"
    namespace: Annotated[str, Field(description="where that is; the release's own namespace when it is empty")] = ""
    gke: Annotated[
        bool, Field(description="GKE's policies: which path tells of health, connections drained, streams of events not cut after 30 s")
    ] = True


class Ingress(Values):
    class_name: Annotated[str, Field(description="ingressClassName: gce, nginx, traefik, …")] = ""
    tls: Annotated[bool, Field(description="https, with the certificate in the Secret <name of the chart>-tls")] = True


class Expose(Values):
    type: Annotated[Literal["none", "gateway", "ingress"], Field(description="an HTTPRoute on a Gateway, an Ingress, or neither")] = "none"
    annotations: Annotated[Labels, Field(description="of the HTTPRoute or the Ingress, as external-dns.alpha.kubernetes.io/ttl")] = {}
    cluster_issuer: Annotated[
        str, Field(description="cert-manager's ClusterIssuer that certifies the host; empty: the certificate is there already")
    ] = ""
    gateway: Gateway = Gateway()
    ingress: Ingress = Ingress()


class Autoscaling(Values):
    """By CPU."""

    enabled: Annotated[bool, Field(description="a HorizontalPodAutoscaler; without it there are `min` replicas")] = True
    min: Annotated[int, Field(ge=1, description="replicas at least")] = 2
    max: Annotated[int, Field(ge=1, description="replicas at most")] = 10
    cpu_percent: Annotated[int, Field(ge=1, le=100, description="of the CPU requested, on the average")] = 70


class Pods(Values):
    """Where pods run."""

    annotations: Annotated[Labels, Field(description="of the pods")] = {}
    node_selector: Annotated[Labels, Field(description="of the pods")] = {}
    tolerations: Annotated[Rules, Field(description="of the pods")] = []
    priority_class_name: Annotated[str, Field(description="of the pods")] = ""
