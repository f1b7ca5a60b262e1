"""Search over models, samples, pages and terms: what the command palette lists.

An entry matches if it has every word that was typed, ignoring case. Entries whose title or id begins with the words
come first.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from qfusion.analysis import sample_words
from qfusion.data import DataSet
from qfusion.panels import pickers

MODELS, PAGES, SAMPLES, TERMS = "Models", "Pages", "Samples", "Glossary"
GROUPS = (MODELS, PAGES, SAMPLES, TERMS)
MAX_RESULTS = 50
MAX_PER_GROUP = 20
MAX_TYPED = 80  # characters that are searched for
MAX_DETAIL = 120  # characters of an entry's second line


class Entry(NamedTuple):
    """Something that the palette opens.

    Attributes:
        group: one of `GROUPS`.
        id: name in links.
        title: what is listed.
        detail: the line below it.
        words: other words by which it is found.
    """

    group: str
    id: str
    title: str
    detail: str = ""
    words: str = ""

    @property
    def key(self) -> str:
        """The group and the id, which identify an entry."""
        return f"{self.group}:{self.id}"


class Results(NamedTuple):
    """What a search finds.

    Attributes:
        groups: the entries that are listed, by group, the group with the best match first; at most `MAX_RESULTS`.
        total: how many entries match.
    """

    groups: dict[str, list[Entry]]
    total: int


def search(typed: str, entries: Iterable[Entry]) -> Results:
    """Return the matching entries.

    Args:
        typed: words of a reader. Without any, models and pages are listed.
        entries: what is searched.
    """
    query = " ".join(typed[:MAX_TYPED].casefold().split())
    ranked = [
        (rank, GROUPS.index(entry.group), place, entry)
        for place, entry in enumerate(entries)
        if (rank := _rank(query, entry)) is not None
    ]
    groups: dict[str, list[Entry]] = {}
    count = 0
    for _, _, _, entry in sorted(ranked, key=lambda result: result[:3]):
        group = groups.setdefault(entry.group, [])
        if len(group) < MAX_PER_GROUP and count < MAX_RESULTS:
            group.append(entry)
            count += 1
    return Results({name: group for name, group in groups.items() if group}, len(ranked))


def model_entries() -> Iterator[Entry]:
    """Yield an entry for each model."""
    for name in pickers.model_names().values():
        yield Entry(MODELS, name.id, name.label or name.id, name.id)


def sample_entries(dataset: DataSet, typed: str) -> Iterator[Entry]:
    """Yield an entry for each sample that has a word that was typed, in its id or in a column of words."""
    parts = typed[:MAX_TYPED].casefold().split()
    if not parts:
        return
    columns = dataset.table.select_dtypes(exclude=["number", "bool"])
    columns = columns.drop(columns="split", errors="ignore")
    details = dict(zip(columns.index.astype(str), columns.to_numpy().tolist(), strict=True))
    for id_ in map(str, dataset.ids):
        detail = " · ".join(str(value) for value in details.get(id_, ()))
        text = f"{id_} {detail}".casefold()
        if all(part in text for part in parts):
            yield Entry(SAMPLES, id_, id_, sample_words.shorten(detail, MAX_DETAIL), detail)


def _rank(query: str, entry: Entry) -> int | None:
    """Return how well an entry matches, 0 best, or None if it does not."""
    if not query:
        return 0 if entry.group in (MODELS, PAGES) else None
    names = (entry.title.casefold(), entry.id.casefold())
    text = " ".join((*names, entry.detail.casefold(), entry.words.casefold()))
    if not all(part in text for part in query.split()):
        return None
    if query in names:
        return 0
    if any(name.startswith(query) for name in names):
        return 1
    if any(query in name for name in names):
        return 2
    return 3
