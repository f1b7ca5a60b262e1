"""Decision operators: spectra, eigenvectors, outcome patterns, and samples along two eigenvectors."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import capitalise, count, listed, share
from qfusion.data.row_splits import SPLITS
from qfusion.figures import state_charts
from qfusion.models.protocols import StateModel
from qfusion.plugins.operators import figures, sample_votes
from qfusion.plugins.operators.decision_operator import Operator
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.views.pages.choices import needs
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import describe_comparison

UPS = ("weight against", "value of the group")
SHOWN_PATTERNS = 5  # on each side
EXTREMES = {"for": -1, "against": 0}


HAS_STATES = needs(StateModel)
GROUP = SelectParam(
    "votes",
    "Modality or pair",
    "The first modality is shown.",
    "The modalities whose states vote; all others are averaged over the background.",
    sample_votes.group_labels,
    look="segments",
    meanings=lambda label: label.replace(sample_votes.WITH, "+"),
    present=lambda label: label.replace(" with ", sample_votes.WITH),
    fits=HAS_STATES,
)
Group = Annotated[str, GROUP]

AMONG = SelectParam(
    "among",
    "Among the samples for",
    "The test samples are shown.",
    "The samples among which the nearest ones are searched.",
    SPLITS,
    default="test",
    look="segments",
    fits=HAS_STATES,
)
Among = Annotated[Literal["train", "valid", "test"], AMONG]

UP = SelectParam(
    "against",
    "y axis",
    "The weight against is shown.",
    "The weight of a sample on the state that votes most against, or the output with these modalities alone known.",
    UPS,
    look="segments",
    fits=HAS_STATES,
)


def default_vertical_axis(operator: Operator) -> str:
    """Return the default vertical axis. If there are many outcome patterns, a sample has hardly any weight on the
    extreme ones.
    """
    return UPS[0] if operator.vectors is not None else UPS[1]


def spectrum(sample: Sample, *, group: Group = "", split: Among = "test") -> View:
    """The eigenvalues of a decision operator as votes, and the weight of the sample and of others on each eigenstate.

    Args:
        sample: of any model.
        group: of modalities, such as "text+audio".
        split: of the other samples.
    """
    result, (score, weights) = sample_votes.group_votes(sample, group, split)
    operator = result.operator
    votes = operator.votes
    moved = score - operator.baseline
    return View(
        figures.spectrum(
            votes,
            weights,
            result.weights,
            unit=sample.unit,
            sample_name=f"sample {sample.id}",
            cohort_name=f"mean of {len(result.rows):,} {split} samples",
        ),
        describe_votes(
            describe_modalities(operator),
            votes,
            "eigenstate" if operator.vectors is not None else "outcome pattern",
            moved,
            _describe_aim(sample),
            within_spread=operator.modalities in [(term,) for term in sample.verdict.within_spread],
        ),
        caption="above, the eigenvalues of the decision operator of these modalities as votes: the change of "
        "the output from the baseline by each eigenstate. Below, the weight of this sample on each "
        f"eigenstate. Votes times weights sum to its vote. {describe_comparison(sample.study.background)}",
        limits="Learned levels have no names: for the meaning of a state, see its nearest real samples, below.",
        table=pd.DataFrame(
            {
                "eigenstate": np.arange(len(votes)),
                "value": operator.values,
                "vote": votes,
                "weight_of_sample": weights,
                "mean_weight": result.weights,
            }
        ),
        alternative=f"Spectrum from {votes[0]:+.2f} to {votes[-1]:+.2f}; this sample {moved:+.2f}.",
    )


def extreme_eigenstate(
    sample: Sample, side: Literal["for", "against"] = "for", *, group: Group = ""
) -> View:
    """The eigenstate that votes most for, or most against; only of models of kets.

    Args:
        sample: of a model of kets.
        side: which of both.
        group: of modalities, such as "text+audio".
    """
    operator = sample_votes.group_operator(sample, group)
    k = EXTREMES[side]
    amplitudes = operator.amplitudes(k)
    names = state_charts.basis_labels(operator.dims)
    likeliest = _likeliest_levels(amplitudes, names)
    order = ""
    if len(operator.dims) > 1:
        modalities = ", ".join(map(text.escape_markdown, operator.modalities))
        order = (
            f"; levels of {modalities}, first leftmost. Real samples are product states; an eigenstate may be "
            "entangled"
        )
    return View(
        figures.eigenvector_bars(amplitudes, operator.dims),
        describe_extreme_vote(side, float(operator.votes[k]), likeliest),
        caption="the probability of each basis state in this eigenstate (height) and its phase (colour, relative to "
        f"the largest){order}. {describe_comparison(sample.study.background)}",
        limits="Possibly no real sample has this state: see the weights below.",
        table=pd.DataFrame(
            {
                "basis_state": names,
                "population": np.abs(amplitudes) ** 2,
                "phase": np.angle(amplitudes),
            }
        ),
        alternative=f"Populations of the eigenstate that votes most {side}: {likeliest}.",
        name=f"state-{side}",
    )


def outcome_patterns(sample: Sample, *, group: Group = "") -> View:
    """The outcome patterns that vote most for and most against; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        group: of modalities, such as "text+audio".
    """
    operator = sample_votes.group_operator(sample, group)
    elements = _element_names(sample)
    whole = len(operator.values)
    side = min(SHOWN_PATTERNS, whole // 2)
    shown = [*range(whole - 1, whole - 1 - side, -1), *range(side - 1, -1, -1)]
    bits = np.array([operator.bits(k) for k in shown])
    votes = operator.votes[shown]
    highest, lowest = (_describe_pattern(bits[place], elements) for place in (0, -1))
    return View(
        figures.outcome_patterns(bits, votes, elements, operator.modalities, sample.modalities),
        describe_extreme_vote("for", float(votes[0]), highest),
        caption=f"the {count(side, 'outcome pattern')} with the highest and, below the line, the lowest "
        "votes. The fusion reads only the outcomes of a modality's qubits, so patterns are the "
        f"eigenstates. {describe_comparison(sample.study.background)}",
        limits="For the probability of a pattern, see the weights.",
        table=pd.DataFrame(
            {
                "vote": votes,
                "pattern": ["|".join("".join(map(str, row)) for row in bit) for bit in bits],
            }
        ),
        alternative=f"Highest vote {votes[0]:+z.2f}: {highest}. Lowest {votes[-1]:+z.2f}: {lowest}.",
        name="patterns",
    )


def element_effects(sample: Sample, *, group: Group = "") -> View:
    """The change of the decision when one element's qubit reads 1 instead of 0; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        group: of modalities, such as "text+audio".
    """
    operator = sample_votes.group_operator(sample, group)
    elements = _element_names(sample)
    values = operator.effects
    if values is None:
        values = np.zeros((len(operator.modalities), len(elements)))
    numbers = [
        f"{name}: {rules.list_numbers(elements, row, '+.2f')}"
        for name, row in zip(operator.modalities, values, strict=True)
    ]
    return View(
        figures.element_effects(
            values, elements, operator.modalities, sample.modalities, unit=sample.unit
        ),
        describe_largest_effect(values, elements, operator.modalities, sample.quantity),
        caption=f"the change of the {sample.quantity} when one element's qubit reads 1 instead of 0, all others as in "
        f"the background. {describe_comparison(sample.study.background)}",
        limits="For joint effects of elements, see the patterns.",
        table=pd.DataFrame(values.T, columns=list(operator.modalities)).assign(element=elements),
        alternative=f"Effects: {'; '.join(numbers)}.",
        name="effects",
    )


def extreme_plane(
    sample: Sample,
    *,
    group: Group = "",
    split: Among = "test",
    up: Annotated[str, UP] = "",
) -> View:
    """Many samples along the two extreme eigenstates.

    Args:
        sample: of any model; it is ringed.
        group: of modalities, such as "text+audio".
        split: of the samples that are drawn.
        up: "weight against" or "value of the group"; see `default_vertical_axis`.
    """
    result, (_, weights) = sample_votes.group_votes(sample, group, split)
    study = sample.study
    up = choose("y axis", up or default_vertical_axis(result.operator), UPS)
    if up == UPS[0]:
        y, y_title = (result.most_against, "weight on the state that votes most against")
    else:
        y, y_title = (result.scores, f"v({' + '.join(result.operator.modalities)}), {sample.unit}")
    y_true = study.dataset.y[result.rows]
    truth = (y_true == sample.output).astype(int) if study.classes else y_true.astype(float)
    ids = study.dataset.ids[result.rows].tolist()
    together = format_share((result.most_for + result.most_against).mean())
    own_for, own_against = (format_share(float(weights[place])) for place in (-1, 0))
    return View(
        figures.extreme_plane(
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
            shared=count_shared_places(result.most_for, y, truth) if study.classes else 0,
        ),
        f"The strongest ‘for’ and ‘against’ states hold {together} of a {split} sample on average",
        caption=f"one point per sample, {len(ids):,} in all, by truth. The current one, ringed if shown: "
        f"{own_for} for, {own_against} against. {describe_comparison(study.background)}",
        limits="Only the two extreme eigenstates are used; a sample may have no weight on either.",
        table=pd.DataFrame(
            {
                "sample": ids,
                "weight_for": result.most_for,
                "weight_against": result.most_against,
                "value_of_group": result.scores,
                "truth": truth,
            }
        ),
        alternative=f"{len(ids)} samples along the two extremes; {sample.id} is ringed.",
        usage="Click a point to select its sample.",
        name="along",
    )


def count_shared_places(x: np.ndarray, y: np.ndarray, truth: np.ndarray) -> int:
    """Return at how many places there are samples of both truths, (N,) each; places differ from the ninth digit on."""
    places = np.round(np.stack([x, y], 1), 9)
    first, second = (set(map(tuple, places[truth == flag].tolist())) for flag in (0, 1))
    return len(first & second)


def _describe_aim(sample: Sample) -> str:
    """Return what a vote is for, as Markdown."""
    if sample.study.classes:
        return f"‘{text.escape_markdown(sample.study.classes[sample.output])}’"
    return f"a higher {sample.quantity}"


def _likeliest_levels(amplitudes: np.ndarray, names: list[str]) -> str:
    """Return the likeliest basis states in words."""
    mass = np.abs(amplitudes) ** 2
    order = [i for i in np.argsort(-mass)[:3] if mass[i] >= 0.1] or [int(mass.argmax())]
    return ", ".join(f"|{names[i]}⟩ {mass[i]:.0%}" for i in order)


def _element_names(sample: Sample) -> tuple[str, ...]:
    """Return the names of the elements that a modality is read by."""
    study: Any = sample.study
    if study.model.elements_are_classes:
        return tuple(study.backend.elements)
    return tuple(map(str, range(study.model.elements)))


def _describe_pattern(bits: np.ndarray, elements: tuple[str, ...]) -> str:
    """Return one pattern in words: the elements that read 1."""
    read = [[text.escape_markdown(elements[i], 20) for i in np.flatnonzero(row)] for row in bits]
    return "; ".join("yes on " + ", ".join(on) if on else "no on all" for on in read)


NEAR = 0.5  # smallest weight on an eigenstate of a sample that is called near to it; it is then the likeliest of all
WRITTEN = 0.005  # smallest vote that is written as 0.01
_SIGN = {"for": 1, "against": -1}


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
    none = f" (none is close, best {format_share(best)})" if best < NEAR else ""
    return f"Nearest to the strongest ‘{side}’ state{none}"


def describe_votes(
    who: str,
    votes: np.ndarray,
    kind: str,
    moved: float,
    aim: str = "a higher score",
    *,
    within_spread: bool = False,
) -> str:
    """Describe how many eigenstates vote for and against, at the displayed precision, and the contribution of a sample.

    Args:
        who: the modalities, as Markdown.
        votes: votes of the eigenstates, (K,).
        kind: name of an eigenstate, such as "pattern".
        moved: contribution of the sample to the baseline.
        aim: what is voted on, as Markdown.
        within_spread: whether that contribution is within its spread over training seeds.
    """
    favour = int((votes >= WRITTEN).sum())
    against = int((votes <= -WRITTEN).sum())
    idle = len(votes) - favour - against
    argues = "argues" if favour == 1 else "argue"
    sentence = f"{count(favour, kind)} of {who} {argues} for {aim}, {against:,} against"
    if idle:
        sentence += f", {idle:,} neither"
    doubt = " (within its spread over training seeds)" if within_spread else ""
    return f"{sentence}; this sample adds {moved:+z.2f}{doubt}"


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
    named = {}
    for m, i in np.ndindex(*effects.shape):
        element = text.escape_markdown(elements[i])
        modality = text.escape_markdown(modalities[m])
        named[f"element {element} of {modality}"] = float(effects[m, i])
    sentence = rules.describe_extremum(
        named,
        by_size=True,
        none=f"No element changes the {quantity} by 0.01 or more on its own",
        one="{names} counts most ({value:+.2f})",
        some="{count} elements count most, equally (by {amount:.2f} each), {names} among them",
        name=str,
        join=lambda names: names[0],
    )
    return capitalise(sentence)
