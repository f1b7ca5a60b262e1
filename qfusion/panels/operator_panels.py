"""Decision operators: spectra, eigenvectors, outcome patterns, and samples along two eigenvectors."""

from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import count
from qfusion.analysis import operator_votes, text
from qfusion.analysis.sample import Sample
from qfusion.explain.operators import Operator
from qfusion.figures import operator_spectra, state_charts, style
from qfusion.panels import panel
from qfusion.views import alt_text
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.eigenstate_votes import (
    describe_extreme_vote,
    describe_largest_effect,
    describe_modalities,
    describe_votes,
    format_share,
)

UPS = ("weight against", "value of the group")
SHOWN_PATTERNS = 5  # on each side
EXTREMES = {"for": -1, "against": 0}


def default_vertical_axis(operator: Operator) -> str:
    """Return the default vertical axis. If there are many outcome patterns, a sample has hardly any weight on the
    extreme ones.
    """
    return UPS[0] if operator.vectors is not None else UPS[1]


def spectrum(
    sample: Sample, theme: style.Theme = "light", *, group: str = "", split: str = "test"
) -> panel.PanelFigure:
    """Draw the eigenvalues of a decision operator as votes, and the weight of the sample and of others on each
    eigenstate.

    Args:
        sample: of any model.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the other samples.
    """
    result, (score, weights) = operator_votes.group_votes(sample, group, split)
    operator = result.operator
    votes = result.operator.votes
    moved = score - operator.baseline
    title = describe_votes(
        describe_modalities(operator),
        votes,
        "eigenstate" if operator.vectors is not None else "outcome pattern",
        moved,
        sample.quantity,
    )
    figure = operator_spectra.spectrum(
        votes,
        weights,
        result.weights,
        unit=sample.unit,
        sample_name=f"sample {sample.id}",
        cohort_name=f"mean of {len(result.rows):,} {split} samples",
        theme=theme,
    )
    alt = f"Spectrum from {votes[0]:+.2f} to {votes[-1]:+.2f}; this sample {moved:+.2f}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "eigenstate": np.arange(len(votes)),
                "value": operator.values,
                "vote": votes,
                "weight_of_sample": weights,
                "mean_weight": result.weights,
            }
        )

    return panel.PanelFigure(
        "spectrum",
        title,
        figure,
        shows="above, the eigenvalues of the decision operator of these modalities as votes: the change of "
        "the output from the baseline by each eigenstate. Below, the weight of this sample on each "
        "eigenstate. Votes times weights sum to its vote. "
        + describe_comparison(sample.study.background),
        not_shown="the meaning of a state: see its nearest real samples, below. Learned levels have no names.",
        alt=alt,
        table=table,
    )


def extreme_eigenstate(
    sample: Sample, theme: style.Theme = "light", *, side: str = "for", group: str = ""
) -> panel.PanelFigure:
    """Draw the eigenstate that votes most for, or most against; only of models of kets.

    Args:
        sample: of a model of kets.
        theme: of the figure.
        side: "for" or "against".
        group: of modalities, such as "text+audio".
    """
    operator = operator_votes.group_operator(sample, group)
    k = EXTREMES[side]
    amplitudes = operator.amplitudes(k)
    names = state_charts.basis_labels(operator.dims)
    title = describe_extreme_vote(
        side, float(operator.votes[k]), _likeliest_levels(amplitudes, names)
    )
    shows = (
        "the probability of each basis state in this eigenstate (height) and its phase (colour, "
        "relative to the largest)"
    )
    if len(operator.dims) > 1:
        shows += (
            f"; levels of {', '.join(map(text.escape_markdown, operator.modalities))}, first leftmost. "
            "Real samples are product states; an eigenstate may be entangled."
        )
    else:
        shows += "."
    shows += " " + describe_comparison(sample.study.background)

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "basis_state": names,
                "population": np.abs(amplitudes) ** 2,
                "phase": np.angle(amplitudes),
            }
        )

    return panel.PanelFigure(
        f"state-{side}",
        title,
        operator_spectra.eigenvector_bars(amplitudes, operator.dims, theme=theme),
        shows=shows,
        not_shown="whether a real sample can have this state: see the weights below.",
        alt=f"Populations of the eigenstate that votes most {side}: {_likeliest_levels(amplitudes, names)}.",
        table=table,
    )


def outcome_patterns(
    sample: Sample, theme: style.Theme = "light", *, group: str = ""
) -> panel.PanelFigure:
    """Draw the outcome patterns that vote most for and most against; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    operator = operator_votes.group_operator(sample, group)
    elements = _element_names(sample)
    whole = len(operator.values)
    side = min(SHOWN_PATTERNS, whole // 2)
    shown = [*range(whole - 1, whole - 1 - side, -1), *range(side - 1, -1, -1)]
    bits = np.array([operator.bits(k) for k in shown])
    votes = operator.votes[shown]
    alt = (
        f"Highest vote {votes[0]:+z.2f}: {_describe_pattern(bits[0], elements)}. Lowest {votes[-1]:+z.2f}: "
        f"{_describe_pattern(bits[-1], elements)}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "vote": votes,
                "pattern": ["|".join("".join(map(str, row)) for row in bit) for bit in bits],
            }
        )

    return panel.PanelFigure(
        "patterns",
        describe_extreme_vote("for", float(votes[0]), _describe_pattern(bits[0], elements)),
        operator_spectra.outcome_patterns(
            bits, votes, elements, operator.modalities, sample.modalities, theme=theme
        ),
        shows=f"the {count(side, 'outcome pattern')} with the highest and, below the line, the lowest "
        "votes. The fusion reads only the outcomes of a modality's qubits, so patterns are the "
        "eigenstates. " + describe_comparison(sample.study.background),
        not_shown="the probability of a pattern: see the weights.",
        alt=alt,
        table=table,
    )


def element_effects(
    sample: Sample, theme: style.Theme = "light", *, group: str = ""
) -> panel.PanelFigure:
    """Draw how the decision changes when one element's qubit reads 1 instead of 0; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    operator = operator_votes.group_operator(sample, group)
    elements = _element_names(sample)
    if operator.effects is not None:
        values = operator.effects
    else:
        values = np.zeros((len(operator.modalities), len(elements)))
    figure = operator_spectra.element_effects(
        values, elements, operator.modalities, sample.modalities, unit=sample.unit, theme=theme
    )
    numbers = [
        f"{name}: {alt_text.list_numbers(elements, row, '+.2f')}"
        for name, row in zip(operator.modalities, values, strict=True)
    ]
    alt = f"Effects: {'; '.join(numbers)}."

    def table() -> pd.DataFrame:
        return pd.DataFrame(values.T, columns=list(operator.modalities)).assign(element=elements)

    return panel.PanelFigure(
        "effects",
        describe_largest_effect(values, elements, operator.modalities, sample.quantity),
        figure,
        shows=f"the change of the {sample.quantity} when one element's qubit reads 1 instead of 0, all others as in "
        "the background. " + describe_comparison(sample.study.background),
        not_shown="joint effects of elements: see the patterns.",
        alt=alt,
        table=table,
    )


def extreme_plane(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    group: str = "",
    split: str = "test",
    up: str = "",
) -> panel.PanelFigure:
    """Draw many samples along the two extreme eigenstates.

    Args:
        sample: of any model; it is ringed.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the samples that are drawn.
        up: "weight against" or "value of the group"; see `default_vertical_axis`.
    """
    result, (_, weights) = operator_votes.group_votes(sample, group, split)
    study = sample.study
    up = choose("y axis", up or default_vertical_axis(result.operator), UPS)
    if up == UPS[0]:
        y, y_title = (result.most_against, "weight on the state that votes most against")
    else:
        y, y_title = (result.scores, f"v({' + '.join(result.operator.modalities)}), {sample.unit}")
    y_true = study.dataset.y[result.rows]
    truth = (y_true == sample.output).astype(int) if study.classes else y_true.astype(float)
    ids = study.dataset.ids[result.rows].tolist()
    title = (
        "On average the two extremes have "
        f"{format_share((result.most_for + result.most_against).mean())} of the weight of a {split} "
        "sample"
    )
    figure = operator_spectra.extreme_plane(
        ids,
        result.most_for,
        y,
        "weight on the state that votes most for",
        y_title,
        truth=truth,
        truth_name=f"‘{study.classes[sample.output]}’" if study.classes else "truth",
        split=bool(study.classes),
        chosen=sample.id,
        shares=(True, up == UPS[0]),
        theme=theme,
    )
    shows = (
        f"one point per sample, {len(ids):,} in all, coloured by truth. "
        f"The current one, ringed if shown: {format_share(float(weights[-1]))} for, "
        f"{format_share(float(weights[0]))} against. " + describe_comparison(study.background)
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": ids,
                "weight_for": result.most_for,
                "weight_against": result.most_against,
                "value_of_group": result.scores,
                "truth": truth,
            }
        )

    return panel.PanelFigure(
        "along",
        title,
        figure,
        shows=shows,
        not_shown="the other eigenstates: a sample may have no weight on either extreme.",
        alt=f"{len(ids)} samples along the two extremes; {sample.id} is ringed.",
        table=table,
        usage="Click a point to select its sample.",
    )


def _likeliest_levels(amplitudes: np.ndarray, names: list[str]) -> str:
    """Return the likeliest basis states in words."""
    mass = np.abs(amplitudes) ** 2
    order = [i for i in np.argsort(-mass)[:3] if mass[i] >= 0.1] or [int(mass.argmax())]
    return ", ".join(f"|{names[i]}⟩ {mass[i]:.0%}" for i in order)


def _element_names(sample: Sample) -> tuple[str, ...]:
    """Return the names of the elements that a modality is read by."""
    study: Any = sample.study
    if study.model.elements_are_classes:
        return tuple(study.space.elements)
    return tuple(map(str, range(study.model.elements)))


def _describe_pattern(bits: np.ndarray, elements: tuple[str, ...]) -> str:
    """Return one pattern in words: the elements that read 1."""
    read = [[text.escape_markdown(elements[i], 20) for i in np.flatnonzero(row)] for row in bits]
    return "; ".join("yes on " + ", ".join(on) if on else "no on all" for on in read)
