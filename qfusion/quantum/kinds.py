"""Kinds of measures of states of several modalities: what each is called, what it works out, and where it is shown.

A kind is registered once, below the function that works it out:

    @kind("linear_entropy", "linear entropy", "linear entropy", question="How far from pure?", shows="...",
          not_shown="...")
    def _linear_entropies(states: States) -> Iterator[tuple[tuple[int, ...], Tensor]]: ...

From then on it is among the measures of a followed state and in their tables; with a `question` it is a panel of the
Dynamics page and an entry of the glossary, with `cohort` a choice of the Cohorts page, and its single modalities are a
column of reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from qfusion.quantum.states import partial_trace

Part = tuple[str, ...]  # names of modalities; () for all together
# numbers of modalities, () for all together, and a number a state, (n,)
Values = Iterator[tuple[tuple[int, ...], Tensor]]


class States:
    """States (n, D, D) of several modalities; what the measures share of them is worked out once.

    Attributes:
        rho: density matrices. dims: of the modalities, product D.
    """

    def __init__(self, rho: Tensor, dims: tuple[int, ...]):
        self.rho, self.dims = rho, dims
        self._reduced: dict[tuple[int, ...], Tensor] = {(): rho, tuple(range(len(dims))): rho}
        self._eigenvalues: dict[tuple[int, ...], Tensor] = {}

    @property
    def count(self) -> int:
        """Number of modalities."""
        return len(self.dims)

    @property
    def singles(self) -> list[tuple[int, ...]]:
        """Every modality."""
        return [(m,) for m in range(self.count)]

    @property
    def pairs(self) -> list[tuple[int, ...]]:
        """Every pair of modalities; also where there are but two, and the pair is the whole."""
        return list(combinations(range(self.count), 2))

    def reduced(self, part: tuple[int, ...]) -> Tensor:
        """Returns the state of some modalities, (n, d, d); () for all together."""
        if part not in self._reduced:
            self._reduced[part] = partial_trace(self.rho, self.dims, part)
        return self._reduced[part]

    def eigenvalues(self, part: tuple[int, ...]) -> Tensor:
        """Returns the eigenvalues of that state, ascending, (n, d)."""
        whole = () if len(part) == self.count else part
        if whole not in self._eigenvalues:
            self._eigenvalues[whole] = torch.linalg.eigvalsh(self.reduced(whole))
        return self._eigenvalues[whole]


@dataclass(frozen=True)
class Kind:
    """A kind of measure.

    Attributes:
        title: what it is called in full; short: for axes that say more beside it.
        unit: "" for a pure number.
        of: from states to numbers, by part.
        between: what stands between the modalities of a part in the names of columns.
        slow: whether it is left out where only what is fast is asked for.
        question, shows, not_shown: of its panel on the Dynamics page; no panel without.
        beside: another kind that is drawn with it.
        cohort: its axis title on the Cohorts page, where it is one number a sample, see `mean`; "" for not there.
        source: who introduced it, for the glossary.
    """

    title: str
    short: str
    unit: str
    of: Callable[[States], Values]
    between: str = "+"
    slow: bool = False
    question: str = ""
    shows: str = ""
    not_shown: str = ""
    beside: str = ""
    cohort: str = ""
    source: str = ""

    @property
    def axis(self) -> str:
        """Title with unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def short_axis(self) -> str:
        """Short title with unit."""
        return f"{self.short} ({self.unit})" if self.unit else self.short

    def mean(self, states: States) -> Tensor:
        """Returns one number a state, (n,): the mean over modalities, else over pairs, else that of the whole; 0 where
        there is none."""
        found = dict(self.of(states))
        size = min((len(part) for part in found if part), default=0)
        values = [each for part, each in found.items() if len(part) == size]
        return (
            torch.stack(values).mean(0)
            if values
            else torch.zeros(len(states.rho), dtype=torch.float64)
        )


KINDS: dict[str, Kind] = {}  # in the order of the columns


def kind(
    name: str, title: str, short: str, unit: str = "", **about: str | bool
) -> Callable[[Callable[[States], Values]], Kind]:
    """Registers a kind of measure under a name; stands above the function that works it out. The arguments are those of
    `Kind`."""

    def registered(of: Callable[[States], Values]) -> Kind:
        KINDS[name] = Kind(title, short, unit, of, **about)  # type: ignore[arg-type]
        return KINDS[name]

    return registered


def column(kind: str, part: Part = (), whole: str = "") -> str:
    """Returns what the column of a measure is called in files and tables: `entropy[text]`,
    `mutual_information[text:audio]`, `entropy`.

    Args:
        kind: of `KINDS`.
        part: whose it is.
        whole: what stands in brackets for all together; "" for no brackets.
    """
    name = KINDS[kind].between.join(part) or whole
    return f"{kind}[{name}]" if name else kind


def split(column: str) -> tuple[str, str]:
    """Returns kind and part of a column or of what is followed, such as ("entropy", "text") of `entropy[text]`;
    `column` backwards."""
    kind, _, part = column.partition("[")
    return kind, part.removesuffix("]")


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of the states of some modalities.

    Attributes:
        kind: of `KINDS`, where title and unit stand.
        part: whose it is; () for all together.
        values: over time, (nT,).
    """

    kind: str
    part: Part
    values: np.ndarray


class Measures(tuple[Measure, ...]):
    """Measures of the same states, in the order of their columns."""

    def of(self, kind: str) -> dict[Part, np.ndarray]:
        """Returns the values of one kind, by part."""
        return {each.part: each.values for each in self if each.kind == kind}

    def single(self, kind: str) -> dict[str, np.ndarray]:
        """Returns the values of one kind of every modality, by name, and of all together ("")."""
        return {"".join(part): values for part, values in self.of(kind).items() if len(part) < 2}

    def columns(self) -> dict[str, np.ndarray]:
        """Returns the values by the name of their column."""
        return {column(each.kind, each.part): each.values for each in self}
