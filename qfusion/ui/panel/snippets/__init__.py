"""Python programs that recompute the numbers under a panel with the library, to copy and run. Free of streamlit.

    print(snippet("waterfall", "samples", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

The program ends with the table in `numbers`, a DataFrame with the columns of the panel's CSV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfusion import panels
from qfusion._checks import choose
from qfusion.panels.panel import Panel
from qfusion.panels.view import Address, View
from qfusion.ui.panel.snippets.assemble import called, program

# Page (its title in small letters) -> panel -> the panel, body of the program, or what makes it of a view.
PAGES: dict[str, dict[str, Any]] = {
    "overview": panels.overview.PANELS, "samples": panels.samples.PANELS | panels.inside.PANELS,
    "dynamics": panels.dynamics.PANELS | panels.physics.PANELS | panels.cuts.PANELS | panels.building.PANELS
                | {"decision-layers": panels.layers.PANELS["decision-layers"],
                   "entropy-gates": Panel(panels.circuit.entropies, fixed={"marked": False})},
    "circuit": panels.circuit.PANELS | panels.layers.PANELS | panels.rules.PANELS | panels.noise.PANELS | panels.physics.PANELS,
    "what if": panels.what_if.PANELS | panels.flips.PANELS, "decision operators": panels.operators.PANELS,
    "cohorts": panels.cohorts.PANELS, "compare": panels.compare.PANELS, "faithfulness": panels.faithfulness.PANELS,
    "data": panels.data.PANELS, "train": panels.train.PANELS, "sweeps": panels.sweeps.PANELS, "leaderboard": panels.leaderboard.PANELS,
}
# Panels that there are several of, for modalities or samples, by how their name begins.
NAMED: dict[str, Mapping[str, Panel]] = {
    "overview": panels.overview.NAMED | panels.samples.NAMED, "samples": panels.samples.NAMED,
    "what if": panels.what_if.NAMED | panels.samples.NAMED, "decision operators": panels.samples.NAMED,
    "compare": panels.samples.NAMED, "faithfulness": panels.faithfulness.NAMED, "train": panels.train.NAMED,
}


def covers(panel: str, page: str) -> bool:
    """Returns whether there is a program for a panel of a page."""
    return panel in PAGES.get(page.lower(), {}) or any(panel.startswith(start) for start in NAMED.get(page.lower(), {}))


def snippet(panel: str, page: str, query: Address) -> str:
    """Returns a program that recomputes the numbers of a panel.

    Args:
        panel: its name. page: title of its page, in whatever letters.
        query: the page's address, values by name (in a list where a name may be repeated), with at least the model, data set and sample
            where the page has them. What it does not say is taken as the page would.

    Raises:
        NotFound: when there is no such page, no program for the panel, or no such model.
        InvalidInput: when a value of the address cannot be one of ours.
    """
    view = View(choose("Page", page.lower(), PAGES), query)
    found = PAGES[view.page].get(panel)
    if found is None:
        known = NAMED.get(view.page, {})
        start = next((start for start in known if panel.startswith(start)), "")
        if not start:
            choose(f"Snippet on page '{view.page}'", panel, PAGES[view.page])
        rest, named = panel.removeprefix(start), known[start]
        return program(view, panel, called(named, view, rest) if isinstance(named, Panel) else named(view, rest))
    if isinstance(found, Panel):
        return program(view, panel, called(found, view))
    return program(view, panel, found(view) if callable(found) else found)
