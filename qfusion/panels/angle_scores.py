"""The score of one sample, and its contributions, against one angle of the model's circuit."""

from typing import Any

from qfusion._checks import check, choose
from qfusion.analysis import angle_curves, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.explain.angle_response import angle_names
from qfusion.figures import angle_chart, style
from qfusion.figures.followed_series import now_meta
from qfusion.models.protocols import Circuit, EditableCircuit
from qfusion.panels import page_state, panel, params
from qfusion.wording import angles
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.samples import cite_sample, name_explained_class


def angle_scores(
    sample: Sample, theme: style.Theme = "light", *, angle: str = ""
) -> panel.PanelFigure:
    """Draw the explained score and its contributions over a full period of one angle, all others as they are.

    Args:
        sample: of a model whose angles can be set.
        theme: of the figure.
        angle: name of the angle, such as "3.011"; the one whose smallest turn changes the decision by default.
    """
    names = angle_curves.rank_angles(sample.study, sample.row)
    check(
        bool(names),
        f"Model '{sample.name}' has no angles of gates that can be set, so that none can be followed.",
    )
    name = choose("Angle", angle or names[0], names)
    curve = angle_curves.angle_curve(sample.study, sample.row, sample.output, sample.tweak, name)
    quantity = text.escape_markdown(sample.quantity)
    words = text.escape_markdown(angles.name_angle(sample.study, name))
    decided = _decisions(sample, curve)
    if decided and len(curve.flips):
        after = _decision_after(curve, decided)
        title = angles.describe_flip(curve, words, text.escape_markdown(after))
    else:
        title = angles.describe_range(curve, words, quantity + name_explained_class(sample))
        if decided:
            title += "; no value of it changes the decision"
    gate = f" ({curve.gate})" if curve.gate else ""
    figure = angle_chart.angle_curve(
        curve.angles,
        curve.scores,
        curve.dividends,
        sample.modalities,
        present=(curve.present, curve.present_score),
        learned=curve.learned,
        flips=curve.flips if decided else curve.flips[:0],
        decisions=decided if len(curve.flips) else (),
        unit=sample.unit,
        x_title=f"{angles.name_angle(sample.study, name)}{gate} (rad)",
        theme=theme,
    )
    figure.update_traces(meta=now_meta(name), selector={"name": "now"})
    shows = (
        f"{'above, ' if curve.dividends else ''}the {quantity}{name_explained_class(sample)} for every value of this "
        "angle, all others as they stand; "
        f"the ring is the value now, {curve.present:.2f} rad. "
    )
    if decided and len(curve.flips):
        shows += (
            "Dashed lines mark where the decision changes, and the words above them what it is. "
        )
    if curve.dividends:
        shows += "Below, the contributions that add up to it. "
    shows += angles.describe_polynomial(curve) + cite_sample(sample)
    if curve.dividends:
        shows += f" {describe_comparison(sample.study.background)}"
    not_shown = "the results of a model trained with another value: the other angles were trained with this one."
    if not curve.dividends:
        not_shown += (
            " Nor contributions: so many evaluations of all coalitions take long. They are drawn for angles that "
            "fewer gates share."
        )
    alt = (
        f"{sample.quantity} over {angles.name_angle(sample.study, name)}: from {curve.scores.min():+.3f} to "
        f"{curve.scores.max():+.3f}, now {curve.present_score:+.3f} at {curve.present:.2f} rad"
        + (
            f"; the decision changes at {', '.join(f'{flip:.2f}' for flip in curve.flips)} rad."
            if decided and len(curve.flips)
            else "; the decision does not change."
            if decided
            else "."
        )
    )
    return panel.PanelFigure(
        "angle",
        title,
        figure,
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=lambda: curve.frame().rename(columns={"score": sample.quantity}),
    )


def _decisions(sample: Sample, curve: angle_curves.AngleCurve) -> tuple[str, ...]:
    """Return the decisions along a curve in words; none of a score that nothing is decided by."""
    if sample.classes:
        return tuple(sample.classes[place] for place in curve.decided)
    if not sample.study.decides_by_sign:
        return ()
    return tuple("positive" if place else "negative" for place in curve.decided)


def _decision_after(curve: angle_curves.AngleCurve, decided: tuple[str, ...]) -> str:
    """Return the decision on the other side of the nearest flip."""
    nearest = int(abs(curve.distances).argmin())
    return f"‘{decided[nearest + 1 if curve.distances[nearest] > 0 else nearest]}’"


def can_follow(study: Study) -> bool:
    """Return whether the model's circuit has angles that can be set, and is shown on the Circuit page."""
    return study.model.part(Circuit) is not None and bool(angle_names(study.model))


ANGLE = params.SelectParam(
    "angle",
    "Angle",
    "The one whose smallest turn changes the decision is shown.",
    "The angle of one gate, or one that the gates of a layer share, by its name in edits.",
    lambda study: angle_names(study.model),
    checked=False,
    fits=can_follow,
)
FOLD = params.SwitchParam(
    "table.angle",
    "Score against one angle",
    "It stays folded.",
    fits=panel.needs(EditableCircuit, where=can_follow),
)
CONTROLS = (ANGLE, FOLD)


def _is_open(view: page_state.PageState) -> bool:
    if view.has_part(EditableCircuit):
        return FOLD.opens(view)
    return view.get("part") == "Sensitivity"


def _fits(sample: Any, **_: Any) -> bool:
    return can_follow(sample.study)


PANELS = {"angle": panel.Panel(angle_scores, {"angle": ANGLE}, fits=_fits, opens=_is_open)}
