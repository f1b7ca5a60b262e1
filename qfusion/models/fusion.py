"""Decision-level fusion by entangling qubits: soft truth tables that can be read, named and edited.

Modality m gives element i the mass p_mi = sin^2(theta_mi / 2): the probability of 1 of its qubit RY(theta_mi)|0>. A
fused qubit is turned by RY(phi_ib) for each outcome pattern b of the modality qubits, which are then left out. Its
state is

    <Z> = sum_b P_i(b) cos phi_ib,   <X> = sum_b P_i(b) sin phi_ib,   mass of 1 = sum_b P_i(b) sin^2(phi_ib / 2),

where P_i(b) is the product of the masses: phi in {0, pi} gives Boolean rules (AND is Dempster's conjunctive rule on
plausibilities, OR the disjunctive one; arXiv 2401.01392, 2410.08949). More than three modalities are fused one after
another, so that the cost is linear in M.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "and": lambda ones: (ones == ones.max()).double(),
    "or": lambda ones: (ones > 0).double(),
    "mean": lambda ones: ones / ones.max(),
    "majority": lambda ones: (
        (2 * ones > ones.max()).double() + 0.5 * (2 * ones == ones.max()).double()
    ),
}
INITIAL = ("mean", "and", "or", "random")
TABLES = ("joint", "separate")
JOINT_LIMIT = 3  # modalities that share one table of 2^M angles; more are chained


def patterns(M: int) -> Tensor:
    """Returns all outcome patterns of M qubits, (2^M, M), the first modality slowest."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * M).view(2**M, M)


def rule_angles(rule: str, M: int) -> Tensor:
    """Returns the angles of a named rule for one table on M modalities, (2^M,), radians in [0, pi].

    "mean" turns by pi times the share of ones, so that its mass is a smooth, monotone mean.
    """
    return math.pi * RULES[rule](patterns(M).sum(1).double())


def stage_sizes(M: int) -> list[int]:
    """Returns how many qubits control each fused qubit: one joint table up to three modalities, then pairs in a
    chain."""
    return [M] if M <= JOINT_LIMIT else [2] * (M - 1)


def named_angles(rule: str, M: int) -> Tensor:
    """Returns the angles of a named rule over all stages, (stages, patterns)."""
    if M <= JOINT_LIMIT:
        return rule_angles(rule, M)[None]
    if rule != "mean":
        return rule_angles(rule, 2).repeat(M - 1, 1)
    return torch.stack([_weighted_mean(stage) for stage in range(2, M + 1)])


def _weighted_mean(count: int) -> Tensor:
    """Angles whose masses weigh the newcomer 1 / count against the mean so far."""
    masses = torch.tensor([0.0, 1 / count, 1 - 1 / count, 1.0], dtype=torch.float64)
    return 2 * torch.asin(masses.sqrt())


def separate_angles(turns: Tensor) -> Tensor:
    """Returns the tables of separate rotations, one for each modality: phi_b = pi / 2 + a_0 + sum_m b_m a_m.

    Args:
        turns: a_0 and one angle for each qubit that controls the stage, (n, stages, 1 + k).

    Returns:
        Angles (n, stages, 2^k).
    """
    return math.pi / 2 + turns[..., :1] + turns[..., 1:] @ patterns(turns.shape[-1] - 1).to(turns).T


def nearest_turns(phi: Tensor) -> Tensor:
    """Returns the separate rotations whose tables are nearest to phi (..., 2^k), (..., 1 + k); a mean in the angle is
    one exactly."""
    bits = patterns((phi.shape[-1] - 1).bit_length()).to(phi)
    design = torch.cat([torch.ones_like(bits[:, :1]), bits], 1)
    return (phi - math.pi / 2) @ torch.linalg.pinv(design).T


def probabilities(masses: Tensor) -> Tensor:
    """Returns the probability of every outcome pattern, (..., 2^k), of independent qubits with masses (..., k)."""
    result = masses.new_ones(*masses.shape[:-1], 1)
    for m in range(masses.shape[-1]):
        p = masses[..., m, None]
        result = torch.stack([result * (1 - p), result * p], -1).flatten(-2)
    return result


def fuse(masses: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the fused qubits' vectors and the fused mass after each stage.

    Args:
        masses: p_mi, (..., n, M).
        phi: angles, (n, stages, patterns).

    Returns:
        Vectors (1, <X>, <Z>) of the last fused qubits, (..., n, 3), and masses (..., n, stages).
    """
    tables = torch.sin(phi / 2).square()
    if phi.shape[1] == 1:
        P = probabilities(masses)
        x, z = (P * torch.sin(phi[:, 0])).sum(-1), (P * torch.cos(phi[:, 0])).sum(-1)
        return torch.stack([torch.ones_like(x), x, z], -1), (P * tables[:, 0]).sum(-1)[..., None]
    stages = [masses[..., 0]]
    for stage in range(phi.shape[1]):
        stages.append(_mean(tables[:, stage], stages[stage], masses[..., stage + 1]))
    x, z = (
        _mean(values, stages[-2], masses[..., -1])
        for values in (torch.sin(phi[:, -1]), torch.cos(phi[:, -1]))
    )
    return torch.stack([torch.ones_like(x), x, z], -1), torch.stack(stages[1:], -1)


def _mean(table: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The mean of a table (n, 4) over two qubits with masses (..., n), the first slowest, without all outcomes'
    probabilities."""
    low, high = (table[:, b] + (table[:, b + 2] - table[:, b]) * first for b in (0, 1))
    return low + (high - low) * second


def nearest_rule(phi: Tensor, M: int) -> list[tuple[str, float]]:
    """Returns for every element the named rule with the nearest table of masses, and the root mean square distance (0
    to 1).

    Args:
        phi: angles, (n, stages, patterns).
        M: number of modalities.
    """
    masses = torch.sin(phi.double() / 2).square()
    named = [
        rule for rule in RULES if rule != "majority" or M == 3
    ]  # of two it is the mean, and a chain has none
    tables = {
        rule: torch.sin(named_angles(rule, M).to(masses.device) / 2).square() for rule in named
    }
    distances = {
        rule: (masses - table).square().mean((1, 2)).sqrt() for rule, table in tables.items()
    }
    return [
        min(((rule, float(d[i])) for rule, d in distances.items()), key=lambda pair: pair[1])
        for i in range(len(phi))
    ]
