"""The folders a process works in."""

import os
import shutil
from pathlib import Path

import psutil

from krai.settings import Settings, UnsafeSettings


def data_dir(settings: Settings) -> Path:
    """The data folder, made when it is not there. Raises UnsafeSettings when that is impossible."""
    home = settings.data_dir.absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeSettings(f"KRAI_DATA_DIR: the folder cannot be made ({error.strerror})") from None
    return home


def spool_dir(settings: Settings) -> Path:
    """A folder of this process's own for files in the making; what killed processes left behind is removed."""
    spools = data_dir(settings) / "spool"
    spools.mkdir(exist_ok=True)
    for left in spools.iterdir():
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    own = spools / str(os.getpid())
    own.mkdir(exist_ok=True)
    return own
