"""What is kept between reruns: bounded, keyed by file digest and settings, never changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion import data
from qfusion.explain import resampling
from qfusion.figures import circuit_boxes
from qfusion.runs import Run
from qfusion.runs.folder import ALIVE, Record
from qfusion.training import checkpoint
from qfusion.ui import (
    backgrounds,
    built_space,
    circuit_replay,
    cohort_space,
    cut_space,
    inside_space,
    jump_space,
    physics,
    replay,
    spaces,
    telling,
    what_if_space,
)
from qfusion.ui.replay import Dials
from qfusion.ui.workspace import Workspace


@st.cache_resource(max_entries=4, show_spinner="Loading the data … (the first start makes 3,000 spoken opinions, some ten seconds)")
def _dataset(name: str, when: str) -> data.DataSet:
    return data.load(name)


def dataset(name: str) -> data.DataSet:
    """A data set by name; loaded anew when it was imported anew."""
    return _dataset(name, data.stamp(name))


def stamp(name: str) -> str:
    """Changes whenever a checkpoint's files do; their digests are checked when they are read."""
    files = [folder / f"{name}{suffix}" for folder in checkpoint.folders() for suffix in (".json", ".safetensors")]
    seen = [path.stat() for path in files if path.is_file()]
    return " ".join(f"{found.st_mtime_ns}-{found.st_size}" for found in seen)


@st.cache_resource(max_entries=8, show_spinner=False)
def _loaded(name: str, when: str) -> checkpoint.Checkpoint:
    return checkpoint.load(name)


def loaded(name: str) -> checkpoint.Checkpoint:
    """A checkpoint by name; read anew when its files change."""
    return _loaded(name, stamp(name))


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


@st.cache_resource(max_entries=4, show_spinner="Applying the model to every sample …")
def _workspace(model: str, data_name: str, when: str, digest: str) -> Workspace:
    found = _loaded(model, when)
    return spaces.build(model, found.card, found.fusion, dataset(data_name))


def workspace_of(model: str, data_name: str) -> Workspace:
    """A model applied to a data set."""
    return _workspace(model, data_name, stamp(model), dataset(data_name).digest)


def key_of(work: Workspace) -> tuple[str, str, str]:
    """What identifies a workspace in the caches below: digests of the weights, of the data, and of the background."""
    return *states_of(work), str(work.background.key)


def states_of(work: Workspace) -> tuple[str, str]:
    """What identifies all that does not depend on the background: digests of the weights and of the data."""
    return str(work.card.get("weights_sha256", work.name)), work.dataset.digest


@st.cache_resource(max_entries=12, show_spinner="Working out the background …")
def _against(key: tuple[str, ...], kind: str, sample: str, members: np.ndarray | None, _work: Any) -> Workspace:
    return _work.against(backgrounds.of(_work, kind, sample, members))


def against(work: Workspace, kind: str, sample: str = "", members: np.ndarray | None = None) -> Workspace:
    """A workspace, as of `workspace_of`, with another kind of background; of "contrast" with that sample, of "cohort" with those rows."""
    return work if kind == "joint" else _against(states_of(work), kind, sample, members, work)


@st.cache_data(max_entries=8, show_spinner="Working out the entanglement of these samples, about 15 ms each …")
def _negativities(key: tuple[str, ...], rows: np.ndarray, _work: Any) -> np.ndarray:
    return jump_space.negativities(_work, rows)


def negativities(work: Workspace, rows: np.ndarray) -> np.ndarray:
    """Entanglement of each modality with the rest at T, for some rows."""
    return _negativities(states_of(work), rows, work)


@st.cache_data(max_entries=12, show_spinner="Splitting the decisions on the test samples, once …")
def _frame(key: tuple[str, ...], output: int | None, _work: Any) -> pd.DataFrame:
    return _work.frame(output)


def frame(work: Workspace, output: int | None) -> pd.DataFrame:
    """One row a sample, with the dividends of one output's score, or of each sample's predicted class."""
    return _frame(key_of(work), output, work)


@st.cache_resource(max_entries=8, show_spinner="Splitting the decisions on the test samples, once …")
def _telling(key: tuple[str, ...], _work: Any) -> list[telling.Telling]:
    return telling.find(_work)


def telling_samples(work: Workspace) -> list[telling.Telling]:
    """Three samples worth opening first."""
    return _telling(key_of(work), work)


@st.cache_resource(max_entries=64, show_spinner=False)
def _decision(key: tuple[str, ...], row: int, dials: Dials, output: int, _work: Any) -> replay.Decision:
    return replay.decide(_work, row, dials, output)


def decision(work: Workspace, row: int, dials: Dials, output: int = 0) -> replay.Decision:
    """One sample's decision through time, and test metrics."""
    return _decision(key_of(work), row, dials, output, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _track(key: tuple[str, ...], row: int, dials: Dials, negativity: bool, runs: int, seed: int, _work: Any) -> Any:
    return replay.follow(_work, row, dials, negativity=negativity, runs=runs, seed=seed)


def track(work: Workspace, row: int, dials: Dials, *, negativity: bool = False, runs: int = 0, seed: int = 0) -> Any:
    """QuTiP's track of one sample."""
    return _track(states_of(work), row, dials, negativity, runs, seed, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _sparkline(key: tuple[str, ...], row: int, _work: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return replay.entropies_by_torch(_work, row)


def sparkline(work: Workspace, row: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and entropies of each modality, for cards: by torch, without waiting for QuTiP to load."""
    return _sparkline(states_of(work), row, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _agreement(key: tuple[str, ...], row: int, dials: Dials, _work: Any) -> float:
    return replay.agreement(_work, row, dials, track(_work, row, dials).rho[-1])


def agreement(work: Workspace, row: int, dials: Dials) -> float:
    """Largest deviation between torch and QuTiP on rho(T)."""
    return _agreement(states_of(work), row, dials, work)


@st.cache_resource(max_entries=16, show_spinner="Evolving to the steady state …")
def _attractor(key: tuple[str, ...], row: int, dials: Dials, _work: Any) -> Any:
    return replay.attract(_work, row, dials)


def attractor(work: Workspace, row: int, dials: Dials) -> Any:
    """Steady state, gap and distance."""
    return _attractor(states_of(work), row, dials, work)


@st.cache_resource(max_entries=16, show_spinner="Building the circuit …")
def _circuit(key: tuple[str, ...], row: int, dt: float, split: str, _work: Any) -> Any:
    return replay.circuit(_work, row, dt, split)


def circuit(work: Workspace, row: int, dt: float, split: str) -> Any:
    """One step as a circuit."""
    return _circuit(states_of(work), row, dt, split, work)


@st.cache_data(max_entries=16, show_spinner="Comparing steps with the exact evolution …")
def _step_errors(key: tuple[str, ...], row: int, split: str, _work: Any) -> Any:
    return replay.step_errors(_work, row, split)


def step_errors(work: Workspace, row: int, split: str) -> Any:
    """How the circuit's error falls with the step."""
    return _step_errors(states_of(work), row, split, work)


@st.cache_resource(max_entries=16, show_spinner=False)
def _step_walk(key: tuple[str, ...], row: int, dt: float, split: str, _work: Any) -> circuit_boxes.Walk:
    return replay.step_walk(_work, circuit(_work, row, dt, split))


def step_walk(work: Workspace, row: int, dt: float, split: str) -> circuit_boxes.Walk:
    """A sample's way through one step."""
    return _step_walk(states_of(work), row, dt, split, work)


@st.cache_resource(max_entries=64, show_spinner=False)
def _answer(key: tuple[str, ...], row: int, words: str, _work: Any) -> circuit_replay.Answer:
    return circuit_replay.answer(_work, row, words)


def answer(work: Workspace, row: int, words: str = "") -> circuit_replay.Answer:
    """The decision on one sample with edited truth tables."""
    return _answer(key_of(work), row, words, work)


@st.cache_resource(max_entries=16, show_spinner="Walking the sample through the circuit …")
def _walk(key: tuple[str, ...], row: int, words: str, _work: Any) -> circuit_boxes.Walk:
    return circuit_replay.walk(_work, row, words)


def walk(work: Workspace, row: int, words: str = "") -> circuit_boxes.Walk:
    """A sample's way through an entangled-fusion circuit."""
    return _walk(states_of(work), row, words, work)


@st.cache_resource(max_entries=16, show_spinner="Working out the entropies …")
def _layers(key: tuple[str, ...], row: int, words: str, _work: Any) -> Any:
    return circuit_replay.layers(_work, row, words)


def layers(work: Workspace, row: int, words: str = "") -> Any:
    """Entropies along the layers of the network."""
    return _layers(states_of(work), row, words, work)


@st.cache_resource(max_entries=16, show_spinner="Reading the circuit out early …")
def _layer_terms(key: tuple[str, ...], row: int, words: str, _work: Any) -> Any:
    return circuit_replay.layer_terms(_work, row, words)


def layer_terms(work: Workspace, row: int, words: str = "") -> Any:
    """Contributions along the layers of the network."""
    return _layer_terms(key_of(work), row, words, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _noisy(key: tuple[str, ...], row: int, words: str, strengths: tuple[float, float, float], shots: int, _work: Any) -> Any:
    return circuit_replay.with_noise(_work, row, words, strengths, shots)


def noisy(work: Workspace, row: int, words: str, strengths: tuple[float, float, float], shots: int) -> Any:
    """The decision on one sample under noise, with the errors that shots leave."""
    return _noisy(key_of(work), row, words, strengths, shots, work)


@st.cache_resource(max_entries=8, show_spinner="Drawing the circuit with PennyLane …")
def _drawing(key: tuple[str, ...], row: int, words: str, _work: Any) -> Any:
    return circuit_replay.drawing(_work, row, words)


def drawing(work: Workspace, row: int, words: str = "") -> Any:
    """The circuit in PennyLane."""
    return _drawing(states_of(work), row, words, work)


@st.cache_resource(max_entries=8, show_spinner="Splitting the decisions on the test samples, once …")
def _cohort_table(key: tuple[str, ...], output: int | None, _work: Any) -> pd.DataFrame:
    return cohort_space.table(_work, frame(_work, output))


def cohort_table(work: Workspace, output: int | None) -> pd.DataFrame:
    """The frame with the columns that cohorts are made of; shared, not to be changed."""
    return _cohort_table(key_of(work), output, work)


@st.cache_data(max_entries=8, show_spinner="Working out the entanglement of these samples, about 17 ms each …")
def _correlations(key: tuple[str, ...], rows: np.ndarray, _work: Any) -> dict[str, np.ndarray]:
    return cohort_space.correlations(_work, rows)


def correlations(work: Workspace, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Negativity, mutual information and total correlation at T, for some rows."""
    return _correlations(key_of(work), rows, work)


@st.cache_resource(max_entries=32, show_spinner=False)
def _cuts(key: tuple[str, ...], row: int, dials: Dials, terms: bool, _work: Any) -> Any:
    return cut_space.of_sample(_work, row, dials, terms=terms)


def cuts(work: Workspace, row: int, dials: Dials, *, terms: bool = False) -> Any:
    """One sample's score, and its terms, after the correlations of every modality are taken away at a time, under the sliders."""
    return _cuts(key_of(work) if terms else states_of(work), row, dials, terms, work)


@st.cache_resource(max_entries=64, show_spinner=False)
def _built(key: tuple[str, ...], rows: tuple[int, ...], dials: Dials, output: int, _work: Any) -> Any:
    return built_space.of_rows(_work, rows, output, dials)


def built(work: Workspace, rows: int | np.ndarray, dials: Dials, output: int) -> Any:
    """What each term of the dynamics built, an `explain.Built`, of one sample or the mean over rows, under the sliders."""
    return _built(key_of(work), tuple(np.atleast_1d(rows).tolist()), dials, output, work)


@st.cache_resource(max_entries=8, show_spinner="Taking the correlations of these samples away, about 8 ms each …")
def _cut_metrics(key: tuple[str, ...], rows: np.ndarray, _work: Any) -> Any:
    return cut_space.of_rows(_work, rows)


def cut_metrics(work: Workspace, rows: np.ndarray) -> Any:
    """Metrics of some rows, as learned, after the correlations of every modality are taken away at a time."""
    return _cut_metrics(states_of(work), rows, work)


@st.cache_data(max_entries=128, show_spinner=False)
def bootstrap_correlation(x: np.ndarray, y: np.ndarray) -> dict[str, resampling.Interval]:
    """Pearson's and Spearman's correlation with their intervals."""
    return resampling.correlation(x, y)


@st.cache_data(max_entries=256, show_spinner=False)
def bootstrap_means(columns: dict[str, np.ndarray]) -> dict[str, resampling.Interval]:
    """Means of columns of the same samples with their intervals."""
    return resampling.means(columns)


@st.cache_resource(max_entries=64, show_spinner="Taking the physics apart …")
def _physics(key: tuple[str, ...], rows: np.ndarray, where: physics.Where, output: int, target: str, _work: Any) -> Any:
    return physics.measure(_work, rows, where, output, target)


def physics_of(work: Workspace, rows: np.ndarray, where: physics.Where, output: int, target: str) -> Any:
    """Slopes and knock-outs of every term of a model, averaged over some rows."""
    return _physics(key_of(work), rows, where, output, target, work)


@st.cache_resource(max_entries=64, show_spinner="Halving every term in turn …")
def _half_way(key: tuple[str, ...], rows: np.ndarray, where: physics.Where, output: int, target: str, _work: Any) -> np.ndarray:
    return physics.half_way(_work, rows, where, output, target)


def half_way(work: Workspace, rows: np.ndarray, where: physics.Where, output: int, target: str) -> np.ndarray:
    """What the slope of every term at half its strength says that its removal does."""
    return _half_way(key_of(work), rows, where, output, target, work)


@st.cache_resource(max_entries=64, show_spinner="Following the term …")
def _way(key: tuple[str, ...], rows: np.ndarray, where: physics.Where, output: int, target: str, term: str, _work: Any) -> Any:
    return physics.follow(_work, rows, where, output, target, term)


def way(work: Workspace, rows: np.ndarray, where: physics.Where, output: int, target: str, term: str) -> Any:
    """A target on the way from one removed term to where it stands."""
    return _way(key_of(work), rows, where, output, target, term, work)


@st.cache_data(max_entries=16, show_spinner="Removing every term in turn, on all test samples …")
def _metrics_without(key: tuple[str, ...], where: physics.Where, _work: Any) -> pd.DataFrame:
    return physics.metrics_without(_work, where)


def metrics_without(work: Workspace, where: physics.Where) -> pd.DataFrame:
    """Test metrics with each term removed."""
    return _metrics_without(key_of(work), where, work)


@st.cache_resource(max_entries=4, show_spinner=False)
def _still_model(key: tuple[str, ...], _work: Any) -> Any:
    return what_if_space.fixed(_work)


def _still(work: Workspace) -> Any:
    return _still_model(states_of(work), work)


@st.cache_resource(max_entries=4, show_spinner="Working out the state of every sample …")
def _every_state(key: tuple[str, ...], _work: Any) -> Any:
    return what_if_space.every_state(_work)


@st.cache_resource(max_entries=64, show_spinner=False)
def _what_if(key: tuple[str, ...], row: int, changes: tuple[what_if_space.Change, ...], _work: Any) -> what_if_space.Result:
    return what_if_space.with_changes(_work, _still(_work), row, changes)


def what_if(work: Workspace, row: int, changes: tuple[what_if_space.Change, ...]) -> what_if_space.Result:
    """The decision on one sample with changed modalities."""
    return _what_if(key_of(work), row, changes, work)


@st.cache_resource(max_entries=64, show_spinner="Looking for the nearest state that turns the decision …")
def _flips(key: tuple[str, ...], row: int, _work: Any) -> dict[str, what_if_space.Flip]:
    return what_if_space.what_would_flip(_work, _still(_work), row, _every_state(key, _work))


def what_would_flip(work: Workspace, row: int) -> dict[str, what_if_space.Flip]:
    """What of each modality would turn the decision on one sample; it does not depend on the background."""
    return _flips(states_of(work), row, work)


@st.cache_resource(max_entries=2, show_spinner="Following every knob over its range, once for this model, about ten seconds …")
def _knob_table(key: tuple[str, ...], _work: Any) -> Any:
    return what_if_space.knob_table(_work)


@st.cache_resource(max_entries=32, show_spinner="Turning every knob for this sample …")
def _knob_flips(key: tuple[str, ...], row: int, _work: Any) -> Any:
    return what_if_space.knobs_that_flip(_work, row, _knob_table(key, _work))


def knob_flips(work: Workspace, row: int) -> Any:
    """Which turn of one knob would turn the decision on one sample."""
    return _knob_flips(states_of(work), row, work)


@st.cache_resource(max_entries=64, show_spinner="Following the term through the encoder …")
def _inside(key: tuple[str, ...], row: int, modality: str, term: str, output: int, baseline: str, other: str, _work: Any) -> Any:
    return inside_space.attribute(_work, row, modality, term, output, baseline, other)


def inside(work: Workspace, row: int, modality: str, term: str, output: int, baseline: str, other: str = "") -> Any:
    """Attribution of a term to the features of one modality of one sample."""
    return _inside(key_of(work), row, modality, term, output, baseline, other, work)
