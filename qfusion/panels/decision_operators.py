"""Decision operators: spectra, eigenvectors, outcome patterns, and samples along two eigenvectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import count, listed, share
from qfusion.analysis import operator_votes, text
from qfusion.analysis.sample import Sample
from qfusion.data.row_splits import SPLITS
from qfusion.explain.operators import Operator
from qfusion.figures import operator_spectra, state_charts, style
from qfusion.models.abilities import can
from qfusion.panels import alt_text, page_state, panel, params, sample_curves
from qfusion.wording import extrema
from qfusion.wording.backgrounds import describe_comparison

# Decision operators.

UPS = ("weight against", "value of the group")
SHOWN_PATTERNS = 5  # on each side
NEAR = 0.5  # weight on an eigenstate from which on a sample is called near to it: it is then the likeliest of all
_EXTREME = {"for": -1, "against": 0}


def describe_modalities(operator: Operator) -> str:
    """Return the modalities of an operator, as markdown."""
    return listed([text.escape_markdown(name) for name in operator.modalities])


def format_share(value: float) -> str:
    """Return a share of a sample."""
    if value >= 0.095:
        return share(value)
    return "less than 0.1%" if 1e-9 < value < 0.0005 else f"{abs(value):.1%}"


def nearest_heading(side: str, weights: Sequence[float]) -> str:
    """Return a heading for the samples with the most weight on an extreme eigenstate, given the weights of all
    samples, 0 to 1.
    """
    best = max(weights, default=0.0)
    if best < NEAR:
        return f"No sample is close to the state that votes most {side} (best {format_share(best)})"
    return f"Nearest to the state that votes most {side}"


def describe_votes(
    who: str, votes: np.ndarray, kind: str, moved: float, quantity: str = "score"
) -> str:
    """Describe how many eigenstates vote for and against, at the displayed precision, and the contribution of a sample.

    Args:
        who: the modalities, as markdown. votes: of the eigenstates, (K,).
        kind: what one is called, such as "eigenstate". moved: what the sample adds to the baseline.
        quantity: what is explained, "log-odds" or "score".
    """
    favour = int((votes >= WRITTEN).sum())
    against = int((votes <= -WRITTEN).sum())
    idle = len(votes) - favour - against
    raises = "raises" if favour == 1 else "raise"
    lowers = "lowers" if against == 1 else "lower"
    sentence = f"{count(favour, kind)} of {who} {raises}, {against:,} {lowers} the {quantity}"
    if idle:
        sentence += f", {idle:,} neither"
    return f"{sentence}; this sample adds {moved:+z.2f}"


def describe_extreme_vote(side: str, vote: float, state: str) -> str:
    """Describe the eigenstate with the extreme vote, and whether that vote is for, or against, at all."""
    if round(vote, 2) * _SIGN[side] <= 0:
        return f"No state votes {side}; the nearest to it, at {vote:+z.2f}: {state}"
    return f"Votes most {side} ({vote:+.2f}): {state}"


def describe_largest_effect(
    effects: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    quantity: str = "score",
) -> str:
    """Describe the element whose reading changes the explained quantity most, given effects (M, n)."""
    return panel.capitalise(
        extrema.describe_extremum(
            {
                f"element {text.escape_markdown(elements[i])} of {text.escape_markdown(modalities[m])}": float(
                    effects[m, i]
                )
                for m, i in np.ndindex(*effects.shape)
            },
            by_size=True,
            none=f"No element changes the {quantity} by 0.01 or more on its own",
            one="{names} counts most ({value:+.2f})",
            some="{count} elements count most alike (by {amount:.2f} each), {names} among them",
            name=str,
            join=lambda names: names[0],
        )
    )


WRITTEN = 0.005  # from here on a vote is written as 0.01
_SIGN = {"for": 1, "against": -1}


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
        shows="above, the eigenvalues of the decision operator of these modalities as votes: how far each of its "
        "eigenstates would move the output from the baseline. Below, how much of this sample lies on each: votes "
        "times weights add up to what it says. " + describe_comparison(sample.study.background),
        not_shown="what a state means: its nearest real samples, below, tell. Learned levels have no names.",
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
    k = _EXTREME[side]
    amplitudes = operator.amplitudes(k)
    names = state_charts.basis_labels(operator.dims)
    title = describe_extreme_vote(
        side, float(operator.votes[k]), _likeliest_levels(amplitudes, names)
    )
    shows = (
        "how likely each basis state is in this eigenstate (height) and its phase (colour, the largest one's set "
        "to 0)"
    )
    if len(operator.dims) > 1:
        shows += (
            f"; levels of {', '.join(map(text.escape_markdown, operator.modalities))}, first leftmost. Real samples "
            "are "
            "products; this need not be."
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
        not_shown="whether a real sample can be in it: see the weights below.",
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
        shows=f"the {count(side, 'outcome pattern')} with the highest and, below the line, with the lowest votes. The "
        "fusion reads a modality through its qubits' outcomes only, so patterns are the "
        "eigenstates. " + describe_comparison(sample.study.background),
        not_shown="how likely a pattern is: see the weights.",
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
    alt = (
        "Effects: "
        + "; ".join(
            f"{name}: {alt_text.list_numbers(elements, row, '+.2f')}"
            for name, row in zip(operator.modalities, values, strict=True)
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(values.T, columns=list(operator.modalities)).assign(element=elements)

    return panel.PanelFigure(
        "effects",
        describe_largest_effect(values, elements, operator.modalities, sample.quantity),
        figure,
        shows=f"the change of the {sample.quantity} when one element's qubit reads 1 instead of 0, all others as in "
        "the background. " + describe_comparison(sample.study.background),
        not_shown="how elements act together: the patterns do.",
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
        up: "weight against" or "value of the group"; by the number of eigenstates unless told.
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
        f"The two extremes hold {format_share((result.most_for + result.most_against).mean())} of a {split} sample "
        f"on average"
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
        f"one point a sample, {len(ids):,} in all, coloured by truth; a click makes it the sample. This one, "
        f"ringed where it is among them: {format_share(float(weights[-1]))} for, {format_share(float(weights[0]))} "
        f"against. " + describe_comparison(study.background)
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
        not_shown="the states in between: a sample may lie on neither.",
        alt=f"{len(ids)} samples along the two extremes; {sample.id} is ringed.",
        table=table,
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


NEAREST = 4  # samples that are shown on each side


def has_kets(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator's eigenstates are kets, which can be drawn."""
    return (
        can(sample.study.model, "states")
        and operator_votes.group_operator(sample, group).vectors is not None
    )


def has_patterns(sample: Sample, group: str = "", **_: Any) -> bool:
    """Return whether the operator acts on outcome patterns."""
    return can(sample.study.model, "states") and not has_kets(sample, group)


def _nearest_curve_names(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the ends of the names of the curves of the samples nearest to both extremes."""
    if not can(sample.study.model, "states"):
        return []
    result = operator_votes.group_votes(sample, GROUP(view) or "", AMONG(view) or "test")[0]
    return [
        end
        for side in ("for", "against")
        for end in sample_curves.curve_names(
            sample.study, result.nearest(side, NEAREST), f"{side}-card", result.operator.modalities
        )
    ]


_STATES = panel.needs("states")
GROUP = params.SelectParam(
    "votes",
    "Modality or pair",
    "The first modality is shown.",
    "The modalities whose state is asked about; all others are averaged over the background.",
    operator_votes.group_labels,
    look="segments",
    meanings=lambda label: label.replace(operator_votes.WITH, "+"),
    fits=_STATES,
)
AMONG = params.SelectParam(
    "among",
    "Among the samples for",
    "The test samples are shown.",
    "Where the nearest real samples are looked for.",
    SPLITS,
    default="test",
    look="segments",
    fits=_STATES,
)
UP = params.SelectParam(
    "against",
    "y axis",
    "The weight against is shown.",
    "The weight of a sample on the state that votes most against, or the output with these modalities alone known.",
    UPS,
    look="segments",
    fits=_STATES,
)
CONTROLS = (GROUP, AMONG, UP)
_GROUP = {"group": GROUP}
_AMONG = {**_GROUP, "split": AMONG}
OPERATORS = {
    "spectrum": panel.Panel(spectrum, _AMONG, fits=_STATES),
    "along": panel.Panel(extreme_plane, {**_AMONG, "up": UP}, fits=_STATES),
    **{
        f"state-{side}": panel.Panel(extreme_eigenstate, _GROUP, {"side": side}, fits=has_kets)
        for side in _EXTREME
    },
    "patterns": panel.Panel(outcome_patterns, _GROUP, fits=has_patterns),
    "effects": panel.Panel(element_effects, _GROUP, fits=has_patterns),
}
NAMED = {
    "content-": panel.Panel(
        sample_curves.draw_sample_curve,
        rest=sample_curves.parse_curve_name,
        endings=_nearest_curve_names,
    )
}
