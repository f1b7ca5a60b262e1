"""Papers that can be reproduced: what is known of each, our reading of its model, and the data it is run on.

The facts are in `papers.toml` of the assets, which says "unknown" where nothing is known. The leaderboard is in the
list too: its boards are reproduced like a paper.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from qfusion import citations
from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data import registry
from qfusion.data.sources import Origin
from qfusion.errors import DataUnavailable
from qfusion.plugins.papers import ASSETS, benchmark_board

UNKNOWN = "unknown"
BOARD = "leaderboard"  # name of our own boards in the list


class Role(StrEnum):
    """What a data set is to a paper.

    PAPER: one of its sets. OURS: another set of ours. EMBEDDED: one that the installation makes, without a download.
    """

    PAPER = "paper"
    OURS = "ours"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Reading:
    """A model that is trained for a paper.

    Attributes:
        name: short name. label: as shown.
        kind: of the model. settings: what differs from the recipe of that kind.
        faithful: whether it follows what is known of the paper.
        note: what it is, in a sentence.
    """

    name: str
    label: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    faithful: bool = False
    note: str = ""


@dataclass(frozen=True)
class PublishedFigure:
    """A published number.

    Attributes:
        data: the set it was measured on. label: what it is called there. value: as a share or in the metric's unit.
        metrics: those of ours that it may be; one if the convention is known.
        convention, features: as published, or "unknown".
        source: where it stands.
        reading: name of the reading that it belongs to; the first one if empty.
        seed_values: of single training seeds on the test rows of `data`, where they are known, as on our boards; else
            its own uncertainty is unknown.
    """

    data: str
    label: str
    value: float
    metrics: tuple[str, ...]
    convention: str
    features: str
    source: str
    reading: str = ""
    seed_values: tuple[float, ...] = ()


@dataclass(frozen=True)
class PaperData:
    """A data set that a paper is run on.

    Attributes:
        name: for `qfusion.data.load`. role: see `Role`.
        route: how to get it where no command fetches it. options: of the training where the set has no board.
        note: how our copy may differ from that of the paper.
    """

    name: str
    role: Role = Role.OURS
    route: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class DataStatus:
    """Whether a data set is here.

    Attributes:
        name, role: of the set. here: whether it can be loaded. remedy: how to get it otherwise.
    """

    name: str
    role: Role
    here: bool
    remedy: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper and how it is reproduced.

    Attributes:
        key: for the command. name: of its model.
        title, authors, reference, url: of the paper, "unknown" or empty where they are.
        read: what of it was available to us.
        system: contender of the leaderboard whose recipe the readings and their twins have.
        audited: name of the reading that is compared with its twins; empty if none is.
        readings: models that are trained, the first is compared with the published figures.
        figures: published numbers. claims: other claims that are tested, of "parameters".
        data: sets, the first is the default.
        rivals: contenders of the leaderboard with the same budget. twins: variants of `audit_plan.VARIANTS`.
        departs: where our reading is not known to be the paper's.
    """

    key: str
    name: str
    title: str
    authors: str
    reference: str
    url: str
    read: str
    system: str
    audited: str
    readings: tuple[Reading, ...]
    figures: tuple[PublishedFigure, ...]
    claims: tuple[str, ...]
    data: tuple[PaperData, ...]
    rivals: tuple[str, ...]
    twins: tuple[str, ...]
    departs: tuple[str, ...]

    @property
    def is_board(self) -> bool:
        """Whether it is our own leaderboard."""
        return self.key == BOARD

    def entry(self, data: str) -> PaperData:
        """Return the entry of a data set; a new one for a set that the paper does not name."""
        known = {entry.name: entry for entry in self.data}
        return known.get(data, PaperData(data))

    def figures_on(self, data: str) -> list[PublishedFigure]:
        """Return the figures that were published for a data set."""
        return [figure for figure in self.figures if figure.data == data]


@memo(1)
def papers() -> dict[str, Paper]:
    """Return all papers by name, the leaderboard last."""
    listed = tomllib.loads((ASSETS / "papers.toml").read_text(encoding="utf-8"))
    return {key: _parse_paper(key, entry) for key, entry in listed.items()}


def find_paper(name: str) -> Paper:
    """Return a paper by name.

    Raises:
        NotFound: when there is none of that name; the message lists the names.
    """
    known = papers()
    return known[choose(f"Of {', '.join(known)}, paper", name, known)]


def data_status(paper: Paper) -> list[DataStatus]:
    """Return the data sets of a paper, each with whether it is here and how to get it."""
    return [_status(entry) for entry in paper.data]


def require_data(paper: Paper, name: str) -> None:
    """Check that a data set of a paper, or any other one, can be loaded.

    Raises:
        DataUnavailable: when a set that the paper names is not here; the message says how to get it, and which set
            needs no download.
        NotFound: when nothing is called so.
    """
    names = [entry.name for entry in paper.data]
    if name not in names and name not in registry.names():
        choose(f"Data set of '{paper.key}'", name, dict.fromkeys([*names, *registry.names()]))
    status = _status(paper.entry(name))
    embedded = [entry.name for entry in paper.data if entry.role == Role.EMBEDDED]
    instead = (
        f" Without these data, `python -m qfusion reproduce {paper.key} --data {embedded[0]}` runs the same models on "
        "a set that comes with qfusion."
        if embedded
        else ""
    )
    check(
        status.here,
        f"Data set '{name}' of {paper.name} is not here. {status.remedy}{instead}",
        DataUnavailable,
    )


def _status(entry: PaperData) -> DataStatus:
    infos = {info.name: info for info in registry.available()}
    info = infos.get(entry.name)
    if info is None:
        return DataStatus(entry.name, entry.role, False, entry.route or "Import it first.")
    here = info.available or info.origin == Origin.INCLUDED
    return DataStatus(entry.name, entry.role, here, "" if here else info.remedy)


def _parse_paper(key: str, entry: Mapping[str, Any]) -> Paper:
    source = entry.get("source", "")
    cited = citations.source(source) if source else {}
    readings = tuple(Reading(**reading) for reading in entry["readings"])
    figures = tuple(
        PublishedFigure(**{**figure, "metrics": tuple(figure["metrics"])})
        for figure in entry.get("figures", ())
    )
    sets = tuple(PaperData(**{**one, "role": Role(one["role"])}) for one in entry.get("data", ()))
    if entry.get("boards"):
        sets = _board_sets()
        figures = _board_figures(readings)
    arxiv = f"arXiv {cited['fields']['eprint']}" if cited else ""
    return Paper(
        key,
        entry["name"],
        entry.get("title") or cited["title"],
        entry.get("authors") or ", ".join(cited["authors"]),
        entry.get("reference", arxiv),
        citations.url(source) if source else "",
        entry["read"],
        entry["system"],
        entry["audited"],
        readings,
        figures,
        tuple(entry.get("claims", ())),
        sets,
        tuple(entry["rivals"]),
        tuple(entry["twins"]),
        tuple(entry["departs"]),
    )


def _board_sets() -> tuple[PaperData, ...]:
    """The boards as data sets, those that come with qfusion first."""
    board = benchmark_board.open_board()
    sources = registry.sources()
    entries = []
    for name in board.names:
        source = sources.get(board.of(name)["source"])
        if source is not None and name == source.name:
            included = source.origin == Origin.INCLUDED
            entries.append(PaperData(name, Role.EMBEDDED if included else Role.OURS))
    return tuple(sorted(entries, key=lambda entry: entry.role != Role.EMBEDDED))


def _board_figures(readings: tuple[Reading, ...]) -> tuple[PublishedFigure, ...]:
    """What stands on our boards, as published figures."""
    board = benchmark_board.open_board()
    figures = []
    for name in board.names:
        entry = board.of(name)
        key = entry["headline"]
        short = board.metric(key).short
        for reading in readings:
            if reading.name not in entry["rows"]:
                continue
            result = entry["rows"][reading.name]["test"][key]
            figure = PublishedFigure(
                name,
                short,
                float(result["mean"]),
                (key,),
                short,
                "the same",
                f"leaderboard of {board.whole['date']}",
                reading.name,
                tuple(result["values"]),
            )
            figures.append(figure)
    return tuple(figures)
