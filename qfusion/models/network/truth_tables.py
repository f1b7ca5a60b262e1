"""Decision-level fusion by entangling qubits: soft truth tables that can be read, named and edited.

Modality m gives element i the mass p_mi = sin^2(theta_mi / 2): the probability of 1 of its qubit RY(theta_mi)|0>. A
fused qubit is turned by RY(phi_ib) for each outcome pattern b of the modality qubits, which are then left out. Its
state is

    <Z> = sum_b P_i(b) cos phi_ib,   <X> = sum_b P_i(b) sin phi_ib,   mass of 1 = sum_b P_i(b) sin^2(phi_ib / 2),

where P_i(b) is the product of the masses: phi in {0, pi} gives Boolean rules (AND is Dempster's conjunctive rule on
plausibilities, OR the disjunctive one; arXiv 2401.01392, 2410.08949). More than three modalities are fused one after
another, so that the cost is linear in M.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from qfusion.quantum import states

RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "and": lambda ones: (ones == ones.max()).double(),
    "or": lambda ones: (ones > 0).double(),
    "mean": lambda ones: ones / ones.max(),
    "majority": lambda ones: (
        (2 * ones > ones.max()).double() + 0.5 * (2 * ones == ones.max()).double()
    ),
}
JOINT_LIMIT = 3  # modalities that share one table of 2^M angles; more are chained


def patterns(M: int) -> Tensor:
    """Return all outcome patterns of M qubits, (2^M, M), the first modality slowest."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * M).view(2**M, M)


def rule_angles(rule: str, M: int) -> Tensor:
    """Return the angles of a named rule for one table on M modalities, (2^M,), radians in [0, pi].

    "mean" turns by pi times the share of ones, so that its mass is a smooth, monotone mean.
    """
    return math.pi * RULES[rule](patterns(M).sum(1).double())


def stage_sizes(M: int) -> list[int]:
    """Return how many qubits control each fused qubit: one joint table up to three modalities, then pairs in a
    chain."""
    return [M] if M <= JOINT_LIMIT else [2] * (M - 1)


def named_angles(rule: str, M: int) -> Tensor:
    """Return the angles of a named rule over all stages, (stages, patterns)."""
    if M <= JOINT_LIMIT:
        return rule_angles(rule, M)[None]
    if rule != "mean":
        return rule_angles(rule, 2).repeat(M - 1, 1)
    # masses weigh the newcomer 1 / count against the mean so far
    masses = [[0.0, 1 / count, 1 - 1 / count, 1.0] for count in range(2, M + 1)]
    return 2 * torch.asin(torch.tensor(masses, dtype=torch.float64).sqrt())


def separate_angles(turns: Tensor) -> Tensor:
    """Return the tables of separate rotations, one for each modality: phi_b = pi / 2 + a_0 + sum_m b_m a_m.

    Args:
        turns: a_0 and one angle for each qubit that controls the stage, (n, stages, 1 + k).

    Returns:
        Angles (n, stages, 2^k).
    """
    return math.pi / 2 + turns[..., :1] + turns[..., 1:] @ patterns(turns.shape[-1] - 1).to(turns).T


def nearest_turns(phi: Tensor) -> Tensor:
    """Return the separate rotations, (..., 1 + k), whose tables are nearest to phi (..., 2^k). Tables that are a
    mean in the angle are matched exactly.
    """
    bits = patterns((phi.shape[-1] - 1).bit_length()).to(phi)
    design = torch.cat([torch.ones_like(bits[:, :1]), bits], 1)
    return (phi - math.pi / 2) @ torch.linalg.pinv(design).T


def probabilities(masses: Tensor) -> Tensor:
    """Return the probability of every outcome pattern, (..., 2^k), of independent qubits with masses (..., k)."""
    return states.product(torch.stack([1 - masses, masses], -1).unbind(-2))


def fuse(masses: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Return the fused qubits' vectors and the fused mass after each stage.

    Args:
        masses: p_mi, (..., n, M).
        phi: angles, (n, stages, patterns).

    Returns:
        Vectors (1, <X>, <Z>) of the last fused qubits, (..., n, 3), and masses (..., n, stages).
    """
    controls = phi.shape[-1].bit_length() - 1
    P = probabilities(masses[..., :controls])
    fused: list[Tensor] = []
    for stage, table in enumerate(torch.sin(phi / 2).square().unbind(1)):
        if stage:
            P = probabilities(torch.stack([fused[-1], masses[..., stage + 1]], -1))
        fused.append((P * table).sum(-1))
    x, z = ((P * values[:, -1]).sum(-1) for values in (torch.sin(phi), torch.cos(phi)))
    return torch.stack([torch.ones_like(x), x, z], -1), torch.stack(fused, -1)


def named_rules(M: int) -> tuple[str, ...]:
    """Return the named rules for M modalities: the majority of two is the mean, and a chain has none."""
    return tuple(rule for rule in RULES if rule != "majority" or M == 3)


def nearest_rule(phi: Tensor, M: int) -> list[tuple[str, float]]:
    """Return for every element the named rule with the nearest table of masses, and the root mean square distance (0
    to 1).

    Args:
        phi: angles, (n, stages, patterns).
        M: number of modalities.
    """
    masses = torch.sin(phi.double() / 2).square()
    named = named_rules(M)
    tables = torch.stack([torch.sin(named_angles(rule, M) / 2).square() for rule in named])
    least = (masses[:, None] - tables.to(masses.device)).square().mean((2, 3)).sqrt().min(1)
    return [
        (named[place], distance)
        for distance, place in zip(least.values.tolist(), least.indices.tolist(), strict=True)
    ]


def fused_entropy(vectors: Tensor) -> Tensor:
    """Return the von Neumann entropy of qubits with vectors (1, <X>, <Z>), (..., 3), in nats.

    It is the entanglement of a fused qubit with the qubits that it was fused from, as these are together in a pure
    state.
    """
    r = torch.hypot(vectors[..., 1], vectors[..., 2]).clamp(max=1)
    return -(torch.xlogy((1 + r) / 2, (1 + r) / 2) + torch.xlogy((1 - r) / 2, (1 - r) / 2))
