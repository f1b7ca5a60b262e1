"""The numbers behind the figures of `qfusion.figures.notebook`, as tables: same names, same arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion.explain.case import Case, case
from qfusion.explain.coalitions import Explanation, through_layers, through_time
from qfusion.training.checkpoint import Checkpoint

Asked = str | Path | Checkpoint | Case
TIMES = 41


def subject(model: Asked, sample: str | None = None, **chosen: Any) -> Case:
    """Returns `model` if it is a case already, else the case of a sample; `chosen` as `qfusion.explain.case.case` takes it.

    Raises:
        InvalidInput: when a case comes with a sample, or a model without one.
    """
    from qfusion._checks import check

    if isinstance(model, Case):
        check(sample is None and not chosen, "Give either a case, which knows its sample and settings, or a model with `sample` and these.")
        return model
    check(sample is not None, "Argument `sample` must be the id of a sample, but is None. Give one, or a case instead of a model.")
    return case(model, str(sample), **chosen)


def contributions(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a term, the baseline first: `term`, `dividend`, and `true_dividend` where the data set knows it."""
    found = subject(model, sample, **chosen)
    table = pd.DataFrame({"term": [term or "baseline" for term in found.dividends], "dividend": list(found.dividends.values())})
    truth = found.dataset.truth
    if truth is not None and found.dataset.names == found.modalities:
        table["true_dividend"] = [truth.iloc[found.row].get(term) for term in found.dividends]
    return table


def shapley(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a modality: `modality`, `shapley`, `share` (its part of the absolute total)."""
    found = subject(model, sample, **chosen)
    return pd.DataFrame({"modality": list(found.modalities), "shapley": list(found.shapley.values()), "share": list(found.shares.values())})


def over_time(model: Asked, sample: str | None = None, **chosen: Any) -> pd.DataFrame:
    """Returns one row a time `t` (or `place` in the network) with columns `entropy[...]` and `dividend[...]`."""
    found = subject(model, sample, **chosen)
    where, entropies, terms = _places(found), _entropies(found), _terms(found)
    columns = {"t" if found.has_time else "place": where} | {f"entropy[{name or 'all'}]": values for name, values in entropies.items()}
    return pd.DataFrame(columns | {f"dividend[{name or 'baseline'}]": values for name, values in terms.items()})


def _places(found: Case) -> Any:
    if found.has_time:
        return np.linspace(0.0, max(float(found.model.duration), 1e-6), TIMES)
    return [name for name, _ in found.model.network.moments()]


def _terms(found: Case) -> dict[str, np.ndarray]:
    explanation: Explanation
    if found.has_time:
        explanation = through_time(found.model, found.inputs, found.background, _places(found).tolist())
    else:
        explanation = through_layers(found.model, found.inputs, found.background)
    return {name: explanation.dividends[:, 0, s, found.output] for s, name in enumerate(explanation.coalitions)}


def track(found: Case, count: int = TIMES, negativity: bool = True) -> Any:
    """Returns QuTiP's track of a sample of a quantum-jump model, at `count` times from 0 to T."""
    from qfusion import track as tracking
    from qfusion.explain.case import require_time

    require_time(found, "evolution in time")
    with torch.no_grad():
        psi = found.model.product_state(found.model.encode(found.inputs))[0]
    return tracking.track(found.model.system(), psi, np.linspace(0, max(float(found.model.duration), 1e-6), count), negativity=negativity)


def _entropies(found: Case) -> dict[str, np.ndarray]:
    if found.has_time:
        measures = track(found, negativity=False).measures
        return {name: measures[f"entropy[{name}]" if name else "entropy"] for name in (*found.modalities, "")}
    from qfusion.explain.entropies import layer_entropies

    with torch.no_grad():
        vectors = found.model.fuse(found.model.encode(found.inputs))[0][0]
    return {"entropy of the qubits in play": layer_entropies(found.model, vectors).joint}
