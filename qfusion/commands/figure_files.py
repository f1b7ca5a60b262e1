"""Render figures, and write their files."""

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
    wanted: qfusion.figures.files.recipe.Recipe,
    kind: str,
    changed: dict[str, Any],
    anyway: bool = False,
) -> tuple[bytes, dict[str, Any], list[str]]:
    """Return the content of a figure's file, its record for JSON, and remarks.

    Args:
        wanted: recipe of the figure.
        kind: file format, of `figure.FORMATS`.
        changed: fields of the style that override those of the recipe.
        anyway: draw also if the recipe was made with another model or data set.
    """
    reproduction = qfusion.views.pages.rendering
    always = {} if kind == "json" else {"format": kind}
    styled = replace(wanted, style=restyle(wanted.style, changed, always))
    rendered = reproduction.reproduce(styled, anyway=anyway)

    if kind == "json":
        content = reproduction.apply_style(rendered, styled.style).to_json().encode()
    else:
        content = reproduction.save_panel(rendered, styled)
    record = figure_record(rendered) | {"look": styled.style.as_dict()}
    return content, record, reproduction.recipe_warnings(wanted, rendered)


def read_recipe(path: Path) -> str:
    """Return the recipe in a file as JSON; the file is a recipe or an exported figure.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it holds none, or is too large.
    """
    check(
        qfusion.data.files.file_size(path) <= 64_000_000,
        f"{path.name} is too large for a figure. Give the figure or its recipe.",
    )
    return qfusion.figures.files.export.read_recipe(path.read_bytes())


def write_figure(
    out: Path, content: bytes, remarks: Iterable[str], about: dict[str, Any], as_json: bool
) -> None:
    """Write the file of a figure, and print its remarks and its record."""
    write_file(out, content)
    for remark in remarks:
        print_remark(f"qfusion: note: {remark}")
    print_remark(f"Figure written to {out}")
    print_result(about, as_json)


def figure_record(panel: qfusion.views.pages.rendering.RenderedPanel) -> dict[str, Any]:
    """Return the record of a figure for JSON."""
    return {
        "page": panel.recipe.page,
        "panel": panel.recipe.panel,
        "title": panel.title,
        "caption": panel.caption,
        "made_from": dict(panel.recipe.made_from),
        "numbers": panel.recipe.numbers,
    }
