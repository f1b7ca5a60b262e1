"""One figure as a self-contained HTML page that opens in any browser and reaches for no network."""

import base64
import hashlib
import html
import json

import plotly.graph_objects as go
import plotly.io as pio
from plotly.offline import get_plotlyjs

from qfusion.figures.export_style import ExportStyle, canvas, pixel, plotly_print
from qfusion.figures.offline_figure import CONFIG
from qfusion.figures.style import FONT, INK, PAPER, QUIET
from qfusion.figures.themes import read_theme

# Identifiers of elements of the page.
FIGURE = "qfusion-figure"
RECIPE = "qfusion-recipe"
_CONFIG = json.dumps(
    CONFIG
    | {
        "responsive": False,
        "toImageButtonOptions": {"format": "svg", "filename": "qfusion-figure"},
    }
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="qfusion">
<title>{title}</title>
<style>
body {{ margin: 24px; background: {paper}; color: {ink}; font: 14px/1.45 {font}; }}
figure {{ margin: 0 auto; width: {width}px; max-width: 100%; }}
h1 {{ font-size: 18px; line-height: 1.3; margin: 0 0 8px; unicode-bidi: isolate; overflow-wrap: anywhere; }}
figcaption {{ color: {quiet}; margin-top: 8px; unicode-bidi: isolate; overflow-wrap: anywhere; }}
#{figure_id} {{ width: {width}px; height: {height}px; overflow-x: auto; }}
</style>
<script type="application/json" id="{recipe_id}">{recipe}</script>
</head>
<body>
<figure>
{head}<div id="{figure_id}" role="img" aria-label="{label}"></div>
<noscript>This figure is drawn by the page itself and needs JavaScript.</noscript>
{foot}</figure>
<script>{plotly}</script>
<script>{draw}</script>
</body>
</html>
"""


def render_page(
    drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str
) -> bytes:
    """Return the page, in UTF-8; the same bytes for the same arguments and version of plotly.

    The figure is laid out as in print, and shown so large that its letters are those of the pages. The page's policy
    lets no script run but plotly and the drawing itself, whose digests it names, and lets nothing be loaded.

    Args:
        title, caption: any text, shown as it is where the style asks for it; both describe the figure to those who do
            not see it.
        recipe: JSON that is kept in the page.
    """
    theme = read_theme(drawn)
    width, height = (round(side / pixel(style)) for side in canvas(drawn, style))
    sized = go.Figure(drawn)
    sized.update_layout(width=width, height=height, autosize=False)
    plotly = get_plotlyjs()
    draw = (
        f'(function(f){{Plotly.newPlot("{FIGURE}",f.data,f.layout,{_CONFIG});}})'
        f"({escape_script(pio.to_json(sized, validate=False, engine='json'))});"
    )
    # Plotly compiles the shaders of these traces from text.
    compiled = {"parcoords", "splom", "scattergl"} & {trace.type for trace in drawn.data}
    compiles = " 'unsafe-eval'" if compiled else ""
    policy = (
        f"default-src 'none'; script-src {script_digest(plotly)} {script_digest(draw)}{compiles}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    described = ". ".join(part.rstrip(". ") for part in (title, caption) if part)
    head = ""
    if style.title and title:
        head = f"<h1>{html.escape(plotly_print.words.isolated(title))}</h1>\n"
    foot = ""
    if style.caption and caption:
        foot = f"<figcaption>{html.escape(plotly_print.words.isolated(caption))}</figcaption>\n"
    return _PAGE.format(
        head=head,
        foot=foot,
        label=html.escape(described or "Figure"),
        title=html.escape(title or "Figure"),
        policy=policy,
        paper=PAPER[theme],
        ink=INK[theme],
        quiet=QUIET[theme],
        font=FONT,
        width=width,
        height=height,
        figure_id=FIGURE,
        recipe_id=RECIPE,
        recipe=escape_script(recipe),
        plotly=plotly,
        draw=draw,
    ).encode()


def escape_script(json_text: str) -> str:
    """Return JSON that is safe in a script element. Nothing in it ends the element or begins a comment."""
    return (
        json_text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def script_digest(script: str) -> str:
    """Return how a page's policy names a script that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
