"""Results on one sample from which its figures and tables are made, and functions that open the sample."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from qfusion._checks import check, choose, require_number
from qfusion.analysis import sample_circuits
from qfusion.analysis.drawn_samples import thin_rows
from qfusion.analysis.opening import open_sample
from qfusion.analysis.sample import Sample
from qfusion.explain import Explanation, aumann_shapley, explain, faithfulness
from qfusion.explain.fusion import joint_entropies
from qfusion.models.protocols import Circuit, Evolution, TruthTables, missing_part
from qfusion.quantum import states
from qfusion.training.checkpoint import Checkpoint

Edits = str | Path | Checkpoint | Sample
Made = TypeVar("Made")


def open_decision(model: Edits, sample: str | None = None, **chosen: Any) -> Sample:
    """Return `model` if it is a sample already, else the sample of that id.

    `chosen` as for `qfusion.analysis.open_sample`.

    Raises:
        InvalidInput: when a sample comes with an id, or a model without one.
    """
    if isinstance(model, Sample):
        check(
            sample is None and not chosen,
            "Give either an opened sample, which knows its settings, or a model with `sample` and these.",
        )
        return model
    check(
        sample is not None,
        "Argument `sample` must be the id of a sample, but is None. Give one, or an opened sample instead of a model.",
    )
    return open_sample(model, str(sample), **{"output": None, "rows": "all"} | chosen)


def accepts_sample(make: Callable[..., Made]) -> Callable[..., Made]:
    """Return a function that takes a sample, or a model, a sample and the further arguments of `open_decision`, and
    calls `make` with the sample.
    """
    own = inspect.signature(make).parameters

    @functools.wraps(make)
    def made(model: Edits, sample: str | None = None, **chosen: Any) -> Made:
        ours = {name: chosen.pop(name) for name in list(chosen) if name in own}
        return make(open_decision(model, sample, **chosen), **ours)

    return made


@torch.no_grad()
def layer_entropies(sample: Sample) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return entropies and dividends of a sample at its places, by name; of all together and the baseline by "".

    Raises:
        InvalidInput: when the model neither evolves in time nor fuses by truth tables.
    """
    if sample.model.part(Evolution):
        return sample.track().measures.single("entropy"), sample.path_dividends
    if not sample.model.part(TruthTables):
        raise missing_part(
            sample.model, Evolution, "and no layers to follow", f"Model '{sample.name}'"
        )
    vectors = sample.model.fuse(sample.model.encode(sample.inputs))[0][0]
    joint = joint_entropies(sample.model, vectors)
    return {"entropy of the qubits in play": joint}, sample.path_dividends


def sample_track(sample: Sample, negativity: bool = True) -> Any:
    """Return QuTiP's track of a sample of a quantum-jump model, at the times that are shown, from 0 to T."""
    sample.model.require(Evolution, "", f"Model '{sample.name}'")
    return sample.track(negativity=negativity)


def measure_over_time(
    sample: Sample, measure: str
) -> tuple[np.ndarray, dict[tuple[str, ...], np.ndarray]]:
    """Return the times of a sample's track and a measure of its states, by the modalities to which it refers.

    Raises:
        NotFound: when there is no such measure.
    """
    tracked = sample_track(sample)
    return tracked.times, tracked.measures.by_part(
        choose("Measure", measure, sorted({measure.kind for measure in tracked.measures}))
    )


def fusion_reading(sample: Sample) -> Any:
    """Return the readout of the fusion of a network for a sample, a `fusion.Reading`."""
    sample.model.require(TruthTables, "", f"Model '{sample.name}'")
    return sample.reading


@torch.no_grad()
def evolved_state(sample: Sample, at: float = 1.0) -> np.ndarray:
    """Return rho(t) of a quantum-jump model, (D, D), at t = `at` times T."""
    sample.model.require(Evolution, "", f"Model '{sample.name}'")
    t = require_number("at", at, 0, 1) * float(sample.model.duration)
    psi = sample.model.product_state(sample.model.encode(sample.inputs))[0]
    return np.asarray(sample.model.evolve_states(states.density(psi), [t])[0].numpy())


def deletion_curves(sample: Sample, samples: int = 200) -> Any:
    """Return deletion and insertion of modalities over test rows, a `faithfulness.Curves`."""
    explanation, _, outputs = explain_test_rows(sample, samples)
    return faithfulness.modality_curves(explanation, outputs, quantity=sample.quantity)


def explain_test_rows(
    sample: Sample, samples: int = 200
) -> tuple[Explanation, np.ndarray, np.ndarray]:
    """Return the explanation of some test rows, evenly spaced, these rows, and the output each is decided for."""
    rows = thin_rows(sample.dataset.rows("test"), samples)
    explanation = explain(
        sample.model, sample.dataset.inputs(rows, dtype=torch.float64), sample.background
    )
    return explanation, rows, explanation.prediction.argmax(1)


def circuit_replay(sample: Sample, dt: float | None = None) -> tuple[Any, Any]:
    """Return a sample's way through the circuit, a `Replay`, and of a model with time the circuit, a step dt (or T /
    8).
    """
    from qfusion.figures import circuit_boxes

    sample.model.require(Circuit, "to walk through", f"Model '{sample.name}'")
    if not sample.model.part(Evolution):
        return circuit_boxes.replay(sample.study, sample.row, sample.tweak_text), None
    built = sample_circuits.circuit(
        sample.study,
        sample.row,
        float(sample.model.duration) / 8 if dt is None else dt,
        "whole",
        sample.tweak,
    )
    return circuit_boxes.evolution_replay(built, sample.modalities), built


def path_attribution(sample: Sample) -> Any:
    """Return the contribution of each term of the dynamics of a quantum-jump model, an `explain.PathAttribution`."""
    sample.model.require(Evolution, "that could build anything", f"Model '{sample.name}'")
    return aumann_shapley(sample.model, sample.inputs, sample.background, sample.output)
