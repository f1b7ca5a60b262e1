"""What is kept between reruns: bounded, keyed by file digest and settings, never changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion import data
from qfusion.analysis.sample import loaded as loaded
from qfusion.analysis.sample import open_work
from qfusion.analysis.subject import Workspace
from qfusion.runs import Run
from qfusion.runs.folder import ALIVE, Record


@st.cache_resource(max_entries=4,
                   show_spinner="Loading the data … (the first start makes 3,000 spoken opinions, some ten seconds)")
def _dataset(name: str, when: str) -> data.DataSet:
    return data.load(name)


def dataset(name: str) -> data.DataSet:
    """A data set by name; loaded anew when it was imported anew."""
    return _dataset(name, data.stamp(name))


@st.cache_resource(max_entries=256, show_spinner=False)
def _record(path: str, when: tuple[int, int], _run: Any) -> Any:
    return _run.record()


def record_of(run: Run) -> Record:
    """How far a run is; read anew while a process may train it, else when its file changes."""
    try:
        seen = (run.path / "record.json").stat()
    except OSError:
        return run.record()
    found: Record = _record(str(run.path), (seen.st_mtime_ns, seen.st_size), run)
    return run.record() if found.state in (*ALIVE, "interrupted") else found


def workspace_of(model: str, data_name: str) -> Workspace:
    """A model applied to a data set."""
    dataset(data_name)  # with its own words meanwhile
    return open_work(model, data_name)
