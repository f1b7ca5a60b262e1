"""The numbers behind the figures of `qfusion.figures.notebook`, as tables: same names, same arguments."""

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion.analysis.sample import Sample
from qfusion.analysis.trust import load_stability, seed_values
from qfusion.errors import NotFound
from qfusion.figures.result_tables import (
    built_flow_table,
    built_table,
    classes_table,
    terms_table,
)
from qfusion.figures.sample_results import (
    accepts_sample,
    circuit_replay,
    deletion_curves,
    evolved_state,
    fusion_reading,
    layer_entropies,
    measure_over_time,
    path_attribution,
)
from qfusion.figures.state_charts import basis_labels
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.quantum import measure_kinds


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
