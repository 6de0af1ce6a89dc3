"""The backends of a mode, by name: a process loads those it uses and no others."""

import importlib
from contextlib import AbstractAsyncContextManager

from krai.ports import Stores
from krai.settings import Mode, Settings

_STORES = {Mode.EMBEDDED: "krai.wiring.embedded", Mode.GCP: "krai.wiring.gcp"}
_TOOLS = {Mode.EMBEDDED: "krai.wiring.embedded_tools:build", Mode.GCP: "krai.wiring.gcp_tools:build"}


def open_stores(settings: Settings) -> AbstractAsyncContextManager[Stores]:
    """The stores of the mode that `settings` choose, closed at the end of the block. Raises UnsafeSettings."""
    stores: AbstractAsyncContextManager[Stores] = importlib.import_module(_STORES[settings.mode]).open_stores(settings)
    return stores


def tools_of(settings: Settings) -> str:
    """`module:function` that builds what a child works with. Named, for it loads Arrow and Iceberg, which no other process needs."""
    return _TOOLS[settings.mode]
