"""What of plotly's settings is drawn: a setting that is not here makes a figure be refused instead of drawn wrongly."""

from __future__ import annotations

from typing import Any

from qfusion.renderer.traces.symbols import NAMES


def _under(name: str, *parts: str) -> set[str]:
    return {f"{name}.{part}" for part in parts}


_FONT = ("color", "size", "family", "weight", "style")
_LINE = ("color", "width", "dash")
_COLOUR_BAR = {"thickness", "len", "outlinewidth", "tickvals", "ticktext", "nticks", "tickformat", "tickmode",
               "title.text", "title.side", *_under("title.font", *_FONT), *_under("tickfont", *_FONT)}
_COLOURED = {"color", "colorscale", "cmin", "cmax", "cmid", "cauto", "reversescale", "showscale",
             *_under("colorbar", *_COLOUR_BAR)}
_ERROR = ("type", "array", "arrayminus", "symmetric", "color", "thickness", "width", "visible")
_TRACE = {"type", "name", "visible", "showlegend", "legendgroup", "opacity", "xaxis", "yaxis", "selectedpoints"}
_CHOSEN = {"selected.marker.opacity", "unselected.marker.opacity"}
_PATTERN = _under("pattern", "shape", "fgcolor", "bgcolor", "solidity", "size", "fillmode")

DRAWN: dict[str, set[str]] = {
    "scatter": {*_TRACE, *_CHOSEN, "x", "y", "mode", "text", "textposition", "fill", "fillcolor", "cliponaxis",
                "connectgaps",
                *_under("line", *_LINE, "shape", "simplify"),
                *_under("marker", *_COLOURED, "size", "symbol", "opacity", "line.color",
                        "line.width"),
                *_under("textfont", *_FONT, "shadow"), *_under("error_x", *_ERROR), *_under("error_y", *_ERROR)},
    "bar": {*_TRACE, *_CHOSEN, "x", "y", "base", "width", "offset", "orientation", "text", "textposition", "textangle",
            "cliponaxis", "constraintext", "offsetgroup", "alignmentgroup", "insidetextanchor",
            *_under("marker", *_COLOURED, "opacity", "line.color", "line.width", *_PATTERN),
            *_under("textfont", *_FONT, "shadow"), *_under("error_x", *_ERROR), *_under("error_y", *_ERROR)},
    "heatmap": {*_TRACE, "x", "y", "z", "x0", "dx", "y0", "dy", "zmin", "zmax", "zmid", "zauto", "colorscale",
                "reversescale", "showscale", "xgap", "ygap", "texttemplate", *_under("textfont", *_FONT),
                *_under("colorbar", *_COLOUR_BAR)},
    "violin": {*_TRACE, "x", "y", "x0", "y0", "orientation", "side", "width", "points", "spanmode", "scalemode",
               "fillcolor", "meanline.visible", *_under("line", "color", "width")},
    "box": {*_TRACE, "x", "y", "lowerfence", "q1", "median", "q3", "upperfence", "offsetgroup", "fillcolor", "width",
            "orientation", *_under("line", "color", "width")},
    "parcoords": {"type", "name", "visible", *_under("dimensions[]", "label", "values", "tickvals", "ticktext", "range",
                                                     "constraintrange", "visible"),
                  *_under("line", "color", "colorscale", "reversescale", "cmin", "cmax", "showscale"),
                  *_under("labelfont", *_FONT), *_under("tickfont", *_FONT)},
}
_AXIS = {"visible", "type", "range", "autorange", "rangemode", "domain", "anchor", "side", "overlaying", "title.text",
         "title.standoff", *_under("title.font", *_FONT), "showline", "linecolor", "linewidth", "ticks", "ticklen",
         "tickwidth", "tickcolor", *_under("tickfont", *_FONT), "tickvals", "ticktext", "tickmode", "tick0", "dtick",
         "nticks", "tickformat", "tickangle", "showticklabels", "ticklabelstandoff", "exponentformat", "showgrid",
         "gridcolor", "gridwidth", "griddash", "zeroline", "zerolinecolor", "zerolinewidth", "categoryorder",
         "categoryarray", "scaleanchor", "scaleratio", "constrain", "constraintoward", "matches", "color"}
_BOTH = ("type", "layer", "opacity", "fillcolor", "xref", "yref", "x0", "x1", "y0", "y1", "path", "visible")
DRAWN["layout"] = {
    *_under("xaxis", *_AXIS), *_under("yaxis", *_AXIS), "paper_bgcolor", "plot_bgcolor", "showlegend", "height",
    "width", "barmode", "bargap", "bargroupgap", "boxmode", "boxgap", "boxgroupgap", "violinmode", "violingap",
    "violingroupgap", *_under("font", *_FONT), *_under("margin", "l", "r", "t", "b", "pad", "autoexpand"),
    *_under("legend", "orientation", "x", "y", "xanchor", "yanchor", "bgcolor", "traceorder", "tracegroupgap",
            *_under("font", *_FONT)),
    *_under("shapes[]", *_BOTH, *_under("line", *_LINE)),
    *_under("annotations[]", "text", "x", "y", "xref", "yref", "xanchor", "yanchor", "xshift", "yshift", "textangle",
            "showarrow", "opacity", "align", "visible", *_under("font", *_FONT), "ax", "ay", "axref",
            "ayref", "arrowcolor", "arrowwidth", "arrowhead", "arrowside",
            "arrowsize", "startarrowhead", "startarrowsize", "standoff", "bgcolor", "borderpad"),
}

# What only a screen has, wherever it stands.
ABOUT_THE_SCREEN = {
    "hoverinfo", "hovertemplate", "hovertext", "hoverlabel", "hoveron", "hovermode", "hoverdistance", "spikedistance",
    "customdata", "ids", "meta", "uid", "uirevision", "dragmode", "clickmode", "selectdirection", "modebar", "autosize",
    "automargin", "fixedrange", "transition", "hovertemplatefallback",
    "captureevents", "clicktoshow", "itemclick", "itemdoubleclick", "groupclick", "selectionrevision", "rangefont",
    "texttemplatefallback", "unselected.line", "zhoverformat", "xhoverformat", "yhoverformat", "hoverongaps",
    "separators", "alt"}

_DASHES = {"solid", "dot", "dash", "longdash", "dashdot", "longdashdot"}
# Settings of which only some values are drawn.
ONLY: dict[str, set[Any]] = {
    "scatter.line.dash": _DASHES, "layout.shapes[].line.dash": _DASHES,
    "scatter.line.shape": {"linear", "hv", "vh", "hvh", "vhv"}, "scatter.marker.symbol": NAMES,
    "scatter.fill": {"none", "toself", "tozeroy", "tozerox", "tonexty"},
    "scatter.mode": {"lines", "markers", "lines+markers", "markers+text", "text", "lines+text", "lines+markers+text",
                     "none"},
    "scatter.error_x.type": {"data"}, "scatter.error_y.type": {"data"}, "bar.error_x.type": {"data"},
    "bar.error_y.type": {"data"}, "bar.textposition": {"outside", "inside", "none"},
    "bar.marker.pattern.shape": {"", "/", "\\", "x", "-", "|", "+"}, "bar.marker.pattern.fillmode": {"replace"},
    "bar.textangle": {0}, "violin.points": {False}, "violin.spanmode": {"hard", "soft"}, "violin.scalemode": {"width"},
    "violin.side": {"both", "positive", "negative"}, "heatmap.colorbar.title.side": {"top", "right"},
    "scatter.marker.colorbar.title.side": {"top", "right"}, "bar.marker.colorbar.title.side": {"top", "right"},
    "layout.barmode": {"group", "stack", "relative", "overlay"}, "layout.boxmode": {"group", "overlay"},
    "layout.violinmode": {"overlay"}, "layout.xaxis.type": {"-", "linear", "log", "category"},
    "layout.yaxis.type": {"-", "linear", "log", "category"}, "layout.shapes[].type": {"line", "rect", "circle", "path"},
    "layout.shapes[].layer": {"above", "below", "between"}, "layout.legend.orientation": {"h", "v"},
    "layout.legend.traceorder": {"normal", "grouped", "reversed"}, "layout.annotations[].axref": {"pixel"},
    "layout.annotations[].ayref": {"pixel"},
    "layout.xaxis.categoryorder": {"trace", "category ascending", "category descending", "array"},
    "layout.yaxis.categoryorder": {"trace", "category ascending", "category descending", "array"},
    "layout.xaxis.constrain": {"domain"}, "layout.yaxis.constrain": {"domain"},
    "layout.xaxis.ticks": {"outside", "inside", ""}, "layout.yaxis.ticks": {"outside", "inside", ""},
}
