"""Every setting, read from the environment once. `make settings` prints this table into the README; a test holds them together.

Names are the environment's; a unit stands in the name where a number has one.
"""

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from krai import failpoint, signature, warehouse_url

DEMO_KEY = "demo-key-change-me"
# RFC 6454: scheme, host and port, nothing else, as browsers write it.
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
RATE = re.compile(r"[1-9]\d*/([1-9]\d*)?(second|minute|hour|day)s?", re.ASCII)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Mode(StrEnum):
    EMBEDDED = "embedded"
    GCP = "gcp"


class UnsafeSettings(Exception):
    """krai must not start like this; the text says what to change."""


class OidcIssuer(BaseModel):
    """An OpenID provider whose ID tokens are taken when they are meant for `audience`, and where people sign in as its client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    audience: Annotated[str, Field(min_length=1)]
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    client_secret: Annotated[SecretStr | None, Field(min_length=1)] = None  # None: PKCE alone

    @model_validator(mode="after")
    def _refuse_an_open_line(self) -> Self:
        parts = urlsplit(self.issuer)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("an issuer is reached by https; http is for this machine only")
        return self


def _off_is_none(value: object) -> object:
    return None if value == "off" else value


Quota = Annotated[
    Annotated[int, Field(ge=1, le=900_000)] | None,  # GiB as bytes have the 15 digits that a number in a header may have
    BeforeValidator(_off_is_none),
]


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    api_key: Annotated[str, Field(alias="API_KEY", description="the key that sees and may do everything")] = DEMO_KEY
    port: Annotated[int, Field(alias="PORT", ge=0, le=65535, description="the port of the API; 0 takes a free one")] = 8080
    host: Annotated[str, Field(alias="KRAI_HOST", description="the address the API listens on")] = "127.0.0.1"
    metrics_port: Annotated[
        int | None, Field(alias="KRAI_METRICS_PORT", ge=1, le=65535, description="where `/metrics` is served for Prometheus, by every process; nowhere without")
    ] = None
    customer_name: Annotated[str, Field(alias="CUSTOMER_NAME", description="whose greeting `GET /` answers with")] = "krai"
    customer_greeting: Annotated[str | None, Field(alias="KRAI_CUSTOMER_GREETING", description="that greeting; `Hello from <CUSTOMER_NAME>!` without")] = None
    google_cloud_project: Annotated[str | None, Field(alias="GOOGLE_CLOUD_PROJECT", description="with GCS_BUCKET: mode gcp")] = None
    gcs_bucket: Annotated[str | None, Field(alias="GCS_BUCKET", description="with GOOGLE_CLOUD_PROJECT: mode gcp")] = None
    pubsub_topic: Annotated[str, Field(alias="PUBSUB_TOPIC", description="the topic of wake-up messages")] = "krai-jobs"
    pubsub_subscription: Annotated[str, Field(alias="PUBSUB_SUBSCRIPTION", description="the subscription workers pull from")] = (
        "krai-jobs-sub"
    )
    dead_letter_topic: Annotated[
        str, Field(alias="KRAI_DEAD_LETTER_TOPIC", description="where messages go that lead to no job; pulled from this name plus `-sub`")
    ] = "krai-jobs-dead"
    firestore_database: Annotated[str, Field(alias="KRAI_FIRESTORE_DATABASE", description="the Firestore database of jobs and keys")] = "(default)"
    warehouse_url: Annotated[
        SecretStr | None,
        Field(alias="KRAI_WAREHOUSE_URL", description="where datasets are kept: `postgresql://user:password@host/database`, `bigquery://project/dataset`, `iceberg+https://host/path?warehouse=…`, or in mode gcp gs://bucket/prefix; default the data folder, or gs://GCS_BUCKET/warehouse"),
    ] = None
    iceberg_credential: Annotated[
        SecretStr | None, Field(alias="KRAI_ICEBERG_CREDENTIAL", description="for that catalog: a bearer token, or `id:secret` of an OAuth 2 client; Google's get Google's own without")
    ] = None
    signer_service_account: Annotated[
        str | None, Field(alias="KRAI_SIGNER_SERVICE_ACCOUNT", description="who signs links, when that is not the process's own account")
    ] = None
    iam_credentials_url: Annotated[
        str, Field(alias="KRAI_IAM_CREDENTIALS_URL", pattern=r"^https?://\S+[^/]$", description="the service that signs links with an account")
    ] = "https://iamcredentials.googleapis.com"
    firestore_emulator: Annotated[str | None, Field(alias="FIRESTORE_EMULATOR_HOST", description="host:port of the emulator")] = None
    pubsub_emulator: Annotated[str | None, Field(alias="PUBSUB_EMULATOR_HOST", description="host:port of the emulator")] = None
    storage_emulator: Annotated[
        str | None, Field(alias="STORAGE_EMULATOR_HOST", pattern=r"^https?://\S+[^/]$", description="http://host:port of the emulator")
    ] = None
    bigquery_emulator: Annotated[
        str | None, Field(alias="BIGQUERY_EMULATOR_HOST", pattern=r"^https?://\S+[^/]$", description="http://host:port of the emulator")
    ] = None
    samples: Annotated[Literal["on", "off"], Field(alias="KRAI_SAMPLES", description="sample datasets and sources, made at the first start")] = (
        "on"
    )
    data_dir: Annotated[Path, Field(alias="KRAI_DATA_DIR", description="where the embedded mode keeps everything; in mode gcp, files in the making")] = Path(".krai")
    public_url: Annotated[
        str | None,
        Field(alias="KRAI_PUBLIC_URL", pattern=r"^https?://\S+$", description="the address clients reach krai at, when a proxy hides it"),
    ] = None
    trusted_proxies: Annotated[
        str,
        Field(
            alias="KRAI_TRUSTED_PROXIES",
            description="whose X-Forwarded-For and X-Forwarded-Proto are believed, e.g. `10.0.0.0/8,127.0.0.1`; nobody's without",
        ),
    ] = ""
    google_client_id: Annotated[
        str | None, Field(alias="GOOGLE_CLIENT_ID", description="the OAuth client of Google that people sign in by, and whose ID tokens are taken")
    ] = None
    google_client_secret: Annotated[
        SecretStr | None, Field(alias="GOOGLE_CLIENT_SECRET", description="its secret, for signing in from a browser; Google's web clients have one")
    ] = None
    oidc_issuers: Annotated[
        tuple[OidcIssuer, ...],
        Field(alias="KRAI_OIDC_ISSUERS", description='other OpenID providers, as JSON: `[{"issuer": "https://…", "audience": "…", "tenant": "…"}]`, with `client_secret` where the client has one'),
    ] = ()
    session_hours: Annotated[
        float, Field(alias="KRAI_SESSION_HOURS", gt=0, le=30 * 24, description="how long somebody who has signed in from a browser stays so")
    ] = 12
    cors_origins: Annotated[
        str, Field(alias="CORS_ORIGINS", description="pages that may call krai from a browser, e.g. `https://a.example,https://b.example`")
    ] = ""
    docs: Annotated[Literal["on", "off"], Field(alias="KRAI_DOCS", description="`/docs` and `/openapi.json`")] = "on"
    url_imports: Annotated[Literal["on", "off"], Field(alias="KRAI_URL_IMPORTS", description="imports from https URLs on the public internet")] = "on"
    callbacks: Annotated[Literal["on", "off"], Field(alias="KRAI_CALLBACKS", description="calls of `callback_url` and of webhooks on the public internet when a job has ended")] = "on"
    rate_limit_create: Annotated[
        str, Field(alias="KRAI_RATE_LIMIT_CREATE", description="jobs and uploads a caller may create, e.g. `100/15minutes`, or `off`")
    ] = "100/15minutes"
    rate_limit_read: Annotated[
        str, Field(alias="KRAI_RATE_LIMIT_READ", description="all other requests of a caller, or `off`")
    ] = "6000/15minutes"
    rate_limit_storage: Annotated[
        str | None,
        Field(alias="KRAI_RATE_LIMIT_STORAGE", pattern=r"^rediss?://\S+$", description="a Redis that all API processes count in: `redis://host:6379/0`"),
    ] = None
    quota_queued: Annotated[Quota, Field(alias="KRAI_QUOTA_QUEUED", description="unfinished jobs a caller may have, or `off`")] = 1000
    quota_running: Annotated[
        Quota, Field(alias="KRAI_QUOTA_RUNNING", description="jobs of a caller in the queue or running at once; the others wait their turn; or `off`")
    ] = 20
    quota_gib_per_day: Annotated[
        Quota, Field(alias="KRAI_QUOTA_GIB_PER_DAY", description="GiB the jobs of a caller may process in a day (UTC), or `off`")
    ] = 1024
    slots: Annotated[int, Field(alias="KRAI_SLOTS", ge=1, le=64, description="jobs a worker runs at once")] = 2
    max_attempts: Annotated[int, Field(alias="KRAI_MAX_ATTEMPTS", ge=1, le=100, description="attempts before a job fails")] = 5
    backoff_s: Annotated[
        float, Field(alias="KRAI_BACKOFF_S", gt=0, description="wait before the second attempt, doubled for each further one")
    ] = 2
    lease_s: Annotated[float, Field(alias="KRAI_LEASE_S", ge=1, description="how long a job is its worker's without a heartbeat")] = 30
    heartbeat_s: Annotated[float, Field(alias="KRAI_HEARTBEAT_S", gt=0, description="seconds between two heartbeats")] = 10
    sweep_s: Annotated[float, Field(alias="KRAI_SWEEP_S", gt=0, description="seconds between two sweeps")] = 15
    grace_s: Annotated[float, Field(alias="KRAI_GRACE_S", ge=0, description="how long a stopping worker goes on with its jobs")] = 20
    job_timeout_s: Annotated[float, Field(alias="KRAI_JOB_TIMEOUT_S", gt=0, description="the longest a job may run")] = 6 * 3600
    child_memory_mb: Annotated[int, Field(alias="KRAI_CHILD_MEMORY_MB", ge=256, description="memory a job may use")] = 1024
    max_source_mb: Annotated[int, Field(alias="KRAI_MAX_SOURCE_MB", ge=1, description="largest file an import reads")] = 10 * 1024
    max_unpacked_mb: Annotated[int, Field(alias="KRAI_MAX_UNPACKED_MB", ge=1, description="most a compressed file may unpack to")] = (
        50 * 1024
    )
    result_ttl_hours: Annotated[float, Field(alias="KRAI_RESULT_TTL_HOURS", gt=0, description="how long the files of a job are kept")] = 24
    job_ttl_days: Annotated[float, Field(alias="KRAI_JOB_TTL_DAYS", gt=0, description="how long a finished job is kept")] = 30
    log_format: Annotated[Literal["auto", "json", "text"], Field(alias="KRAI_LOG", description="log lines; auto: text on a terminal")] = (
        "auto"
    )
    otlp_endpoint: Annotated[str | None, Field(alias="OTEL_EXPORTER_OTLP_ENDPOINT", pattern=r"^https?://[^\s@]+$", description="the OpenTelemetry collector that traces are sent to, e.g. `http://localhost:4318`; no traces without")] = None
    trace_ratio: Annotated[float, Field(alias="OTEL_TRACES_SAMPLER_ARG", ge=0, le=1, description="how many of the traces that begin at krai are recorded; of those that begin elsewhere, what their first one says")] = 1
    manifest_key: Annotated[
        SecretStr | None,
        Field(alias="KRAI_MANIFEST_KEY", description="what signs manifests: an Ed25519 key, as PEM or its 32 bytes in base64; or `off`; the embedded mode makes one of its own"),
    ] = None
    manifest_old_keys: Annotated[
        str, Field(alias="KRAI_MANIFEST_OLD_KEYS", description="public keys, 32 bytes in base64 each, separated by commas, whose manifests are still good")
    ] = ""
    fail: Annotated[str | None, Field(alias="KRAI_FAIL", description="for tests: die at this failpoint")] = None

    @property
    def origins(self) -> list[str]:
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    @property
    def proxies(self) -> list[str]:
        return [network.strip() for network in self.trusted_proxies.split(",") if network.strip()]

    @property
    def signing_key(self) -> signature.SigningKey | None:
        """The one that is set."""
        text = None if self.manifest_key is None else self.manifest_key.get_secret_value()
        return None if text in {None, "off"} else signature.SigningKey.read(str(text))

    @property
    def old_keys(self) -> list[dict[str, str]]:
        """As JWKs."""
        return [signature.public_key(text) for text in self.manifest_old_keys.split(",") if text.strip()]

    @property
    def postgres_url(self) -> str | None:
        """With the password in it."""
        url = "" if self.warehouse_url is None else self.warehouse_url.get_secret_value()
        return url if warehouse_url.is_postgres(url) else None

    @property
    def bigquery_url(self) -> str | None:
        url = "" if self.warehouse_url is None else self.warehouse_url.get_secret_value()
        return url if warehouse_url.is_bigquery(url) else None

    @property
    def bucket_url(self) -> str:
        """The folder of the datasets in mode gcp."""
        return f"gs://{self.gcs_bucket}/warehouse" if self.warehouse_url is None else self.warehouse_url.get_secret_value()

    @property
    def deployment(self) -> str:
        """What its processes have in common, and no other deployment has."""
        return f"{self.google_cloud_project}/{self.gcs_bucket}" if self.mode is Mode.GCP else str(self.data_dir.absolute())

    @property
    def mode(self) -> Mode:
        return Mode.GCP if self.google_cloud_project else Mode.EMBEDDED

    @model_validator(mode="after")
    def _refuse_what_is_unsafe(self) -> Self:
        if bool(self.google_cloud_project) != bool(self.gcs_bucket):
            raise ValueError("GOOGLE_CLOUD_PROJECT and GCS_BUCKET belong together: set both for mode gcp, neither for mode embedded")
        if self.mode is Mode.EMBEDDED and self.api_key == DEMO_KEY and self.host not in LOOPBACK:
            raise ValueError(f"KRAI_HOST={self.host} is not loopback: set API_KEY to a secret of your own")
        if self.mode is Mode.GCP and self.manifest_key is None:
            raise ValueError("KRAI_MANIFEST_KEY is empty: set it to an Ed25519 key (`openssl genpkey -algorithm ed25519`), or to off for manifests without a signature")
        if self.heartbeat_s >= self.lease_s * 0.5:
            raise ValueError("KRAI_HEARTBEAT_S must be less than half of KRAI_LEASE_S, or one lost heartbeat loses the job")
        tenants = {(issuer.issuer, issuer.tenant) for issuer in self.oidc_issuers}
        if len(tenants) > len({issuer for issuer, _ in tenants}):
            raise ValueError("KRAI_OIDC_ISSUERS: an issuer has one tenant, for it says the same of a person to all of them")
        if self.google_client_secret is not None and self.google_client_id is None:
            raise ValueError("GOOGLE_CLIENT_SECRET belongs to GOOGLE_CLIENT_ID: set both")
        return self

    @model_validator(mode="after")
    def _refuse_what_cannot_be_read(self) -> Self:
        for name, rule in (("KRAI_RATE_LIMIT_CREATE", self.rate_limit_create), ("KRAI_RATE_LIMIT_READ", self.rate_limit_read)):
            if rule != "off" and not RATE.fullmatch(rule):
                raise ValueError(f"{name} takes e.g. 100/15minutes, or off")
        try:
            _ = self.signing_key, self.old_keys
        except ValueError:
            # Without its text, which may tell of the key.
            raise ValueError("KRAI_MANIFEST_KEY takes an Ed25519 key as PEM, its 32 bytes in base64, or off; KRAI_MANIFEST_OLD_KEYS public ones in base64") from None
        if not all(map(_is_network, self.proxies)):
            raise ValueError("KRAI_TRUSTED_PROXIES takes addresses and networks such as 10.0.0.0/8, separated by commas")
        if not all(ORIGIN.fullmatch(origin) for origin in self.origins):
            raise ValueError("CORS_ORIGINS takes origins such as https://krai.example.org, separated by commas, and no *")
        if self.warehouse_url is not None:
            warehouse_url.insist(self.warehouse_url.get_secret_value(), in_gcp=self.mode is Mode.GCP)
        if self.fail is not None and self.fail not in failpoint.NAMES:
            raise ValueError(f"KRAI_FAIL takes one of {', '.join(sorted(failpoint.NAMES))}")
        return self


def _is_network(text: str) -> bool:
    try:
        return ipaddress.ip_network(text).num_addresses > 0
    except ValueError:
        return False


def read() -> Settings:
    """The settings of the environment. Raises UnsafeSettings with one line for each thing to change."""
    try:
        return Settings()
    except SettingsError:
        # The one setting that holds JSON.
        raise UnsafeSettings('KRAI_OIDC_ISSUERS: takes JSON: [{"issuer": "https://…", "audience": "…", "tenant": "…"}]') from None
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = str(item["loc"][0]) if item["loc"] else ""
            lines.append(f"{name}: {item['msg']}" if name else item["msg"].removeprefix("Value error, "))
        raise UnsafeSettings("\n".join(lines)) from None


def rows() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, for the README."""
    table = []
    for field in Settings.model_fields.values():
        default = "" if field.default in (None, ()) else str(field.default)
        table.append((str(field.alias), default, str(field.description)))
    return table
