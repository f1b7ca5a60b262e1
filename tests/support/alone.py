"""The surroundings of the tests: a home, configuration, models, runs, imported sets and temporary folders of their own,
whatever the environment says and whatever the user has; all of it goes with them. Importing this module does it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

READ = (
    "QFUSION_DATA",
    "QFUSION_DEMAND_BROWSER",
    "QFUSION_SITE",
    "QFUSION_EVERY_FORMAT",
    "QFUSION_REWRITE",
    "QFUSION_ALL_GAUGES",
    "QFUSION_TEST_TIMES",
)
VARIABLE = "QFUSION_TESTS_HOME"  # the processes that share the tests have it from the first
FOLDERS = {
    "XDG_DATA_HOME": "data",
    "XDG_CONFIG_HOME": "config",
    "XDG_CACHE_HOME": "cache",
    "QFUSION_MODELS": "models",
    "QFUSION_RUNS": "runs",
    "QFUSION_IMPORTED": "imported",
    "QFUSION_TESTS_SHARED": "shared",
    "TMPDIR": "tmp",
}


def _leave() -> str:
    """Leaves the user's surroundings; returns the folder that takes their place."""
    for name in [name for name in os.environ if name.startswith("QFUSION_") and name not in READ]:
        del os.environ[name]
    for pip in (Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        if pip.is_file():  # where packages come from is the machine's
            os.environ.setdefault("PIP_CONFIG_FILE", str(pip))
    home = tempfile.mkdtemp(prefix="qfusion-tests-")
    os.environ |= {VARIABLE: home, "HOME": home, "USERPROFILE": home}
    for variable, folder in FOLDERS.items():
        os.environ[variable] = f"{home}/{folder}"
        os.mkdir(os.environ[variable])
    tempfile.tempdir = None  # it is asked for anew
    return home


OWN = None if VARIABLE in os.environ else _leave()
HEARD = (
    Path(os.environ[VARIABLE]) / "microphone.wav"
)  # by the browser of the tests, once a page begins to record


def clear() -> None:
    """Takes the folder away, in the process that made it."""
    if OWN is not None:
        shutil.rmtree(OWN, ignore_errors=True)
