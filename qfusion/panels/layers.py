"""An entangled-fusion network along its layers: the decision if it were read earlier, and entropies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qfusion import explain
from qfusion._checks import choose
from qfusion._sentences import size
from qfusion.analysis import backgrounds
from qfusion.analysis.dynamics import circuit_evolution, through
from qfusion.analysis.dynamics.through import KINDS, since_which_layer, what_layers_added
from qfusion.analysis.sample import Sample
from qfusion.explain.network.evidence import INERT
from qfusion.figures.draw import circuit as figures
from qfusion.figures.draw import dynamics
from qfusion.figures.style import Theme
from qfusion.panels.circuit import NETWORK_VIEWS
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, can, within, word
from qfusion.panels.core.view import View
from qfusion.panels.dynamics import DIVIDENDS

JOINT, MUTUAL = "entropy in play", "mutual information"
SMALL = 1e-9  # terms that add up to less are rounding


class Layered(NamedTuple):
    """The decision and correlations at P places: (P,) by coalition, by modality, by JOINT and MUTUAL."""

    found: explain.Explanation
    dividends: dict[str, np.ndarray]
    shapley: dict[str, np.ndarray]
    series: dict[str, np.ndarray]


def layered(sample: Sample) -> Layered:
    """What `decision` draws."""
    found = circuit_evolution.layer_terms(sample.work, sample.row, sample.tweak)
    entropies = circuit_evolution.layers(sample.work, sample.row, sample.tweak)
    return Layered(
        found,
        {
            term: np.asarray(found.dividends[:, 0, i, sample.output])
            for i, term in enumerate(found.coalitions)
        },
        {
            name: np.asarray(found.shapley[:, 0, m, sample.output])
            for m, name in enumerate(sample.modalities)
        },
        {
            JOINT: entropies.joint,
            MUTUAL: np.array([np.max(row, initial=0.0) for row in entropies.mutual]),
        },
    )


def decision(
    sample: Sample, theme: Theme = "light", *, terms: str = DIVIDENDS, layer: str = ""
) -> Picture:
    """Correlations of the qubits and terms of the decision at every place between the layers.

    Args:
        sample: a sample of a model with layers.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
        layer: the place that is marked, such as "layer 0 pooled"; the end unless told.
    """
    found, dividends, fair, series = layered(sample)
    place = found.moments.index(
        choose("Place in the network", layer or found.moments[-1], found.moments)
    )
    parts, what = (
        (dividends, "contribution")
        if choose("Terms", terms, KINDS) == DIVIDENDS
        else (fair, "Shapley value")
    )
    return Picture(
        "decision-layers",
        title(found.moments, dividends) + sample.whose,
        dynamics.decision_layers(
            found.moments,
            series,
            parts,
            sample.modalities,
            unit=sample.unit,
            what=what,
            cursor=place,
            theme=theme,
        ),
        lead=f"**When did it happen?** {since_which_layer(sample.work, found)} **What did the dynamics add?** "
        f"{what_layers_added(found, sample.output)}",
        shows="below, the terms of the decision if the circuit stopped there: later gates left out, every qubit "
        "measured, the same head (solid alone, dashed or dotted jointly); above, the entropy of the qubits "
        "still in play and the largest mutual information across a cut between them."
        + sample.of
        + " "
        + backgrounds.against(sample.work.background),
        not_shown="what an earlier stop was trained for: the head only ever learned to read the end. The baseline is "
        "left out.",
        alt="Terms of the decision along the layers: at the end "
        + ", ".join(f"{term} {values[-1]:+.2f}" for term, values in dividends.items() if term)
        + ".",
        table=lambda: frame(found.moments, dividends, series).assign(
            **{f"shapley[{name}]": values for name, values in fair.items()}
        ),
    )


def title(moments: tuple[str, ...], terms: dict[str, np.ndarray]) -> str:
    """From where on the joint terms together outweigh the single ones for good, or that they do not; shares are written
    in percent, so that what is level there outweighs nothing."""
    single = sum(np.abs(values) for term, values in terms.items() if term and "+" not in term)
    joint = sum(np.abs(values) for term, values in terms.items() if "+" in term)
    total = np.asarray(joint + single, dtype=float)
    if total[-1] <= SMALL:
        return "At the end no term adds anything to the baseline"
    percent = np.round(100 * np.asarray(joint) / np.maximum(total, SMALL))
    if percent[-1] == 50:
        return "At the end joint terms and single modalities weigh the same (50% of all sizes each)"
    if percent[-1] < 50:
        return f"At the end the single modalities outweigh the joint terms ({100 - percent[-1]:.0f}% of all sizes)"
    losing = np.flatnonzero(percent <= 50)
    since = moments[losing[-1] + 1 if len(losing) else 0]
    return f"Joint terms outweigh the single modalities from “{since}” on ({percent[-1]:.0f}% of all sizes at the end)"


def frame(
    moments: tuple[str, ...], terms: dict[str, np.ndarray], series: dict[str, np.ndarray]
) -> pd.DataFrame:
    """One row a moment."""
    columns: dict[str, Any] = {"moment": list(moments)}
    columns |= {f"dividend[{term or 'baseline'}]": values for term, values in terms.items()}
    return pd.DataFrame(columns | {"entropy": series[JOINT], "mutual_information": series[MUTUAL]})


def cuts(sample: Sample, theme: Theme = "light") -> Picture:
    """Entropy of the first k qubits at the input and around every pooling, for every k."""
    return _cuts(
        sample,
        theme,
        "cuts",
        "Entropy of every cut",
        "entropy (nats)",
        "entropy of the first k qubits: mixed from fusion, plus entanglement with the others. "
        + INERT,
        "correlation alone: see the mutual information.",
    )


def mutual(sample: Sample, theme: Theme = "light") -> Picture:
    """Mutual information of the first k qubits with the others at the input and around every pooling, for every k."""
    found = circuit_evolution.layers(sample.work, sample.row, sample.tweak).mutual
    largest = max((float(np.max(row, initial=0)) for row in found), default=0.0)
    return _cuts(
        sample,
        theme,
        "mutual",
        correlated(largest),
        "mutual information (nats)",
        "mutual information across each cut: zero for the product that fusion leaves; convolution creates it.",
        "whether it is classical or quantum.",
    )


def correlated(largest: float) -> str:
    """How far the network correlates the qubits; the largest mutual information across any cut, in nats."""
    if round(largest, 2) <= 0:
        return f"The qubits stay all but uncorrelated ({size(max(largest, 0.0))} nats)"
    return f"The network correlates the qubits by up to {largest:.2f} nats"


def _cuts(
    sample: Sample, theme: Theme, name: str, head: str, unit: str, shows: str, not_shown: str
) -> Picture:
    found = circuit_evolution.layers(sample.work, sample.row, sample.tweak)
    values = getattr(found, name)
    return Picture(
        name,
        head,
        figures.cuts(values, found.moments, unit, theme=theme),
        shows=shows + sample.of,
        not_shown=not_shown,
        alt=f"{head}, one row for each of {len(found.moments)} moments; at the last, by cut: "
        + spoken.listed([f"after qubit {k}" for k in range(len(values[-1]))], values[-1])
        + ".",
        table=lambda: pd.DataFrame(
            [
                {"moment": moment, "first_k": k + 1, name: value}
                for moment, row in zip(found.moments, values, strict=True)
                for k, value in enumerate(row)
            ]
        ),
    )


def poolings(sample: Sample, theme: Theme = "light") -> Picture:
    """Entropy of the qubits in play before and after every pooling, and of what is measured."""
    pools = circuit_evolution.layers(sample.work, sample.row, sample.tweak).poolings()
    before, after, outcomes = (
        np.array([getattr(pool, name) for pool in pools])
        for name in ("before", "after", "outcomes")
    )
    names = [f"pooling {n + 1}" for n in range(len(pools))]
    return Picture(
        "poolings",
        lowered(before[-1] - after[-1]) if len(pools) else "There is no pooling",
        figures.poolings(before, after, outcomes, theme=theme),
        shows="joint von Neumann entropy of the active qubits before each pooling and of those that stay after it, and "
        "the sum of the Shannon entropies of the outcomes: the head reads these too." + sample.of,
        not_shown="how much of it the decision uses.",
        alt=f"Entropy in nats after each pooling: {spoken.pairs(names, before, after)}.",
        table=lambda: pd.DataFrame([pool._asdict() for pool in pools]),
    )


def lowered(drop: float) -> str:
    """What the last pooling does to the entropy of the qubits in play, in nats: before less after."""
    if round(drop, 2) == 0:
        return "After the last pooling the qubits that stay have the same entropy as all had before, to 0.01 nats"
    return (
        f"After the last pooling the qubits that stay have {abs(drop):.2f} nats {'less' if drop > 0 else 'more'} "
        "entropy than all had before"
    )


def allowed(view: View, work: Any) -> dict[str, say.Allowed]:
    """What an address may say of the decision along the layers."""
    if not work.can("layers"):
        return {}
    return {
        "as": say.options("Terms", through.KINDS, "Contributions are shown."),
        "layer": say.options(
            "Place in the network",
            [name for name, _ in work.model.network.moments()],
            "The end of the network is marked.",
        ),
    }


_ENTROPIES = within("part", NETWORK_VIEWS, "Entropies")


PANELS = {
    "decision-layers": Panel(
        decision,
        {"terms": word("as"), "layer": word("layer")},
        fits=can("layers"),
        opens=_ENTROPIES,
    ),
    "cuts": Panel(cuts, fits=can("layers"), opens=_ENTROPIES),
    "mutual": Panel(mutual, fits=can("layers"), opens=_ENTROPIES),
    "poolings": Panel(poolings, fits=can("layers"), opens=_ENTROPIES),
}
