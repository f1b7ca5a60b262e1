"""States of one sample: entropies, masses, beliefs and fused qubits."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed, size, top
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures import circuit_charts, evidence_fusion, evolution_charts
from qfusion.quantum.measure_kinds import KINDS, Part
from qfusion.views import View, alt_text
from qfusion.wording import extrema
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import cite_sample, cite_states


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
        f"others and by jumps.{cite_states(sample.untweaked)}",
        limits="which modality decided, since entropy measures correlation, not attribution.",
        table=pd.DataFrame({"t": track.times} | columns),
        alternative=f"Entropy over time: at T {numbers} nats.",
    )


def describe_most_mixed(ends: Mapping[str, float]) -> str:
    """Describe which modality has the largest entropy at the end, in nats, where one has."""
    return extrema.describe_extremum(
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
            f"{text.escape_markdown(a)} – {text.escape_markdown(b)} {reading.pairwise[i, j]:.2f}"
            for (i, a), (j, b) in combinations(enumerate(reading.modalities), 2)
        ]
        pairs = f" Dempster's K of each pair: {', '.join(by_pair)}."
    disagreement = dict(zip(reading.elements, reading.disagreement.tolist(), strict=True))
    numbers = ", ".join(
        f"{e} {v:.2f}" for e, v in zip(reading.elements, reading.fused, strict=True)
    )
    return View(
        evidence_fusion.masses(
            reading.masses,
            reading.fused,
            reading.modalities,
            elements,
            marked=_true_element(sample),
        ),
        describe_disagreement(disagreement, reading.conflict),
        caption="how much each modality supports each element (sin² θ/2, the chance that its qubit reads 1), and what "
        f"the fusion makes of it.{pairs}{cite_sample(sample)}",
        limits=f"what the network does with the fused masses afterwards{unnamed}. {INERT}",
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
    words = listed(first) if len(first) <= extrema.MAX_NAMED else f"{len(first)} elements alike"
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
    numbers = alt_text.list_numbers(reading.elements, by_fusion.pignistic)
    return View(
        evidence_fusion.belief_bars(
            by_fusion.belief,
            by_fusion.pignistic,
            by_fusion.plausibility,
            reading.elements,
            truth=_true_element(sample),
        ),
        describe_bet(pignistic),
        caption="evidence theory on the fused masses: what speaks for a class alone (belief), what does not speak "
        f"against it (plausibility), and the probability to bet with (pignistic).{cite_sample(sample)}",
        limits="the network's answer, which is read from the same qubits after convolution and pooling.",
        table=reading.frame().reset_index(),
        alternative=f"Pignistic probability of each class: {numbers}.",
    )


def describe_bet(pignistic: Mapping[str, float]) -> str:
    """Describe the class on which the fused masses would bet, with its probability. They bet on none if no class has
    any mass.
    """
    if not np.isfinite(list(pignistic.values())).any():
        return "The fused evidence speaks for no class: it would bet on none"
    return extrema.describe_extremum(
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
    numbers = alt_text.list_numbers(reading.elements, reading.entropy)
    return View(
        circuit_charts.qubit_bars(reading.entropy, reading.elements, "entanglement entropy (nats)"),
        describe_most_entangled(entropy),
        caption="the von Neumann entropy of each fused qubit, at most ln 2. Fusion leaves it and its modality qubits "
        f"in a pure state together, so this is the entanglement entropy between them.{cite_sample(sample)} {INERT}",
        limits="which modality decided, since entropy measures correlation, not attribution.",
        table=reading.frame().reset_index(),
        alternative=f"Entropy of each fused qubit in nats: {numbers}.",
    )


def describe_most_entangled(entropy: Mapping[str, float]) -> str:
    """Describe which fused qubit has the largest entropy, in nats, where one has."""
    return extrema.describe_extremum(
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
