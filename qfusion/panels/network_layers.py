"""An entangled-fusion network along its layers: the decision read out earlier, and entropies."""

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import size
from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.explain import stability
from qfusion.explain.coalitions import joint_share
from qfusion.figures import circuit_charts, layer_charts, style
from qfusion.panels import panel
from qfusion.views import alt_text
from qfusion.views.decision import DIVIDENDS
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import cite_sample, name_explained_class

# An entangled-fusion network along its layers: the decision if it were read earlier, and entropies.

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


def decision_over_layers(
    sample: Sample, theme: style.Theme = "light", *, terms: str = DIVIDENDS, layer: str = ""
) -> panel.PanelFigure:
    """Draw the correlations of the qubits and terms of the decision at every place between the layers.

    Args:
        sample: a sample of a model with layers.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
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
    figure = layer_charts.decision_layers(
        moments,
        series,
        parts,
        sample.modalities,
        unit=sample.unit,
        what=what,
        cursor=moments.index(choose("Place in the network", layer or moments[-1], moments)),
        theme=theme,
    )
    alt = (
        "Terms of the decision along the layers: at the end "
        + ", ".join(f"{term} {values[-1]:+.2f}" for term, values in dividends.items() if term)
        + "."
    )

    def table() -> pd.DataFrame:
        return layer_table(moments, dividends, series).assign(
            **{f"shapley[{name}]": values for name, values in fair.items()}
        )

    return panel.PanelFigure(
        "decision-layers",
        describe_takeover(moments, dividends) + name_explained_class(sample),
        figure,
        lead=f"**When did it happen?** {answers.answer_since_when(sample)} "
        "**What did the dynamics add?** "
        f"{answers.answer_change(sample)}",
        shows="below, the terms of the decision if the circuit ended there: later gates are left out, "
        "every qubit is measured, and the head is the same (solid: single modalities; dashed or "
        "dotted: joint terms). Above, the entropy of the active qubits and the largest mutual "
        "information across a cut between them."
        + cite_sample(sample)
        + " "
        + describe_comparison(sample.study.background),
        not_shown="a network trained to end earlier: the head was trained at the end only. The baseline is "
        "left out.",
        alt=alt,
        table=table,
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


def cuts(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entropy of the first k qubits at the input and around every pooling, for every k."""
    return _cuts(
        sample,
        theme,
        "cuts",
        "Entropy of every cut",
        "entropy (nats)",
        "entropy of the first k qubits: mixed from fusion, plus entanglement with the others. "
        + INERT,
        "correlation only: see the mutual information.",
    )


def mutual_information(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the mutual information of the first k qubits with the others, at the input and around every pooling."""
    layers = sample_circuits.layers(sample.study, sample.row, sample.tweak)
    return _cuts(
        sample,
        theme,
        "mutual",
        describe_correlation(float(np.max(np.concatenate(layers.mutual), initial=0.0))),
        "mutual information (nats)",
        "mutual information across each cut: zero for the product state after the fusion; "
        "convolutions create it.",
        "whether it is classical or quantum.",
    )


def describe_correlation(largest: float) -> str:
    """Describe how far the network correlates the qubits; the largest mutual information across any cut, in nats."""
    if round(largest, 2) <= 0:
        return f"The qubits remain nearly uncorrelated ({size(max(largest, 0.0))} nats)"
    return f"The network correlates the qubits by up to {largest:.2f} nats"


def _cuts(
    sample: Sample, theme: style.Theme, name: str, head: str, unit: str, shows: str, not_shown: str
) -> panel.PanelFigure:
    result = sample_circuits.layers(sample.study, sample.row, sample.tweak)
    values = getattr(result, name)
    alt = (
        f"{head}, one row for each of {len(result.moments)} moments; at the last, by cut: "
        + alt_text.list_numbers([f"after qubit {k}" for k in range(len(values[-1]))], values[-1])
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"moment": moment, "first_k": k + 1, name: value}
                for moment, row in zip(result.moments, values, strict=True)
                for k, value in enumerate(row)
            ]
        )

    return panel.PanelFigure(
        name,
        head,
        circuit_charts.cut_entropies(values, result.moments, unit, theme=theme),
        shows=shows + cite_sample(sample),
        not_shown=not_shown,
        alt=alt,
        table=table,
    )


def poolings(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entropy of the active qubits before and after every pooling, and the entropy of the outcomes."""
    pools = sample_circuits.layers(sample.study, sample.row, sample.tweak).poolings()
    before, after, outcomes = (pools[name].to_numpy() for name in ("before", "after", "outcomes"))
    alt = (
        "Entropy in nats after each pooling: "
        + alt_text.list_pairs(map("pooling {}".format, pools["layer"] + 1), before, after)
        + "."
    )
    return panel.PanelFigure(
        "poolings",
        describe_pooling(before[-1] - after[-1]),
        circuit_charts.pooling_entropies(before, after, outcomes, theme=theme),
        shows="joint von Neumann entropy of the active qubits before each pooling and of the remaining "
        "ones after it, and the sum of the Shannon entropies of the outcomes, which the head also "
        "reads." + cite_sample(sample),
        not_shown="the part that affects the decision.",
        alt=alt,
        table=lambda: pools,
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
