"""An entangled-fusion network along its layers: the decision if it were read earlier, and entropies."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import size
from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.explain import stability
from qfusion.explain.coalitions import joint_share
from qfusion.figures import circuit_charts, layer_charts
from qfusion.views import View, alt_text
from qfusion.views.decision import DIVIDENDS
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import cite_sample, name_explained_class

JOINT = "entropy in play"
MUTUAL = "mutual information"
SMALL = 1e-9  # terms that add up to less are rounding


def layer_correlations(sample: Sample) -> dict[str, np.ndarray]:
    """Return the correlations of the qubits at every place between the layers, (P,) each, by JOINT and MUTUAL."""
    entropies = sample_circuits.layers(sample.study, sample.row, sample.tweak)
    return {
        JOINT: entropies.joint,
        MUTUAL: np.array([np.max(row, initial=0.0) for row in entropies.mutual]),
    }


def decision_layers(
    sample: Sample,
    *,
    terms: Literal["contributions", "Shapley values"] = "contributions",
    layer: str = "",
) -> View:
    """The correlations of the qubits and the terms of the decision at every place between the layers.

    Args:
        sample: a sample of a model with layers.
        terms: of the decision.
        layer: the place that is marked, such as "layer 0 pooled"; the end by default.
    """
    moments = sample.path_explanation.moments
    dividends = sample.path_dividends
    fair = sample.path_shapley
    series = layer_correlations(sample)
    if choose("Terms", terms, stability.TERM_KINDS) == DIVIDENDS:
        parts, what = (dividends, "contribution")
    else:
        parts, what = (fair, "Shapley value")
    shares = {f"shapley[{name}]": values for name, values in fair.items()}
    ends = ", ".join(f"{term} {values[-1]:+.2f}" for term, values in dividends.items() if term)
    return View(
        layer_charts.decision_layers(
            moments,
            series,
            parts,
            sample.modalities,
            unit=sample.unit,
            what=what,
            cursor=moments.index(choose("Place in the network", layer or moments[-1], moments)),
        ),
        f"{describe_takeover(moments, dividends)}{name_explained_class(sample)}",
        caption="below, the terms of the decision if the circuit ended there: later gates are left out, "
        "every qubit is measured, and the head is the same (solid: single modalities; dashed or "
        "dotted: joint terms). Above, the entropy of the active qubits and the largest mutual "
        f"information across a cut between them.{cite_sample(sample)} {describe_comparison(sample.study.background)}",
        limits="a network trained to end earlier: the head was trained at the end only. The baseline is left out.",
        table=layer_table(moments, dividends, series).assign(**shares),
        alternative=f"Terms of the decision along the layers: at the end {ends}.",
        lead=f"**When did it happen?** {answers.answer_since_when(sample)} **What did the dynamics add?** "
        f"{answers.answer_change(sample)}",
    )


def describe_takeover(moments: tuple[str, ...], terms: dict[str, np.ndarray]) -> str:
    """Describe from where on the joint terms outweigh single modalities in size for good, or that they do not.

    Shares are written in percent, so that what is level there outweighs nothing.
    """
    size = sum(np.abs(values) for term, values in terms.items() if term)
    if np.asarray(size, dtype=float)[-1] <= SMALL:
        return "At the end all terms are zero"
    percent = np.round(100 * joint_share(terms))
    if percent[-1] == 50:
        return "At the end joint terms and single modalities are equal in size (joint share 50%)"
    if percent[-1] < 50:
        return f"At the end the single modalities outweigh the joint terms (joint share {percent[-1]:.0f}%)"
    since = moments[np.max(np.flatnonzero(percent <= 50), initial=-1) + 1]
    share = f"joint share {percent[-1]:.0f}% at the end"
    return f"Joint terms outweigh the single modalities from “{since}” on ({share})"


def layer_table(
    moments: tuple[str, ...], terms: dict[str, np.ndarray], series: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return one row a moment."""
    return pd.DataFrame(
        {"moment": moments}
        | {f"dividend[{term or 'baseline'}]": values for term, values in terms.items()}
        | {"entropy": series[JOINT], "mutual_information": series[MUTUAL]}
    )


def cuts(sample: Sample) -> View:
    """The entropy of the first k qubits at the input and around every pooling, for every k."""
    layers = sample_circuits.layers(sample.study, sample.row, sample.tweak)
    title = "Entropy of every cut"
    return View(
        circuit_charts.cut_entropies(layers.cuts, layers.moments, "entropy (nats)"),
        title,
        caption="entropy of the first k qubits: mixed from fusion, plus entanglement with the others. "
        f"{INERT}{cite_sample(sample)}",
        limits="correlation only: see the mutual information.",
        table=_list_cuts("cuts", layers.cuts, layers.moments),
        alternative=_describe_cuts(title, layers.cuts),
    )


def mutual(sample: Sample) -> View:
    """The mutual information of the first k qubits with the others, at the input and around every pooling."""
    layers = sample_circuits.layers(sample.study, sample.row, sample.tweak)
    title = describe_correlation(float(np.max(np.concatenate(layers.mutual), initial=0.0)))
    return View(
        circuit_charts.cut_entropies(layers.mutual, layers.moments, "mutual information (nats)"),
        title,
        caption="mutual information across each cut: zero for the product state after the fusion; convolutions create "
        f"it.{cite_sample(sample)}",
        limits="whether it is classical or quantum.",
        table=_list_cuts("mutual", layers.mutual, layers.moments),
        alternative=_describe_cuts(title, layers.mutual),
    )


def _list_cuts(name: str, values: Sequence[np.ndarray], moments: Sequence[str]) -> pd.DataFrame:
    """Return the values of all cuts, a row for each cut at each moment."""
    return pd.DataFrame(
        [
            {"moment": moment, "first_k": k + 1, name: value}
            for moment, row in zip(moments, values, strict=True)
            for k, value in enumerate(row)
        ]
    )


def _describe_cuts(title: str, values: Sequence[np.ndarray]) -> str:
    """Describe the values of all cuts at the last moment."""
    last = alt_text.list_numbers([f"after qubit {k}" for k in range(len(values[-1]))], values[-1])
    return f"{title}, one row for each of {len(values)} moments; at the last, by cut: {last}."


def describe_correlation(largest: float) -> str:
    """Describe how far the network correlates the qubits; the largest mutual information across any cut, in nats."""
    if round(largest, 2) <= 0:
        return f"The qubits remain nearly uncorrelated ({size(max(largest, 0.0))} nats)"
    return f"The network correlates the qubits by up to {largest:.2f} nats"


def poolings(sample: Sample) -> View:
    """The entropy of the active qubits before and after every pooling, and the entropy of the outcomes."""
    pools = sample_circuits.layers(sample.study, sample.row, sample.tweak).poolings()
    before, after, outcomes = (pools[name].to_numpy() for name in ("before", "after", "outcomes"))
    names = map("pooling {}".format, pools["layer"] + 1)
    return View(
        circuit_charts.pooling_entropies(before, after, outcomes),
        describe_pooling(before[-1] - after[-1]),
        caption="joint von Neumann entropy of the active qubits before each pooling and of the remaining ones after "
        f"it, and the sum of the Shannon entropies of the outcomes, which the head also reads.{cite_sample(sample)}",
        limits="the part that affects the decision.",
        table=pools,
        alternative=f"Entropy in nats after each pooling: {alt_text.list_pairs(names, before, after)}.",
    )


def describe_pooling(drop: float) -> str:
    """Describe the effect of the last pooling on the entropy of the active qubits, given the entropy before minus
    the entropy after, in nats.
    """
    if round(drop, 2) == 0:
        return "The last pooling does not change the entropy (to 0.01 nats)"
    return (
        f"After the last pooling the remaining qubits have {abs(drop):.2f} nats "
        f"{'less' if drop > 0 else 'more'} entropy than all before"
    )
