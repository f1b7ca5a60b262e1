"""The numbers behind the figures of `qfusion.figures.notebook`, as tables: same names, same arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion.analysis.sample import TIMES, Sample, case
from qfusion.explain.coalitions import Explanation
from qfusion.training.checkpoint import Checkpoint

Asked = str | Path | Checkpoint | Sample


def subject(model: Asked, sample: str | None = None, **chosen: Any) -> Sample:
    """Returns `model` if it is a case already, else the case of a sample; `chosen` as for
    `qfusion.analysis.sample.case`.

    Raises:
        InvalidInput: when a case comes with a sample, or a model without one.
    """
    from qfusion._checks import check

    if isinstance(model, Sample):
        check(
            sample is None and not chosen,
            "Give either a case, which knows its sample and settings, or a model with `sample` and these.",
        )
        return model
    check(
        sample is not None,
        "Argument `sample` must be the id of a sample, but is None. Give one, or a case instead of a model.",
    )
    return case(model, str(sample), **chosen)


def terms_table(dividends: Mapping[str, float], **before: str) -> pd.DataFrame:
    """Returns one row a term, the baseline under its name: what stands `before`, `term`, `dividend`."""
    return pd.DataFrame(
        {
            **before,
            "term": [term or "baseline" for term in dividends],
            "dividend": list(dividends.values()),
        }
    )


def contributions(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a term, the baseline first: `term`, `dividend`, and, where it is known, `true_dividend`."""
    found = subject(model, sample, **chosen)
    table = terms_table(found.dividends)
    truth = found.dataset.truth
    if truth is not None and found.dataset.names == found.modalities:
        table["true_dividend"] = [truth.iloc[found.row].get(term) for term in found.dividends]
    return table


def shapley(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a modality: `modality`, `shapley`, `share` (its part of the absolute total)."""
    found = subject(model, sample, **chosen)
    return pd.DataFrame(
        {
            "modality": list(found.modalities),
            "shapley": list(found.shapley.values()),
            "share": list(found.shares.values()),
        }
    )


def over_time(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a time `t` (or `place` in the network) with columns `entropy[...]` and `dividend[...]`."""
    found = subject(model, sample, **chosen)
    entropies, terms = through(found)
    columns = {"t" if found.can("time") else "place": found.places}
    columns |= {f"entropy[{name or 'all'}]": values for name, values in entropies.items()}
    return pd.DataFrame(
        columns | {f"dividend[{name or 'baseline'}]": values for name, values in terms.items()}
    )


def through(found: Sample) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns entropies and dividends of a sample at its places, by name; of all together and the baseline by ""."""
    terms = found.through
    return _entropies(found), {
        name: terms.dividends[:, 0, s, found.output] for s, name in enumerate(terms.coalitions)
    }


def track(found: Sample, count: int = TIMES, negativity: bool = True) -> Any:
    """Returns QuTiP's track of a sample of a quantum-jump model, at `count` times from 0 to T."""
    from qfusion import track as tracking
    from qfusion.analysis.sample import require_time

    require_time(found)
    with torch.no_grad():
        psi = found.model.product_state(found.model.encode(found.inputs))[0]
    return tracking.track(
        found.model.system(),
        psi,
        np.linspace(0, max(float(found.model.duration), 1e-6), count),
        negativity=negativity,
    )


def _entropies(found: Sample) -> dict[str, np.ndarray]:
    if found.can("time"):
        return track(found, negativity=False).measures.single("entropy")
    from qfusion.explain.evidence import joint_entropies

    with torch.no_grad():
        vectors = found.model.fuse(found.model.encode(found.inputs))[0][0]
    return {"entropy of the qubits in play": joint_entropies(found.model, vectors)}


def entropies(
    model: Asked, sample: str | None = None, *, measure: str = "entropy", **chosen: Any
) -> pd.DataFrame:
    """Returns entropies of one sample's states.

    A quantum-jump model: one row a time `t`, columns `entropy[...]` in nats; other measures of `track` by their name,
    such as "negativity", "mutual_information", "purity". A network: one row a fused qubit, `element` and `entropy`.

    Raises:
        NotFound: when there is no such measure.
    """
    from qfusion._checks import choose
    from qfusion.quantum.measures import column

    found = subject(model, sample, **chosen)
    if found.can("rules"):
        choose("Measure", measure, ("entropy",))
        return reading(found).frame().reset_index()[["element", "entropy"]]
    times, series = measured(found, measure)
    return pd.DataFrame(
        {"t": times} | {column(measure, part, "all"): values for part, values in series.items()}
    )


def measured(found: Sample, measure: str) -> tuple[np.ndarray, dict[tuple[str, ...], np.ndarray]]:
    """Returns the times of a sample's track, and a measure of its states by the modalities that it is of.

    Raises:
        NotFound: when there is no such measure.
    """
    from qfusion._checks import choose

    tracked = track(found)
    return tracked.times, tracked.measures.of(
        choose("Measure", measure, sorted({each.kind for each in tracked.measures}))
    )


def reading(found: Sample) -> Any:
    """Returns what the fusion of a network reads from a sample, an `evidence.Reading`."""
    from qfusion.analysis.sample import require_network
    from qfusion.explain import evidence

    require_network(found)
    with torch.no_grad():
        masses = found.model.encode(found.inputs)
    return evidence.read(found.model, {name: values[0] for name, values in masses.items()})


def masses(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row an element of a network: each modality's mass, the fused one, its rule, beliefs and entropy."""
    return reading(subject(model, sample, **chosen)).frame().reset_index()


def populations(
    model: Asked, sample: str | None = None, *, at: float = 1.0, **chosen: Any
) -> pd.DataFrame:
    """Returns one row a joint basis state of a quantum-jump model: `state`, `probability` at the time `at` times T."""
    from qfusion.figures.states import basis_labels

    found = subject(model, sample, **chosen)
    rho = state(found, at)
    return pd.DataFrame(
        {"state": basis_labels(found.model.dims), "probability": np.real(np.diagonal(rho))}
    )


def density_matrix(
    model: Asked, sample: str | None = None, *, at: float = 1.0, **chosen: Any
) -> pd.DataFrame:
    """Returns one row an entry of the density matrix at the time `at` times T: `row`, `column`, `real`, `imaginary`."""
    from qfusion.figures.states import basis_labels

    found = subject(model, sample, **chosen)
    rho, names = state(found, at), basis_labels(found.model.dims)
    return pd.DataFrame(
        {
            "row": np.repeat(names, len(names)),
            "column": np.tile(names, len(names)),
            "real": rho.real.ravel(),
            "imaginary": rho.imag.ravel(),
        }
    )


def state(found: Sample, at: float = 1.0) -> np.ndarray:
    """Returns rho(t) of a quantum-jump model, (D, D), at t = `at` times T."""
    from qfusion._checks import require_number
    from qfusion.analysis.sample import require_time
    from qfusion.quantum import states

    require_time(found)
    t = require_number("at", at, 0, 1) * float(found.model.duration)
    with torch.no_grad():
        psi = found.model.product_state(found.model.encode(found.inputs))[0]
        return np.asarray(found.model.evolve_states(states.density(psi), [t])[0].numpy())


def verdict(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns prediction and truth: one row of a regression, else one row a class with `score` and `probability`."""
    found = subject(model, sample, **chosen)
    if not found.classes:
        return pd.DataFrame(
            {"sample": [found.id], "truth": [found.truth], "prediction": [found.score]}
        )
    weights = np.exp(found.scores - found.scores.max())
    return pd.DataFrame(
        {
            "class": found.classes,
            "score": found.scores,
            "probability": weights / weights.sum(),
            "truth": [name == found.truth for name in found.classes],
        }
    )


def deletion(
    model: Asked, sample: str | None = None, *, samples: int = 200, **chosen: Any
) -> pd.DataFrame:
    """Returns mean changes of the score as modalities go (or come back), most important first and in random orders.

    Args:
        model, sample: see `subject`. samples: so many test rows at most, evenly spaced.
    """
    return curves(subject(model, sample, **chosen), samples).frame()


def curves(found: Sample, samples: int = 200) -> Any:
    """Returns deletion and insertion of modalities over test rows, a `faithfulness.Curves`."""
    from qfusion.explain import faithfulness

    explanation, _, outputs = test_rows(found, samples)
    return faithfulness.modality_curves(explanation, outputs)


def test_rows(found: Sample, samples: int = 200) -> tuple[Explanation, np.ndarray, np.ndarray]:
    """Returns the explanation of some test rows, evenly spaced, these rows, and the output each is decided for."""
    from qfusion.explain.coalitions import explain

    rows = some(found.dataset.rows("test"), samples)
    explanation = explain(
        found.model, found.dataset.inputs(rows, dtype=torch.float64), found.background
    )
    return explanation, rows, explanation.prediction.argmax(1)


def stability(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a training seed and one column a term: a test sample's dividends, as far as they are shipped.

    Raises:
        NotFound: when nothing was measured for the model as it is, or the sample is no test sample.
    """
    from qfusion.errors import NotFound

    found = subject(model, sample, **chosen)
    measured = seeds(found)
    place = np.flatnonzero(found.dataset.rows("test") == found.row)
    if not len(place):
        raise NotFound(
            f"Stability is measured for test samples, and '{found.id}' is none. Choose one of the test split."
        )
    names, values = measured.of("contributions")
    return pd.DataFrame(
        values[:, place[0]], columns=list(names), index=pd.Index(measured.seeds, name="seed")
    )


def seeds(found: Sample) -> Any:
    """Returns what was measured over training seeds of a model as trained, a `stability.Stability`."""
    from qfusion.explain import stability as measured

    return measured.load(
        found.name, found.work.card, found.dataset.digest, len(found.dataset.rows("test"))
    )


def circuit(found: Sample, dt: float | None = None) -> tuple[Any, Any]:
    """Returns a sample's way through the circuit, a `Replay`, and the circuit: a step dt (or T / 8), or a network."""
    from qfusion.figures import circuit_boxes
    from qfusion.models import require

    require(found.model, "circuit", "to walk through", f"Model '{found.name}'")
    with torch.no_grad():
        if found.can("time"):
            from qfusion.track.circuit import step_circuit

            kets = {name: ket[0] for name, ket in found.model.encode(found.inputs).items()}
            built = step_circuit(
                found.model.system(),
                kets,
                float(found.model.duration) / 8 if dt is None else dt,
                split="whole",
            )
            return circuit_boxes.through_step(built, found.modalities), built
        if found.can("gates"):
            from qfusion.figures import circuit_boxes

            return circuit_boxes.of_gates(found.model, found.model.encode(found.inputs)), None
        from qfusion.track.progress import progress

        replayed = progress(
            found.model,
            {name: angles[0] for name, angles in found.model.angles(found.inputs).items()},
        )
        return circuit_boxes.of_fusion(replayed, found.model), replayed


def diagram(
    model: Asked, sample: str | None = None, *, dt: float | None = None, **chosen: Any
) -> pd.DataFrame:
    """Returns one row a gate of the circuit: `gate`, `qubits`, `does`."""
    replay, _ = circuit(subject(model, sample, **chosen), dt)
    return pd.DataFrame(
        [
            {"gate": name, "qubits": " ".join(qubits), "does": sentence}
            for name, qubits, sentence, _ in replay.gates
        ]
    )


def built(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a `dividend`, and one for their sum, the score: `start`, what each term built, and `end`."""
    return built_table(building_of(subject(model, sample, **chosen)))


def built_table(found: Any) -> pd.DataFrame:
    """Returns the table of `built`, of an `explain.Built`."""
    table = found.frame()
    return pd.concat(
        [
            table,
            pd.DataFrame([{"dividend": "score"} | table.drop(columns="dividend").sum().to_dict()]),
        ],
        ignore_index=True,
    )


def built_over_time(
    model: Asked, sample: str | None = None, *, dividend: str | None = None, **chosen: Any
) -> pd.DataFrame:
    """Returns one row a time `t` of one dividend: its `value`, `added[...]` by each term until then, their `pace[...]`.

    Args:
        model, sample: see `subject`. dividend: which; the joint one that the dynamics changed most unless given.
    """
    found = building_of(subject(model, sample, **chosen))
    return found.through(found.most_built() if dividend is None else dividend)


def built_flow(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a band of the flow diagram behind the modalities: `from`, `to`, `value`."""
    return flow_table(building_of(subject(model, sample, **chosen)))


def flow_table(found: Any) -> pd.DataFrame:
    """Returns the table of `built_flow`, of an `explain.Built`."""
    names = [name or "baseline" for name in found.dividends]
    rows = [
        ("without evolution", name, value) for name, value in zip(names, found.start, strict=True)
    ]
    rows += [
        (parameter.key, name, found.parts[s, g])
        for g, parameter in enumerate(found.terms)
        for s, name in enumerate(names)
    ]
    rows += [(name, "score", value) for name, value in zip(names, found.end, strict=True)]
    return pd.DataFrame(rows, columns=["from", "to", "value"])


def building_of(found: Sample) -> Any:
    """Returns what each term of the dynamics of a quantum-jump model built, an `explain.Built`."""
    from qfusion.analysis.sample import require_time
    from qfusion.explain.building import built as method

    require_time(found, "that could build anything")
    return method(found.model, found.inputs, found.background, found.output)


def cut(model: Asked, sample: str | None = None, *, times: int = 21, **chosen: Any) -> pd.DataFrame:
    """Returns one row a time of the cut: `t`, the `undisturbed` score, and `cut[...]`, `dephased[...]`, `held[...]` of
    every modality."""
    found = subject(model, sample, **chosen)
    return _cuts(found, times, kinds=("cut", "dephased", "held")).frame(0, found.output)


def cut_terms(
    model: Asked,
    sample: str | None = None,
    *,
    modality: str | None = None,
    times: int = 21,
    **chosen: Any,
) -> pd.DataFrame:
    """Returns one row a time `t` of the cut: the `modality` cut, and sizes `cut[...]` and `dephased[...]` of each term.

    Args:
        model, sample: see `subject`. modality: whose correlations go; unless given, whose cut moves the score most.
    """
    from qfusion.explain.cuts import most_moved

    found = subject(model, sample, **chosen)
    made = _cuts(found, times, modality, terms=True)
    return sizes_table(made, most_moved(made, found.output), found.output)


def sizes_table(made: Any, modality: str, output: int) -> pd.DataFrame:
    """Returns the table of `cut_terms`, of `explain.cuts.Cuts` of one sample."""
    place, (sizes, _) = made.modalities.index(modality), made.sizes()
    columns = {
        f"{kind}[{name or 'baseline'}]": sizes[k, place, :, s, output]
        for s, name in enumerate(made.coalitions)
        for k, kind in enumerate(made.kinds)
    }
    return pd.DataFrame({"t": made.times, "modality": modality} | columns)


def cut_test(
    model: Asked, sample: str | None = None, *, samples: int = 200, times: int = 11, **chosen: Any
) -> pd.DataFrame:
    """Returns one row a time `t` of the cut: `n`, metric `undisturbed`, by `chance`, `cut[...]` and `dephased[...]`.

    The last two are of every modality, with their 95 % intervals, `...:low` and `...:high`, from ten samples on. The
    metric is accuracy, or R2 of a regression (Acc-2 by CH-SIMS's convention). `held[...]` too where the joint dimension
    is small (at most `MAX_HELD`): it takes 40 ms a sample and modality at 64.

    Args:
        model, sample: see `subject`. samples: so many test rows at most, evenly spaced.
    """
    from qfusion.analysis.sample import require_time

    found = subject(model, sample, **chosen)
    require_time(found, "to cut at")
    rows = some(found.dataset.rows("test"), samples)
    from qfusion.analysis.dynamics import cut_curves

    return cut_table(cut_curves(found.model, found.dataset, rows, times))


def cut_table(made: Any, metric: str | None = None) -> pd.DataFrame:
    """Returns the table of `cut_test`, of metrics that are worked out already; the first metric unless named."""
    metric = metric or next(iter(made.after))
    after = made.after[metric]
    columns = {
        "t": made.times,
        "n": made.n,
        "undisturbed": float(made.before[metric].value),
        "chance": made.chance[metric],
    }
    for m, name in enumerate(made.modalities):
        for k, kind in enumerate(made.kinds):
            columns[f"{kind}[{name}]"] = after.value[k, m]
            if after.low is not None:
                columns |= {
                    f"{kind}[{name}]:low": after.low[k, m],
                    f"{kind}[{name}]:high": after.high[k, m],
                }
    return pd.DataFrame(columns)


def _cuts(
    found: Sample,
    times: int,
    modality: str | None = None,
    terms: bool = False,
    kinds: tuple[str, ...] = ("cut", "dephased"),
) -> Any:
    from qfusion.analysis.sample import require_time
    from qfusion.explain.cuts import cuts

    require_time(found, "to cut at")
    return cuts(
        found.model,
        found.inputs,
        np.linspace(0, float(found.model.duration), times),
        modalities=None if modality is None else [modality],
        kinds=kinds,
        background=found.background if terms else None,
    )


def some(rows: np.ndarray, count: int) -> np.ndarray:
    """Returns at most so many of some rows, evenly spaced."""
    return np.asarray(
        rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))]
    )
