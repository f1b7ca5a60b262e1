"""Texts of the panels of a page, and their comparison with a file.

With QFUSION_REWRITE=1 the files are written anew: read their difference before you commit them. Alternative texts are
left out, as they list the numbers of the figures.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from qfusion.errors import QFusionError
from qfusion.views.pages import catalogue, page_state
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.panel import Panel
from qfusion.views.view import View

Condition = Callable[[str, Panel], bool]  # of a panel, by its name


def page_sentences(view: PageState, has: Condition) -> Iterator[str]:
    """Lines with the texts of the panels of a page that fit its sample.

    Args:
        view: the page under an address. has: which of its panels.
    """
    yield f"\n# {view.page}"
    for name, picture in _build_pictures(view, has):
        yield f"\n## {name}"
        yield picture.full_title
        for label, words in (
            ("lead", picture.lead),
            ("shows", picture.caption),
            ("limits", picture.limits),
        ):
            if words:
                yield f"{label}: {' '.join(words.split())}"


def _build_pictures(view: PageState, has: Condition) -> Iterator[tuple[str, View]]:
    opened: dict[str, Any] = {}
    parts = catalogue.page_parts(view.page)
    panels: dict[str, Panel] = {**parts.panels, **parts.families}
    for start, panel in panels.items():
        if not has(start, panel):
            continue
        scope = page_state.open_scope(view, panel.scope, opened)
        with suppress(QFusionError):  # a family without members
            for end in panel.endings(view, scope):
                arguments = panel.arguments(view, end)
                if panel.fits(scope, **arguments):
                    yield start + end, panel.build(scope, **arguments)


def check_sentences(path: Path, sentences: Iterable[str]) -> None:
    """Compare lines with those of a file, or write it anew."""
    lines = "\n".join(sentences).splitlines()
    if os.environ.get("QFUSION_REWRITE") == "1":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    before = path.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(before, lines, path.name, "now", n=1, lineterm=""))
    assert not changes, "\n".join(changes)
