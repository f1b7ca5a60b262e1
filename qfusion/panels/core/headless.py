"""One panel of a page, taken without the page: figures from recipes and links, on the command line and in notebooks.

What comes out is what stands on the screen: pages draw what the same builders give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import plotly.graph_objects as go

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput, QFusionError
from qfusion.figures import VIEWS, visible
from qfusion.figures.export.recipe import MAX_TEXT, Recipe, changes, digest_of, parse, software
from qfusion.figures.theme import in_theme
from qfusion.panels.core import programs
from qfusion.panels.core.opened import FREE, Opened

BY_NAME = "figures"  # in the place of a page: a function of `qfusion.figures`
_NAMED = ("model", "sample", "data", "output", "background", "contrast", "tweak")
# of pages that are not called as their address
_FILES = {"overview": "", "decision operators": "operators", "guided tour": "tour"}
WITHOUT = ("guided tour", "glossary")  # pages without figures
_STEMS = {_FILES.get(page, page.replace(" ", "_")): page for page in (*programs.PAGES, *WITHOUT)}
Address = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Taken:
    """A panel taken from a page: the figure as the address has it shown, its words, its table, and its recipe."""

    figure: go.Figure
    title: str
    caption: str
    numbers: pd.DataFrame
    recipe: Recipe


def panels(page: str, address: Address) -> list[str]:
    """Returns the names of the figures that a page shows under an address.

    Raises:
        InvalidInput, NotFound: when there is no such page, or a part of the address does not fit.
    """
    if page in WITHOUT:
        return []
    found = programs.opened(page, address)
    return [name for name in programs.shown(found.view) if name not in programs.WORDS]


def named(page: str, panel: str, address: Address) -> None:
    """Checks that a page shows a figure of this name; errors are those of `take`."""
    choose(f"Panel of page '{page}' (under this address)", panel, panels(page, address))


def take(page: str, panel: str, address: Address) -> Taken:
    """Returns one panel of a page.

    Args:
        page: its title, in small letters. panel: its name. address: of the page, values by name.

    Raises:
        NotFound: when the page does not show it, with those that it shows; otherwise as `panels`.
    """
    if page == BY_NAME:
        return _by_name(panel, address)
    if page in WITHOUT:
        choose(f"Panel of page '{page}'", panel, ())
    found = programs.opened(page, address)
    if panel in programs.WORDS or not any(programs.shown(found.view, panel)):
        choose(f"Panel of page '{page}' (under this address)", panel, panels(page, address))
    return _taken(found, panel)


def take_all(page: str, address: Address) -> dict[str, Taken]:
    """Returns every figure of a page, by name; errors are those of `panels`."""
    if page in WITHOUT:
        return {}
    found = programs.opened(page, address)
    return {
        name: _taken(found, name)
        for name in programs.shown(found.view)
        if name not in programs.WORDS
    }


def _taken(found: Opened, panel: str) -> Taken:
    picture = programs.build(found.view.page, panel, found.view.address)
    figure, said = picture.figure, found.view.get(FREE + panel)
    assert figure is not None
    figure.update_layout(
        legend={"itemclick": False, "itemdoubleclick": False}
    )  # as it stands on the page
    table = picture.table()
    recipe = Recipe(
        found.view.page,
        panel,
        {key: found.view.all(key) for key in found.view.address},
        made_from=found.made_from,
        software=software(),
        numbers=digest_of(table),
    )
    return Taken(
        visible.apply(figure, visible.parse(said)), picture.headline, picture.caption, table, recipe
    )


def _by_name(view: str, address: Mapping[str, Sequence[str]]) -> Taken:
    """A figure of `qfusion.figures.notebook`, asked for by `figure --model ... --view ...`."""
    from qfusion.analysis.case import case
    from qfusion.figures import notebook, numbers
    from qfusion.figures.draw.building import SAYS

    name = choose("View", view, VIEWS).replace("-", "_")
    unknown = sorted(set(address) - set(_NAMED))
    check(
        not unknown and {"model", "sample"} <= set(address),
        f"The recipe of a figure by name says {', '.join(_NAMED)}, but this one says "
        f"{', '.join(sorted(address))[:200]}. Export the figure again.",
    )
    asked = {key: values[0] for key, values in address.items() if values}
    found = case(asked.pop("model"), asked.pop("sample"), **asked)
    table = getattr(numbers, name)(found)
    card = found.work.card
    made_from = {
        "model": {"name": found.name, "digest": card.get("weights_sha256", "")},
        "data": {"name": found.dataset.name, "digest": found.dataset.digest},
        "sample": found.id,
        "seed": card.get("seed"),
        "output": found.explanation.outputs[found.output],
        "background": found.background.name,
        "background_size": int(found.background.size),
    }
    output = made_from["output"]
    against = f"{found.background.size:,} samples of the background '{found.background.name}'"
    recipe = Recipe(
        BY_NAME,
        view,
        {key: list(values) for key, values in address.items()},
        made_from=made_from,
        software=software(),
        numbers=digest_of(table),
    )
    title = (
        f"{found.name} on {found.dataset.name}"
        if view == "cut-test"
        else f"{found.id}: {output} {found.score:.3f} by {found.name}"
    )
    caption = f"Shows {SAYS[view][0]} Does not show {SAYS[view][1]}" if view in SAYS else ""
    behind = "" if view.startswith("cut") else f"Compared with {against}."
    return Taken(
        getattr(notebook, name)(found), title, f"{caption} {behind}".strip(), table, recipe
    )


def of_link(link: str) -> tuple[str, dict[str, list[str]]]:
    """Returns page and address of a copied link.

    Raises:
        InvalidInput, NotFound: when it is not a link to one of our pages.
    """
    check(
        len(link) <= MAX_TEXT,
        f"The link has {len(link):,} characters, and at most {MAX_TEXT:,} are read. Copy it again.",
    )
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput(
            f"The link cannot be read ({str(error)[:100]}). Copy it again."
        ) from error
    return _STEMS[choose("Page", parts.path.strip("/").rsplit("/", 1)[-1], _STEMS)], query


def cook(recipe: Recipe, *, anyway: bool = False) -> Taken:
    """Returns the panel that a recipe describes.

    Args:
        anyway: also when model or data are not those of the recipe.

    Raises:
        InvalidInput: when they are not, or the recipe's address no longer fits; NotFound, DataUnavailable: when they
            are missing.
    """
    try:
        taken = take(recipe.page, recipe.panel, recipe.address)
    except QFusionError as error:
        raise type(error)(f"The recipe cannot be followed: {error}") from error
    moved = changes(recipe, taken.recipe.made_from)
    check(
        anyway or not moved,
        f"{' '.join(moved)} Get that model and data, or draw the figure anyway with `--anyway`.",
    )
    return taken


def remarks(recipe: Recipe, taken: Taken) -> list[str]:
    """What a reader should know about a figure made again: other versions, other numbers."""
    found = [
        f"{package} was {then} and is {now}."
        for package, then in sorted(recipe.software.items())
        if (now := taken.recipe.software.get(package, "not here")) != then
    ]
    if recipe.numbers and recipe.numbers != taken.recipe.numbers:
        found.append("The numbers are not the recipe's to ten digits.")
    return found


def draw(recipe: Recipe | Mapping[str, Any] | str) -> tuple[go.Figure, Any]:
    """Returns figure and numbers of a recipe (its JSON will do): for notebooks.

    Returns:
        the plotly figure in the recipe's theme, and the table behind it as a DataFrame.
    """
    import json

    found = (
        recipe
        if isinstance(recipe, Recipe)
        else parse(recipe if isinstance(recipe, str) else json.dumps(recipe))
    )
    taken = cook(found)
    return in_theme(
        visible.without(taken.figure, found.style.hidden), found.style.theme
    ), taken.numbers


def save(taken: Taken, recipe: Recipe) -> bytes:
    """Returns the file that a recipe describes, of the panel that was taken."""
    from qfusion.figures import export

    return export.save(
        taken.figure,
        recipe.style,
        title=recipe.title or taken.title,
        caption=recipe.caption or taken.caption,
        recipe=taken.recipe.like(recipe).text(),
    )
