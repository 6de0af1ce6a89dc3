"""`gs://bucket/name`: one object of Cloud Storage, as Google's tools write it."""

import re

# Cloud Storage's rules for bucket names, but for the longest ones, which are host names with several dots.
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", re.ASCII)
LONGEST_NAME_BYTES = 1024


def parse(uri: str) -> tuple[str, str] | None:
    """The bucket and the object's name; None for anything else, wildcards of Google's tools included."""
    scheme, _, rest = uri.partition("://")
    bucket, _, name = rest.partition("/")
    # surrogatepass: what is no text is refused by isprintable, and must not break the count of its bytes.
    sound = name.isprintable() and 0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME_BYTES and not set(name) & set("*?[]#")
    return (bucket, name) if scheme == "gs" and BUCKET.fullmatch(bucket) and sound and not name.endswith("/") else None
