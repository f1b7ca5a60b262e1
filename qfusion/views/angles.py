"""What one angle of a circuit does to the score, and what every layer of a circuit of a user's own does to it."""

import numpy as np

from qfusion._checks import check, choose
from qfusion._sentences import capitalise
from qfusion.analysis import angle_curves, circuit_changes, text
from qfusion.analysis.sample import Sample
from qfusion.figures import angle_chart, label_charts, style
from qfusion.figures.followed_series import now_meta
from qfusion.views import View, alt_text
from qfusion.wording import angles, extrema
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.samples import cite_sample, name_explained_class


def angle(sample: Sample, *, angle: str = "") -> View:
    """The explained score and its contributions over a full period of one angle, all others as they are.

    Args:
        sample: of a model whose angles can be set.
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
    label = angles.name_angle(sample.study, name)
    words = text.escape_markdown(label)
    explained = name_explained_class(sample)
    decided = _decisions(sample, curve)
    turns = bool(decided) and len(curve.flips) > 0
    if turns:
        after = _decision_after(curve, decided)
        title = angles.describe_flip(curve, words, text.escape_markdown(after))
    else:
        title = angles.describe_range(curve, words, quantity + explained)
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
        x_title=f"{label}{gate} (rad)",
    )
    figure.update_traces(meta=now_meta(name), selector={"name": "now"})
    above = below = against = ""
    untold = (
        " Nor contributions: so many evaluations of all coalitions take long. They are drawn for angles that fewer "
        "gates share."
    )
    if curve.dividends:
        above, below = "above, ", "Below, the contributions that add up to it. "
        against = f" {describe_comparison(sample.study.background)}"
        untold = ""
    dashed = ""
    if turns:
        dashed = (
            "Dashed lines mark where the decision changes, and the words above them what it is. "
        )
    change = ""
    if decided:
        change = "; the decision does not change"
    if turns:
        places = ", ".join(f"{flip:.2f}" for flip in curve.flips)
        change = f"; the decision changes at {places} rad"
    return View(
        figure,
        title,
        caption=f"{above}the {quantity}{explained} for every value of this angle, all others as they stand; the ring "
        f"is the value now, {curve.present:.2f} rad. {dashed}{below}{angles.describe_polynomial(curve)}"
        f"{cite_sample(sample)}{against}",
        limits="the results of a model trained with another value: the other angles were trained with this one."
        f"{untold}",
        table=curve.frame().rename(columns={"score": sample.quantity}),
        alternative=f"{sample.quantity} over {label}: from {curve.scores.min():+.3f} to {curve.scores.max():+.3f}, "
        f"now {curve.present_score:+.3f} at {curve.present:.2f} rad{change}.",
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


def layer_shapley(sample: Sample) -> View:
    """The Shapley values of the layers of a circuit of a user's own; of a model that is an `EditableCircuit`."""
    result = circuit_changes.layer_shapley(sample.study, sample.row, sample.output, sample.tweak)
    names = [
        f"{name} ({count} gate{'s' * (count > 1)})"
        for name, count in zip(result.layers, result.gates, strict=True)
    ]
    shown = [text.escape_markdown(name) for name in result.layers]
    change = result.whole - result.empty
    largest = describe_layers(dict(zip(shown, result.shapley.tolist(), strict=True)))
    return View(
        label_charts.interval_dots(
            names,
            {"layers": np.stack([result.shapley] * 3, 1)},
            hues=[style.SKY if name.startswith("layer") else style.BLUE for name in result.layers],
            x_title=f"Shapley value ({sample.unit})",
        ),
        f"{capitalise(largest)}{name_explained_class(sample)}",
        caption="the exact Shapley value of every layer over all coalitions of layers; a layer outside is replaced by "
        f"the identity. They sum to {change:+z.3f}, from {result.empty:z.3f} without any layer to {result.whole:z.3f}."
        f"{cite_sample(sample)}",
        limits="the results of a model trained without a layer: the others were trained together with it.",
        table=result.frame(),
        alternative=f"Shapley values: {alt_text.list_numbers(shown, result.shapley, '+.3f')}.",
    )


def describe_layers(values: dict[str, float]) -> str:
    """Describe which layer changes the explained score most, by their Shapley values."""
    sizes = {name: abs(value) for name, value in values.items()}
    return extrema.describe_extremum(
        sizes,
        none="No layer changes the score by as much as 0.01",
        one="{names} changes the score most ({value:.2f})",
        some="{names} change the score most, alike ({value:.2f})",
        every="All layers change the score alike ({value:.2f})",
        many="{count:,} layers alike",
    )
