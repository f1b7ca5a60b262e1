"""The Shapley values of the layers of a user's own circuit for one sample."""

import numpy as np

from qfusion._sentences import capitalise
from qfusion.analysis import circuit_changes, text
from qfusion.analysis.sample import Sample
from qfusion.figures import label_charts, style
from qfusion.panels import panel
from qfusion.views import alt_text
from qfusion.wording import extrema
from qfusion.wording.samples import cite_sample, name_explained_class


def layer_values(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw Shapley values of the layers of a circuit of a user's own.

    Args:
        sample: of a model that is an `EditableCircuit`.
        theme: of the figure.
    """
    result = circuit_changes.layer_shapley(sample.study, sample.row, sample.output, sample.tweak)
    names = [
        f"{name} ({count} gate{'s' * (count > 1)})"
        for name, count in zip(result.layers, result.gates, strict=True)
    ]
    figure = label_charts.interval_dots(
        names,
        {"layers": np.stack([result.shapley] * 3, 1)},
        hues=[style.SKY if name.startswith("layer") else style.BLUE for name in result.layers],
        x_title=f"Shapley value ({sample.unit})",
        theme=theme,
    )
    shown = [text.escape_markdown(name) for name in result.layers]
    change = result.whole - result.empty
    return panel.PanelFigure(
        "layer-shapley",
        capitalise(describe_layers(dict(zip(shown, result.shapley.tolist(), strict=True))))
        + name_explained_class(sample),
        figure,
        shows="the exact Shapley value of every layer over all coalitions of layers; a layer outside is replaced by "
        f"the identity. They sum to {change:+z.3f}, from {result.empty:z.3f} without any layer to {result.whole:z.3f}."
        + cite_sample(sample),
        not_shown="the results of a model trained without a layer: the others were trained together with it.",
        alt=f"Shapley values: {alt_text.list_numbers(shown, result.shapley, '+.3f')}.",
        table=result.frame,
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
