"""The values of helm/krai: what values.yaml, values.schema.json and the table of its README are made of."""

from typing import Annotated, Literal

from pydantic import Field

from scripts.chart_words import (
    HOST,
    SECRETS,
    Autoscaling,
    Customer,
    Expose,
    Gateway,
    Image,
    Labels,
    Limits,
    Pods,
    Quantity,
    Rules,
    Service,
    Values,
    names,
    others,
)

GOOGLE_FRONT_ENDS = ["35.191.0.0/16", "130.211.0.0/22"]  # Google's load balancers and their health checks
PRIVATE = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
Settings = Annotated[dict[str, str | int | float | bool], Field(json_schema_extra=names(others()))]
Secrets = Annotated[dict[str, str | None], Field(json_schema_extra=names(sorted(SECRETS)))]


class Google(Values):
    """Mode gcp."""

    project: Annotated[str, Field(description="GOOGLE_CLOUD_PROJECT; Terraform's output project_id")] = ""
    bucket: Annotated[str, Field(description="GCS_BUCKET; Terraform's output gcs_bucket")] = ""
    firestore_database: Annotated[str, Field(description="KRAI_FIRESTORE_DATABASE")] = "(default)"
    client_id: Annotated[str, Field(description="GOOGLE_CLIENT_ID: the OAuth client that people sign in by")] = ""
    identities: Annotated[bool, Field(description="workload identity; off on clusters without it, as on emulators")] = True
    api_service_account: Annotated[str, Field(description="krai-api@<project>.iam.gserviceaccount.com when it is empty")] = ""
    worker_service_account: Annotated[str, Field(description="krai-worker@<project>.iam.gserviceaccount.com when it is empty")] = ""
    signer_service_account: Annotated[
        str,
        Field(
            description="KRAI_SIGNER_SERVICE_ACCOUNT: whose signature links carry; krai-signer@<project>.iam.gserviceaccount.com when it is empty"
        ),
    ] = ""


class PubSub(Values):
    topic: Annotated[str, Field(min_length=1, description="PUBSUB_TOPIC")] = "krai-jobs"
    subscription: Annotated[str, Field(min_length=1, description="PUBSUB_SUBSCRIPTION")] = "krai-jobs-sub"
    dead_letter_topic: Annotated[str, Field(min_length=1, description="KRAI_DEAD_LETTER_TOPIC")] = "krai-jobs-dead"


class SecretSource(Values):
    """Names of secrets, never secrets."""

    source: Annotated[
        Literal["secret-manager", "existing"],
        Field(
            description="an ExternalSecret fills the Secret `krai` from Secret Manager; existing: somebody else does, with the settings' names as keys"
        ),
    ] = "secret-manager"
    project: Annotated[str, Field(description="whose Secret Manager; google.project when it is empty")] = ""
    refresh_interval: Annotated[str, Field(pattern=r"^[0-9]+(s|m|h)$", description="how often Secret Manager is asked")] = "1h"
    keys: Annotated[
        Secrets,
        Field(
            description="setting → name in Secret Manager; what stands here is handed to the processes that need it; null takes one of these away"
        ),
    ] = {
        "API_KEY": "krai-api-key",
        "KRAI_MANIFEST_KEY": "krai-manifest-key",
    }


class OwnGateway(Gateway):
    create: Annotated[
        bool,
        Field(
            description="make that Gateway, with the certificate in the Secret krai-tls, a redirect from http to https, and room for other releases"
        ),
    ] = False
    class_name: Annotated[str, Field(description="of a Gateway that is made")] = "gke-l7-global-external-managed"
    address: Annotated[str, Field(description="name of a reserved global address, for a Gateway that is made; any when it is empty")] = ""
    certificate_map: Annotated[
        str, Field(description="of Google's Certificate Manager, for a Gateway that is made; instead of the Secret krai-tls")
    ] = ""
    routes_from: Annotated[list[str], Field(description="namespaces beside its own whose routes a Gateway that is made takes")] = [
        "krai-frontend"
    ]


class OwnExpose(Expose):
    gateway: OwnGateway = OwnGateway()


class Api(Pods):
    autoscaling: Autoscaling = Autoscaling()
    deregistration_s: Annotated[
        int, Field(ge=0, le=300, description="how long a pod that is to stop goes on answering, until load balancers know of it (preStop)")
    ] = 30
    cpu: Annotated[Quantity, Field(description="CPU requested")] = "250m"
    memory_mb: Annotated[int, Field(ge=256, description="memory requested, and its limit")] = 512
    tmp_size: Annotated[Quantity, Field(description="most that /tmp may hold")] = "64Mi"
    data_size: Annotated[Quantity, Field(description="most that KRAI_DATA_DIR may hold, in mode gcp")] = "64Mi"
    egress: Annotated[Rules, Field(description="further rules of its NetworkPolicy, as to Redis")] = []


class Scaling(Values):
    """By what waits; workers are `ceil(messages / messagesPerWorker)`, from min to max."""

    trigger: Annotated[
        Literal["prometheus", "pubsub", "backlog", "none"],
        Field(
            description=(
                "prometheus: Cloud Monitoring's figure of the subscription; pubsub: KEDA's deprecated scaler of it; backlog: krai's own metric, "
                "without Google's delay of 2 to 3 minutes; none: `min` workers, without KEDA"
            )
        ),
    ] = "prometheus"
    min: Annotated[int, Field(ge=0, description="workers at least; 0 needs the sweep below")] = 1
    max: Annotated[int, Field(ge=1, description="workers at most")] = 3
    messages_per_worker: Annotated[int, Field(ge=1, description="messages a worker is there for")] = 5
    polling_s: Annotated[int, Field(ge=1, description="KEDA's pollingInterval")] = 15
    cooldown_s: Annotated[int, Field(ge=0, description="how long fewer must do before workers go")] = 60


class Worker(Pods):
    scaling: Scaling = Scaling()
    slots: Annotated[int, Field(ge=1, le=64, description="KRAI_SLOTS: jobs a worker runs at once")] = 2
    job_memory_mb: Annotated[
        int, Field(ge=256, description="KRAI_CHILD_MEMORY_MB: memory a job may use; a pod gets slots times that, and 768 MiB")
    ] = 1024
    grace_s: Annotated[
        int,
        Field(
            ge=0,
            le=540,
            description="KRAI_GRACE_S: how long a worker that is to stop goes on with its jobs before it hands them back; 5 on spot nodes, which grant 15 s",
        ),
    ] = 60
    cpu: Annotated[Quantity, Field(description="CPU requested")] = "1"
    tmp_size: Annotated[Quantity, Field(description="most that /tmp may hold")] = "1Gi"
    data_size: Annotated[
        Quantity,
        Field(description="of the volume that each worker has for KRAI_DATA_DIR, the files of running jobs, for as long as it lives"),
    ] = "20Gi"
    storage_class_name: Annotated[str, Field(description="of that volume; the cluster's default when it is empty")] = ""
    egress: Annotated[Rules, Field(description="further rules of its NetworkPolicy, as to PostgreSQL")] = []


class Sweep(Values):
    enabled: Annotated[bool, Field(description="a CronJob that does what workers do while they are there")] = True
    schedule: Annotated[str, Field(min_length=9, description="when")] = "*/5 * * * *"


class Persistence(Values):
    """Mode embedded."""

    size: Annotated[Quantity, Field(description="of the volume that keeps everything")] = "10Gi"
    storage_class_name: Annotated[str, Field(description="the cluster's default when it is empty")] = ""
    existing_claim: Annotated[str, Field(description="a PersistentVolumeClaim that is there already")] = ""


class NetworkPolicy(Values):
    enabled: Annotated[bool, Field(description="nothing in and out of the pods but what is listed")] = True
    clients: Annotated[Rules, Field(description="who may call the API, as NetworkPolicyPeers")] = [
        {"ipBlock": {"cidr": cidr}} for cidr in GOOGLE_FRONT_ENDS
    ]
    https_except: Annotated[list[str], Field(description="networks that nothing is fetched from, and no callback sent to")] = PRIVATE
    metrics_from: Annotated[list[str], Field(description="namespaces that may read the metrics")] = ["gke-gmp-system"]
    keda_namespace: Annotated[str, Field(description="who reads them for the trigger backlog")] = "keda"


class Monitoring(Values):
    scrape: Annotated[
        Literal["none", "gmp", "prometheus-operator"],
        Field(
            description="gmp: PodMonitoring and Rules of Google's Managed Prometheus; prometheus-operator: PodMonitor and PrometheusRule"
        ),
    ] = "gmp"
    labels: Annotated[Labels, Field(description="of these, as a Prometheus selects them by")] = {}
    interval_s: Annotated[int, Field(ge=5, description="seconds between two scrapes")] = 30
    rules: Annotated[bool, Field(description="the alerts of docs/runbooks")] = True
    runbooks: Annotated[
        str, Field(pattern=r"^https?://\S+[^/\s]$", description="where docs/runbooks is read, which alerts lead to (runbook_url)")
    ] = "https://github.com/example/krai/blob/main/docs/runbooks"
    dashboard: Annotated[bool, Field(description="Grafana's dashboard, as a ConfigMap for its sidecar")] = False


class Krai(Values):
    mode: Annotated[Literal["gcp", "embedded"], Field(description="embedded: one pod and a volume, without a cloud")] = "gcp"
    host: Annotated[str, Field(pattern=HOST, description="the name clients reach krai at: that of its route, and in KRAI_PUBLIC_URL")] = ""
    customer: Customer = Customer()
    limits: Limits = Limits()
    settings: Annotated[Settings, Field(description="krai's other settings, by their names; for API and workers alike")] = {}
    samples: Annotated[bool, Field(description="KRAI_SAMPLES: sample datasets and sources")] = False
    cors_origins: Annotated[list[str], Field(description="CORS_ORIGINS: pages on other hosts that may call krai")] = []
    trusted_proxies: Annotated[
        list[str],
        Field(
            description=(
                "KRAI_TRUSTED_PROXIES: whose word is taken for where a request comes from; Google's load balancers put their own address last in "
                "X-Forwarded-For, so beside these networks that of the Gateway (expose.gateway.address), or all callers seem to be the load balancer"
            )
        ),
    ] = GOOGLE_FRONT_ENDS
    image: Image = Image()
    google: Google = Google()
    pubsub: PubSub = PubSub()
    secrets: SecretSource = SecretSource()
    service: Service = Service()
    expose: OwnExpose = OwnExpose()
    api: Api = Api()
    worker: Worker = Worker()
    sweep: Sweep = Sweep()
    persistence: Persistence = Persistence()
    network_policy: NetworkPolicy = NetworkPolicy()
    monitoring: Monitoring = Monitoring()
