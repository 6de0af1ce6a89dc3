"""`/api/v1/datasets`: what there is to export, and the removal of a dataset."""

from fastapi import APIRouter, Request, Response

from krai import submit
from krai.access import Principal, Scope
from krai.api import examples, openapi
from krai.api.answers import JobAnswer
from krai.api.auth import authenticate
from krai.api.dataset_answers import DatasetAnswer, DatasetList, SnapshotAnswer, SnapshotList
from krai.api.deps import Api, ApiOf, BaseUrl, Reader
from krai.api.fields import DATASET
from krai.dataset import MOST_SNAPSHOTS, Dataset
from krai.errors import Terminal

router = APIRouter(tags=["datasets"], prefix="/api/v1/datasets")


@router.get(
    "",
    summary="List the datasets",
    responses={**openapi.gives(200, DatasetList, "By name", {"datasets": [examples.DATASET]}), **openapi.fails(*openapi.CALL)},
)
async def list_datasets(caller: Reader, api: ApiOf) -> Response:
    found = await api.stores.jobs.list_datasets()
    readable = await api.admission.grants.readable(caller, (dataset.name for dataset in found))
    listed = DatasetList(datasets=[DatasetAnswer.of(dataset) for dataset in found if dataset.name in readable])
    return Response(listed.model_dump_json(), media_type="application/json")


@router.get(
    "/{name}",
    summary="Show a dataset",
    responses={**openapi.gives(200, DatasetAnswer, "The dataset", examples.DATASET), **openapi.fails(*openapi.CALL, "dataset_not_found")},
)
async def get_dataset(name: str, caller: Reader, api: ApiOf) -> Response:
    return Response(DatasetAnswer.of(await _find(name, caller, api)).model_dump_json(), media_type="application/json")


@router.get(
    "/{name}/snapshots",
    summary="List the snapshots of a dataset",
    description=f"What jobs have made of it, the newest {MOST_SNAPSHOTS} of them.",
    responses={
        **openapi.gives(200, SnapshotList, "Newest first", {"snapshots": [examples.SNAPSHOT]}),
        **openapi.fails(*openapi.CALL, "dataset_not_found"),
    },
)
async def list_snapshots(name: str, caller: Reader, api: ApiOf) -> Response:
    dataset = await _find(name, caller, api)
    listed = SnapshotList(snapshots=[SnapshotAnswer.of(snapshot) for snapshot in dataset.snapshots])
    return Response(listed.model_dump_json(), media_type="application/json")


@router.delete(
    "/{name}",
    summary="Remove a dataset (admins)",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The job that removes it", examples.DROP_JOB, openapi.CREATED),
        **openapi.fails(*openapi.CALL, "not_allowed", "dataset_not_found", "quota_exceeded"),
    },
)
async def drop_dataset(name: str, request: Request, api: ApiOf, base_url: BaseUrl) -> Response:
    caller = await authenticate(request)
    caller.demand(Scope.ADMIN)
    await api.creates.take(request.scope, caller.id)
    if not DATASET.fullmatch(name):
        raise Terminal("dataset_not_found")
    order = submit.Order(dataset=name, created_by=caller.id, tenant=caller.tenant, max_attempts=api.settings.max_attempts)
    job = await api.quotas.take(request.scope, await submit.drop(api.stores, order))
    await submit.accept(api.stores, job)
    api.quotas.look_after(job)
    view = JobAnswer.of(job, base_url)
    headers = {"location": view.links.self, "retry-after": "1"}
    return Response(view.model_dump_json(), 202, headers, media_type="application/json")


async def _find(name: str, caller: Principal, api: Api) -> Dataset:
    """Raises Terminal dataset_not_found, not_allowed."""
    if DATASET.fullmatch(name):
        await api.admission.grants.demand_read(caller, name)
    dataset = await api.stores.jobs.get_dataset(name) if DATASET.fullmatch(name) else None
    if dataset is None:
        raise Terminal("dataset_not_found")
    return dataset
