"""Datasets by an Iceberg REST catalog, in both modes: what goes in comes out, and nothing tells the credential."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.emulators import Emulators
from tests.acceptance.deployment import embedded, gcp
from tests.acceptance.krai_process import QUICK
from tests.contract.rest_catalog import SECRET
from tests.contract.warehouses import rest_catalog

TOKEN = "a-token-of-nobody-but-tests"  # noqa: S105


@pytest.mark.parametrize("mode", ["embedded", pytest.param("gcp", marks=pytest.mark.long)])
def test_what_goes_in_comes_out(mode: str, emulators: Emulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulators.hosts["STORAGE_EMULATOR_HOST"])
    (tmp_path / "catalog").mkdir()
    with ExitStack() as stack:
        catalog = rest_catalog(tmp_path / "catalog", [TOKEN])
        stack.callback(catalog.stop)
        env = QUICK | {"KRAI_WAREHOUSE_URL": f"iceberg+http://{catalog.host}/?warehouse=all", "KRAI_ICEBERG_CREDENTIAL": f"krai:{SECRET}"}
        home = tmp_path / "data"
        deployment = stack.enter_context(embedded(home, env) if mode == "embedded" else gcp(home, env, emulators)).start()
        krai = deployment.krai
        first = krai.import_(dataset="small", source={"records": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]})
        catalog.freeze()
        job_id = krai.submit(
            "imports", {"dataset": "small", "mode": "upsert", "key": ["id"], "source": {"records": [{"id": 2, "name": "c"}]}}
        )
        krai.wait_until_attempt(job_id, 1)
        time.sleep(0.3)
        catalog.thaw()
        assert krai.result_of(job_id)["records_updated"] == 1
        for as_of, name in ((None, b"c"), (first["snapshot_id"], b"b")):
            (content,) = krai.files(krai.export(dataset="small", as_of=as_of))
            assert content.replace(b"\r\n", b"\n") == b"id,name\n1,a\n2," + name + b"\n"
        for process in deployment.processes:
            assert SECRET not in process.log()
            assert TOKEN not in process.log()
