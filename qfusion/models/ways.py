"""How the scores of an evolution are worked out, and what each way costs.

observables   O_c(T) once, whatever the batch: Tr[O_c(T) rho_0]
states        rho(T) of every sample, where there are fewer of them than observables
trajectories  the mean over sampled quantum-jump trajectories of every sample, with its standard error, where a
              D x D matrix costs too much
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from qfusion._checks import choose
from qfusion.quantum.lindblad import SMALL

WAYS = ("observables", "states", "trajectories")
SAMPLED = 256  # trajectories of a sample that is predicted
_APPLICATIONS = 30  # of a generator, of the sizes that are learned, in one evolution
_MOST_OPERATIONS, _MOST_BYTES = (
    3e12,
    8 * 2**30,
)  # beyond either, sampling is considered: minutes on a core, and memory


@dataclass(frozen=True)
class Choice:
    """How a batch is worked out.

    Attributes:
        way: of WAYS.
        why: one sentence.
        operations: floating-point operations of one evolution, estimated.
        memory: bytes of it, estimated.
    """

    way: str
    why: str
    operations: float
    memory: float


@dataclass(frozen=True)
class Estimate:
    """Scores of samples with how far off they may be.

    Attributes:
        scores: (B, C). errors: standard errors of them, (B, C); 0 where nothing was sampled.
        trajectories: of each sample; 0 where nothing was sampled.
    """

    scores: Tensor
    errors: Tensor
    trajectories: int


def choice(
    dims: Sequence[int],
    terms: Sequence[tuple[int, int]],
    rows: int,
    outputs: int,
    gradient: bool = False,
    forced: str = "auto",
    exact: bool = True,
) -> Choice:
    """Returns the way that is cheapest, or the one that is forced, with its cost.

    Args:
        dims: of the modality states.
        terms: side d and number of jump operators of each term of the generator.
        rows: samples in the batch.
        outputs: number of scores.
        gradient: whether the iterates of the evolution are held for a backward pass.
        forced: of WAYS, or "auto".
        exact: False where D x D matrices are out of the question.

    Raises:
        NotFound: when `forced` is neither.
    """
    choose("Way", forced, ("auto", *WAYS))
    D = math.prod(dims)

    def matrices(count: int) -> tuple[float, float]:
        packed = count if D <= SMALL or count == 1 else math.ceil(count / 2)
        once = 2 * D**4 if D <= SMALL else sum(8 * D**2 * d * (2 + 2 * K) for d, K in terms)
        return float(_APPLICATIONS * packed * once), float(
            16 * D**2 * packed * (_APPLICATIONS * gradient + 6)
        )

    kets = float(rows * SAMPLED * _APPLICATIONS * sum(8 * D * d for d, _ in terms)), float(2**28)
    costs = {"observables": matrices(outputs), "states": matrices(rows), "trajectories": kets}
    if forced != "auto":
        return Choice(forced, f"{forced.capitalize()}, as was asked for.", *costs[forced])
    way = "states" if 2 * rows < outputs else "observables"
    operations, memory = costs[way]
    if not exact:
        return Choice(
            "trajectories", f"Sampled trajectories: D = {D:,} is beyond matrices of D x D.", *kets
        )
    if (operations > _MOST_OPERATIONS or memory > _MOST_BYTES) and kets[0] < operations:
        return Choice(
            "trajectories",
            f"Sampled trajectories: at D = {D:,} an exact evolution takes about "
            f"{operations:.1g} operations and {memory / 2**30:.1g} GiB, {SAMPLED} trajectories of each of "
            f"{rows:,} samples about {kets[0]:.1g} operations.",
            *kets,
        )
    many = (
        f"{outputs} observable{'s' * (outputs != 1)}" if way == "observables" else f"{rows} states"
    )
    work = costs["states"][0] / operations
    fewer = (
        "fewer than there are observables"
        if way == "states"
        else "evolved once for any number of samples"
        + (f" ({rows:,} states would be {work:,.0f} times the work)" if work >= 1.5 else "")
    )
    held = (
        "as one real matrix"
        if D <= SMALL
        else "by products of matrices"
        if len(terms) == 1
        else "by products with each term"
    )
    return Choice(way, f"Exact: {many} of D = {D:,}, {fewer}, {held}.", operations, memory)
