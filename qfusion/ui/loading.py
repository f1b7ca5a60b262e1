"""Data sets and checkpoints by name, cached between reruns.

The cache is bounded, its keys are names and time stamps, and cached objects are never changed.
"""

import streamlit as st

from qfusion import data
from qfusion._checks import choose
from qfusion.analysis import opening
from qfusion.panels import pickers
from qfusion.training.checkpoint import Checkpoint


@st.cache_resource(
    max_entries=4,
    show_spinner="Loading the data … (the first start generates 3,000 spoken opinions, about ten seconds)",
)
def load_cached(name: str, when: str) -> data.DataSet:
    """Load a data set. `when` is its stamp, so that a set that was replaced is loaded anew."""
    return data.load(name)


def load_dataset(name: str) -> data.DataSet:
    """A data set by name, never by a path: names come from readers. Loaded anew when it was imported anew.

    Raises:
        NotFound: when there is none of that name.
    """
    choose("Data set", name, data.names())
    return load_cached(name, data.stamp(name))


def load_model(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return opening.load_checkpoint(choose("Model", name, pickers.models()))
