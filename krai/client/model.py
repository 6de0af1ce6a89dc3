"""What an answer of krai's becomes: a dataclass that takes the fields it knows, in their types."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Model:
    document: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Raises ValueError when this is no such answer."""
        try:
            return cls._of(document)
        except (KeyError, TypeError, AttributeError):
            raise ValueError("The answer is not as krai gives it: check the address, and whether this client is as new as krai.") from None

    @classmethod
    def _of(cls, document: dict[str, Any]) -> Self:
        kinds = _kinds(cls)  # type: ignore[arg-type]  # a class is hashable
        known: dict[str, Any] = {name: _read(kinds[name], document[name]) for name in kinds if name in document and name != "document"}
        return cls(**known, document=document)


@cache
def _kinds(model: type[Model]) -> dict[str, Any]:
    hints = get_type_hints(model)
    return {each.name: hints[each.name] for each in fields(model)}


def _read(kind: Any, value: Any) -> Any:
    if get_origin(kind) in {UnionType, Union}:
        (kind,) = [one for one in get_args(kind) if one is not type(None)]
        return None if value is None else _read(kind, value)
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], item) for item in value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    return kind.of(value) if isinstance(kind, type) and issubclass(kind, Model) else value
