"""What is kept between reruns: bounded, keyed by file digest and settings, never changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion import data
from qfusion._checks import choose
from qfusion.analysis import sample
from qfusion.analysis.sample import open_work
from qfusion.analysis.subject import Workspace
from qfusion.data import registry
from qfusion.panels import address
from qfusion.runs import Run
from qfusion.runs.folder import ALIVE, Record
from qfusion.training.checkpoint import Checkpoint


@st.cache_resource(
    max_entries=4,
    show_spinner="Loading the data … (the first start makes 3,000 spoken opinions, some ten seconds)",
)
def _dataset(name: str, when: str) -> data.DataSet:
    return data.load(name)


def dataset(name: str) -> data.DataSet:
    """A data set by name, never by a path: names come from readers. Loaded anew when it was imported anew.

    Raises:
        NotFound: when there is none of that name.
    """
    choose("Data set", name, registry.names())
    return _dataset(name, data.stamp(name))


def loaded(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return sample.loaded(choose("Model", name, address.models()))


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


def require_known(model: str, data_name: str) -> None:
    """Raises NotFound unless model and data set exist; reads the data, with its own words meanwhile."""
    choose("Model", model, address.models())
    dataset(data_name)


def workspace_of(model: str, data_name: str) -> Workspace:
    """A model applied to a data set, by their names."""
    require_known(model, data_name)
    return open_work(model, data_name)
