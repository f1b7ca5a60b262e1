"""A map of all samples of the Cohorts page: two dimensions by principal components or UMAP, in colours of the reader's
choice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import share
from qfusion.analysis import backgrounds, text
from qfusion.analysis.cohort import cohort_measures, coordinates
from qfusion.analysis.cohort import sample_map as maps
from qfusion.analysis.levels import Levels
from qfusion.analysis.subject import SAID, Workspace
from qfusion.explain import RELATIONS
from qfusion.figures.draw.many import places as map_figures
from qfusion.figures.style import GREEN, VERMILLION, Theme, term_colour
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import EVERYONE, Panel, Picture, word

MAX_DRAWN = 4_000  # points: more make pages slow
FEWEST = 3
_MEANS = {
    coordinates.STATES: "the reduced density matrices of its modalities (distances are Hilbert-Schmidt distances)",
    coordinates.FINAL: "its final state (of states in time ρ(T), distances are Hilbert-Schmidt distances; of a network "
    "the populations of the kept and ⟨Z⟩ of the measured qubits)",
    coordinates.DIVIDENDS: "the terms of its decision without the baseline",
    coordinates.FEATURES: "what the encoders of its modalities give",
}


def sample_map(
    levels: Levels,
    theme: Theme = "light",
    *,
    of: str = "",
    method: str = "PCA",
    colour: str = "truth",
    everyone: bool = False,
) -> Picture:
    """All samples on a map of two dimensions.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        of: the coordinates that are reduced, see `coordinates.kinds`; the first unless told.
        method: "PCA" or "UMAP".
        colour: a column, see `colours`.
        everyone: all samples are placed where some are drawn unless told.
    """
    placed = on_map(levels, of, method, everyone)
    at, colour = drawn(levels, placed), text.column(colour)
    work, rows = levels.work, levels.rows.loc[work_ids(levels, placed.rows[at])]
    inside = levels.inside[levels.rows.index.get_indexer(rows.index)]
    column = text.column_of(
        choose("Colour", colour, colours(work, levels.rows)), map(str, rows.columns)
    )
    values, names, hues = _coloured(work, rows, column)
    titles = ("UMAP 1", "UMAP 2")
    if placed.explained is not None:
        titles = tuple(
            f"component {i + 1} ({part:.1%} of the variance)"  # type: ignore[assignment]
            for i, part in enumerate(placed.explained)
        )
    what = coordinates.TITLES[placed.what]
    held = None if placed.explained is None else float(placed.explained.sum())
    return Picture(
        "sample-map",
        reduced(what, held, placed.kept),
        map_figures.places(
            rows.index.tolist(),
            placed.xy[at],
            values,
            inside,
            names=names,
            hues=hues,
            by=colour,
            titles=titles,
            tips=_tips(rows),
            chosen=levels.sample.id,
            theme=theme,
        ),
        shows=f"each sample by {_MEANS[placed.what]}, reduced to two dimensions by {_method(placed)} Colour: "
        f"{text.plain(colour)}; large: the cohort; ring: sample {text.plain(levels.sample.id)}. "
        + _counted(levels, placed, len(at))
        + (
            f" {backgrounds.against(work.bulk_background)}"
            if placed.what == coordinates.DIVIDENDS
            else ""
        ),
        not_shown=_not_shown(placed),
        alt=f"Map of {len(at)} samples by {what}, {placed.method}, coloured by {colour}.",
        table=lambda: (
            rows[["truth", "prediction", "error"]]
            .assign(
                in_cohort=inside,
                x=placed.xy[at, 0],
                y=placed.xy[at, 1],
                **{
                    column if column not in ("truth", "prediction", "error") else "colour": rows[
                        column
                    ]
                },
            )
            .reset_index()
        ),
    )


def reduced(what: str, held: float | None, kept: float) -> str:
    """How much two dimensions hold.

    Args:
        what: is reduced. held: part of the variance of principal components, 0 to 1; None of UMAP.
        kept: trustworthiness of the neighbours, NaN where it is not measured.
    """
    if held is not None:
        return f"Two components hold {share(held)} of the variance of the {what}"
    if np.isnan(kept):
        return f"UMAP of the {what}"
    return f"UMAP of the {what}: neighbours are kept with trustworthiness {kept:.2f}"


def on_map(
    levels: Levels, of: str = "", method: str = "PCA", everyone: bool = False
) -> maps.SampleMap:
    """Where the samples of the split lie; arguments as of `sample_map`."""
    what = of or next(iter(coordinates.kinds(levels.work)))
    return maps.sample_map(
        levels.work, what, method, levels.places(levels.rows), levels.asked, everyone
    )


def drawn(levels: Levels, found: maps.SampleMap) -> np.ndarray:
    """Places on the map of the samples that are drawn: all, or so many spread evenly, and the open one."""
    at = coordinates.thinned(np.arange(len(found.rows)), MAX_DRAWN)
    return np.union1d(at, np.flatnonzero(found.rows == levels.sample.row)).astype(int)


def work_ids(levels: Levels, rows: np.ndarray) -> list[str]:
    """Ids of some rows of the data set."""
    return [str(name) for name in levels.work.dataset.ids[rows]]


def colours(work: Workspace, rows: pd.DataFrame) -> tuple[str, ...]:
    """Columns that points can be coloured by, as readers say them: numbers, and words of which there are few."""
    first = [
        "truth",
        "prediction",
        "error",
        *([cohort_measures.VERDICT] if work.classes else []),
        cohort_measures.DOMINANT,
        "relation",
        "leader",
    ]
    found = [name for name in map(str, rows.columns) if name not in (*first, "split", *SAID)]
    numeric = [name for name in found if pd.api.types.is_numeric_dtype(rows[name])]
    few = [
        name
        for name in found
        if name not in numeric and 1 < rows[name].astype(str).nunique() <= map_figures.MAX_GROUPS
    ]
    return tuple(
        text.column(name)
        for name in (*first, *few, *numeric)
        if name in numeric or _fits(rows[name])
    )


def _fits(column: pd.Series) -> bool:
    return (
        pd.api.types.is_numeric_dtype(column)
        or column.astype(str).nunique() <= map_figures.MAX_GROUPS
    )


def _coloured(
    work: Workspace, rows: pd.DataFrame, colour: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """Values, names of groups and their hues."""
    column = rows[colour]
    if pd.api.types.is_numeric_dtype(column) and not (
        column.nunique() <= 6 and (column % 1 == 0).all()
    ):
        return column.to_numpy(dtype=float), [], []
    said = column.map(lambda each: f"{each:g}" if isinstance(each, float) else str(each)).to_numpy(
        dtype=object
    )
    order = {
        "truth": work.classes,
        "prediction": work.classes,
        cohort_measures.DOMINANT: work.terms,
        "relation": tuple(RELATIONS),
        cohort_measures.VERDICT: ("right", "wrong"),
    }.get(colour, ())
    there = set(said)
    names = [name for name in order if name in there] or sorted(there)
    hues = []
    if colour == cohort_measures.DOMINANT:
        hues = [term_colour(name, work.modalities) for name in names]
        names_shown = [name.replace("+", " + ") for name in names]
    else:
        hues = [GREEN, VERMILLION][: len(names)] if names == ["right", "wrong"] else []
        names_shown = names
    place = {name: k for k, name in enumerate(names)}
    return np.array([place[name] for name in said], dtype=int), names_shown, hues


def _tips(rows: pd.DataFrame) -> list[str]:
    def word(value: object) -> str:
        return f"{value:+.2f}" if isinstance(value, float) else str(value)

    return [
        f"label {word(a)}, prediction {word(b)}"
        for a, b in zip(rows["truth"], rows["prediction"], strict=True)
    ]


def _method(found: maps.SampleMap) -> str:
    kept = (
        ""
        if np.isnan(found.kept)
        else f"; trustworthiness of {maps.NEIGHBOURS} neighbours {found.kept:.3f}"
    )
    if found.method == "UMAP":
        return f"UMAP ({maps.NEIGHBOURS} neighbours, seed {maps.SEED}){kept}."
    return f"principal components{kept}."


def _counted(levels: Levels, found: maps.SampleMap, count: int) -> str:
    some = (
        ""
        if len(found.rows) == found.given
        else f", {len(found.rows):,} of them placed (drawn at random)"
    )
    return f"Of {found.given:,} explained samples of {text.plain(levels.split)}{some}, {count:,} are drawn."


def _not_shown(found: maps.SampleMap) -> str:
    if found.method == "UMAP":
        return (
            "distances: who is near whom counts, sizes of and gaps between groups do not. Another machine may "
            "place samples a little differently."
        )
    return "other directions: samples that lie together here may differ in them."


def enough(levels: Levels, **_: object) -> bool:
    """Whether there are samples enough for a map."""
    return len(levels.rows) >= FEWEST


def _allowed_map(work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the map."""
    table = cohort_measures.cohort_table(work, None)
    return {
        "map": say.options("Coordinates", coordinates.kinds(work).values(), "The first are shown."),
        "map.method": say.options("Method", maps.METHODS, "Principal components are shown."),
        "map.colour": say.options("Colour", colours(work, table), "The labels are shown."),
    }


_MAP = {
    "sample-map": Panel(
        sample_map,
        {
            "of": lambda view: coordinates.KEYS.get(view.get("map")),
            "method": word("map.method"),
            "colour": word("map.colour"),
            **EVERYONE,
        },
        fits=enough,
        subject="levels",
    )
}
