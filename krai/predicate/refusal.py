"""How a filter is refused: where and what would be taken, never what was sent."""

from krai.errors import FieldError, Terminal


def refusal(detail: str, at: int | None = None) -> Terminal:
    """`at` is the place of the offending word in the filter, counted from 0 in characters."""
    told = detail if at is None else f"At character {at + 1}: {detail}"
    return Terminal("invalid_filter", told, errors=[FieldError("/filter", "invalid_filter", told)])
