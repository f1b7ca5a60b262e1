"""Where this user's files are kept: a variable each, else a folder of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

OPENED = "QFUSION_OPENED"


def runs() -> Path:
    """Runs and sweeps: QFUSION_RUNS."""
    return _own("QFUSION_RUNS", "runs")


def models() -> Path:
    """Models of the user's own: QFUSION_MODELS."""
    return _own("QFUSION_MODELS", "models")


def opened() -> list[Path]:
    """Models that are opened where they lie, folders or cards: QFUSION_OPENED, as PATH lists folders."""
    return [Path(place) for place in os.environ.get(OPENED, "").split(os.pathsep) if place]


def imported() -> Path:
    """Imported data sets: QFUSION_IMPORTED."""
    return _own("QFUSION_IMPORTED", "imported")


def cache() -> Path:
    """Arrays that can be made again: QFUSION_CACHE."""
    return Path(os.environ.get("QFUSION_CACHE") or platformdirs.user_cache_dir("qfusion"))


def _own(variable: str, folder: str) -> Path:
    return Path(os.environ.get(variable) or Path(platformdirs.user_data_dir("qfusion")) / folder)
