"""Environment variables of separate processes that read untrusted files."""

import os
import sys

LIBRARIES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
INHERITED = (*LIBRARIES, "HOME", "LANG", "TMPDIR", "TEMP")


def child_variables(**more: str) -> dict[str, str]:
    """Return the environment variables of a separate process: those needed to find libraries, and `more`. Modules are
    found in the same places as in this process. Matrix libraries use one thread, because every further thread takes
    address space.
    """
    inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **more,
    }
