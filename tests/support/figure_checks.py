"""What every figure of the core and of plugins keeps to: labels that fit, and no NaN unless it is a gap."""

from __future__ import annotations

import inspect
import itertools
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
import pytest

from plotly_print import layout, paper, reading
from plotly_print.scene import Hand, Scene, Words
from plotly_print.values import rgba
from qfusion.errors import InvalidInput
from qfusion.figures import style
from qfusion.figures.colours import apply_theme, is_scale_colour, repaint, replace_colours
from qfusion.figures.files import export_style
from qfusion.figures.guards import check_finite
from tests.support.figure_examples import HOSTILE

RECIPE = json.dumps({"page": "Samples", "title": "<b>ü & $x$</b>"}, ensure_ascii=False)


class Page(NamedTuple):
    """A figure on a page of so many points."""

    scene: Scene
    width: float
    height: float


def page_of(
    drawn: go.Figure,
    width: float = 252.283465,
    height: float | None = None,
    size: float = 7.0,
    **heads: str,
) -> Page:
    figure = reading.plain(drawn)
    pencil = Hand(size / 13, rgba("#17202B"), rgba("#fff"), 13.0)
    letter = export_style.SIZES["single"].letter
    texts = (heads.get("title", ""), heads.get("caption", ""))
    composed = layout.Layout(figure, pencil, width, height, *texts, letter)
    scene, tall = composed.page()
    return Page(scene, width, tall)


def labels(page: Page, *roles: str) -> list[Words]:
    return [mark for mark in page.scene.words() if mark.role in roles]


def check_labels(drawn: go.Figure) -> None:
    """Labels of a figure stand on its page, on one of a journal and on a slide, and do not overlap."""
    single, slide = (
        page_of(drawn, caption=HOSTILE),
        page_of(drawn, 720.0, 405.0, 16.0, title="Title"),
    )
    svg = paper.write(
        "svg",
        single.scene.ordered(),
        (single.width, single.height),
        rgba("#fff"),
        RECIPE,
        "",
        "q",
        72,
    )
    assert ET.fromstring(svg).get("width") == "89mm"
    assert b"<script" not in svg
    for page in (single, slide):
        for mark in page.scene.words():
            box = mark.box
            assert (
                min(box.left, box.bottom, page.width - box.right, page.height - box.top) > -0.3
            ), mark.block.text
            assert mark.block.size >= 5
        fixed = [
            mark
            for mark in labels(page, "tick", "title", "outside", "legend", "colour bar", "caption")
            if mark.angle % 90 == 0
        ]
        for a, b in itertools.combinations(fixed, 2):
            assert not a.box.overlaps(b.box, 1.2), f"{a.block.text!r} and {b.block.text!r}"
        for a, b in itertools.product(fixed, labels(page, "bar", "note", "point")):
            assert b.angle % 90 or not a.box.overlaps(b.box, 1.5), (
                f"{a.block.text!r} and {b.block.text!r}"
            )
        for letter, other in itertools.product(labels(page, "letter"), page.scene.words()):
            assert letter is other or not letter.box.overlaps(other.box), other.block.text


def check_dark(light: go.Figure) -> None:
    """A figure has no colour of white paper in the dark theme, and is not changed itself."""
    written = light.to_json()
    dark = apply_theme(light, "dark")
    found: set[str] = set()
    repaint(dark.to_plotly_json(), lambda colour: found.update(_colours_of(colour)) or colour)
    assert not found & set(style.DARK)
    assert json.loads(apply_theme(light, "light").to_json()) == json.loads(written)
    assert light.to_json() == written, "the figure that was given is changed"


def _colours_of(text: str) -> set[str]:
    """The hex colours of an attribute, but for those that scales have."""
    found: set[str] = set()
    if not is_scale_colour(text):
        replace_colours(text, lambda hue: found.add(hue) or hue)  # type: ignore[func-returns-value]
    return found


def check_nan(
    module: ModuleType,
    name: str,
    make: Callable[[], go.Figure],
    meant: Collection[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Counter[str]:
    """A drawing function refuses NaN and infinity in each of its arguments, or draws NaN as a gap where it is meant.

    Args:
        module: of the function. name: of it. make: draws an example with it. meant: arguments in which NaN is a gap.

    Returns:
        How many values were "refused" and how many "drawn".
    """
    real = getattr(module, name)
    seen: list[dict[str, Any]] = []

    def record(*args: Any, **kwargs: Any) -> go.Figure:
        seen.append(inspect.signature(real).bind(*args, **kwargs).arguments)
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, record)
        drawn = check_finite(make())
        assert type(drawn.layout.height) is int, name  # sent to browsers as a number of JSON
    count = Counter[str]()
    for argument, value in seen[0].items():
        for bad in (np.nan, np.inf):
            done: list[bool] = []
            given = {**seen[0], argument: _spoil(value, bad, done)}
            if not done:
                continue
            if argument in meant:
                count["drawn"] += bool(np.isnan(bad)) and check_finite(real(**given)) is not None
            else:
                with pytest.raises(InvalidInput, match="NaN or infin"):
                    check_finite(real(**given))
                count["refused"] += 1
    return count


def _spoil(value: Any, bad: float, done: list[bool]) -> Any:
    """A value with one of its numbers replaced."""
    if done:
        return value
    if isinstance(value, float | np.floating):
        done.append(True)
        return bad
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and value.size:
        value = value.copy()
        value.flat[-1] = bad
        done.append(True)
        return value
    if isinstance(value, dict):
        return {key: _spoil(each, bad, done) for key, each in value.items()}
    return (
        type(value)(_spoil(each, bad, done) for each in value)
        if type(value) in (list, tuple)
        else value
    )
