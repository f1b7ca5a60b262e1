"""A page run without a browser, and one of its panels taken from it: figures from recipes and links, on the command line and in notebooks.

The page's own code runs, in Streamlit's runner for tests, so what comes out is what stands on the screen.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import plotly.graph_objects as go

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput, QFusionError
from qfusion.figures import VIEWS
from qfusion.figures.export.recipe import MAX_TEXT, Recipe, changes, digest_of, parse, software
from qfusion.figures.theme import in_theme
from qfusion.figures.visible import without

# They remark, a dozen times a page and from the first import on, that no server runs.
for _name in ("streamlit.runtime.scriptrunner_utils.script_run_context", "streamlit.runtime.caching.cache_data_api"):
    logging.getLogger(_name).disabled = True

from qfusion.ui.frame import shell, state  # noqa: E402
from qfusion.ui.frame.serving import SCRIPT  # noqa: E402
from qfusion.ui.panel import capture  # noqa: E402
from qfusion.ui.panel.capture import Taken  # noqa: E402

BY_NAME = "figures"  # in the place of a page: a function of `qfusion.figures`
_NAMED = ("model", "sample", "data", "output", "background", "contrast", "tweak")
MAX_SECONDS = 300  # seconds that a page may take
FILES = {title.lower(): file for pages in shell.PAGES.values() for file, title, _ in pages}
_STEMS = {"" if file == "app.py" else Path(file).stem: title for title, file in FILES.items()}


def run(page: str, address: Mapping[str, Sequence[str]], panel: str = "") -> Any:
    """Runs a page and returns Streamlit's app; `panel` is handed over to `capture`.

    Args:
        page: title of the page, in small letters. address: values by name.

    Raises:
        InvalidInput: when a part of the address does not fit; QFusionError: when the page cannot be shown.
    """
    from streamlit.testing.v1 import AppTest

    file = FILES[choose("Page", page, FILES)]
    app = AppTest.from_file(str(SCRIPT), default_timeout=MAX_SECONDS)
    if file != "app.py":
        app.switch_page(file)
    for key, values in address.items():
        app.query_params[key] = list(values) if len(values) != 1 else values[0]
    app.session_state[capture.WANTED] = panel
    app.session_state[capture.NAMES] = []
    app.session_state[capture.TAKEN] = {}
    app.run()
    if app.exception:
        raise InvalidInput(f"Page '{page}' cannot be drawn with this address ({str(app.exception[0].value)[:200]}).")
    notices = app.session_state[state.NOTICES] if state.NOTICES in app.session_state else []  # noqa: SIM401 - it has no `get`
    check(not notices, " ".join(notices))
    check(not app.error, " ".join(str(each.value) for each in app.error))
    return app


def panels(page: str, address: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the names of the panels that a page shows under an address."""
    return list(dict.fromkeys(run(page, address).session_state[capture.NAMES]))


def take(page: str, panel: str, address: Mapping[str, Sequence[str]]) -> Taken:
    """Returns one panel of a page.

    Raises:
        NotFound: when the page does not show it, with those that it shows.
    """
    if page == BY_NAME:
        return _by_name(panel, address)
    app = run(page, address, panel)
    choose(f"Panel of page '{page}' (under this address)", panel, dict.fromkeys(app.session_state[capture.NAMES]))
    found: Taken = app.session_state[capture.TAKEN][panel]
    return found


def take_all(page: str, address: Mapping[str, Sequence[str]]) -> dict[str, Taken]:
    """Returns every panel of a page, by name."""
    return dict(run(page, address, capture.EVERY).session_state[capture.TAKEN])


def _by_name(view: str, address: Mapping[str, Sequence[str]]) -> Taken:
    """A figure of `qfusion.figures.notebook`, asked for by `figure --model ... --view ...`."""
    from qfusion.analysis.case import case
    from qfusion.figures import notebook, numbers
    from qfusion.figures.draw import building, cuts

    name = choose("View", view, VIEWS).replace("-", "_")
    unknown = sorted(set(address) - set(_NAMED))
    check(not unknown and {"model", "sample"} <= set(address), f"The recipe of a figure by name says {', '.join(_NAMED)}, but this one "
                                                               f"says {', '.join(sorted(address))[:200]}. Export the figure again.")
    asked = {key: values[0] for key, values in address.items() if values}
    found = case(asked.pop("model"), asked.pop("sample"), **asked)
    table = getattr(numbers, name)(found)
    card = found.checkpoint.card
    made_from = {"model": {"name": found.name, "digest": card.get("weights_sha256", "")},
                 "data": {"name": found.dataset.name, "digest": found.dataset.digest}, "sample": found.sample, "seed": card.get("seed"),
                 "output": found.explanation.outputs[found.output], "background": found.background.name,
                 "background_size": int(found.background.size)}
    output = made_from["output"]
    against = f"{found.background.size:,} samples of the background '{found.background.name}'"
    recipe = Recipe(BY_NAME, view, {key: list(values) for key, values in address.items()},
                    made_from=made_from, software=software(), numbers=digest_of(table))
    title = f"{found.name} on {found.dataset.name}" if view == "cut-test" else f"{found.sample}: {output} {found.score:.3f} by {found.name}"
    says = {**cuts.SAYS, **building.SAYS}
    caption = f"Shows {says[view][0]} Does not show {says[view][1]}" if view in says else ""
    behind = "" if view in cuts.SAYS else f"Compared with {against}."
    return Taken(getattr(notebook, name)(found), title, f"{caption} {behind}".strip(), table, recipe)


def of_link(link: str) -> tuple[str, dict[str, list[str]]]:
    """Returns page and address of a copied link.

    Raises:
        InvalidInput, NotFound: when it is not a link to one of our pages.
    """
    check(len(link) <= MAX_TEXT, f"The link has {len(link):,} characters, and at most {MAX_TEXT:,} are read. Copy it again.")
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput(f"The link cannot be read ({str(error)[:100]}). Copy it again.") from error
    return _STEMS[choose("Page", parts.path.strip("/").rsplit("/", 1)[-1], _STEMS)], query


def cook(recipe: Recipe, *, anyway: bool = False) -> Taken:
    """Returns the panel that a recipe describes.

    Args:
        anyway: also when model or data are not those of the recipe.

    Raises:
        InvalidInput: when they are not, or the recipe's address no longer fits; NotFound, DataUnavailable: when they are missing.
    """
    try:
        taken = take(recipe.page, recipe.panel, recipe.address)
    except QFusionError as error:
        raise type(error)(f"The recipe cannot be followed: {error}") from error
    moved = changes(recipe, taken.recipe.made_from)
    check(anyway or not moved, f"{' '.join(moved)} Get that model and data, or draw the figure anyway with `--anyway`.")
    return taken


def remarks(recipe: Recipe, taken: Taken) -> list[str]:
    """What a reader should know about a figure made again: other versions, other numbers."""
    found = [f"{package} was {then} and is {now}." for package, then in sorted(recipe.software.items())
             if (now := taken.recipe.software.get(package, "not here")) != then]
    if recipe.numbers and recipe.numbers != taken.recipe.numbers:
        found.append("The numbers are not the recipe's to ten digits.")
    return found


def draw(recipe: Recipe | Mapping[str, Any] | str) -> tuple[go.Figure, Any]:
    """Returns figure and numbers of a recipe (its JSON will do): for notebooks.

    Returns:
        the plotly figure in the recipe's theme, and the table behind it as a DataFrame.
    """
    import json

    found = recipe if isinstance(recipe, Recipe) else parse(recipe if isinstance(recipe, str) else json.dumps(recipe))
    taken = cook(found)
    return in_theme(without(taken.figure, found.style.hidden), found.style.theme), taken.numbers


def save(taken: Taken, recipe: Recipe) -> bytes:
    """Returns the file that a recipe describes, of the panel that was taken."""
    from qfusion.figures import export

    return export.save(taken.figure, recipe.style, title=recipe.title or taken.title, caption=recipe.caption or taken.caption,
                       recipe=taken.recipe.like(recipe).text())
