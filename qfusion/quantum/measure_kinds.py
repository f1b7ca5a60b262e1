"""Kinds of measures of states over time: registered once each, with their columns, titles and units."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.measures import convert_base, log_trace_norm, purity_of_state, spectral_entropy
from qfusion.quantum.states import partial_trace, partial_transpose, require_state, takes_arrays

Part = tuple[str, ...]  # names of modalities; () for all together
# numbers of modalities, () for all together, and a number a state, (n,)
Values = Iterator[tuple[tuple[int, ...], Tensor]]


class States:
    """States (n, D, D) of several modalities. Quantities that the measures share are computed once.

    Attributes:
        rho: density matrices. dims: of the modalities, product D. count: of the modalities.
        singles: every modality. pairs: every two of them; also where there are but two, and the pair is the whole.
    """

    def __init__(self, rho: Tensor, dims: tuple[int, ...], eigenvalues: Tensor | None = None):
        self.rho, self.dims, self.count = rho, dims, len(dims)
        self.singles = [(m,) for m in range(self.count)]
        self.pairs = list(combinations(range(self.count), 2))
        self._reduced: dict[tuple[int, ...], Tensor] = {(): rho, tuple(range(len(dims))): rho}
        self._eigenvalues: dict[tuple[int, ...], Tensor] = (
            {} if eigenvalues is None else {(): eigenvalues}
        )

    def reduced_state(self, part: tuple[int, ...]) -> Tensor:
        """Return the state of some modalities, (n, d, d); () for all together."""
        if part not in self._reduced:
            self._reduced[part] = partial_trace(self.rho, self.dims, part)
        return self._reduced[part]

    def eigenvalues(self, part: tuple[int, ...]) -> Tensor:
        """Return the eigenvalues of that state, ascending, (n, d)."""
        whole = () if len(part) == self.count else part
        if whole not in self._eigenvalues:
            self._eigenvalues[whole] = torch.linalg.eigvalsh(self.reduced_state(whole))
        return self._eigenvalues[whole]


@dataclass(frozen=True)
class MeasureKind:
    """A kind of measure.

    Attributes:
        title: what it is called in full; short: for axes that say more beside it.
        unit: "" for a pure number.
        compute: from states to numbers, by part.
        between: what stands between the modalities of a part in the names of columns.
        slow: whether it is left out where only what is fast is asked for.
        beside: another kind that is drawn with it.
        cohort: its axis title where it is one number a sample, see `mean`; "" where cohorts do not have it.
    """

    title: str
    short: str
    unit: str
    compute: Callable[[States], Values]
    between: str = "+"
    slow: bool = False
    beside: str = ""
    cohort: str = ""

    @property
    def axis(self) -> str:
        """Title with unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def short_axis(self) -> str:
        """Short title with unit."""
        return f"{self.short} ({self.unit})" if self.unit else self.short

    def mean(self, states: States) -> Tensor:
        """Return one number per state, (n,): the mean over modalities, else over pairs, else the value of the whole,
        or 0 if there is none.
        """
        values = dict(self.compute(states))
        if not values:
            return torch.zeros(len(states.rho), dtype=torch.float64)
        size = min((len(part) for part in values if part), default=0)
        return torch.stack([value for part, value in values.items() if len(part) == size]).mean(0)


KINDS: dict[str, MeasureKind] = {}  # in the order of the columns


def measure_kind(
    name: str, title: str, short: str, unit: str = "", **about: str | bool
) -> Callable[[Callable[[States], Values]], MeasureKind]:
    """Register a kind of measure under a name; decorate the function that computes it. The arguments are those of
    `MeasureKind`."""

    def register(compute: Callable[[States], Values]) -> MeasureKind:
        KINDS[name] = MeasureKind(title, short, unit, compute, **about)  # type: ignore[arg-type]
        return KINDS[name]

    return register


def column_name(kind: str, part: Part = (), whole: str = "") -> str:
    """Return the name of a measure's column in files and tables: `entropy[text]`, `mutual_information[text:audio]`,
    `entropy`.

    Args:
        kind: of `KINDS`.
        part: whose it is.
        whole: what stands in brackets for all together; "" for no brackets.

    Example:
        >>> from qfusion.quantum.measure_kinds import column_name
        >>> column_name("entropy", ("text",))
        'entropy[text]'
    """
    name = KINDS[kind].between.join(part) or whole
    return f"{kind}[{name}]" if name else kind


def split_column(column: str) -> tuple[str, str]:
    """Return kind and part of a column or of a tracked quantity, such as ("entropy", "text") of `entropy[text]`.
    This is the inverse of `column_name`.

    Example:
        >>> from qfusion.quantum.measure_kinds import split_column
        >>> split_column("entropy[text]")
        ('entropy', 'text')
    """
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

    def by_part(self, kind: str) -> dict[Part, np.ndarray]:
        """Return the values of one kind, by part."""
        return {entry.part: entry.values for entry in self if entry.kind == kind}

    def single(self, kind: str) -> dict[str, np.ndarray]:
        """Return the values of one kind of every modality, by name, and of all together ("")."""
        return {
            "".join(part): values for part, values in self.by_part(kind).items() if len(part) < 2
        }

    def columns(self) -> dict[str, np.ndarray]:
        """Return the values by the name of their column."""
        return {column_name(entry.kind, entry.part): entry.values for entry in self}


@takes_arrays
def measures_over_time(
    rho: Tensor | np.ndarray, dims: Sequence[int], names: Sequence[str], *, negativity: bool = True
) -> Measures:
    """Return every measure of the states `rho` over their leading axis.

    In this order, for modalities text, audio, vision, by the names of their columns: `entropy[text]`, ..., `entropy`,
    `entropy[text+audio]`, ..., `negativity[text]` (against all the others), ..., `mutual_information[text:audio]`, ...,
    `total_correlation`, `purity[text]`, ..., `purity`. With two modalities the pair is the whole and is not repeated;
    with one there is no pair, no negativity and no correlation.

    Args:
        rho: density matrices (nT, D, D).
        dims: dimensions of the modalities, product D.
        names: of the modalities, one per dimension.
        negativity: False leaves out the negativities, three quarters of the time.

    Raises:
        InvalidInput: when the shapes disagree or a matrix is not a state.

    Example:
        >>> import torch
        >>> from qfusion.quantum.measure_kinds import measures_over_time
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.float64) / 2**0.5
        >>> rho = torch.outer(bell, bell)[None] + 0j
        >>> measures = measures_over_time(rho, (2, 2), ("left", "right"))
        >>> round(float(measures.single("entropy")["left"][0]), 4)
        0.6931
    """
    rho = torch.as_tensor(rho).detach()
    M = len(dims)
    D = math.prod(dims)
    check(
        rho.ndim == 3 and tuple(rho.shape[1:]) == (D, D),
        f"Argument `rho` must have shape (nT, {D}, {D}) for dims {tuple(dims)}, but has shape {tuple(rho.shape)}. "
        "Give one density matrix per time.",
    )
    check(
        len(names) == M and len(set(names)) == M,
        f"Argument `names` must hold {M} different names, but is {tuple(names)}. Name every modality once.",
    )
    states = States(rho, tuple(dims), require_state("rho", rho))
    measures = []
    for kind, about in KINDS.items():
        if about.slow and not negativity:
            continue
        for part, values in about.compute(states):
            members = tuple(names[m] for m in part)
            measures.append(Measure(kind, members, values.numpy()))
    return Measures(measures)


@measure_kind(
    "entropy",
    "von Neumann entropy",
    "entropy",
    "nats",
    cohort="von Neumann entropy of the modalities at T (mean, nats)",
)
def _entropies(states: States) -> Values:
    whole = tuple(range(states.count))
    for part in [*states.singles, (), *(pair for pair in states.pairs if pair != whole)]:
        yield part, spectral_entropy(states.eigenvalues(part))


@measure_kind(
    "negativity",
    "logarithmic negativity",
    "log-negativity",
    "bits",
    slow=True,
    cohort="log-negativity of a modality with the rest at T (mean, bits)",
)
def _negativities(states: States) -> Values:
    # Transposing one of two subsystems or the other gives transposed matrices: one spectrum serves both.
    for m in range({1: 0, 2: 1}.get(states.count, states.count)):
        swapped = partial_transpose(states.rho, states.dims, (m,))
        value = convert_base(log_trace_norm(torch.linalg.eigvalsh(swapped)), 2)
        yield from ((part, value) for part in (states.singles if states.count == 2 else [(m,)]))


@measure_kind(
    "mutual_information",
    "mutual information",
    "mutual information",
    "nats",
    between=":",
    beside="total_correlation",
    cohort="mutual information of pairs at T (mean, nats)",
)
def _mutual_informations(states: States) -> Values:
    for a, b in states.pairs:
        S = [spectral_entropy(states.eigenvalues(part)) for part in ((a,), (b,), (a, b))]
        yield (a, b), S[0] + S[1] - S[2]


@measure_kind(
    "total_correlation",
    "total correlation",
    "total correlation",
    "nats",
    cohort="total correlation at T (nats)",
)
def _total_correlations(states: States) -> Values:
    if states.count > 1:
        yield (
            (),
            torch.stack(
                [spectral_entropy(states.eigenvalues(part)) for part in states.singles]
            ).sum(0)
            - spectral_entropy(states.eigenvalues(())),
        )


@measure_kind("purity", "purity Tr ρ² (1 = pure)", "purity")
def _purities(states: States) -> Values:
    yield from (
        (part, purity_of_state(states.reduced_state(part))) for part in [*states.singles, ()]
    )
