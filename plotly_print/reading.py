"""A plotly figure as plain dictionaries and arrays, and the check that nothing in it would be left
out silently: a setting that is not known here makes a figure be refused instead of drawn
wrongly."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

from plotly_print.points import SYMBOLS
from plotly_print.values import check


def _under(name: str, parts: str) -> str:
    return " ".join(f"{name}.{part}" for part in parts.split())


_FONT, _LINE = "color size family weight style", "color width dash"
_COLOUR_BAR = f"""
    thickness len outlinewidth tickvals ticktext nticks tickformat tickmode title.text title.side
    {_under("title.font", _FONT)} {_under("tickfont", _FONT)}"""
_COLOURED = f"""
    color colorscale cmin cmax cmid cauto reversescale showscale opacity line.color line.width
    {_under("colorbar", _COLOUR_BAR)}"""
_ERROR = "type array arrayminus symmetric color thickness width visible"
_ERRORS = f"{_under('error_x', _ERROR)} {_under('error_y', _ERROR)}"
_TRACE = "type name visible showlegend legendgroup opacity xaxis yaxis selectedpoints"
_CHOSEN = "selected.marker.opacity unselected.marker.opacity"
_AXIS = f"""
    visible type range autorange rangemode domain anchor side overlaying title.text title.standoff
    {_under("title.font", _FONT)} showline linecolor linewidth ticks ticklen tickwidth tickcolor
    {_under("tickfont", _FONT)} tickvals ticktext tickmode tick0 dtick nticks tickformat tickangle
    showticklabels ticklabelstandoff exponentformat showgrid gridcolor gridwidth griddash zeroline
    zerolinecolor zerolinewidth categoryorder categoryarray scaleanchor scaleratio constrain
    constraintoward matches color"""
_LEGEND = f"""
    orientation x y xanchor yanchor bgcolor traceorder tracegroupgap {_under("font", _FONT)}"""
_SHAPE = f"""
    type layer opacity fillcolor xref yref x0 x1 y0 y1 path visible {_under("line", _LINE)}"""
_NOTE = f"""
    text x y xref yref xanchor yanchor xshift yshift textangle showarrow opacity align visible
    {_under("font", _FONT)} ax ay axref ayref arrowcolor arrowwidth arrowhead arrowside arrowsize
    startarrowhead startarrowsize standoff bgcolor borderpad"""
_DIMENSION = "label values tickvals ticktext range constraintrange visible"
_TABLE = {
    "scatter": f"""
        {_TRACE} {_CHOSEN} x y mode text textposition fill fillcolor cliponaxis connectgaps
        {_ERRORS} {_under("line", _LINE)} line.shape line.simplify {_under("marker", _COLOURED)}
        marker.size marker.symbol {_under("textfont", _FONT)} textfont.shadow""",
    "bar": f"""
        {_TRACE} {_CHOSEN} x y base width offset orientation text textposition textangle cliponaxis
        constraintext offsetgroup alignmentgroup insidetextanchor {_under("marker", _COLOURED)}
        {_under("marker.pattern", "shape fgcolor bgcolor solidity size fillmode")}
        {_under("textfont", _FONT)} textfont.shadow {_ERRORS}""",
    "heatmap": f"""
        {_TRACE} x y z x0 dx y0 dy zmin zmax zmid zauto colorscale reversescale showscale xgap ygap
        texttemplate {_under("textfont", _FONT)} {_under("colorbar", _COLOUR_BAR)}""",
    "violin": f"""
        {_TRACE} x y x0 y0 orientation side width points spanmode scalemode fillcolor
        meanline.visible line.color line.width""",
    "box": f"""
        {_TRACE} x y lowerfence q1 median q3 upperfence offsetgroup fillcolor width orientation
        line.color line.width""",
    "parcoords": f"""
        type name visible {_under("dimensions[]", _DIMENSION)} {_under("labelfont", _FONT)}
        {_under("line", "color colorscale reversescale cmin cmax showscale")}
        {_under("tickfont", _FONT)}""",
    "layout": f"""
        {_under("xaxis", _AXIS)} {_under("yaxis", _AXIS)} paper_bgcolor plot_bgcolor showlegend
        height width barmode bargap bargroupgap boxmode boxgap boxgroupgap violinmode violingap
        violingroupgap {_under("font", _FONT)} {_under("margin", "l r t b pad autoexpand")}
        {_under("legend", _LEGEND)} {_under("shapes[]", _SHAPE)}
        {_under("annotations[]", _NOTE)}""",
}
# What of plotly's settings is drawn, by the kind of trace, and of the layout.
DRAWN = {kind: set(names.split()) for kind, names in _TABLE.items()}
# What only a screen has, wherever it stands.
_SCREEN = """
    hoverinfo hovertemplate hovertext hoverlabel hoveron hovermode hoverdistance spikedistance
    customdata ids meta uid uirevision dragmode clickmode selectdirection modebar autosize
    automargin fixedrange transition hovertemplatefallback captureevents clicktoshow itemclick
    itemdoubleclick groupclick selectionrevision rangefont texttemplatefallback unselected.line
    hoverformat zhoverformat xhoverformat yhoverformat hoverongaps separators alt"""
ABOUT_THE_SCREEN = set(_SCREEN.split())
_DASHES = {"solid", "dot", "dash", "longdash", "dashdot", "longdashdot"}
_ORDERS = {"trace", "category ascending", "category descending", "array"}
# Settings of which only some values are drawn.
ONLY: dict[str, set[Any]] = {
    "scatter.line.dash": _DASHES,
    "layout.shapes[].line.dash": _DASHES,
    "scatter.line.shape": {"linear", "hv", "vh", "hvh", "vhv"},
    "scatter.marker.symbol": SYMBOLS,
    "scatter.fill": {"none", "toself", "tozeroy", "tozerox", "tonexty"},
    "scatter.mode": {
        *("none", "lines", "markers", "text"),
        *("lines+markers", "markers+text", "lines+text", "lines+markers+text"),
    },
    "scatter.error_x.type": {"data"},
    "scatter.error_y.type": {"data"},
    "bar.error_x.type": {"data"},
    "bar.error_y.type": {"data"},
    "bar.textposition": {"outside", "inside", "none"},
    "bar.marker.pattern.shape": {"", "/", "\\", "x", "-", "|", "+"},
    "bar.marker.pattern.fillmode": {"replace"},
    "bar.textangle": {0},
    "violin.points": {False},
    "violin.spanmode": {"hard", "soft"},
    "violin.scalemode": {"width"},
    "violin.side": {"both", "positive", "negative"},
    "heatmap.colorbar.title.side": {"top", "right"},
    "scatter.marker.colorbar.title.side": {"top", "right"},
    "bar.marker.colorbar.title.side": {"top", "right"},
    "layout.barmode": {"group", "stack", "relative", "overlay"},
    "layout.boxmode": {"group", "overlay"},
    "layout.violinmode": {"overlay"},
    "layout.xaxis.type": {"-", "linear", "log", "category"},
    "layout.yaxis.type": {"-", "linear", "log", "category"},
    "layout.shapes[].type": {"line", "rect", "circle", "path"},
    "layout.shapes[].layer": {"above", "below", "between"},
    "layout.legend.orientation": {"h", "v"},
    "layout.legend.traceorder": {"normal", "grouped", "reversed"},
    "layout.annotations[].axref": {"pixel"},
    "layout.annotations[].ayref": {"pixel"},
    "layout.xaxis.categoryorder": _ORDERS,
    "layout.yaxis.categoryorder": _ORDERS,
    "layout.xaxis.constrain": {"domain"},
    "layout.yaxis.constrain": {"domain"},
    "layout.xaxis.ticks": {"outside", "inside", ""},
    "layout.yaxis.ticks": {"outside", "inside", ""},
}
_NUMBERED = re.compile(r"^([xy]axis)\d+")


def plain(figure: go.Figure) -> dict[str, Any]:
    """The figure's own dictionary of the traces that are seen and the layout, its arrays as
    NumPy's.

    Raises:
        PrintError: when it is no figure, or uses something that is not drawn; the message names it.
    """
    check(
        isinstance(figure, go.Figure),
        f"Argument `figure` must be a plotly figure, but is {type(figure).__name__}.",
    )
    whole = _decoded(figure.to_dict())
    layout: dict[str, Any] = whole.get("layout", {})
    template = layout.pop("template", {})
    usual = [trace for traces in template.get("data", {}).values() for trace in traces]
    check(
        not template.get("layout") and not any(set(trace) - {"type"} for trace in usual),
        "The figure has a plotly template with settings of its own, which is not read when it is "
        "drawn as a file. Set the layout of the figure itself.",
    )
    check(
        not whole.get("frames"),
        "The figure has animation frames, which cannot be drawn in one picture. Remove its "
        "`frames`.",
    )
    traces = [trace for trace in whole.get("data", []) if trace.get("visible", True) is True]
    for trace in traces:
        kind = str(trace.setdefault("type", "scatter"))
        check(
            kind in DRAWN,
            f"The figure has a trace of the kind {kind!r}, which is not drawn without a browser. "
            f"Use one of {sorted(set(DRAWN) - {'layout'})}, or export with Chrome.",
        )
        _check(trace, kind, f"a {kind} trace")
    _check(layout, "layout", "the layout")
    for name in ("shapes", "annotations"):
        layout[name] = [
            entry for entry in layout.get(name, []) if entry.get("visible", True) is True
        ]
    return {"data": traces, "layout": layout}


def _decoded(value: Any) -> Any:
    """The value with plotly's packed arrays unpacked."""
    if isinstance(value, dict) and "bdata" in value and "dtype" in value:
        shape = value.get("shape", -1)
        sizes = [int(n) for n in shape.split(",")] if isinstance(shape, str) else shape
        return np.frombuffer(
            base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]).newbyteorder("<")
        ).reshape(sizes)
    if isinstance(value, dict):
        return {key: _decoded(entry) for key, entry in value.items() if entry is not None}
    return [_decoded(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _check(settings: dict[str, Any], kind: str, where: str) -> None:
    for path, value in _settings(settings, kind):
        steps, name = path.split("."), path.replace("[]", "")
        if {steps[0], steps[-1]} & ABOUT_THE_SCREEN or path.endswith("src"):
            continue
        check(
            path in DRAWN[kind],
            f"The figure sets `{name}` in {where}, which is not drawn without a browser. Leave it "
            "out, or export with Chrome.",
        )
        values = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
        allowed = ONLY.get(f"{kind}.{path}", set())
        for bad in values if allowed else ():
            check(
                bad in allowed,
                f"The figure sets `{name}` to {str(bad)[:40]!r} in {where}, which is not drawn "
                f"without a browser. Use one of {sorted(map(str, allowed))}, or export with "
                "Chrome.",
            )


def _settings(settings: dict[str, Any], kind: str, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its dotted path; axes lose their numbers, entries of lists share `[]`."""
    for key, value in settings.items():
        path = before + (_NUMBERED.sub(r"\1", key) if kind == "layout" and not before else key)
        if path in ABOUT_THE_SCREEN:
            continue
        if isinstance(value, dict):
            yield from _settings(value, kind, path + ".")
        elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            for entry in value:
                yield from _settings(entry, kind, path + "[].")
        else:
            yield path, value
