"""Which addresses of a warehouse are taken, and which of them lead over a network that anybody can listen to."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from krai.settings import Settings, UnsafeSettings
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from krai.warehouse_url import is_open_line
from krai.wiring.datasets import open_datasets

GCP = {"GOOGLE_CLOUD_PROJECT": "p", "GCS_BUCKET": "b", "API_KEY": "a-secret-of-our-own", "KRAI_MANIFEST_KEY": "off"}
SECRET = "hunter2"  # noqa: S105 (an example)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://krai:pw@db.example/krai?sslmode=require",
        "postgresql://krai:pw@one.example,two.example:5433/krai?sslmode=verify-full&target_session_attrs=read-write",
        "postgresql://krai@127.0.0.1:5432/krai",
        "postgresql://krai@[::1]:5432/krai",
        "postgresql://krai@%2Fvar%2Frun%2Fpostgresql/krai",
        "postgresql:///krai?host=/var/run/postgresql",
        "postgres://localhost",
    ],
)
def test_a_closed_line(url: str) -> None:
    assert not is_open_line(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://krai:pw@db.example/krai",
        "postgresql://krai:pw@db.example/krai?sslmode=prefer",
        "postgresql://krai:pw@db.example/krai?sslmode=require&sslmode=disable",
        "postgresql://localhost,db.example/krai",
        "postgresql://localhost/krai?host=db.example",
        "postgresql://localhost/krai?hostaddr=192.0.2.1",
        "postgresql:///krai",
        "postgresql://localhost@db.example/krai",
        "postgresql://krai:127.0.0.1@10.0.0.1/krai",
    ],
)
def test_an_open_line(url: str) -> None:
    assert is_open_line(url)


def test_each_mode_takes_a_database_and_only_gcp_a_bucket() -> None:
    here = f"postgresql://krai:{SECRET}@localhost/krai"
    assert Settings.model_validate({"KRAI_WAREHOUSE_URL": here}).postgres_url == here
    assert Settings.model_validate(GCP | {"KRAI_WAREHOUSE_URL": here}).postgres_url == here
    bucket = Settings.model_validate(GCP | {"KRAI_WAREHOUSE_URL": "gs://b/prefix"})
    assert (bucket.postgres_url, bucket.bucket_url) == (None, "gs://b/prefix")
    assert Settings.model_validate(GCP).bucket_url == "gs://b/warehouse"
    assert Settings.model_validate({}).postgres_url is None


@pytest.mark.parametrize("mode", [{}, GCP])
@pytest.mark.parametrize("url", ["bigquery://a-project/krai", "bigquery://example.com:a-project/Krai_2"])
def test_each_mode_takes_a_dataset_of_bigquery(mode: dict[str, str], url: str) -> None:
    settings = Settings.model_validate(mode | {"KRAI_WAREHOUSE_URL": url})
    assert (settings.bigquery_url, settings.postgres_url) == (url, None)


@pytest.mark.parametrize("mode", [{}, GCP])
def test_each_mode_opens_a_dataset_of_bigquery(mode: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.model_validate(mode | {"KRAI_WAREHOUSE_URL": "bigquery://a-project/krai", "KRAI_DATA_DIR": str(tmp_path)})
    warehouse, _ = open_datasets(settings, lambda: pytest.fail("its mode's own"))
    assert isinstance(warehouse, BigQueryWarehouse)


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ({}, "gs://b/prefix"),
        ({}, "mysql://krai@localhost/krai"),
        (GCP, f"postgresql://krai:{SECRET}@db.example/krai"),
        (GCP, "gs://b/prefix/"),
        (GCP, f"postgresql://krai:{SECRET} @localhost/krai"),
        ({}, f"postgresql://krai:{SECRET}%zz@localhost/krai"),
        ({}, f"postgresql://krai:{SECRET}%"),
        ({}, "bigquery://a-project"),
        ({}, "bigquery://a-project/krai/more"),
        (GCP, "bigquery://a-project/krai-2"),
    ],
)
def test_what_is_refused_is_not_repeated(mode: dict[str, str], url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(mode | {"KRAI_WAREHOUSE_URL": url})
    (error,) = refused.value.errors(include_url=False, include_input=False)
    assert "KRAI_WAREHOUSE_URL" in error["msg"]
    assert SECRET not in error["msg"]


def test_what_libpq_does_not_take_is_refused_and_not_repeated() -> None:
    with pytest.raises(UnsafeSettings) as refused:
        PostgresWarehouse(f"postgresql://krai@localhost/krai?{SECRET}=1")
    assert SECRET not in str(refused.value)


def test_settings_do_not_show_the_password() -> None:
    assert SECRET not in repr(Settings.model_validate({"KRAI_WAREHOUSE_URL": f"postgresql://krai:{SECRET}@localhost/krai"}))
