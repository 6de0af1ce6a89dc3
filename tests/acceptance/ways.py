"""What every warehouse does for a caller, over HTTP."""

from typing import Any

import httpx

from tests.acceptance.krai_client import KraiClient


def upserts_undos_filters_and_moments(krai: KraiClient) -> None:
    def records(*pairs: tuple[int, str]) -> dict[str, Any]:
        return {"records": [{"id": number, "name": name} for number, name in pairs]}

    def exported(**query: Any) -> bytes:
        (content,) = krai.files(krai.export(dataset="small", **query))
        return content.replace(b"\r\n", b"\n")

    first = krai.import_(dataset="small", source=records((1, "a"), (2, "b"), (3, "c")))
    changed = krai.import_(dataset="small", mode="upsert", key=["id"], source=records((2, "new"), (9, "new")))
    assert (changed["records_inserted"], changed["records_updated"]) == (1, 1)
    assert exported(filter="name = 'new' or id < 2", order_by=["-id"]) == b"id,name\n9,new\n2,new\n1,a\n"
    assert exported(as_of=first["snapshot_id"]) == b"id,name\n1,a\n2,b\n3,c\n"
    undo = krai.http.post(f"/api/v1/jobs/{changed['job_id']}/undo")
    assert undo.status_code == httpx.codes.ACCEPTED
    undone = krai.result_of(undo.json()["job_id"])
    assert (undone["records_removed"], undone["records_restored"]) == (2, 1)
    assert exported() == b"id,name\n1,a\n2,b\n3,c\n"
