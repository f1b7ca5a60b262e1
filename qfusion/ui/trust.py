"""What the pages on operators and faithfulness keep between reruns, as `cache` does: bounded, keyed by digests, never changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.explain.deletion import RANKINGS
from qfusion.explain.estimators import Estimate
from qfusion.explain.faithfulness import AgainstTruth, Curves
from qfusion.explain.stability import Stability
from qfusion.ui import faithfulness_space, operator_space
from qfusion.ui.cache import key_of
from qfusion.ui.operator_space import Own, Votes
from qfusion.ui.workspace import Workspace


@st.cache_resource(max_entries=16, show_spinner="Finding what votes for and against …")
def _votes(key: tuple[str, ...], group: str, output: int, split: str, _work: Any) -> Votes:
    return operator_space.votes(_work, group, output, split)


def votes(work: Workspace, group: str, output: int, split: str) -> Votes:
    """The operator of a group of modalities, and the samples of a split on it."""
    return _votes(key_of(work), group, output, split, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _own(key: tuple[str, ...], group: str, output: int, row: int, _found: Votes, _work: Any) -> Own:
    return operator_space.own(_work, _found.operator, group, row)


def own(work: Workspace, found: Votes, group: str, output: int, row: int) -> Own:
    """Where one sample lies on an operator."""
    return _own(key_of(work), group, output, row, found, work)


@st.cache_resource(max_entries=16, show_spinner="Splitting the decisions on the test samples, once …")
def _modalities(key: tuple[str, ...], probability: bool, _work: Any) -> Curves:
    return faithfulness_space.modality_curves(_work, probability)


def modality_curves(work: Workspace, probability: bool) -> Curves:
    """Deletion and insertion of modalities on the explained test rows."""
    return _modalities(key_of(work), probability, work)


@st.cache_resource(max_entries=24, show_spinner="Asking the model again with features replaced …")
def _features(key: tuple[str, ...], modality: str, ranking: str, probability: bool, _work: Any) -> Curves:
    return faithfulness_space.feature_curves(_work, modality, ranking, probability)


def feature_curves(work: Workspace, modality: str, ranking: str = RANKINGS[0], probability: bool = False) -> Curves:
    """Deletion and insertion of the features of one modality on the test rows."""
    return _features(key_of(work), modality, ranking, probability, work)


@st.cache_resource(max_entries=8, show_spinner="Comparing with the planted truth …")
def _truth(key: tuple[str, ...], _work: Any) -> AgainstTruth | None:
    return faithfulness_space.against_truth(_work)


def against_truth(work: Workspace) -> AgainstTruth | None:
    """Exact against true dividends of the test rows; None where nobody knows these."""
    return _truth(key_of(work), work)


@st.cache_resource(max_entries=8, show_spinner=False)
def _stability(key: tuple[str, ...], when: str, _work: Any) -> Stability:
    return faithfulness_space.stability_of(_work)


def stability_of(work: Workspace) -> Stability:
    """What was measured over training seeds for a model as it is."""
    return _stability(key_of(work), faithfulness_space.stamp(work), work)


@st.cache_resource(max_entries=16, show_spinner="Running brute force and captum's estimators on this sample …")
def _estimates(key: tuple[str, ...], row: int, output: int, _work: Any) -> list[Estimate]:
    return faithfulness_space.estimates(_work, row, output)


def estimates(work: Workspace, row: int, output: int) -> list[Estimate]:
    """Shapley values of one sample by several methods."""
    return _estimates(key_of(work), row, output, work)
