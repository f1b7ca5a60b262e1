"""Recipes: everything that a figure was made from, and its visible part, small enough for a link or a file."""

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import log10
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import pandas as pd
import plotly.graph_objects as go

from qfusion import __version__
from qfusion._checks import check, require_number
from qfusion._extras import installed_versions
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.figures.files.export_style import ExportStyle
from qfusion.figures.guards import Figure
from qfusion.figures.lines import keep_legend

KIND = "qfusion recipe"
VERSION = 1
MAX_TEXT = 64_000  # characters of a recipe
MAX_WORDS = 2_000
MAX_VALUES = 200  # parameters of an address
MAX_VALUE = 8_000  # characters of one parameter
_GIVE = "Give the .json file of the figure drawer, or an exported figure."
_NAME = re.compile(r"[\w.:+ |=,()-]{1,200}")
_PACKAGES = ("torch", "numpy", "qutip", "pennylane", "plotly", "matplotlib", "streamlit")


@dataclass(frozen=True)
class Recipe:
    """Inputs and settings from which a figure was made.

    Attributes:
        page: "overview", "dynamics", ...; panel: its name on the page.
        address: what stood in the page's address, values by name, in a list where a name may be repeated.
        style: how it was exported.
        made_from: names and digests of model and data, the sample, the model's training seed.
        software: versions by package. numbers: digest of the panel's table, see `table_digest`.
        title, caption: what is written above and below in the place of the panel's own; empty for that.
    """

    page: str
    panel: str
    address: Mapping[str, list[str]] = field(default_factory=dict)
    style: ExportStyle = field(default_factory=ExportStyle)
    made_from: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    numbers: str = ""
    title: str = ""
    caption: str = ""

    def text(self) -> str:
        """Return the recipe as JSON, the same for the same recipe."""
        return json.dumps(
            {
                "kind": KIND,
                "version": VERSION,
                "page": self.page,
                "panel": self.panel,
                "address": {key: list(values) for key, values in self.address.items()},
                "look": self.style.as_dict(),
                "made_from": dict(self.made_from),
                "software": dict(self.software),
                "numbers": self.numbers,
                "title": self.title,
                "caption": self.caption,
            },
            indent=1,
            sort_keys=True,
        )

    def like(self, other: Self) -> Self:
        """Return the same figure exported as another recipe says: its style, title and caption."""
        return replace(self, style=other.style, title=other.title, caption=other.caption)


def parse(text: str) -> Recipe:
    """Return a recipe from its JSON; names are looked up when the figure is drawn.

    Raises:
        InvalidInput: when it is not a recipe, of another version, or holds what no recipe holds.
    """
    record = _read_record(text)
    names = {key: record.get(key) for key in ("page", "panel")}
    for key, name in names.items():
        check(
            isinstance(name, str) and bool(_NAME.fullmatch(name)),
            f"Part `{key}` of the recipe must be a name, but is {str(name)[:60]!r}. Export the figure again.",
        )
    address = record.get("address", {})
    check(
        isinstance(address, dict)
        and len(address) <= MAX_VALUES
        and all(
            isinstance(values, list) and len(values) <= MAX_VALUES for values in address.values()
        )
        and all(
            isinstance(value, str) and len(value) <= MAX_VALUE
            for values in address.values()
            for value in values
        ),
        f"Part `address` of the recipe must hold lists of texts, at most {MAX_VALUES} of at most {MAX_VALUE:,} "
        "characters. Export the figure again.",
    )
    parts = {key: record.get(key, {}) for key in ("made_from", "software")}
    for key, part in parts.items():
        check(
            isinstance(part, dict),
            f"Part `{key}` of the recipe must be an object, but is {str(part)[:60]!r}. Export the figure again.",
        )
    return Recipe(
        str(names["page"]),
        str(names["panel"]),
        address,
        ExportStyle.parse(record.get("look", {})),
        parts["made_from"],
        {str(k): str(v) for k, v in parts["software"].items()},
        str(record.get("numbers", ""))[:80],
        str(record.get("title", ""))[:MAX_WORDS],
        str(record.get("caption", ""))[:MAX_WORDS],
    )


def _read_record(text: str) -> dict[str, Any]:
    """Return the contents of a recipe as parsed JSON."""
    check(
        len(text) <= MAX_TEXT,
        f"The recipe has {len(text):,} characters, and at most {MAX_TEXT:,} are read. Export the figure again.",
    )
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The recipe is not JSON ({str(error)[:120]}). {_GIVE}") from error
    check(
        isinstance(record, dict) and record.get("kind") == KIND,
        f"This JSON is not a {KIND}. {_GIVE}",
    )
    seen = record.get("version")
    made = record.get("software")
    newer = made.get("qfusion", "newer") if isinstance(made, dict) else "newer"
    check(
        seen == VERSION,
        f"The recipe has version {str(seen)[:20]!r}, and this qfusion ({__version__}) reads version {VERSION}. "
        + (
            f"It was made with qfusion {str(newer)[:20]}: install that version."
            if isinstance(seen, int) and seen > VERSION
            else "Export the figure again."
        ),
    )
    return record


@memo(1)
def software() -> dict[str, str]:
    """Return the versions of the packages that compute and draw figures."""
    return {"qfusion": __version__, **installed_versions(_PACKAGES)}


def table_digest(numbers: pd.DataFrame) -> str:
    """Return the SHA-256 of a table, in hex.

    Numbers are rounded to ten significant digits, on which machines agree.
    """
    return hashlib.sha256(
        numbers.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode()
    ).hexdigest()


def describe_changes(recipe: Recipe, made_from: Mapping[str, Any]) -> list[str]:
    """Describe how the sources of a recipe differ from the current ones, one sentence per difference."""
    parts = [
        (name, recipe.made_from.get(what), made_from.get(what))
        for what, name in (("model", "Model"), ("data", "Data set"))
    ]
    return [
        f"{name} '{str(now.get('name'))[:80]}' is not the one the recipe was made from: its digest is "
        f"{str(now.get('digest'))[:12]}, the recipe's {str(then.get('digest'))[:12]}."
        for name, then, now in parts
        if isinstance(then, dict)
        and isinstance(now, dict)
        and then.get("digest") != now.get("digest")
    ]


# What of a figure is shown: series left out and ranges of its axes, as one short text in the address.

MAX_VISIBLE = 1_000
MAX_LEFT_OUT = 30
_LARGEST = 1e9


@dataclass(frozen=True)
class VisibleRange:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        written = [
            (key, f"{pair[0]:g},{pair[1]:g}")
            for key, pair in (("x", self.x), ("y", self.y))
            if pair
        ]
        return urlencode([*(("hide", name) for name in self.hidden), *written])

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse_visible(text: str) -> VisibleRange:
    """Return a visible range from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(
        len(text) <= MAX_VISIBLE,
        f"What is shown of a figure is told in at most {MAX_VISIBLE:,} characters, but here are {len(text):,}. Choose "
        "anew what is shown.",
    )
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in (
        parse_qsl(text, max_num_fields=MAX_LEFT_OUT + 2)
        if text.count("&") < MAX_LEFT_OUT + 2
        else [("", text)]
    ):
        check(
            key in ("hide", "x", "y"),
            "What is shown of a figure is told by `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but here "
            f"stands {text[:60]!r}. Choose anew what is shown.",
        )
        if key == "hide":
            hidden.append(value)
        else:
            ends = value.split(",")
            check(
                len(ends) == 2,
                f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers.",
            )
            low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
            check(
                low < high,
                f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.",
            )
            ranges[key] = (low, high)
    return VisibleRange(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply_visible(drawn: go.Figure, visible: VisibleRange) -> go.Figure:
    """Return the figure with this visible range, or the figure itself if the range is empty."""
    if not visible:
        return drawn
    figure = Figure(hide_series(drawn, visible.hidden))
    for axis, span in (("xaxis", visible.x), ("yaxis", visible.y)):
        if span and axis in adjustable_axes(drawn):
            present = figure.layout[axis]
            log = present.type == "log"
            check(
                not log or span[0] > 0,
                f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.",
            )
            ends = [log10(end) for end in span] if log else list(span)
            if present.range and present.range[0] > present.range[1]:
                ends.reverse()
            for own in figure.select_xaxes() if axis == "xaxis" else [present]:
                own.update(range=ends, autorange=False)
            keep_legend(figure)
    return figure


def adjustable_axes(drawn: go.Figure) -> tuple[str, ...]:
    """Return the axes whose range can be chosen: those with numbers along them.

    The vertical one where there is only one.
    """
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    return tuple(
        axis for axis in (("xaxis", "yaxis") if single else ("xaxis",)) if _is_ranged(drawn, axis)
    )


def _is_ranged(drawn: go.Figure, name: str) -> bool:
    """Return whether an axis has numbers along it, and ticks of plotly's."""
    axis = drawn.layout[name]
    columns = (trace[name[0]] for trace in drawn.data if trace.type in ("scatter", "bar"))
    return (
        axis.visible is not False
        and axis.type in (None, "-", "linear", "log")
        and axis.tickvals is None
        and any(
            values is not None and len(values) > 0 and not isinstance(values[0], str)
            for values in columns
        )
    )


_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|span|a|u|s)\b[^<>]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def plain_legend_entry(entry: str) -> str:
    """Return a legend entry as a reader sees it: plotly's markup taken out, entities resolved."""
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", entry)))


def legend_entries(drawn: go.Figure) -> list[str]:
    """Return the names of the legend entries, each once. They are in the order of the figure, with groups together.

    See `plain_legend_entry` for how they read.
    """
    if not drawn.layout.showlegend:
        return []
    shown = [
        (entry, group or id(trace))
        for entry, group, trace in _entries(drawn)
        if _is_in_legend(trace)
    ]
    groups = list(dict.fromkeys(group for _, group in shown))
    shown.sort(key=lambda pair: groups.index(pair[1]))
    return list(dict.fromkeys(entry for entry, _ in shown))


def _is_in_legend(trace: Any) -> bool:
    shown = (True,) if trace.type == "heatmap" else (True, None)
    return trace.visible is not False and "showlegend" in trace and trace.showlegend in shown


def _entries(drawn: go.Figure) -> list[tuple[str, str | None, Any]]:
    """Return the name, legend group and trace of every series; plotly calls the third one without a name "trace 2"."""
    return [
        (
            f"trace {place}" if trace.name is None else str(trace.name),
            getattr(trace, "legendgroup", None),  # parallel coordinates have none
            trace,
        )
        for place, trace in enumerate(drawn.data)
    ]


def hide_series(drawn: go.Figure, hidden: Iterable[str]) -> go.Figure:
    """Draw the figure without the traces that belong to the named legend entries: of that name, or of a legend group
    that an entry leads.

    Entries are named as `legend_entries` or `plain_legend_entry` does. Names that this figure does not have leave
    nothing out; where nothing is left out, the figure itself is returned.
    """
    named = set(hidden)
    if not named:
        return drawn
    pairs = [
        (not named.isdisjoint((entry, plain_legend_entry(entry), group)), group)
        for entry, group, _ in _entries(drawn)
    ]
    groups = {group for is_named, group in pairs if is_named and group}
    gone = [is_named or group in groups for is_named, group in pairs]
    if not any(gone):
        return drawn
    figure = Figure(drawn)
    figure.data = [trace for trace, left_out in zip(figure.data, gone, strict=True) if not left_out]
    return figure
