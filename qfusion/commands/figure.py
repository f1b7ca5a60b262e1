"""`figure`: a figure of the pages, written without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.commands._load import Data, Model, inputs, load, output_index
from qfusion.commands._output import Json, print_json, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from qfusion.explain import Explanation
    from qfusion.models import EntangledQCNN, QuantumJump

VIEWS = {"contributions": "baseline, terms and score, as a waterfall", "shapley": "Shapley values of the modalities, with their shares",
         "over-time": "entropies and terms through the evolution, or along the network's layers"}
SUFFIXES = (".html", ".json")
TIMES = 41


def figure(model: Model, sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
           out: Annotated[Path, typer.Option(help="The file to write: .html opens in a browser without a network, .json is plotly's own.")],
           view: Annotated[str, typer.Option(help=f"{', '.join(VIEWS)}.")] = "contributions", data: Data = None,
           output: Annotated[str | None, typer.Option(help="Which output; the one decided for unless given.")] = None,
           theme: Annotated[str, typer.Option(help="light or dark.")] = "light", as_json: Json = False) -> None:
    """Draw a sample's decision as the pages do and write the figure to a file, its numbers included."""
    from qfusion.explain import explain, streaming
    from qfusion.training import checkpoint

    choose("View", view, VIEWS)
    choose("Theme", theme, ("light", "dark"))
    check(out.suffix.lower() in SUFFIXES,
          f"Argument `--out` must end in {' or '.join(SUFFIXES)}, but is {out.name!r}. For SVG and PNG use the camera of a page.")
    found, dataset = load(model, data)
    row, physics = dataset.row(sample), found.fusion
    background = streaming.background_of(physics, dataset, dataset.rows(checkpoint.training_split(found.card)))
    features = inputs(dataset, row)
    explanation = explain(physics, features, background)
    index = output_index(explanation.outputs, output) if output else int(np.argmax(explanation.prediction[0]))
    unit = dataset.target.name if dataset.target.kind == "regression" else "score"
    if view == "over-time":
        drawn = _over_time(physics, features, background, index, unit, theme)
    else:
        drawn = _decision(explanation, view, index, unit, theme)
    title = (f"{sample}: {explanation.outputs[index]} {explanation.prediction[0, index]:.3f} by {model}, "
             f"against {background.size:,} training samples")
    drawn.update_layout(title={"text": _plain(title), "font": {"size": 14}}, margin={"t": 60}, width=900)
    with atomic(out) as part:
        part.write_text(drawn.to_html(include_plotlyjs=True, full_html=True) if out.suffix.lower() == ".html" else drawn.to_json(),
                        encoding="utf-8")
    say(f"Figure written to {out}")
    if as_json:
        print_json({"model": model, "data": dataset.name, "sample": sample, "view": view, "output": explanation.outputs[index],
                    "background": background.name, "background_size": background.size, "out": str(out)})


def _plain(text: str) -> str:
    """Text that plotly shows as it is: it would take tags for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _decision(found: Explanation, view: str, index: int, unit: str, theme: Any) -> go.Figure:
    from qfusion.explain import shares
    from qfusion.figures import decision

    if view == "contributions":
        return decision.waterfall(dict(zip(found.coalitions, found.dividends[0, :, index].tolist(), strict=True)), found.modalities,
                                  unit=unit, theme=theme)
    values, parts = ({name: float(array[0, m, index]) for m, name in enumerate(found.modalities)}
                     for array in (found.shapley, shares(found)))
    return decision.shapley_bars(values, parts, found.modalities, unit=unit, theme=theme)


def _over_time(model: QuantumJump | EntangledQCNN, features: dict[str, Any], background: Any, index: int, unit: str,
               theme: Any) -> go.Figure:
    from qfusion import explain, track
    from qfusion.explain.entropies import layer_entropies
    from qfusion.figures import dynamics, layers
    from qfusion.models import EntangledQCNN

    if isinstance(model, EntangledQCNN):
        found = explain.through_layers(model, features, background)
        entropies = layer_entropies(model, model.fuse(model.encode(features))[0][0].detach())
        series = {"entropy of the qubits in play": entropies.joint}
        return layers.decision_layers(found.moments, series, _terms(found, index), found.modalities, unit=unit, theme=theme)
    times = np.linspace(0, model.duration, TIMES)
    found = explain.through_time(model, features, background, times.tolist())
    psi = model.product_state(model.encode(features))[0].detach()
    frame = track.to_frame(track.track(model.system(), psi, times))
    series = {name: frame[f"entropy[{name}]" if name else "entropy"].to_numpy() for name in (*model.modalities, "")}
    return dynamics.decision_lines(times, series, _terms(found, index), found.modalities, unit=unit, theme=theme)


def _terms(found: Explanation, index: int) -> dict[str, np.ndarray]:
    return {name: found.dividends[:, 0, s, index] for s, name in enumerate(found.coalitions)}
