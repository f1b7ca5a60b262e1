"""`figure`: a figure of the pages, written without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.commands._load import Data, Model, load
from qfusion.commands._output import Json, print_json, say

VIEWS = {"contributions": "baseline, terms and score, as a waterfall", "shapley": "Shapley values of the modalities, with their shares",
         "over-time": "entropies and terms through the evolution, or along the network's layers"}
SUFFIXES = (".html", ".json")


def figure(model: Model, sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
           out: Annotated[Path, typer.Option(help="The file to write: .html opens in a browser without a network, .json is plotly's own.")],
           view: Annotated[str, typer.Option(help=f"{', '.join(VIEWS)}.")] = "contributions", data: Data = None,
           output: Annotated[str | None, typer.Option(help="Which output; the one decided for unless given.")] = None,
           theme: Annotated[str, typer.Option(help="light or dark.")] = "light", as_json: Json = False) -> None:
    """Draw a sample's decision as the pages do and write the figure to a file, its numbers included."""
    choose("View", view, VIEWS)
    choose("Theme", theme, ("light", "dark"))
    check(out.suffix.lower() in SUFFIXES,
          f"Argument `--out` must end in {' or '.join(SUFFIXES)}, but is {out.name!r}. For SVG and PNG use the camera of a page.")
    from qfusion.explain.case import case
    from qfusion.figures import notebook

    found, dataset = load(model, data)
    shown = case(found, sample, dataset, output=output)
    drawn = getattr(notebook, view.replace("-", "_"))(shown, theme=theme)
    background, name = shown.background, shown.explanation.outputs[shown.output]
    title = f"{sample}: {name} {shown.score:.3f} by {model}, against {background.size:,} training samples"
    drawn.update_layout(title={"text": _plain(title), "font": {"size": 14}}, margin={"t": 60}, width=900)
    with atomic(out) as part:
        part.write_text(drawn.to_html(include_plotlyjs=True, full_html=True) if out.suffix.lower() == ".html" else drawn.to_json(),
                        encoding="utf-8")
    say(f"Figure written to {out}")
    if as_json:
        print_json({"model": model, "data": dataset.name, "sample": sample, "view": view, "output": name,
                    "background": background.name, "background_size": background.size, "out": str(out)})


def _plain(text: str) -> str:
    """Text that plotly shows as it is: it would take tags for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
