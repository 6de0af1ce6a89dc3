"""Which addresses of an Iceberg REST catalog are taken, and where its files go."""

import pytest
from pydantic import ValidationError

from krai import catalog_url
from krai.settings import Settings

GCP = {"GOOGLE_CLOUD_PROJECT": "p", "GCS_BUCKET": "b", "API_KEY": "a-secret-of-our-own", "KRAI_MANIFEST_KEY": "off"}
BIGLAKE = "iceberg+https://biglake.googleapis.com/iceberg/v1/restcatalog?warehouse=gs://lake"
SECRET = "hunter2"  # noqa: S105 (an example)


def test_an_address_is_read() -> None:
    asked = "warehouse=w&location=gs://b/p&token_url=https://id.example/t&scope=PRINCIPAL_ROLE:ALL"
    read = catalog_url.read(f"iceberg+https://c.example:8443/api/?{asked}")
    assert (read.uri, read.warehouse, read.location) == ("https://c.example:8443/api", "w", "gs://b/p")
    assert (read.token_url, read.scope) == ("https://id.example/t", "PRINCIPAL_ROLE:ALL")


@pytest.mark.parametrize(
    ("url", "root"),
    [
        (BIGLAKE, "gs://lake/krai"),
        (f"{BIGLAKE}&location=gs://lake/elsewhere", "gs://lake/elsewhere"),
        ("iceberg+https://c.example?warehouse=w", "there"),
        ("iceberg+https://c.example?warehouse=w&location=/srv/tables", "/srv/tables"),
        ("iceberg+http://[::1]:8181", "there"),
    ],
)
def test_files_go_where_the_address_says(url: str, root: str) -> None:
    assert catalog_url.read(url).root("there") == root


@pytest.mark.parametrize(
    ("url", "googles"),
    [(BIGLAKE, True), ("iceberg+https://googleapis.com.example", False), ("iceberg+https://c.example/.googleapis.com", False)],
)
def test_google_is_known_by_its_hosts(url: str, *, googles: bool) -> None:
    assert catalog_url.read(url).is_googles is googles


@pytest.mark.parametrize("mode", [{}, GCP])
@pytest.mark.parametrize("url", [BIGLAKE, "iceberg+http://127.0.0.1:8181/api?location=gs://b/p", "iceberg+http://localhost"])
def test_each_mode_takes_a_catalog(mode: dict[str, str], url: str) -> None:
    assert Settings.model_validate(mode | {"KRAI_WAREHOUSE_URL": url}).postgres_url is None


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ({}, f"iceberg+http://{SECRET}.example"),
        ({}, f"iceberg+https://c.example?token_url=http://{SECRET}.example"),
        ({}, f"iceberg+https://id:{SECRET}@c.example"),
        ({}, f"iceberg+https://{SECRET}@c.example"),
        ({}, f"iceberg+https://c.example?credential={SECRET}"),
        ({}, f"iceberg+https://c.example?{SECRET}"),
        ({}, f"iceberg+https://c.example?warehouse=a&warehouse={SECRET}"),
        ({}, f"iceberg+https://c.example?location={SECRET}"),
        ({}, f"iceberg+https://c.example#{SECRET}"),
        ({}, f"iceberg+https://c.example:{SECRET}"),
        ({}, f"iceberg+https://[{SECRET}"),
        ({}, "iceberg+https://"),
        ({}, "iceberg+ftp://c.example"),
        (GCP, f"iceberg+https://c.example?location=/srv/{SECRET}"),
    ],
)
def test_what_is_refused_is_not_repeated(mode: dict[str, str], url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(mode | {"KRAI_WAREHOUSE_URL": url})
    (error,) = refused.value.errors(include_url=False, include_input=False)
    assert "KRAI_WAREHOUSE_URL" in error["msg"]
    assert SECRET not in error["msg"]


def test_settings_do_not_show_the_credential() -> None:
    assert SECRET not in repr(Settings.model_validate({"KRAI_ICEBERG_CREDENTIAL": f"id:{SECRET}"}))
