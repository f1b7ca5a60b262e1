"""Folders of the user's own files. An environment variable names each; otherwise it is a folder of the operating system
for the data or the cache of a user.
"""

import os
from pathlib import Path

import platformdirs

OPENED = "QFUSION_OPENED"
OWNER = (
    "QFUSION_OWNER"  # number of the Python process that a dashboard belongs to, see `qfusion.show`
)


def own_folder(name: str) -> Path:
    """Return the user's folder of "runs" (and sweeps), "models" or "imported" data sets: QFUSION_RUNS, QFUSION_MODELS
    or QFUSION_IMPORTED.
    """
    return Path(
        os.environ.get(f"QFUSION_{name.upper()}")
        or Path(platformdirs.user_data_dir("qfusion")) / name
    )


def opened_places() -> list[Path]:
    """Return the folders or cards of models that are opened in place: QFUSION_OPENED, a list like PATH."""
    return [Path(place) for place in os.environ.get(OPENED, "").split(os.pathsep) if place]


def cache_root() -> Path:
    """Return the folder of cached arrays, which can be computed again: QFUSION_CACHE."""
    return Path(os.environ.get("QFUSION_CACHE") or platformdirs.user_cache_dir("qfusion"))
