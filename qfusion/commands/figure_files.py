"""Render figures and compositions, and write their files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import qfusion
from qfusion._checks import check
from qfusion._files import write_file
from qfusion.commands.figure_options import restyle
from qfusion.commands.printing import print_remark, print_result


def render_figure(
    wanted: qfusion.figures.recipe.Recipe, kind: str, changed: dict[str, Any], anyway: bool = False
) -> tuple[bytes, dict[str, Any], list[str]]:
    """Returns a figure's file, what is printed of it, and what there is to know about it.

    Args:
        wanted: the figure. kind: of `FORMATS`. changed: what its style is to be besides.
        anyway: also of another model or data than the recipe's.
    """
    styled = replace(
        wanted, style=restyle(wanted.style, changed, {"format": kind} if kind != "json" else {})
    )
    cooked = qfusion.panels.reproduction.reproduce(styled, anyway=anyway)
    content, letters = qfusion.figures.export.noticed(
        lambda: (
            qfusion.panels.reproduction.apply_style(cooked, styled.style).to_json().encode()
            if kind == "json"
            else qfusion.panels.reproduction.save_panel(cooked, styled)
        ),
        kind,
    )
    return (
        content,
        figure_record(cooked) | {"look": styled.style.as_dict()},
        [*qfusion.panels.reproduction.recipe_warnings(wanted, cooked), letters],
    )


def read_recipe(path: Path) -> str:
    """Returns the recipe in a file, a recipe's own or a figure's, as JSON.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it holds none, or is too large.
    """
    check(
        qfusion.data.files.size_of(path) <= 64_000_000,
        f"{path.name} is too large for a figure. Give the figure or its recipe.",
    )
    return qfusion.figures.export.read_recipe(path.read_bytes())


def write_composition(
    whole: qfusion.figures.export.Composition, out: Path, anyway: bool, as_json: bool
) -> None:
    """Writes a composition's file and says so."""
    panels = qfusion.panels.compositions.reproduce_composition(whole, anyway=anyway)
    content, letters = qfusion.figures.export.noticed(
        lambda: qfusion.panels.compositions.save_composition(panels, whole), whole.style.format
    )
    write_figure(
        out,
        content,
        [*qfusion.panels.compositions.composition_warnings(whole, panels), letters],
        f"Figure of {len(panels)} panels",
        {
            "panels": [figure_record(panel) for panel in panels],
            "columns": whole.columns,
            "look": whole.style.as_dict(),
            "out": str(out),
        },
        as_json,
    )


def write_figure(
    out: Path,
    content: bytes,
    remarks: Iterable[str],
    what: str,
    about: dict[str, Any],
    as_json: bool,
) -> None:
    """Writes a figure's file, and says what there is to know about it."""
    write_file(out, content)
    for remark in filter(None, remarks):
        print_remark(f"qfusion: note: {remark}")
    print_remark(f"{what} written to {out}")
    print_result(about, as_json)


def figure_record(cooked: qfusion.panels.rendering.RenderedPanel) -> dict[str, Any]:
    """What is printed of a figure as JSON."""
    return {
        "page": cooked.recipe.page,
        "panel": cooked.recipe.panel,
        "title": cooked.title,
        "caption": cooked.caption,
        "made_from": dict(cooked.recipe.made_from),
        "numbers": cooked.recipe.numbers,
    }
