"""Which paths a stored file may have: the same ones in every blob store."""

MAX_PATH_BYTES = 1000  # Cloud Storage takes 1024; the rest is for the names of a file's parts while it is sent
MAX_NAME_BYTES = 255


def valid(path: str) -> bool:
    try:
        names = [name.encode() for name in path.split("/")]
    except UnicodeEncodeError:
        return False
    sizes_fit = sum(map(len, names)) + len(names) - 1 <= MAX_PATH_BYTES and all(0 < len(name) <= MAX_NAME_BYTES for name in names)
    return sizes_fit and path.isprintable() and "\\" not in path and not any(name.startswith(b".") for name in names)


def checked(path: str) -> str:
    """The path, if a file may have it. Raises ValueError."""
    if not valid(path):
        raise ValueError("not a path of a stored file")
    return path
