"""What an import may do to a dataset, and how it is taken back, on real processes."""

import pytest

from scripts.unlimited import UNLIMITED
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.krai_client import Json, KraiClient
from tests.acceptance.ledger import ledger_is_clean
from tests.unit.formats.xlsx_files import row, text, xlsx

pytestmark = EMBEDDED_IN_THE_GATE

PEOPLE = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}, {"id": 3, "name": "Edsger"}]
COUNTED = ("processed", "inserted", "updated", "rejected")


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> KraiClient:
    return new_krai(UNLIMITED).start().krai


def rows(krai: KraiClient, dataset: str) -> str:
    (content,) = krai.files(krai.export(dataset=dataset))
    return content.decode()


def counts(result: Json, names: tuple[str, ...] = COUNTED) -> tuple[int, ...]:
    return tuple(result[f"records_{name}"] for name in names)


def undo(krai: KraiClient, job_id: str) -> str:
    return krai.submit(f"jobs/{job_id}/undo", {})


def test_a_dataset_is_tried_upserted_and_taken_back(new_krai: NewKrai) -> None:
    deployment = new_krai(UNLIMITED).start()
    krai = deployment.krai
    krai.import_(dataset="people", source={"records": PEOPLE})
    before, held = rows(krai, "people"), krai.dataset("people")
    upsert: Json = {"dataset": "people", "mode": "upsert", "key": ["id"], "evolve": True}
    upsert["source"] = {"records": [{"id": 2, "name": "Grace Hopper", "city": "Arlington"}, {"id": 4, "name": "Barbara", "city": "Boston"}]}
    forecast = krai.import_(**upsert, dry_run=True)
    assert counts(forecast) == (2, 1, 1, 0)
    assert [column["name"] for column in forecast["schema"]] == ["id", "name", "city"]
    assert forecast["preview"]["rows"] == [["2", "Grace Hopper", "Arlington"], ["4", "Barbara", "Boston"]]
    assert krai.dataset("people") == held
    result = krai.import_(**upsert)
    assert counts(result) == (2, 1, 1, 0)
    assert rows(krai, "people").splitlines()[1:] == ["1,Ada,", "3,Edsger,", "2,Grace Hopper,Arlington", "4,Barbara,Boston"]
    assert krai.dataset("people")["rows"] == 4
    undone = krai.result_of(undo(krai, result["job_id"]))
    assert counts(undone, ("removed", "restored", "kept")) == (2, 1, 0)
    assert [line.rstrip(",") for line in rows(krai, "people").splitlines()[1:]] == before.splitlines()[1:]
    assert (krai.dataset("people")["rows"], krai.dataset("people")["snapshot_id"]) == (3, undone["snapshot_id"])
    snapshots = krai.http.get("/api/v1/datasets/people/snapshots").json()["snapshots"]
    assert [(item["mode"], item["rows"]) for item in snapshots] == [("undo", 3), ("upsert", 4), ("append", 3)]
    assert (snapshots[1]["snapshot_id"], snapshots[1]["job_id"]) == (result["snapshot_id"], result["job_id"])
    again = krai.wait_until_finished(undo(krai, result["job_id"]))
    assert (again["status"], again["error"]["code"]) == ("FAILED", "nothing_to_undo")
    ledger_is_clean(deployment)


def test_mended_rejects_follow_their_import(krai: KraiClient) -> None:
    upload = krai.upload(b"id,name\n1,Ada\n,Grace\n3,Edsger\n")
    result = krai.import_(dataset="mended", source={"upload_id": upload}, mode="upsert", key=["id"])
    assert counts(result) == (2, 2, 0, 1)
    rejects = krai.download(result["rejects_url"])
    mended = krai.upload(rejects.replace(b",Grace", b"2,Grace"))
    child = krai.submit(f"jobs/{result['job_id']}/retry", {"source": {"upload_id": mended}})
    assert counts(krai.result_of(child)) == (1, 1, 0, 0)
    assert krai.job(child)["parent_job_id"] == result["job_id"]
    assert rows(krai, "mended").splitlines() == ["id,name", "1,Ada", "3,Edsger", "2,Grace"]


def test_mended_rejects_of_a_sheet_follow_their_import(krai: KraiClient) -> None:
    cells = row(text("id"), text("name")) + row("<c><v>1</v></c>", text("Ada")) + row('<c t="e"><v>#N/A</v></c>', text("Grace"))
    upload = krai.upload(xlsx(cells))
    result = krai.import_(dataset="sheet", source={"upload_id": upload}, format="xlsx", sheet="One", columns={"name": "first", "id": "id"})
    assert counts(result) == (1, 1, 0, 1)
    mended = krai.upload(krai.download(result["rejects_url"]).replace(b'\\"#N/A\\"', b"2"))
    child = krai.submit(f"jobs/{result['job_id']}/retry", {"source": {"upload_id": mended}})
    assert counts(krai.result_of(child)) == (1, 1, 0, 0)
    assert rows(krai, "sheet").splitlines() == ["id,first", "1,Ada", "2,Grace"]


def test_a_replace_is_taken_back_with_its_columns(krai: KraiClient) -> None:
    krai.import_(dataset="replaced", source={"records": PEOPLE})
    before = rows(krai, "replaced")
    result = krai.import_(dataset="replaced", source={"records": [{"other": 1.5}]}, mode="replace")
    assert counts(krai.result_of(undo(krai, result["job_id"])), ("removed", "restored", "kept")) == (1, 3, 0)
    assert rows(krai, "replaced") == before
    assert [column["name"] for column in krai.dataset("replaced")["columns"]] == ["id", "name"]
