"""The charts' values are what the models say, and Helm takes no others."""

import json
from typing import Any

import pytest
import yaml
from helm_python import HelmError, lint
from pydantic import BaseModel

from krai.settings import Settings
from scripts import charts
from scripts.chart_words import OF_THE_CHART, SECRETS, others
from tests.deploy.release import EVERY_WAY, HELM, of, render, values

CLOUD = {"google": {"project": "p", "bucket": "b"}}


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_the_generated_files_are_up_to_date(chart: str) -> None:
    for path, text in charts.made(chart, charts.CHARTS[chart]).items():
        assert path.read_text() == text, f"{path.name}: run `make settings`"


@pytest.mark.parametrize("chart", charts.CHARTS)
def test_helm_finds_no_fault(chart: str) -> None:
    report = lint(HELM / chart, strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize(("chart", "way"), EVERY_WAY)
def test_every_way_of_use_renders(chart: str, way: str) -> None:
    assert of(chart, way).pods()


@pytest.mark.parametrize(("chart", "way"), EVERY_WAY)
def test_the_model_takes_what_helm_takes(chart: str, way: str) -> None:
    charts.CHARTS[chart].model_validate(values(chart, way))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"replicas": 3}, "'replicas' not allowed"),
        ({"worker": {"scaling": {"minimum": 1}}}, "'minimum' not allowed"),
        ({"worker": {"scaling": {"trigger": "cpu"}}}, "/worker/scaling/trigger"),
        ({"worker": {"slots": 0}}, "/worker/slots"),
        ({"worker": {"slots": "2"}}, "/worker/slots"),
        ({"worker": {"graceS": 600}}, "/worker/graceS"),
        ({"host": "https://krai.example.org"}, "/host"),
        ({"limits": {"queuedJobs": "none"}}, "/limits/queuedJobs"),
        ({"limits": {"runningJobs": 0}}, "/limits/runningJobs"),
        ({"limits": {"create": "100 a day"}}, "/limits/create"),
        ({"customer": {"name": ""}}, "/customer/name"),
        ({"settings": {"KRAI_DOC": "off"}}, "propertyName 'KRAI_DOC'"),
        ({"settings": {"KRAI_WAREHOUSE_URL": "postgresql://u:p@h/d"}}, "propertyName 'KRAI_WAREHOUSE_URL'"),
        ({"settings": {"API_KEY": "secret"}}, "propertyName 'API_KEY'"),
        ({"settings": {"KRAI_OIDC_ISSUERS": "[]"}}, "propertyName 'KRAI_OIDC_ISSUERS'"),
        ({"settings": {"GCS_BUCKET": "twice"}}, "propertyName 'GCS_BUCKET'"),
        ({"settings": {"KRAI_FAIL": "after_upload"}}, "propertyName 'KRAI_FAIL'"),
        ({"secrets": {"keys": {"KRAI_DOCS": "krai-docs"}}}, "propertyName 'KRAI_DOCS'"),
    ],
)
def test_a_value_that_is_none_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        render("krai", CLOUD | wrong)


def test_helms_own_global_is_let_through() -> None:
    assert render("krai", {**CLOUD, "global": {}, "monitoring": {"scrape": "none"}}).pods()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"google": {"bucket": "b"}}, "google.project"),
        ({"google": {"project": "p"}}, "google.bucket"),
        (CLOUD | {"expose": {"type": "ingress"}}, "host"),
        (CLOUD | {"worker": {"scaling": {"min": 0}}, "sweep": {"enabled": False}}, "sweep.enabled"),
    ],
)
def test_what_is_missing_is_named(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(HelmError, match=word):
        render("krai", wrong)


def test_every_setting_has_one_place_in_the_chart() -> None:
    names = {str(field.alias) for field in Settings.model_fields.values()}
    assert SECRETS | OF_THE_CHART | set(others()) == names
    assert not SECRETS & OF_THE_CHART
    assert {"API_KEY", "KRAI_MANIFEST_KEY", "KRAI_WAREHOUSE_URL", "GOOGLE_CLIENT_SECRET", "KRAI_ICEBERG_CREDENTIAL"} <= SECRETS


def test_every_value_says_what_it_is() -> None:
    assert [field for model in charts.CHARTS.values() for field in _silent(model())] == []


def _silent(values: BaseModel) -> list[str]:
    found = []
    for name, field in type(values).model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            found += _silent(value)
        elif not field.description:
            found.append(str(field.alias))
    return found


def test_the_schema_closes_every_object() -> None:
    schema = json.loads((HELM / "krai" / "values.schema.json").read_text())
    of_models = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in of_models)
    assert yaml.safe_load((HELM / "krai" / "values.yaml").read_text()).keys() == schema["properties"].keys() - {"global"}
