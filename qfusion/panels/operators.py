"""Decision operators: which states of a group of modalities vote for a decision, which against, where samples lie.

A group is named as coalitions are, "text+audio"; unless it is told, it is the first that has an operator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import decision_operators
from qfusion.analysis.cohort.decision_operators import WITH
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.data.spec import SPLITS
from qfusion.explain.network.operators import Operator
from qfusion.figures.draw import operators as figures
from qfusion.figures.draw.state import basis_labels
from qfusion.figures.style import Theme
from qfusion.panels import samples
from qfusion.panels.core import allowed as say
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, can, word
from qfusion.panels.core.view import View

UPS = ("weight against", "score of the group")
SHOWN_PATTERNS = 5  # on each side
_EXTREME = {"for": -1, "against": 0}


def who(found: Operator) -> str:
    """The modalities of an operator, as markdown."""
    return " and ".join(text.plain(name) for name in found.modalities)


def part(value: float) -> str:
    """A share of a sample."""
    return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"


def default_up(found: Operator) -> str:
    """What is drawn upwards unless told: of many outcome patterns, a sample is hardly on the extreme ones."""
    return UPS[0] if found.vectors is not None else UPS[1]


def spectrum(sample: Sample, theme: Theme = "light", *, group: str = "", split: str = "test") -> Picture:
    """Eigenvalues of a decision operator as votes, and how much of the sample and of others lies on each eigenstate.

    Args:
        sample: of any model.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the other samples.
    """
    found, own = decision_operators.votes_of(sample, group, split)
    operator, votes, moved = found.operator, found.operator.votes, own.score - found.operator.baseline
    favour, against = int((votes > 0).sum()), int((votes < 0).sum())
    kind = "eigenstates" if operator.vectors is not None else "outcome patterns"
    return Picture(
        "spectrum", f"{favour:,} {kind} of {who(operator)} vote for, {against:,} against; this sample moves the score "
                    f"by {moved:+.2f}",
        figures.spectrum(votes, own.weights, found.weights, unit=sample.unit, sample_name=f"sample {sample.id}",
                         cohort_name=f"mean of {len(found.rows):,} {split} samples", theme=theme),
        shows="above, the eigenvalues of the decision operator of these modalities as votes: how far each of its "
              "eigenstates would move the score from the baseline. Below, how much of this sample lies on each: votes "
              "times weights add up to what it says. "
              + backgrounds.against(sample.work.background),
        not_shown="what a state means: its nearest real samples, below, tell. Learned levels have no names.",
        alt=f"Spectrum from {votes[0]:+.2f} to {votes[-1]:+.2f}; this sample {moved:+.2f}.",
        table=lambda: pd.DataFrame({"eigenstate": np.arange(len(votes)), "score": operator.values, "vote": votes,
                                    "weight_of_sample": own.weights, "mean_weight": found.weights}))


def extreme(sample: Sample, theme: Theme = "light", *, side: str = "for", group: str = "") -> Picture:
    """The eigenstate that votes most for, or most against; only of models of kets.

    Args:
        sample: of a model of kets.
        theme: of the figure.
        side: "for" or "against".
        group: of modalities, such as "text+audio".
    """
    found = decision_operators.operator_of(sample, group)
    k = _EXTREME[side]
    amplitudes, names = found.amplitudes(k), basis_labels(found.dims)
    entangled = f"; levels of {', '.join(map(text.plain, found.modalities))}, first leftmost. Real samples are " \
                "products; this need not be."
    return Picture(
        f"state-{side}", f"Votes most {side} ({found.votes[k]:+.2f}): {_levels(amplitudes, names)}",
        figures.make_up(amplitudes, found.dims, theme=theme),
        shows="how likely each basis state is in this eigenstate (height) and its phase (colour, the largest one's set "
              "to 0)" + (entangled if len(found.dims) > 1 else ".") + " " + backgrounds.against(sample.work.background),
        not_shown="whether a real sample can be in it: see the weights below.",
        alt=f"Populations of the eigenstate that votes most {side}: {_levels(amplitudes, names)}.",
        table=lambda: pd.DataFrame({"basis_state": names, "population": np.abs(amplitudes) ** 2,
                                    "phase": np.angle(amplitudes)}))


def patterns(sample: Sample, theme: Theme = "light", *, group: str = "") -> Picture:
    """The outcome patterns that vote most for and most against; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    found, work, elements = decision_operators.operator_of(sample, group), sample.work, _elements(sample)
    last = len(found.values) - 1
    shown = [*range(last, last - SHOWN_PATTERNS, -1), *range(SHOWN_PATTERNS - 1, -1, -1)]
    bits, votes = np.array([found.bits(k) for k in shown]), found.votes[shown]
    return Picture(
        "patterns", f"Votes most for ({votes[0]:+.2f}): {_said(bits[0], elements)}",
        figures.outcome_patterns(bits, votes, elements, found.modalities, work.modalities, theme=theme),
        shows=f"the {SHOWN_PATTERNS} outcome patterns that vote most for and, below the line, most against, each with "
              "its vote. The fusion reads a modality through its qubits' outcomes only, so patterns are the "
              "eigenstates. "
              + backgrounds.against(work.background),
        not_shown="how likely a pattern is: see the weights.",
        alt=f"Most for: {_said(bits[0], elements)}. Most against: {_said(bits[-1], elements)}.",
        table=lambda: pd.DataFrame({
            "vote": votes, "pattern": ["|".join("".join(map(str, row)) for row in each) for each in bits]}))


def effects(sample: Sample, theme: Theme = "light", *, group: str = "") -> Picture:
    """How the score changes when one element's qubit reads 1 instead of 0; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    found, work, elements = decision_operators.operator_of(sample, group), sample.work, _elements(sample)
    values = found.effects if found.effects is not None else np.zeros((len(found.modalities), len(elements)))
    m, i = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    return Picture(
        "effects", f"Element {text.plain(elements[int(i)])} of {text.plain(found.modalities[int(m)])} counts most "
                   f"({values[m, i]:+.2f})",
        figures.effects(values, elements, found.modalities, work.modalities, unit=sample.unit, theme=theme),
        shows="how the score changes when one element's qubit reads 1 instead of 0, all others as in the background. "
              + backgrounds.against(work.background),
        not_shown="how elements act together: the patterns do.",
        alt="Effects: " + "; ".join(f"{name}: {spoken.listed(elements, row, '+.2f')}"
                                    for name, row in zip(found.modalities, values, strict=True)) + ".",
        table=lambda: pd.DataFrame(values.T, columns=list(found.modalities)).assign(element=elements))


def along(sample: Sample, theme: Theme = "light", *, group: str = "", split: str = "test", up: str = "") -> Picture:
    """Many samples along the two extreme eigenstates.

    Args:
        sample: of any model; it is ringed.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the samples that are drawn.
        up: "weight against" or "score of the group"; by the number of eigenstates unless told.
    """
    found, own = decision_operators.votes_of(sample, group, split)
    work, up = sample.work, choose("y axis", up or default_up(found.operator), UPS)
    y, y_title = found.most_against, "weight on the state that votes most against"
    if up != UPS[0]:
        y, y_title = found.scores, f"v({' + '.join(found.operator.modalities)}), {sample.unit}"
    truth = np.asarray(work.dataset.y[found.rows], dtype=float)
    if work.classes:
        truth = (work.dataset.y[found.rows] == sample.output).astype(int)
    ids = work.dataset.ids[found.rows].tolist()
    strong = (found.most_for + found.most_against).mean()
    return Picture(
        "along", f"The two extremes hold {part(strong)} of a typical {split} sample",
        figures.along(ids, found.most_for, y, "weight on the state that votes most for", y_title, truth=truth,
                      truth_name=f"‘{work.classes[sample.output]}’" if work.classes else "truth",
                      split=bool(work.classes), chosen=sample.id, shares=(True, up == UPS[0]), theme=theme),
        shows=f"one point a sample, {len(ids):,} in all, coloured by truth; a click makes it the sample. This one, "
              f"ringed where it is among them: {part(own.most_for)} for, {part(own.most_against)} against. "
              + backgrounds.against(work.background),
        not_shown="the states in between: a sample may lie on neither.",
        alt=f"{len(ids)} samples along the two extremes; {sample.id} is ringed.",
        table=lambda: pd.DataFrame({"sample": ids, "weight_for": found.most_for, "weight_against": found.most_against,
                                    "score_of_group": found.scores, "truth": truth}))


def _levels(amplitudes: np.ndarray, names: list[str]) -> str:
    """The likeliest basis states in words."""
    mass = np.abs(amplitudes) ** 2
    order = [i for i in np.argsort(-mass)[:3] if mass[i] >= 0.1] or [int(mass.argmax())]
    return ", ".join(f"|{names[i]}⟩ {mass[i]:.0%}" for i in order)


def _elements(sample: Sample) -> tuple[str, ...]:
    """Names of the elements that a modality is read by."""
    work: Any = sample.work
    return tuple(work.elements) if work.model.elements_are_classes else tuple(map(str, range(work.model.elements)))


def _said(bits: np.ndarray, elements: tuple[str, ...]) -> str:
    """One pattern in words: the elements that read 1."""
    parts = []
    for row in bits:
        on = [text.plain(elements[i], 20) for i in np.flatnonzero(row)]
        parts.append("yes on " + ", ".join(on) if on else "no on all")
    return "; ".join(parts)


def _group(view: View) -> str | None:
    return view.get("votes").replace(WITH, "+") or None


NEAREST = 4  # samples that are shown on each side


def has_kets(sample: Sample, group: str = "", **_: Any) -> bool:
    """Whether the operator's eigenstates are kets, which can be drawn."""
    return sample.work.can("states") and decision_operators.operator_of(sample, group).vectors is not None


def has_patterns(sample: Sample, group: str = "", **_: Any) -> bool:
    """Whether the operator is of outcome patterns."""
    return sample.work.can("states") and not has_kets(sample, group)


def nearest_curve(sample: Sample, theme: Theme = "light", *, row: int, modality: str, card: str = "main") -> Picture:
    """A spectrum or profile of another sample, see `samples.curve`."""
    return samples.curve(sample.work, theme, row=row, modality=modality, card=card)


def _nearest(view: View, sample: Sample) -> list[str]:
    """Ends of the names of the curves of the samples nearest to both extremes."""
    if not sample.work.can("states"):
        return []
    found = decision_operators.votes_of(sample, _group(view) or "", view.get("among") or "test")[0]
    return [end for side in ("for", "against")
            for end in samples.curves(sample.work, found.nearest(side, NEAREST), f"{side}-card",
                                      found.operator.modalities)]


def allowed(view: View, work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the group, the split and the axis."""
    if not work.can("states"):
        return {}
    return {"votes": say.options("Group of modalities", decision_operators.group_labels(work),
                                 "The first modality is shown."),
            "among": say.options("Split", SPLITS, "The test samples are shown."),
            "against": say.options("Axis", UPS, "The weight against is shown.")}


_AMONG = {"group": _group, "split": word("among")}
PANELS = {
    "spectrum": Panel(spectrum, _AMONG, fits=can("states")),
    "along": Panel(along, {**_AMONG, "up": word("against")}, fits=can("states")),
    **{f"state-{side}": Panel(extreme, {"group": _group}, {"side": side}, fits=has_kets) for side in _EXTREME},
    "patterns": Panel(patterns, {"group": _group}, fits=has_patterns),
    "effects": Panel(effects, {"group": _group}, fits=has_patterns),
}
NAMED = {"content-": Panel(nearest_curve, rest=samples.which_curve, endings=_nearest)}
