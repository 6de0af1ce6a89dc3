"""What BigQuery says of a bucket in another place: its words, for its double has no places."""

import pytest
from google.api_core.exceptions import BadRequest

from krai.errors import Terminal
from krai.warehouse.bigquery.failures import translated


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("Cannot read and write in different locations: source: EU, destination: US", "in different locations"),
        ("Error while reading data", "refused a statement"),
    ],
)
def test_a_bucket_elsewhere_is_named(said: str, detail: str) -> None:
    with pytest.raises(Terminal) as raised, translated():
        raise BadRequest(said)  # type: ignore[no-untyped-call]
    assert detail in raised.value.detail
    assert said not in raised.value.detail
