"""The numbers behind the figures of `qfusion.figures.notebook`, as tables: same names, same arguments."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose, require_number
from qfusion.errors import NotFound
from qfusion.explain import Explanation, aumann_shapley, explain, faithfulness
from qfusion.explain.fusion import joint_entropies
from qfusion.figures.state_charts import basis_labels
from qfusion.models.protocols import Circuit, Evolution, TruthTables, missing_part
from qfusion.quantum import measure_kinds, states
from qfusion.study import circuits
from qfusion.study.jobs import thin_rows
from qfusion.study.opening import open_sample
from qfusion.study.sample import Sample
from qfusion.study.trust import load_stability, seed_values
from qfusion.training.checkpoint import Checkpoint

Edits = str | Path | Checkpoint | Sample
Made = TypeVar("Made")


def open_decision(model: Edits, sample: str | None = None, **chosen: Any) -> Sample:
    """Return `model` if it is a sample already, else the sample of that id.

    `chosen` as for `qfusion.study.open_sample`.

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
    from qfusion.figures.circuits import boxes

    sample.model.require(Circuit, "to walk through", f"Model '{sample.name}'")
    if not sample.model.part(Evolution):
        return boxes.replay(sample.study, sample.row, sample.tweak_text), None
    built = circuits.circuit(
        sample.study,
        sample.row,
        float(sample.model.duration) / 8 if dt is None else dt,
        "whole",
        sample.tweak,
    )
    return boxes.evolution_replay(built, sample.modalities), built


def path_attribution(sample: Sample) -> Any:
    """Return the contribution of each term of the dynamics of a quantum-jump model, an `explain.PathAttribution`."""
    sample.model.require(Evolution, "that could build anything", f"Model '{sample.name}'")
    return aumann_shapley(sample.model, sample.inputs, sample.background, sample.output)


@accepts_sample
def contributions(sample: Sample) -> pd.DataFrame:
    """Return one row a term, the baseline first: `term`, `dividend`, and, where it is known, `true_dividend`."""
    table = terms_table(sample.dividends)
    if sample.true_dividends is not None:
        table["true_dividend"] = list(sample.true_dividends.values())
    return table


@accepts_sample
def shapley(sample: Sample) -> pd.DataFrame:
    """Return one row a modality: `modality`, `shapley`, `share` (its part of the absolute total)."""
    return pd.DataFrame(
        {
            "modality": list(sample.modalities),
            "shapley": list(sample.shapley.values()),
            "share": list(sample.shares.values()),
        }
    )


@accepts_sample
def over_time(sample: Sample) -> pd.DataFrame:
    """Return one row a time `t` (or `place` in the network) with columns `entropy[...]` and `dividend[...]`."""
    entropies, terms = layer_entropies(sample)
    return pd.DataFrame(
        {"t" if sample.model.part(Evolution) else "place": sample.places}
        | {f"entropy[{name or 'all'}]": values for name, values in entropies.items()}
        | {f"dividend[{name or 'baseline'}]": values for name, values in terms.items()}
    )


@accepts_sample
def entropies(sample: Sample, *, measure: str = "entropy") -> pd.DataFrame:
    """Return entropies of one sample's states.

    A quantum-jump model: one row a time `t`, columns `entropy[...]` in nats; other measures of `track` by their name,
    such as "negativity", "mutual_information", "purity". A network: one row a fused qubit, `element` and `entropy`.

    Raises:
        NotFound: when there is no such measure.
    """
    if sample.model.part(TruthTables):
        choose("Measure", measure, ("entropy",))
        return fusion_reading(sample).frame().reset_index()[["element", "entropy"]]
    times, series = measure_over_time(sample, measure)
    return pd.DataFrame(
        {"t": times}
        | {
            measure_kinds.column_name(measure, part, "all"): values
            for part, values in series.items()
        }
    )


@accepts_sample
def masses(sample: Sample) -> pd.DataFrame:
    """Return one row an element of a network: each modality's mass, the fused one, its rule, beliefs and entropy."""
    return fusion_reading(sample).frame().reset_index()


@accepts_sample
def populations(sample: Sample, *, at: float = 1.0) -> pd.DataFrame:
    """Return one row per joint basis state of a quantum-jump model: `state`, `probability` at time `at` times T."""
    rho = evolved_state(sample, at)
    return pd.DataFrame(
        {"state": basis_labels(sample.model.dims), "probability": np.real(np.diagonal(rho))}
    )


@accepts_sample
def density_matrix(sample: Sample, *, at: float = 1.0) -> pd.DataFrame:
    """Return one row an entry of the density matrix at the time `at` times T: `row`, `column`, `real`, `imaginary`."""
    rho = evolved_state(sample, at)
    names = basis_labels(sample.model.dims)
    return pd.DataFrame(
        {
            "row": np.repeat(names, len(names)),
            "column": np.tile(names, len(names)),
            "real": rho.real.ravel(),
            "imaginary": rho.imag.ravel(),
        }
    )


@accepts_sample
def verdict(sample: Sample) -> pd.DataFrame:
    """Return prediction and truth: one row of a regression, else one row a class with `log_odds` and `probability`.

    Nothing in the place of a truth that is not known.
    """
    if not sample.classes:
        return pd.DataFrame(
            {"sample": [sample.id], "truth": [sample.truth], "prediction": [sample.score]}
        )
    return classes_table(sample, sample.scores, sample.probabilities).drop(columns="sample")


@accepts_sample
def deletion(sample: Sample, *, samples: int = 200) -> pd.DataFrame:
    """Return mean changes of the explained output as modalities go (or come back), most important first and in random
    orders.

    Args:
        sample: see `open_decision`. samples: so many test rows at most, evenly spaced.
    """
    return deletion_curves(sample, samples).frame()


@accepts_sample
def stability(sample: Sample) -> pd.DataFrame:
    """Return a test sample's dividends, one row per training seed and one column per term, as far as these are shipped.

    Raises:
        NotFound: when nothing was measured for the model as it is, or the sample is no test sample.
    """
    table = seed_values(sample.study, load_stability(sample.study), sample.row, "contributions")
    if table is None:
        raise NotFound(
            f"Stability is measured for test samples, and '{sample.id}' is none. Choose one of the test split."
        )
    return table


@accepts_sample
def diagram(sample: Sample, *, dt: float | None = None) -> pd.DataFrame:
    """Return one row a gate of the circuit: `gate`, `qubits`, `does`."""
    replay, _ = circuit_replay(sample, dt)
    return pd.DataFrame(
        [
            {"gate": name, "qubits": " ".join(qubits), "does": sentence}
            for name, qubits, sentence, _ in replay.gates
        ]
    )


@accepts_sample
def built(sample: Sample) -> pd.DataFrame:
    """Return one row per `dividend` and one for their sum: `start`, the contribution of each term, and `end`."""
    return built_table(path_attribution(sample), sample.quantity)


@accepts_sample
def built_over_time(sample: Sample, *, dividend: str | None = None) -> pd.DataFrame:
    """Return one row a time `t` of one dividend: its `value`, `added[...]` by each term until then, their `pace[...]`.

    Args:
        sample: see `open_decision`. dividend: which; the joint one that the dynamics changed most unless given.
    """
    made = path_attribution(sample)
    return made.dividend_frame(made.largest_changed_dividend() if dividend is None else dividend)


@accepts_sample
def built_flow(sample: Sample) -> pd.DataFrame:
    """Return one row a band of the flow diagram behind the modalities: `from`, `to`, `value`."""
    return built_flow_table(path_attribution(sample), sample.quantity)


def terms_table(dividends: Mapping[str, float], **before: str) -> pd.DataFrame:
    """Return one row per term, with the columns `before`, `term` and `dividend`. The baseline is included under its
    name.
    """
    return pd.DataFrame(
        {
            **before,
            "term": [term or "baseline" for term in dividends],
            "dividend": list(dividends.values()),
        }
    )


def classes_table(sample: Sample, scores: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return one row a class: `sample`, `class`, `log_odds`, `probability`, and whether it is the `truth`, None where
    none is known.
    """
    truth = sample.true_class
    return pd.DataFrame(
        {
            "sample": sample.id,
            "class": sample.classes,
            "log_odds": scores,
            "probability": probabilities,
            "truth": [None if truth is None else place == truth for place in range(len(scores))],
        }
    )


def built_table(built: Any, quantity: str = "score") -> pd.DataFrame:
    """Return the table of `built`, of an `explain.path_attribution.PathAttribution`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    table = built.frame()
    return pd.concat(
        [
            table,
            pd.DataFrame([{"dividend": quantity} | table.drop(columns="dividend").sum().to_dict()]),
        ],
        ignore_index=True,
    )


def built_flow_table(built: Any, quantity: str = "score") -> pd.DataFrame:
    """Return the table of `built_flow`, of an `explain.path_attribution.PathAttribution`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    names = [name or "baseline" for name in built.dividends]
    return pd.DataFrame(
        [
            *zip(["without evolution"] * len(names), names, built.start, strict=True),
            *(
                (parameter.key, name, built.parts[s, g])
                for g, parameter in enumerate(built.terms)
                for s, name in enumerate(names)
            ),
            *zip(names, [quantity] * len(names), built.end, strict=True),
        ],
        columns=["from", "to", "value"],
    )
