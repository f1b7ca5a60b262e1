"""Studies as `qfusion.show` hands them to a server: as files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

import qfusion
from qfusion.adapters import showing
from qfusion.study.study import Study


def check_shown_from_files(here: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places a study in an empty folder, opens it from there, and compares the contributions of a test sample."""
    with contextlib.ExitStack() as stack:
        for name, value in showing.place_variables(folder, here.name).items():
            monkeypatch.setenv(name, value)
        showing.place_study(here, folder, stack)
        there = qfusion.study.opening.open_study(here.name, here.dataset.name)
        sample = str(here.dataset.ids[here.dataset.rows("test")[0]])
        assert there.sample(sample).dividends == pytest.approx(
            here.sample(sample).dividends, abs=1e-12
        )
