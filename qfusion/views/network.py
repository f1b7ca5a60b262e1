"""An entangled-fusion network: entropies, masses and fused qubits of a sample, and the decision along its layers."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed, size, top
from qfusion.explain import stability
from qfusion.explain.coalitions import joint_share
from qfusion.figures import evolution_charts
from qfusion.figures.circuits import charts, fusion
from qfusion.models.protocols import LayeredNetwork
from qfusion.quantum.measure_kinds import KINDS, Part
from qfusion.study import circuits, text
from qfusion.study.sample import Sample
from qfusion.views.decision import DIVIDENDS
from qfusion.views.pages.choices import TermKind, needs
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.names import INERT
from qfusion.views.words.rules import cite_sample, name_explained_class

LAYER = SelectParam(
    "layer",
    "Place in the network",
    "The end of the network is marked.",
    "Position that is marked in the figure; its values are below it.",
    lambda study: [name for name, _ in study.model.network.moments()],
    look="steps",
    fits=needs(LayeredNetwork),
)


def entropies(sample: Sample) -> View:
    """The entropies per modality and joint over the evolution as learned; of a model with time."""
    track = sample.untweaked.track()
    series = track.measures.single("entropy")
    parts: dict[Part, np.ndarray] = {
        (name,) if name else (): values for name, values in series.items()
    }
    ends = {name: float(values[-1]) for name, values in series.items() if name}
    numbers = ", ".join(f"{name} {value:.2f}" for name, value in ends.items())
    columns = {f"entropy[{name or 'all'}]": values for name, values in series.items()}
    return View(
        evolution_charts.measure_lines(
            track.times, parts, sample.modalities, KINDS["entropy"].axis, height=280
        ),
        describe_most_mixed(ends),
        caption="how far each modality's state, and all together, has become mixed by time t: by entanglement with the "
        f"others and by jumps.{cite_sample(sample.untweaked)}",
        limits=rules.ENTROPY_IS_NO_ATTRIBUTION,
        table=pd.DataFrame({"t": track.times} | columns),
        alternative=f"Entropy over time: at T {numbers} nats.",
    )


def describe_most_mixed(ends: Mapping[str, float]) -> str:
    """Describe which modality has the largest entropy at the end, in nats, where one has."""
    return rules.describe_extremum(
        ends,
        none="No modality ends up mixed ({size} nats)",
        only="{names} ends up mixed ({size} nats)",
        one="{names} ends up the most mixed ({size} nats)",
        some="{names} end up equally mixed, the most of all ({size} nats)",
        every="{names} end up equally mixed ({size} nats)",
    )


def masses(sample: Sample) -> View:
    """The mass each modality gives each element, and the fused one; of a model with rules."""
    reading = sample.reading
    if reading.elements_are_classes:
        elements, unnamed = reading.elements, ""
    else:
        elements = [str(i) for i in range(len(reading.elements))]
        unnamed = "; elements are learned here, they have no names"
    pairs = ""
    if reading.pairwise is not None:
        by_pair = [
            f"{text.term(f'{a}+{b}')} {reading.pairwise[i, j]:.2f}"
            for (i, a), (j, b) in combinations(enumerate(reading.modalities), 2)
        ]
        pairs = f" Dempster's K of each pair: {', '.join(by_pair)}."
    disagreement = dict(zip(reading.elements, reading.disagreement.tolist(), strict=True))
    numbers = ", ".join(
        f"{e} {v:.2f}" for e, v in zip(reading.elements, reading.fused, strict=True)
    )
    return View(
        fusion.masses(
            reading.masses,
            reading.fused,
            reading.modalities,
            elements,
            marked=_true_element(sample),
        ),
        describe_disagreement(disagreement, reading.conflict),
        caption="how much each modality supports each element (sin² θ/2, the chance that its qubit reads 1), and what "
        f"the fusion makes of it.{pairs}{cite_sample(sample)}",
        limits=f"Does not show what the network does with the fused masses afterwards{unnamed}. {INERT}",
        table=reading.frame().reset_index(),
        alternative=f"Heat map of masses: fused {numbers}.",
    )


def describe_disagreement(by_element: Mapping[str, float], K: float | None) -> str:
    """Describe on which element the modalities' masses contradict each other most, where they do.

    With Dempster's K of elements that are classes (None of others).
    """
    first = [
        text.escape_markdown(name) if K is None else f"‘{text.escape_markdown(name)}’"
        for name in top(by_element)
    ]
    largest = max((value for value in by_element.values() if value == value), default=0.0)
    words = listed(first) if len(first) <= rules.MAX_NAMED else f"{len(first)} elements alike"
    most = f"most on {words}" if 0 < len(first) < len(by_element) else "on all elements alike"
    if K is None:
        if round(largest, 2) <= 0:
            return f"The masses differ on no element ({size(max(largest, 0.0))})"
        return f"The masses differ {most} ({largest:.2f}{' each' if len(first) > 1 else ''})"
    if not np.isfinite(K):
        return "A modality supports no class at all, so that Dempster's K is not defined"
    if round(K, 2) <= 0:
        return (
            f"Dempster's K of the masses is {size(max(K, 0.0))}: they hardly contradict each other"
        )
    return f"The masses contradict each other with Dempster's K = {K:.2f}, {most}"


def beliefs(sample: Sample) -> View:
    """Belief, plausibility and betting probability of every class. The elements of the model must be classes."""
    reading = sample.reading
    by_fusion = reading.by_fusion
    check(
        by_fusion is not None,
        "Elements of this model are no classes, so that there are no beliefs. Look at `masses`.",
    )
    pignistic = dict(zip(reading.elements, by_fusion.pignistic.tolist(), strict=True))
    numbers = rules.list_numbers(reading.elements, by_fusion.pignistic)
    return View(
        fusion.belief_bars(
            by_fusion.belief,
            by_fusion.pignistic,
            by_fusion.plausibility,
            reading.elements,
            truth=_true_element(sample),
        ),
        describe_bet(pignistic),
        caption="evidence theory on the fused masses: what speaks for a class alone (belief), what does not speak "
        f"against it (plausibility), and the probability to bet with (pignistic).{cite_sample(sample)}",
        limits="The network's answer is read from the same qubits after convolution and pooling.",
        table=reading.frame().reset_index(),
        alternative=f"Pignistic probability of each class: {numbers}.",
    )


def describe_bet(pignistic: Mapping[str, float]) -> str:
    """Describe the class on which the fused masses would bet, with its probability. They bet on none if no class has
    any mass.
    """
    if not np.isfinite(list(pignistic.values())).any():
        return "The fused evidence speaks for no class: it would bet on none"
    return rules.describe_extremum(
        pignistic,
        one="The fused evidence alone would bet on {names} ({share})",
        some="The fused evidence alone would bet on {names} ({share} each)",
        name=lambda name: f"‘{text.escape_markdown(name)}’",
        many="{count} classes alike",
        join=" or ".join,
    )


def fused_entropies(sample: Sample) -> View:
    """The entropy of every fused qubit, its entanglement entropy; of a model with rules."""
    reading = sample.reading
    entropy = dict(zip(reading.elements, reading.entropy.tolist(), strict=True))
    numbers = rules.list_numbers(reading.elements, reading.entropy)
    return View(
        charts.qubit_bars(reading.entropy, reading.elements, "entanglement entropy (nats)"),
        describe_most_entangled(entropy),
        caption="the von Neumann entropy of each fused qubit, at most ln 2. Fusion leaves it and its modality qubits "
        f"in a pure state together, so this is the entanglement entropy between them.{cite_sample(sample)} {INERT}",
        limits=rules.ENTROPY_IS_NO_ATTRIBUTION,
        table=reading.frame().reset_index(),
        alternative=f"Entropy of each fused qubit in nats: {numbers}.",
    )


def describe_most_entangled(entropy: Mapping[str, float]) -> str:
    """Describe which fused qubit has the largest entropy, in nats, where one has."""
    return rules.describe_extremum(
        entropy,
        none="No fused qubit is entangled with what it was fused from (entanglement entropy {size} nats)",
        only="The fused qubit is entangled with what it was fused from (entanglement entropy {size} nats)",
        one="Fused qubit {names} has the largest entanglement entropy with what it was fused from ({size} nats)",
        some="Fused qubits {names} have the largest entanglement entropy with what they were fused from, alike ({size} "
        "nats)",
        every="All fused qubits have the same entanglement entropy with what they were fused from ({size} nats)",
        name=lambda name: f"‘{text.escape_markdown(name)}’",
        many="{count} of {all}",
    )


def _true_element(sample: Sample) -> int | None:
    """Return the element that represents the true class, or None if elements are not classes."""
    return sample.true_class if sample.study.model.elements_are_classes else None


JOINT = "entropy in play"
MUTUAL = "mutual information"
SMALL = 1e-9  # terms that add up to less are rounding


def layer_correlations(sample: Sample) -> dict[str, np.ndarray]:
    """Return the correlations of the qubits at every place between the layers, (P,) each, by JOINT and MUTUAL."""
    entropies = circuits.layers(sample.study, sample.row, sample.tweak)
    return {
        JOINT: entropies.joint,
        MUTUAL: np.array([np.max(row, initial=0.0) for row in entropies.mutual]),
    }


def decision_layers(
    sample: Sample,
    *,
    terms: TermKind = "contributions",
    layer: Annotated[str, LAYER] = "",
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
        evolution_charts.decision_layers(
            moments,
            series,
            parts,
            sample.modalities,
            unit=sample.unit,
            what=what,
            cursor=moments.index(choose("Place in the network", layer or moments[-1], moments)),
        ),
        f"{describe_takeover(moments, dividends)}{name_explained_class(sample)}; "
        + rules.describe_course(
            series[MUTUAL], f"the {MUTUAL}", "nats", [f"“{moment}”" for moment in moments]
        ),
        caption="below, the terms of the decision if the circuit ended there: later gates are left out, "
        "every qubit is measured, and the head is the same (solid: single modalities; dashed or "
        "dotted: joint terms). Above, the entropy of the active qubits and the largest mutual "
        f"information across a cut between them.{cite_sample(sample)} {describe_comparison(sample.study.background)}",
        limits="The head was trained at the end only; a network trained to end earlier may differ. The baseline is "
        "left out.",
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
        return f"At the end single modalities lead in size (joint share {percent[-1]:.0f}%)"
    since = moments[np.max(np.flatnonzero(percent <= 50), initial=-1) + 1]
    return f"In size, joint terms lead from “{since}” (joint share {percent[-1]:.0f}% at the end)"


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
    layers = circuits.layers(sample.study, sample.row, sample.tweak)
    title = "Entropy of every cut"
    return View(
        charts.cut_entropies(layers.cuts, layers.moments, "entropy (nats)"),
        title,
        caption="entropy of the first k qubits: mixed from fusion, plus entanglement with the others. "
        f"{INERT}{cite_sample(sample)}",
        limits="Does not show correlation only: see the mutual information.",
        table=_list_cuts("cuts", layers.cuts, layers.moments),
        alternative=_describe_cuts(title, layers.cuts),
    )


def mutual(sample: Sample) -> View:
    """The mutual information of the first k qubits with the others, at the input and around every pooling."""
    layers = circuits.layers(sample.study, sample.row, sample.tweak)
    title = describe_correlation(float(np.max(np.concatenate(layers.mutual), initial=0.0)))
    return View(
        charts.cut_entropies(layers.mutual, layers.moments, "mutual information (nats)"),
        title,
        caption="mutual information across each cut: zero for the product state after the fusion; convolutions create "
        f"it.{cite_sample(sample)}",
        limits="It does not tell classical from quantum correlation.",
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
    last = rules.list_numbers([f"after qubit {k}" for k in range(len(values[-1]))], values[-1])
    return f"{title}, one row for each of {len(values)} moments; at the last, by cut: {last}."


def describe_correlation(largest: float) -> str:
    """Describe how far the network correlates the qubits; the largest mutual information across any cut, in nats."""
    if round(largest, 2) <= 0:
        return f"The qubits remain nearly uncorrelated ({size(max(largest, 0.0))} nats)"
    return f"The network correlates the qubits by up to {largest:.2f} nats"


def poolings(sample: Sample) -> View:
    """The entropy of the active qubits before and after every pooling, and the entropy of the outcomes."""
    pools = circuits.layers(sample.study, sample.row, sample.tweak).poolings()
    before, after, outcomes = (pools[name].to_numpy() for name in ("before", "after", "outcomes"))
    names = map("pooling {}".format, pools["layer"] + 1)
    return View(
        charts.pooling_entropies(before, after, outcomes),
        describe_pooling(before[-1] - after[-1]),
        caption="joint von Neumann entropy of the active qubits before each pooling and of the remaining ones after "
        f"it, and the sum of the Shannon entropies of the outcomes, which the head also reads.{cite_sample(sample)}",
        limits="Only a part of it affects the decision.",
        table=pools,
        alternative=f"Entropy in nats after each pooling: {rules.list_pairs(names, before, after)}.",
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
