"""`/settings`: values that all callers read and admins change."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError, to_json

from krai import shared_settings
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import Admin, ApiOf, Caller
from krai.api.fields import Body
from krai.api.intake import Intake
from krai.job import format_time
from krai.shared_settings import SharedSetting

router = APIRouter(tags=["access"], prefix="/settings")
JSON = "application/json"
LARGEST_VALUE_BYTES = 8 * intake.KIB
Name = Annotated[
    str, Path(pattern=r"^[a-z][a-z0-9_.-]{0,62}$", description="Small letters, digits, `_`, `.` and `-`.", examples=["banner"])
]


def _of_bearable_size(value: Any) -> Any:
    if len(to_json(value)) > LARGEST_VALUE_BYTES:
        raise PydanticCustomError("invalid_field", "Takes a value of at most 8 KiB.")
    return value


class SettingBody(Body):
    """The new value."""

    value: Annotated[Any, AfterValidator(_of_bearable_size), Field(description="Any JSON of at most 8 KiB.")]


class ChangeAnswer(Answer):
    value: Any
    deleted: bool
    at: Time
    by: str


class SettingAnswer(Answer):
    name: str
    value: Any
    updated_at: Time
    updated_by: str

    @classmethod
    def of(cls, setting: SharedSetting) -> Self:
        newest = setting.newest
        return cls(name=setting.name, value=newest.value, updated_at=format_time(newest.at), updated_by=newest.by)


class SettingWithHistory(SettingAnswer):
    changes: Annotated[list[ChangeAnswer], Field(description="Newest first; the last 50.")]


class SettingList(Answer):
    settings: list[SettingAnswer]


@router.get(
    "",
    summary="List the settings",
    responses={**openapi.gives(200, SettingList, "By name", {"settings": [examples.SETTING]}), **openapi.fails(*openapi.CALL)},
)
async def list_settings(_: Caller, api: ApiOf) -> Response:
    found = await shared_settings.every(api.stores.directory)
    listed = SettingList(settings=[SettingAnswer.of(setting) for setting in found])
    return Response(listed.model_dump_json(), media_type=JSON)


@router.get(
    "/{name}",
    summary="Show a setting and who changed it when",
    responses={
        **openapi.gives(200, SettingWithHistory, "The setting", examples.SETTING_WITH_HISTORY),
        **openapi.fails(*openapi.CALL, "invalid_argument", "not_found"),
    },
)
async def get_setting(name: Name, _: Caller, api: ApiOf) -> Response:
    return _shown(await shared_settings.get(api.stores.directory, name))


@router.put(
    "/{name}",
    summary="Change a setting (admins)",
    responses={
        **openapi.gives(200, SettingWithHistory, "The setting", examples.SETTING_WITH_HISTORY),
        **openapi.fails(*openapi.CALL, *openapi.BODY, "invalid_argument"),
    },
    openapi_extra=openapi.takes(SettingBody, {"a text": {"value": "Exports pause on Sunday."}}, repeatable=False),
)
async def put_setting(name: Name, request: Request) -> Response:
    async def work(taken: Intake[SettingBody]) -> Response:
        taken.caller.demand(Scope.ADMIN)
        stores = taken.api.stores
        return _shown(await shared_settings.put(stores.directory, name, taken.body.value, by=taken.caller, now=stores.jobs.now()))

    return await intake.run(request, SettingBody, work, creates=False, repeatable=False)


@router.delete(
    "/{name}",
    summary="Take a setting away (admins)",
    status_code=204,
    responses={204: {"description": "Gone; its changes stay on record"}, **openapi.fails(*openapi.CALL, "invalid_argument", "not_found")},
)
async def delete_setting(name: Name, caller: Admin, api: ApiOf) -> Response:
    await shared_settings.delete(api.stores.directory, name, by=caller, now=api.stores.jobs.now())
    return Response(status_code=204)


def _shown(setting: SharedSetting) -> Response:
    changes = [ChangeAnswer.model_validate(change.to_doc()) for change in setting.changes]
    shown = SettingWithHistory(**SettingAnswer.of(setting).model_dump(), changes=changes)
    return Response(shown.model_dump_json(), media_type=JSON)
