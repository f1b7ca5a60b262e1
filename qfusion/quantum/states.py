"""States: kets, density operators, partial traces, and the checks of operators and times that the master equation
and its trajectories share; and measures of states of several modalities (entropies, negativity, discord and others),
with the registry from which pages, tables and the glossary take them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, pairwise

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.quantum.arrays import takes_arrays

PRECISIONS = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def check_precision(name: str, values: Tensor) -> None:
    """Raises InvalidInput unless a tensor has single or double precision: half holds three digits, too few for states.

    Args:
        name: what the message calls it.
        values: real or complex.
    """
    check(
        values.dtype in PRECISIONS,
        f"Argument `{name}` must be in single or double precision, but is "
        f"{values.dtype}. Cast it to complex128, or complex64.",
    )


@takes_arrays
def is_hermitian(X: Tensor) -> bool:
    """Returns whether all matrices (..., D, D) equal their adjoints up to rounding."""
    X = X.detach()
    return bool((X - X.mH).abs().max() <= 100 * torch.finfo(X.dtype).eps * X.abs().max())


def check_times(times: Sequence[float] | Tensor) -> list[float]:
    """Returns times as numbers.

    Raises:
        InvalidInput: unless they are ascending, finite and not negative.
    """
    moments = [float(t) for t in times]
    check(
        len(moments) > 0
        and all(math.isfinite(t) and t >= 0 for t in moments)
        and all(a <= b for a, b in pairwise(moments)),
        f"Argument `times` must be ascending, finite and not negative, but is {moments[:6]}"
        f"{'...' if len(moments) > 6 else ''}. Sort it and start at 0 or later.",
    )
    return moments


def times_within(times: Iterable[float] | None, duration: float, count: int) -> list[float]:
    """Returns times as numbers; so many, evenly over the whole duration, unless any are given.

    Raises:
        InvalidInput: unless they are ascending and in [0, duration].
    """
    if times is None:
        return np.linspace(0.0, duration, count).tolist()
    moments = [float(t) for t in times]
    check(
        len(moments) > 0,
        f"Argument `times` must hold one time at least, but is empty. Leave it out for {count} times.",
    )
    outside = [f"{t:g}" for t in moments if not 0 <= t <= duration * (1 + 1e-12)]
    check(
        not outside,
        f"Argument `times` must lie in [0, {duration:g}], the time that the model evolves for, but holds "
        f"{', '.join(outside[:6])}. Leave these out.",
    )
    check(
        moments == sorted(moments),
        f"Argument `times` must be ascending, but is {moments[:6]}. Sort it.",
    )
    return [min(t, duration) for t in moments]


def check_operators(H: Tensor, jumps: Tensor) -> None:
    """Raises InvalidInput unless H (D, D) is Hermitian, jumps are (K, D, D), and both are finite and complex of one
    dtype."""
    check(
        H.ndim == 2 and H.shape[0] == H.shape[1],
        f"Argument `H` must have shape (D, D), but has shape {tuple(H.shape)}. Give one square matrix.",
    )
    check(
        jumps.ndim == 3 and jumps.shape[1:] == H.shape,
        f"Argument `jumps` must have shape (K, {len(H)}, {len(H)}), but has shape {tuple(jumps.shape)}. "
        "Stack the jump operators along the first axis; K may be 0.",
    )
    check(
        H.is_complex() and jumps.dtype == H.dtype,
        f"Arguments `H` and `jumps` must be complex of one dtype, but are {H.dtype} and {jumps.dtype}. Cast both.",
    )
    check(
        is_hermitian(H[None]),
        "Argument `H` must be Hermitian, but differs from its adjoint by "
        f"{(H - H.mH).abs().max().item():.2g}. Use (H + H^+) / 2.",
    )
    check(
        bool(
            torch.isfinite(torch.view_as_real(jumps.detach())).all()
            and torch.isfinite(torch.view_as_real(H.detach())).all()
        ),
        "Arguments `H` and `jumps` must be finite, but hold NaN or infinity. Check the weights or the tweak.",
    )


# States of several modalities: products, partial traces and partial transposes.
#
# Subsystem 0 is leftmost, that is most significant: the basis state |i_0 i_1 ...> has index i_0 d_1
# d_2 ... + i_1 d_2 ... + ...


@takes_arrays
def product(kets: Sequence[Tensor]) -> Tensor:
    """Returns the tensor product of kets, row by row.

    Args:
        kets: M tensors of shape (..., d_m) with equal leading axes.

    Returns:
        Tensor (..., D) with D the product of the d_m.
    """
    check(
        len(kets) > 0,
        "Argument `kets` must hold at least one ket, but is empty. Give one per modality.",
    )
    return reduce(lambda psi, ket: (psi[..., :, None] * ket[..., None, :]).flatten(-2), kets)


@takes_arrays
def kron(operators: Sequence[Tensor]) -> Tensor:
    """Returns the Kronecker product of matrices (..., a_m, b_m), whose leading axes broadcast: (..., A, B)."""
    return reduce(
        lambda X, Y: (
            (X[..., :, None, :, None] * Y[..., None, :, None, :]).flatten(-4, -3).flatten(-2)
        ),
        operators,
    )


@takes_arrays
def apart(psi: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Returns kets (..., D) as matrices (..., d, D / d): rows are the states of some subsystems, in their order,
    columns those of the others."""
    batch, rest = psi.ndim - 1, [m for m in range(len(dims)) if m not in subsystems]
    parts = psi.reshape(*psi.shape[:-1], *dims)
    parts = parts.permute(*range(batch), *(batch + m for m in (*subsystems, *rest)))
    return parts.reshape(*psi.shape[:-1], math.prod(dims[m] for m in subsystems), -1)


@takes_arrays
def density(psi: Tensor) -> Tensor:
    """Returns |psi><psi|, shape (..., D, D), of kets (..., D)."""
    return psi[..., :, None] * psi[..., None, :].conj()


def expectation(observables: Tensor, psi: Tensor) -> Tensor:
    """Return <psi|O_c|psi>, (B, C), for observables (C, D, D) and kets (B, D)."""
    return torch.einsum("cnb,nb->nc", psi.conj() @ observables, psi).real


def check_operator(name: str, X: Tensor, dims: Sequence[int]) -> None:
    """Raises InvalidInput unless X is (..., D, D), D the product of `dims`."""
    D = math.prod(dims)
    check(
        X.ndim >= 2 and tuple(X.shape[-2:]) == (D, D),
        f"Argument `{name}` must have shape (..., {D}, {D}) for dims {tuple(dims)}, but has shape {tuple(X.shape)}. "
        "Give a square matrix whose side is the product of `dims`.",
    )


def _check_subsystems(name: str, chosen: Sequence[int], dims: Sequence[int]) -> None:
    check(
        len(set(chosen)) == len(chosen) and all(0 <= s < len(dims) for s in chosen),
        f"Argument `{name}` must hold distinct subsystems between 0 and {len(dims) - 1}, but is {tuple(chosen)}. "
        "Number subsystems from 0, leftmost first.",
    )


@takes_arrays
def partial_trace(rho: Tensor, dims: Sequence[int], keep: Sequence[int]) -> Tensor:
    """Returns the reduced operator on the subsystems `keep`, in ascending order.

    Args:
        rho: operators of shape (..., D, D).
        dims: dimensions of the subsystems, product D.
        keep: which subsystems stay; the others are traced out. Empty gives the trace, shape (..., 1, 1).

    Raises:
        InvalidInput: when shapes disagree or `keep` names a subsystem that does not exist.
    """
    check_operator("rho", rho, dims)
    _check_subsystems("keep", keep, dims)
    batch, M = rho.shape[:-2], len(dims)
    b, ordered = len(batch), sorted(keep)
    rest = [m for m in range(M) if m not in ordered]
    axes = [b + side + m for part in (ordered, rest) for side in (0, M) for m in part]
    d, r = math.prod(dims[m] for m in ordered), math.prod(dims[m] for m in rest)
    parts = rho.reshape(*batch, *dims, *dims).permute(*range(b), *axes).reshape(*batch, d, d, r, r)
    return torch.diagonal(parts, dim1=-2, dim2=-1).sum(-1)


@takes_arrays
def partial_transpose(rho: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Returns rho with the rows and columns of `subsystems` exchanged, shape (..., D, D).

    Raises:
        InvalidInput: when shapes disagree or a subsystem does not exist.
    """
    check_operator("rho", rho, dims)
    _check_subsystems("subsystems", subsystems, dims)
    batch, M = rho.shape[:-2], len(dims)
    parts = rho.reshape(*batch, *dims, *dims)
    for s in subsystems:
        parts = parts.transpose(len(batch) + s, len(batch) + M + s)
    return parts.reshape(rho.shape)


@takes_arrays
def embed(
    operator: Tensor,
    dims: Sequence[int],
    subsystems: Sequence[int],
    rest_operator: Tensor | None = None,
) -> Tensor:
    """Returns `operator` on `subsystems` (ascending), identity elsewhere: shape (..., D, D).

    Args:
        operator: (..., d, d) with d the product of the dimensions of `subsystems`.
        dims: dimensions of all subsystems.
        subsystems: where it acts.
        rest_operator: what acts on all others, (D / d, D / d), in place of the identity.

    Raises:
        InvalidInput: when shapes disagree or a subsystem does not exist.
    """
    _check_subsystems("subsystems", subsystems, dims)
    chosen = sorted(subsystems)
    check_operator("rho", operator, [dims[m] for m in chosen])
    rest = [m for m in range(len(dims)) if m not in chosen]
    order = [*chosen, *rest]
    r, D, M = math.prod(dims[m] for m in rest), math.prod(dims), len(dims)
    if rest_operator is None:
        rest_operator = torch.eye(r, dtype=operator.dtype, device=operator.device)
    batch, sides = operator.shape[:-2], [dims[m] for m in order]
    full = torch.einsum("...ab,cd->...acbd", operator, rest_operator).reshape(
        *batch, *sides, *sides
    )
    places = [*(m - 2 * M for m in order), *(m - M for m in order)]
    return full.movedim([*range(-2 * M, 0)], places).reshape(*batch, D, D)


# Kinds of measures of states of several modalities: what each is called, what it works out, and where it is shown.
#
# A kind is registered once, below the function that works it out:
#
#     @kind("linear_entropy", "linear entropy", "linear entropy", question="How far from pure?", shows="...",
#           not_shown="...")
#     def _linear_entropies(states: States) -> Iterator[tuple[tuple[int, ...], Tensor]]: ...
#
# From then on it is among the measures of a followed state and in their tables; with a `question` it is a panel of the
# Dynamics page and an entry of the glossary, with `cohort` a choice of the Cohorts page, and its
# single modalities are a column of reports.

Part = tuple[str, ...]  # names of modalities; () for all together
# numbers of modalities, () for all together, and a number a state, (n,)
Values = Iterator[tuple[tuple[int, ...], Tensor]]


class States:
    """States (n, D, D) of several modalities; what the measures share of them is worked out once.

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
        values = dict(self.of(states))
        if not values:
            return torch.zeros(len(states.rho), dtype=torch.float64)
        size = min((len(part) for part in values if part), default=0)
        return torch.stack([value for part, value in values.items() if len(part) == size]).mean(0)


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
        return {entry.part: entry.values for entry in self if entry.kind == kind}

    def single(self, kind: str) -> dict[str, np.ndarray]:
        """Returns the values of one kind of every modality, by name, and of all together ("")."""
        return {"".join(part): values for part, values in self.of(kind).items() if len(part) < 2}

    def columns(self) -> dict[str, np.ndarray]:
        """Returns the values by the name of their column."""
        return {column(entry.kind, entry.part): entry.values for entry in self}


# Measures of mixedness, correlation and entanglement of states of several modalities.
#
# Entropies and informations are in nats (natural logarithm) unless `base` says otherwise; the logarithmic negativity is
# in bits, as Vidal and Werner define it. All functions are batched over leading axes.
#
# An eigenvalue of a state that round-off has pushed below zero counts as zero (x log x has the
# limit 0 there, and we give it the gradient 0). One that lies below -10 sqrt(eps) of the data type,
# -1.5e-7 for complex128, cannot be round-off: the argument is then not a state and InvalidInput is
# raised.


@takes_arrays
def tolerance(values: Tensor) -> float:
    """Returns the deviation from a state's laws that counts as round-off for the data type of `values`."""
    return 10 * math.sqrt(torch.finfo(values.dtype).eps)


@takes_arrays
def require_state(name: str, rho: Tensor) -> Tensor:
    """Returns the eigenvalues of `rho` (..., D, D), ascending, (..., D).

    Args:
        name: what the message calls it.
        rho: matrices to check.

    Raises:
        InvalidInput: unless it is finite, Hermitian, of trace one and positive within round-off.
    """
    check(
        rho.ndim >= 2 and rho.shape[-1] == rho.shape[-2],
        f"Argument `{name}` must have shape (..., D, D), but has shape {tuple(rho.shape)}. Give density matrices; a "
        "ket becomes one by `states.density`.",
    )
    check_precision(name, rho)
    values = rho.detach()
    require_finite(name, values.cpu().numpy())
    tol = tolerance(rho)
    skew = float((values - values.mH).abs().max()) if rho.numel() else 0.0
    check(
        skew <= tol,
        f"Argument `{name}` must be Hermitian, but differs from its adjoint by {skew:.2g}. "
        "Pass (rho + rho^+) / 2 if that is what you mean.",
    )
    trace = torch.diagonal(values, dim1=-2, dim2=-1).sum(-1)
    off = float((trace - 1).abs().max()) if rho.numel() else 0.0
    check(
        off <= tol,
        f"Argument `{name}` must have trace 1, but is off by {off:.2g}. Divide by the trace.",
    )
    eigenvalues = torch.linalg.eigvalsh(rho)
    low = float(eigenvalues.detach().min()) if eigenvalues.numel() else 0.0
    check(
        low >= -tolerance(eigenvalues),
        f"Argument `{name}` must be positive semi-definite, but has the eigenvalue {low:.3g}. Give a density matrix.",
    )
    return eigenvalues


def _entropy(eigenvalues: Tensor) -> Tensor:
    """-sum x log x over the last axis, zero (also in the gradient) where x <= 0."""
    x = torch.where(eigenvalues > 0, eigenvalues, torch.ones_like(eigenvalues))
    return -(x * x.log()).sum(-1)


def _in_base(nats: Tensor, base: float | None) -> Tensor:
    if base is None:
        return nats
    check(
        base > 1, f"Argument `base` must be above 1, but is {base}. Use 2 for bits, None for nats."
    )
    return nats / math.log(base)


@takes_arrays
def von_neumann_entropy(rho: Tensor, *, base: float | None = None) -> Tensor:
    """Returns S(rho) = -Tr rho log rho, shape (...).

    Args:
        rho: density matrices (..., D, D).
        base: of the logarithm; None for nats, 2 for bits.

    Raises:
        InvalidInput: when `rho` is not a state.

    Example:
        >>> import torch
        >>> round(von_neumann_entropy(torch.eye(4, dtype=torch.complex128) / 4, base=2).item(), 12)
        2.0
    """
    return _in_base(_entropy(require_state("rho", rho)), base)


@takes_arrays
def purity(rho: Tensor) -> Tensor:
    """Returns Tr rho^2, shape (...), between 1/D and 1.

    Raises:
        InvalidInput: when `rho` is not a state.
    """
    require_state("rho", rho.detach())
    return _purity(rho)


def _purity(rho: Tensor) -> Tensor:
    return (rho.conj() * rho).real.sum((-2, -1))


@takes_arrays
def mutual_information(
    rho: Tensor,
    dims: Sequence[int],
    a: Sequence[int],
    b: Sequence[int],
    *,
    base: float | None = None,
) -> Tensor:
    """Returns I(a:b) = S(a) + S(b) - S(ab), shape (...), between 0 and 2 min(log d_a, log d_b).

    Args:
        rho: density matrices (..., D, D).
        dims: dimensions of the subsystems, product D.
        a: subsystems of the one side.
        b: subsystems of the other side, none of them in `a`.
        base: of the logarithm; None for nats.

    Raises:
        InvalidInput: when `rho` is not a state, or the sides overlap, are empty or do not exist.
    """
    check(
        len(a) > 0 and len(b) > 0 and not set(a) & set(b),
        f"Arguments `a` and `b` must be two disjoint, non-empty groups of subsystems, but are {tuple(a)} and "
        f"{tuple(b)}. Name each subsystem once.",
    )
    both, *sides = (
        von_neumann_entropy(partial_trace(rho, dims, part)) for part in ((*a, *b), a, b)
    )
    return _in_base(sum(sides, start=-both), base)


@takes_arrays
def total_correlation(rho: Tensor, dims: Sequence[int], *, base: float | None = None) -> Tensor:
    """Returns sum_m S(rho_m) - S(rho), shape (...), zero exactly for product states.

    Raises:
        InvalidInput: when `rho` is not a state or does not fit `dims`.
    """
    singles = (von_neumann_entropy(partial_trace(rho, dims, (m,))) for m in range(len(dims)))
    return _in_base(sum(singles, start=-von_neumann_entropy(rho)), base)


@takes_arrays
def logarithmic_negativity(
    rho: Tensor, dims: Sequence[int], subsystems: Sequence[int], *, base: float = 2
) -> Tensor:
    """Returns log ||rho^{T_s}||_1 of `subsystems` against the rest, shape (...); in bits by default.

    It is zero for separable states, and for entangled ones whose partial transpose is positive.

    Source: Vidal and Werner (2002), Phys. Rev. A 65, 032314, eq. 6.

    Raises:
        InvalidInput: when `rho` is not a state, does not fit `dims`, or a subsystem does not exist.
    """
    swapped = partial_transpose(rho, dims, subsystems)
    require_state("rho", rho.detach())
    return _in_base(_log_trace_norm(torch.linalg.eigvalsh(swapped)), base)


def _log_trace_norm(eigenvalues: Tensor) -> Tensor:
    """log sum |x|, by 1 + 2 sum of the negative ones: no cancellation near zero, and exactly 0 when there is none."""
    return torch.log1p(2 * (-eigenvalues).clamp(min=0).sum(-1))


@takes_arrays
def fidelity(rho: Tensor, sigma: Tensor) -> Tensor:
    """Returns F = (Tr sqrt(sqrt(rho) sigma sqrt(rho)))^2, shape (...): the squared convention (QuTiP gives its root).

    Leading axes broadcast. It is evaluated as the squared trace norm of sqrt(rho) sqrt(sigma); gradients do not exist
    where a state has equal eigenvalues.

    Source: Jozsa (1994), J. Mod. Opt. 41, 2315.

    Raises:
        InvalidInput: when one of them is not a state or their shapes differ.
    """
    _check_pair(rho, sigma)
    return torch.linalg.svdvals(_root("rho", rho) @ _root("sigma", sigma)).sum(-1).square()


def _root(name: str, rho: Tensor) -> Tensor:
    require_state(name, rho.detach())
    x, V = torch.linalg.eigh(rho)
    # The root turns round-off of 1e-17 into 3e-9, so what is below round-off counts as zero before it is taken.
    x = torch.where(x > x.shape[-1] * torch.finfo(x.dtype).eps, x, torch.zeros_like(x))
    return (V * x.sqrt()[..., None, :]) @ V.mH


@takes_arrays
def trace_distance(rho: Tensor, sigma: Tensor) -> Tensor:
    """Returns ||rho - sigma||_1 / 2, shape (...), between 0 and 1. Leading axes broadcast.

    Raises:
        InvalidInput: when one of them is not a state or their shapes differ.
    """
    _check_pair(rho, sigma)
    require_state("rho", rho.detach())
    require_state("sigma", sigma.detach())
    return torch.linalg.eigvalsh(rho - sigma).abs().sum(-1) / 2


def _check_pair(rho: Tensor, sigma: Tensor) -> None:
    check(
        rho.shape[-2:] == sigma.shape[-2:],
        f"Arguments `rho` and `sigma` must have equal sides, but have shapes {tuple(rho.shape)} and "
        f"{tuple(sigma.shape)}. Compare states of the same system.",
    )


@takes_arrays
def entanglement_entropy(
    psi: Tensor, dims: Sequence[int], subsystem: int | Sequence[int], *, base: float | None = None
) -> Tensor:
    """Returns the entropy of `subsystem` in the pure states `psi`: its entanglement with the rest, shape (...).

    Args:
        psi: unit kets (..., D).
        dims: dimensions of the subsystems, product D.
        subsystem: which one, or a group of several.
        base: of the logarithm; None for nats.

    Raises:
        InvalidInput: when `psi` does not fit `dims`, is not of unit norm, or the subsystem does not exist.
    """
    D = math.prod(dims)
    check(
        psi.ndim >= 1 and psi.shape[-1] == D,
        f"Argument `psi` must have shape (..., {D}) for dims {tuple(dims)}, but has shape {tuple(psi.shape)}. "
        "Give kets of the joint system.",
    )
    group = (subsystem,) if isinstance(subsystem, int) else tuple(subsystem)
    check(
        len(set(group)) == len(group) and all(0 <= m < len(dims) for m in group),
        f"Argument `subsystem` must lie between 0 and {len(dims) - 1}, but is {subsystem}. Number subsystems from 0, "
        "leftmost first.",
    )
    A = apart(psi, dims, group)
    A = A if A.shape[-2] <= A.shape[-1] else A.mT  # both sides have one spectrum
    return _in_base(_entropy(require_state("psi", A @ A.mH)), base)


def qubit_entropy(bloch: np.ndarray) -> np.ndarray:
    """Returns the entropies, (...) nats, of qubits with Bloch vectors (..., 3)."""
    high = (1 + np.minimum(np.linalg.norm(bloch, axis=-1), 1)) / 2
    low = 1 - high
    return -(high * np.log(high) + low * np.log(np.where(low > 0, low, 1)))


@takes_arrays
def measures_over_time(
    rho: Tensor | np.ndarray, dims: Sequence[int], names: Sequence[str], *, negativity: bool = True
) -> Measures:
    """Returns every measure of the states `rho` over their leading axis.

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
    """
    rho = torch.as_tensor(rho).detach()
    M, D = len(dims), math.prod(dims)
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
    return Measures(
        Measure(kind, tuple(names[m] for m in part), values.numpy())
        for kind, about in KINDS.items()
        if negativity or not about.slow
        for part, values in about.of(states)
    )


@kind(
    "entropy",
    "von Neumann entropy",
    "entropy",
    "nats",
    cohort="entropy of the modalities at T (mean, nats)",
)
def _entropies(states: States) -> Values:
    whole = tuple(range(states.count))
    for part in [*states.singles, (), *(pair for pair in states.pairs if pair != whole)]:
        yield part, _entropy(states.eigenvalues(part))


@kind(
    "negativity",
    "logarithmic negativity",
    "log. negativity",
    "bits",
    slow=True,
    question="How much of it is entanglement?",
    shows="entanglement between each modality and the rest; zero for every separable state.",
    not_shown="entanglement within the rest, nor the bound kind that negativity misses.",
    cohort="entanglement of a modality with the rest at T (mean log. negativity, bits)",
)
def _negativities(states: States) -> Values:
    # Transposing one of two subsystems or the other gives transposed matrices: one spectrum serves both.
    for m in range({1: 0, 2: 1}.get(states.count, states.count)):
        swapped = partial_transpose(states.rho, states.dims, (m,))
        value = _in_base(_log_trace_norm(torch.linalg.eigvalsh(swapped)), 2)
        yield from ((part, value) for part in (states.singles if states.count == 2 else [(m,)]))


@kind(
    "mutual_information",
    "mutual information",
    "mutual information",
    "nats",
    between=":",
    question="How much do pairs share?",
    shows="all correlation of each pair, classical and quantum; all together: the total correlation.",
    not_shown="how much of it is entanglement: see the negativity.",
    beside="total_correlation",
    cohort="mutual information of pairs at T (mean, nats)",
)
def _mutual_informations(states: States) -> Values:
    for a, b in states.pairs:
        S = [_entropy(states.eigenvalues(part)) for part in ((a,), (b,), (a, b))]
        yield (a, b), S[0] + S[1] - S[2]


@kind(
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
            torch.stack([_entropy(states.eigenvalues(part)) for part in states.singles]).sum(0)
            - _entropy(states.eigenvalues(())),
        )


@kind(
    "purity",
    "purity Tr ρ² (1 = pure)",
    "purity",
    question="How pure do the states stay?",
    shows="purity of each modality's state and of all together; 1/d for a fully mixed state of dimension d.",
    not_shown="whether entanglement or jumps made a state mixed.",
)
def _purities(states: States) -> Values:
    yield from ((part, _purity(states.reduced(part))) for part in [*states.singles, ()])
