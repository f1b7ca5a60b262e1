"""What stands in for a modality that a coalition leaves out: a mean state, or the rows themselves."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.models import Features, FusionModel, can, nested, require, truth_tables
from qfusion.quantum import states
from qfusion.training import encodings
from qfusion.training.batches import is_small
from qfusion.training.processes import ALONE, Group

KINDS: dict[str, str] = {
    "product": "Absent modalities are averaged over the background samples independently of one another.",
    "joint": "Absent modalities are averaged over the background samples together, as they occur.",
    "mixed": "Absent modalities are replaced by the maximally mixed state: nothing is known.",
    "zero": "Absent modalities are replaced by the reference state |0>: the encoder said nothing.",
    "cohort": "Absent modalities are averaged over chosen samples together, as they occur in these.",
    "contrast": "Absent modalities are taken from one other sample: why this decision rather than that?",
}
DEFAULT = "product"  # all coalitions break the pairing of the data alike
_NUMBERS = 10_000_000  # most numbers held at once
GROUPS = 8  # of samples that are drawn, by whose differences the error is told


@dataclass(frozen=True)
class _Behind:
    """What the backgrounds of both systems have in common.

    Attributes:
        kind: see KINDS.
        size: number of samples averaged over; 0 for "mixed" and "zero".
        label: what was chosen: the name of a cohort, or the id of the sample to contrast with.
        total: number of samples that they stand for, where they are some of them, drawn at random; else 0.
    """

    kind: str
    size: int
    label: str = ""
    total: int = 0

    @property
    def is_drawn(self) -> bool:
        """Whether its samples are some of those that they stand for."""
        return self.size < self.total

    @property
    def is_exact(self) -> bool:
        """Whether means over its samples are exact: they are all that it stands for."""
        return not self.is_drawn

    @property
    def name(self) -> str:
        """The kind; of a cohort its size and label too, of a contrast which sample it is; of some of the rows how
        many."""
        kind = f"contrast sample {self.label}".rstrip() if self.kind == "contrast" else self.kind
        if self.kind == "cohort":
            kind = f"cohort of {self.size:,} samples" + (f" '{self.label}'" if self.label else "")
        return f"{kind}, {self.size:,} of {self.total:,} rows" if self.is_drawn else kind

    def _numbers(self) -> Tensor:
        raise NotImplementedError

    @cached_property
    def key(self) -> str:
        """Tells backgrounds apart, also those of one name: name and digest of the numbers."""
        return f"{self.name} {hashlib.sha256(self._numbers().contiguous().numpy().tobytes()).hexdigest()[:16]}"


@dataclass(frozen=True, kw_only=True)
class Background(_Behind):
    """A mean state.

    Attributes:
        sigma: density matrix (D, D), complex128.
        dims: dimension of each modality.
        groups: of samples that are drawn, the mean states of `GROUPS` groups of them, (G, D, D).
    """

    sigma: Tensor
    dims: tuple[int, ...]
    groups: Tensor | None = None

    def parts(self) -> list[Background]:
        """Returns the backgrounds of groups of its samples: how they differ says how well all are known."""
        assert self.groups is not None
        return [replace(self, sigma=sigma, groups=None, total=0) for sigma in self.groups]

    def _numbers(self) -> Tensor:
        return self.sigma


@dataclass(frozen=True, kw_only=True)
class RowBackground(_Behind):
    """The background samples of an EntangledQCNN, whose scores are multilinear in the masses but not in a mean state of
    all modalities.

    Attributes:
        masses: per sample, element and modality, (N, n, M) double.
    """

    masses: Tensor

    def _numbers(self) -> Tensor:
        return self.masses

    def parts(self) -> list[RowBackground]:
        """Returns the backgrounds of groups of its samples: how they differ says how well all are known."""
        return [
            replace(self, masses=self.masses[group::GROUPS], total=0) for group in range(GROUPS)
        ]

    @cached_property
    def distributions(self) -> Tensor:
        """Mean probability of every outcome of each modality's qubits, (M, 2^n): what "product" needs."""
        _, n, M = self.masses.shape
        parts = [
            torch.stack([truth_tables.probabilities(chunk[..., m]).sum(0) for m in range(M)])
            for chunk in self.masses.split(max(1, _NUMBERS // 2**n))
        ]
        return torch.stack(parts).sum(0) / len(self.masses)


@dataclass(frozen=True, kw_only=True)
class SampleBackground(_Behind):
    """Background samples of a model that nothing is known of but how it fuses; see `coalitions.evaluated_values`.

    Of kind "product" the rows of every modality are shuffled on their own: of all combinations of rows so many are
    taken as there are rows, and means over them have standard errors.

    Attributes:
        states: what their modalities come to, by name; `size` rows each.
    """

    states: Mapping[str, Any]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return tuple(self.states)

    @property
    def is_exact(self) -> bool:
        """Whether means over its rows are exact: they are all that it stands for, and none are shuffled."""
        return not self.is_drawn and not self._is_shuffled

    @property
    def population(self) -> float:
        """How many rows, or combinations of rows, there are to draw from."""
        return math.inf if self._is_shuffled else max(self.total, self.size)

    @property
    def _is_shuffled(self) -> bool:
        return self.kind == "product" and len(self.states) > 1 and self.size > 1

    def _numbers(self) -> Tensor:
        return torch.cat(
            [entry.double().flatten() for entry in nested.nested_leaves(dict(self.states))]
        )

    def some(self, count: int, seed: int = 0) -> SampleBackground:
        """Returns a background of so many of its rows, drawn at random, each once; itself where it has no more."""
        if count >= self.size:
            return self
        drawn = np.sort(np.random.default_rng(seed).choice(self.size, count, replace=False))
        return replace(
            self,
            states={name: nested.nested_part(entry, drawn) for name, entry in self.states.items()},
            size=count,
        )


AnyBackground = Background | RowBackground | SampleBackground


def fitting(model: FusionModel, background: AnyBackground) -> Any:
    """Returns a background, a `RowBackground` for masses, a `Background` for kets, else a `SampleBackground`.

    Raises:
        InvalidInput: when it was made with another kind of model, or with other modalities or dimensions.
    """
    if can(model, "masses"):
        shape = require(model, "masses").elements, len(model.modalities)
        fits = isinstance(background, RowBackground) and background.masses.shape[1:] == shape
    elif can(model, "kets"):
        fits = isinstance(background, Background) and background.dims == require(model, "kets").dims
    else:
        fits = (
            isinstance(background, SampleBackground) and background.modalities == model.modalities
        )
    check(
        fits,
        "Argument `background` comes from another kind of model, or one of other modalities or dimensions. Make it "
        "with this model.",
    )
    return background


@torch.no_grad()
def background(
    model: FusionModel,
    inputs: Mapping[str, Features] | None = None,
    kind: str = DEFAULT,
    label: str = "",
) -> AnyBackground:
    """Returns the background of a model's explanations; see `KINDS`.

    Args:
        model: the model whose encoders make the states.
        inputs: background samples, usually the whole training set; any rows for "cohort", one for "contrast"; not used
            by "mixed" and "zero".
        kind: of KINDS.
        label: name of the cohort, or id of the sample to contrast with; it is shown with every explanation.

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when samples are needed and missing, do not fit the model, or are not one for "contrast"; when the
            model has no states of which "mixed" or "zero" could be made.
    """
    choose("Background", kind, KINDS)
    check(
        kind in kinds_of(model),
        f"Argument `kind` must be one of {', '.join(kinds_of(model))} for a model of kind {model.kind}, but is "
        f"'{kind}': it has no states of its modalities. Choose 'product'.",
    )
    if kind in ("mixed", "zero"):
        return _of_nothing(model, kind, label)
    check(
        inputs is not None,
        f"Argument `inputs` must hold the background samples for kind {kind!r}, but is None. "
        "Give rows of the data, or choose 'mixed' or 'zero'.",
    )
    check(
        not any(torch.is_tensor(x) and x.shape[:1] == (0,) for x in nested.nested_leaves(inputs)),
        "Argument `inputs` must hold at least one background sample, but holds none. Give rows of the data.",
    )
    encoded = dict(model.encode(inputs or {}))
    return _of_samples(model, [(0, encoded)], nested.nested_length(encoded), kind, label)


def kinds_of(model: FusionModel) -> tuple[str, ...]:
    """Returns the kinds of backgrounds that a model can have: all with states, else those that consist of samples."""
    return tuple(KINDS) if can(model, "states") else ("product", "joint", "cohort", "contrast")


def _of_nothing(model: FusionModel, kind: str, label: str) -> AnyBackground:
    if can(model, "masses"):
        # no evidence leaves every qubit on the equator, which is as good as maximally mixed to a control
        half = torch.full(
            (1, require(model, "masses").elements, len(model.modalities)), 0.5, dtype=torch.float64
        )
        return RowBackground(masses=half, kind=kind, size=0, label=label)
    dims = require(model, "kets").dims
    one = torch.eye(math.prod(dims), dtype=torch.complex128)
    sigma = one / len(one) if kind == "mixed" else states.density(one[0])
    return Background(sigma=sigma, kind=kind, size=0, label=label, dims=dims)


def _of_samples(
    model: FusionModel,
    parts: Iterable[tuple[int, dict[str, Any]]],
    count: int,
    kind: str,
    label: str,
    group: Group = ALONE,
) -> AnyBackground:
    """The background of so many samples.

    With kets "joint", "cohort", "contrast" have sigma = mean_n rho_1(x_n) x ... x rho_M(x_n), so that Tr_S sigma
    averages over whole samples; "product" the product of the modalities' mean states.

    Args:
        parts: numbers of those parts of them that fall to this process, and what these come to; of a model without
            states all of them.
    """
    check(
        kind != "contrast" or count == 1,
        f"Argument `inputs` must hold the one sample to contrast with, but holds {count}. Give one row, or choose "
        "kind 'cohort'.",
    )
    if can(model, "kets"):
        with_kets = require(model, "kets")
        dims, apart = with_kets.dims, kind == "product"
        sizes = dims if apart else (math.prod(dims),)
        totals = [torch.zeros(d, d, dtype=torch.complex128) for d in sizes]
        for _, encoded in parts:
            kets = {name: encoded[name].to(torch.complex128) for name in model.modalities}
            together = list(kets.values()) if apart else [with_kets.product_state(kets)]
            for total, ket in zip(totals, together, strict=True):
                total += ket.mT @ ket.conj()
        means = [
            torch.view_as_complex(group.sum(torch.view_as_real(total))) / count for total in totals
        ]
        return Background(
            sigma=reduce(torch.kron, means), kind=kind, size=count, label=label, dims=dims
        )
    if can(model, "masses"):
        masses = {
            number: torch.stack([part[name].double() for name in model.modalities], -1)
            for number, part in parts
        }
        joined = torch.cat([part for _, part in sorted(group.collected(masses).items())])
        return RowBackground(masses=joined, kind=kind, size=count, label=label)
    ((_, encoded),) = parts
    if kind == "product":
        encoded = _shuffled(encoded)
    return SampleBackground(states=encoded, kind=kind, size=count, total=count, label=label)


def _shuffled(encoded: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """Returns states whose rows are shuffled on their own in every modality but the first."""
    random = np.random.default_rng(seed)
    first, *others = encoded
    result = {first: encoded[first]}
    for name in others:
        order = random.permutation(nested.nested_length(encoded[name]))
        result[name] = nested.nested_part(encoded[name], order)
    return result


def rest_state(sigma: Tensor, dims: tuple[int, ...], subset: tuple[int, ...]) -> Tensor:
    """Returns the background's state of the modalities that are *not* in `subset`."""
    return states.partial_trace(sigma, dims, [m for m in range(len(dims)) if m not in subset])


# Backgrounds and explanations of data sets that do not fit in memory, or are shared by several processes: chunk by
# chunk.

CHUNK = 4096  # rows held at once


def chunks(rows: np.ndarray, group: Group = ALONE) -> Iterator[tuple[int, np.ndarray]]:
    """Yields number and rows of the chunks that fall to this process; where they begin does not depend on how many
    share the work."""
    for number in range(group.rank, -(-len(rows) // CHUNK), group.size):
        yield number, rows[number * CHUNK : (number + 1) * CHUNK]


@torch.no_grad()
def background_of(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    kind: str = DEFAULT,
    label: str = "",
    group: Group = ALONE,
) -> AnyBackground:
    """Returns the background that `background` makes of these rows, without holding their features at once.

    Args:
        model: in double precision.
        dataset, rows: the background samples.
        kind, label: see `background`.
        group: processes that share the work; each gets the whole result.
    """
    if kind in ("mixed", "zero"):
        return background(model, None, kind, label)
    if not can(model, "states") and not encodings.is_kept(model, dataset):
        return _of_some(model, dataset, rows, kind, label)
    if len(rows) <= CHUNK or kind == "contrast" or not can(model, "states"):
        return background(model, encodings.encoded_inputs(model, dataset, rows), kind, label)
    parts = (
        (number, model.encode(encodings.encoded_inputs(model, dataset, part)))
        for number, part in chunks(rows, group)
    )
    return _of_samples(model, parts, len(rows), kind, label, group)


def _of_some(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, kind: str, label: str
) -> AnyBackground:
    """A background of features as they are: of as many rows as fit into memory, drawn at random."""
    drawn = rows
    if not is_small(dataset, len(rows)):
        most = len(dataset.blocks(rows, most=len(rows))[0])
        drawn = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    result = background(model, dataset.inputs(drawn, torch.float64), kind, label)
    return replace(result, total=len(rows)) if isinstance(result, SampleBackground) else result
