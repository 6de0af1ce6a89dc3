"""Which URIs name one object of Cloud Storage."""

import pytest

from krai import gs_uri


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("gs://acme-landing/orders.csv", ("acme-landing", "orders.csv")),
        ("gs://acme.landing_1/2026/11/Bestellungen ä.csv", ("acme.landing_1", "2026/11/Bestellungen ä.csv")),
        ("gs://abc/" + "x" * 1024, ("abc", "x" * 1024)),
    ],
)
def test_one_object(uri: str, found: tuple[str, str]) -> None:
    assert gs_uri.parse(uri) == found


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "gs://",
        "gs://acme-landing",
        "gs://acme-landing/",
        "gs:///orders.csv",
        "gs://ab/orders.csv",
        "gs://Acme/orders.csv",
        "gs://acme-landing/*",
        "gs://acme-landing/2026/*.csv",
        "gs://acme-landing/orders.csv#17",
        "gs://acme-landing/folder/",
        "gs://acme-landing/a\nb",
        "gs://acme-landing/\ud800",
        "gs://acme-landing/" + "ä" * 513,
        "s3://acme-landing/orders.csv",
        "https://storage.googleapis.com/acme-landing/orders.csv",
        "GS://acme-landing/orders.csv",
    ],
)
def test_nothing_else(uri: str) -> None:
    assert gs_uri.parse(uri) is None
