"""What a token must say of its time and its subject (OpenID Connect Core 1.0, section 3.1.3.7, and stricter)."""

import math
from typing import Any

from krai.identity.compact import refuse

SKEW_S = 60  # how far the issuer's clock may be from this one
LONGEST_SUBJECT = 255


def check_times(claims: dict[str, Any], now_at: float) -> None:
    """`now_at` and the claims are seconds since 1970. Raises Terminal invalid_token."""
    if _moment(claims, "exp") + SKEW_S <= now_at:
        refuse("Its exp has passed.")
    if _moment(claims, "iat") - SKEW_S > now_at:
        refuse("Its iat is in the future.")
    if "nbf" in claims and _moment(claims, "nbf") - SKEW_S > now_at:
        refuse("Its nbf is in the future.")


def subject(claims: dict[str, Any]) -> str:
    """Raises Terminal invalid_token."""
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= LONGEST_SUBJECT or not sub.isprintable():
        refuse(f"Its sub is not a string of 1 to {LONGEST_SUBJECT} printable characters.")
    return sub


def verified_email(claims: dict[str, Any]) -> str:
    """Raises Terminal invalid_token."""
    email = claims.get("email")
    if not isinstance(email, str) or not email:
        refuse("Its email is not a string with something in it.")
    if claims.get("email_verified") is not True:
        refuse("Its email_verified is not true.")
    return email


def _moment(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        refuse(f"Its {name} is not a number.")
    return value
