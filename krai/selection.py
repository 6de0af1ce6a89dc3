"""What an export asks for, held against what its dataset is known to have."""

import asyncio
from typing import Any

from krai.dataset import Dataset
from krai.errors import FieldError, Terminal
from krai.ports import Stores
from krai.predicate.parse import parse

KNOWN_FOR_S = 1.0


async def check_export(stores: Stores, dataset_name: str, params: dict[str, Any]) -> None:
    """Raises Terminal dataset_not_found, unknown_column, invalid_filter.

    Of an earlier snapshot (`as_of`) only the warehouse knows the columns: such an export fails when it is run.
    """
    # A moment ago there was nothing wrong with it: most exports need no look at all. None is refused without one.
    recent = await stores.jobs.get_dataset(dataset_name, max_age_s=KNOWN_FOR_S)
    if recent is not None and await _mistake(recent, params) is None:
        return
    dataset = await stores.jobs.get_dataset(dataset_name)
    if dataset is None:
        raise Terminal("dataset_not_found")
    mistake = await _mistake(dataset, params)
    if mistake is not None:
        raise mistake


async def _mistake(dataset: Dataset, params: dict[str, Any]) -> Terminal | None:
    if params.get("as_of") is not None:
        return None
    if unknown := _unknown_columns(dataset, params):
        detail = f"The dataset {dataset.name} has no such column."
        return Terminal("unknown_column", detail, errors=[FieldError(pointer, "unknown_column", detail) for pointer in unknown])
    try:
        if params.get("filter") is not None:
            # Beside the loop: a filter of a thousand terms takes a twentieth of a second.
            await asyncio.to_thread(parse, params["filter"], dataset.columns)
    except Terminal as error:
        return error
    return None


def _unknown_columns(dataset: Dataset, params: dict[str, Any]) -> list[str]:
    """Pointers to the columns asked for that the dataset does not have."""
    known = {column.name for column in dataset.columns}
    asked = [(f"/columns/{number}", name) for number, name in enumerate(params.get("columns") or ())]
    asked += [(f"/order_by/{number}", key.removeprefix("-")) for number, key in enumerate(params.get("order_by") or ())]
    return [pointer for pointer, name in asked if name not in known]
