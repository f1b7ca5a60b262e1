"""Folders that are imported as data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion.data import importing
from qfusion.data.examine import report
from qfusion.data.store import manifest
from tests.support import importable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path / "imported"


def examined(*paths: Path, **options: Any) -> report.ExaminedSet:
    with manifest.staging_folder() as place:
        return importing.examine_files(paths, place, **options)


def codes(found: report.ExaminedSet) -> dict[str, Any]:
    return {each.code: each for each in found.report.findings}


def changed(tmp_path: Path, change: Any, **options: Any) -> Path:
    content = importable.mmsa(**options)
    change(content)
    return importable.write_mmsa(tmp_path / "m.pkl", content)


# ---- multi-view files


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path
