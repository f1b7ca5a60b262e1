"""Code that Numba compiles: kept in the user's cache folder, and written by one process at a time.

Numba names, reads and writes these files itself, so that the cache of arrays on the disk cannot hold them.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from qfusion import _user_folders

CACHE = "NUMBA_CACHE_DIR"


def keep_compiled_code() -> None:
    """Let Numba keep what it compiles in the user's cache folder, unless NUMBA_CACHE_DIR names another one. Call it
    before Numba is imported, which reads the variable once.

    Numba's own folder is beside the source, or in the home folder where that is not writable, as in a container.
    """
    os.environ.setdefault(CACHE, str(_user_folders.cache_root() / "numba"))


@contextmanager
def compiling() -> Iterator[None]:
    """Context manager around the first call of compiled functions, in one process at a time. Two processes that
    compile at once mix up their parts in Numba's files, and every process that reads these files afterwards ends with
    a segmentation fault.
    """
    keep_compiled_code()
    user = getattr(os, "getuid", int)()
    with FileLock(Path(tempfile.gettempdir(), f"qfusion-numba-{user}.lock"), is_singleton=False):
        yield
