"""Guards of figures: values that are not finite are refused, and no other host is contacted."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from qfusion._checks import check
from qfusion._lazy import load

_NUMBERS = (
    "x",
    "y",
    "z",
    "base",
    "value",
    "values",
    "array",
    "arrayminus",
    "lowerfence",
    "upperfence",
    "median",
    "q1",
    "q3",
    "size",
)
_WITHIN = ("error_x", "error_y", "marker", "link", "node")

P = ParamSpec("P")


def checks_arrays(
    *gaps: str, **shapes: str
) -> Callable[[Callable[P, go.Figure]], Callable[P, go.Figure]]:
    """Return a decorator of functions that draw: an argument is refused, by its name, where it has another shape, or
    holds NaN or infinity.

    Args:
        gaps: names of the arguments in which such numbers mean something, and are drawn so.
        shapes: of arguments, a letter a dimension (`values="S G"`), equal letters for equal sizes, which the first to
            have a letter says; "N+" is at least 1, "3" is 3. Of several under names it is the shape of each.
    """

    def decorate(function: Callable[P, go.Figure]) -> Callable[P, go.Figure]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> go.Figure:
            given = signature.bind(*args, **kwargs).arguments
            sizes = dict[str, int]()
            for name, letters in shapes.items():
                _check_shape(name, given.get(name), letters.split(), sizes)
            for name, value in given.items():
                bad = 0 if name in gaps else _count_not_finite(value, False)
                check(
                    not bad,
                    f"Argument `{name}` must be finite to be drawn, but holds {bad} NaN or infinite "
                    f"{'number' if bad == 1 else 'numbers'}. Check the data, the weights and the tweak.",
                )
            return function(*args, **kwargs)

        return drawn

    return decorate


def _check_shape(name: str, value: Any, letters: Sequence[str], sizes: dict[str, int]) -> None:
    """Raise an error if an argument does not have the shape given by these letters. Sizes that are not known yet are
    set to those of the argument.
    """
    for part in value.values() if isinstance(value, Mapping) else () if value is None else [value]:
        shape = np.shape(part) if len(letters) > 1 or hasattr(part, "shape") else (len(part),)
        for letter, size in zip(letters, shape, strict=False):
            sizes.setdefault(letter, int(letter) if letter.isdigit() else size)
        wanted = tuple(sizes.get(letter, 1) for letter in letters)
        check(
            shape == wanted,
            f"Argument `{name}` must have shape {wanted} to fit the others, but has shape {shape}.",
        )
        check(
            0 not in [size for letter, size in zip(letters, shape, strict=True) if "+" in letter],
            f"Argument `{name}` must hold at least one entry, but is empty.",
        )


def check_finite(figure: go.Figure) -> go.Figure:
    """Return the figure unchanged after checking that every number of its traces and of its layout is finite.

    A gap that is meant is None, or NaN in a trace that says `connectgaps=False`, a heat map `hoverongaps=False`: plotly
    and the renderer draw nothing there. Any other NaN, and every infinity, would be drawn as such a gap, and a reader
    would not know that something went wrong.

    Raises:
        InvalidInput: when a number is NaN or infinite.
    """
    # Plotly's own dictionaries: asked for by its names, they take 20 ms, and sliders wait.
    for number, trace in enumerate(figure._data, 1):
        gaps = trace.get("connectgaps") is False or trace.get("hoverongaps") is False
        for part, name in (
            (trace, ""),
            *((trace[name], f"{name}.") for name in _WITHIN if name in trace),
        ):
            for key in _NUMBERS:
                bad = _count_not_finite(part[key], gaps) if key in part else 0
                check(
                    not bad,
                    f"The figure would show NaN or infinity ({bad} times in `{name}{key}` of series "
                    f"{trace.get('name') or number}). Check the data, the weights and the tweak.",
                )
    wrong = sum(not math.isfinite(value) for value in _iterate_floats(figure._layout))
    check(
        not wrong,
        f"The figure's axes, lines or notes would stand at {wrong} places that are NaN or infinite. Check "
        "the data, the weights and the tweak.",
    )
    return figure


def _count_not_finite(values: Any, gaps: bool) -> int:
    """Return how many of some numbers must not be shown."""
    if not (isinstance(values, np.ndarray) and values.dtype.kind in "fc"):
        values = np.array(list(_iterate_floats(values)))
    return int(np.isinf(values).sum() if gaps else values.size - np.isfinite(values).sum())


def _iterate_floats(value: Any) -> Iterator[float]:
    """Yield the numbers in nested lists and dictionaries; words and None are none."""
    left = [value]
    while left:
        match value := left.pop():
            case float() | np.floating():
                yield float(value)
            case dict():
                left.extend(value.values())
            case np.ndarray() if value.dtype.kind != "O":
                yield from np.abs(value).ravel().tolist() if value.dtype.kind in "fc" else ()
            case [str(), *_] if len(value) > 100:
                pass
            case list() | tuple() | np.ndarray():
                left.extend(value)
            case _ if dataclasses.is_dataclass(value):
                left.extend(vars(value).values())


CONFIG = {
    "displaylogo": False,  # a link to Plotly's site
    "showSendToCloud": False,
    "plotlyServerURL": "",
}
# Plotly's renderers for notebooks. Figures in those named first are drawn in the page of the whole notebook, so that
# plotly.js is needed once; the others isolate every output.
SHARED_PAGE = {"notebook", "notebook_connected", "plotly_mimetype", "jupyterlab"}
ISOLATED = {"colab", "kaggle", "azure", "databricks", "vscode", "nteract", "cocalc", "iframe"}
MIME_TYPE = "application/vnd.plotly.v1+json"
# Renderers in whose notebook this process has written plotly.js.
pages_with_library: set[str] = set()


class Figure(go.Figure):
    """Figure whose display in notebooks needs no network.

    It differs from `plotly.graph_objects.Figure` in display alone. The user's choice of a renderer,
    `plotly.io.renderers.default`, is respected.
    """

    def show(self, *arguments: Any, **options: Any) -> None:
        """Show the figure in the notebook, or with the renderer that is set or given."""
        bundle = {} if arguments or "renderer" in options else self._notebook_bundle()
        if bundle:
            load("IPython.display").display(bundle, raw=True)  # there wherever notebooks run
        else:
            super().show(*arguments, **{"config": CONFIG, **options})

    def _ipython_display_(self) -> None:
        self.show()

    def _repr_html_(self) -> str:
        """Return the figure as HTML that holds plotly.js."""
        return self._to_html(include_library=True)

    def _repr_mimebundle_(self, *_: Any, **options: Any) -> dict[str, Any]:
        bundle = self._notebook_bundle()
        return bundle or super()._repr_mimebundle_(**{"config": CONFIG, **options})

    def _notebook_bundle(self) -> dict[str, Any]:
        """Return the representations of the figure for a notebook, by MIME type; empty for other renderers."""
        renderers = set(pio.renderers.default.split("+"))
        if not renderers & (SHARED_PAGE | ISOLATED):
            return {}
        is_shared = not renderers & ISOLATED
        include_library = not (is_shared and pio.renderers.default in pages_with_library)
        pages_with_library.add(pio.renderers.default)
        return {
            MIME_TYPE: {**json.loads(self.to_json()), "config": CONFIG},
            "text/html": self._to_html(include_library=include_library),
        }

    def _to_html(self, *, include_library: bool) -> str:
        return pio.to_html(
            self,
            config=CONFIG,
            include_plotlyjs=include_library,
            include_mathjax=False,
            full_html=False,
            validate=False,
        )
