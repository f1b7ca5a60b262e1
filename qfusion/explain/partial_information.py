"""Partial information decomposition of a distribution of few values, and the union information of a table.

The redundancy of two sources is that of Bertschinger and others (2014, BROJA). The union information is the least
information about the target in any distribution that keeps the information of each source alone,

    I_union = min_Q I_Q(Y; X_1 ... X_M)   where Q(y, x_m) = P(y, x_m) for every m.

It is defined for more sources, too (Griffith and Koch 2014), and determines the other parts: synergy is the total
information beyond it, the unique information of a source is its decrease when the source is left out, and redundancy is
the rest. CCS and I_min are computed by the library dit. dit's optimiser for BROJA stopped up to .01 bits above the
minimum in our tests, so BROJA is computed here by alternating minimisation with a certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, choose, require_finite
from qfusion._lazy import load

MEASURES = BROJA, CCS, I_MIN = ("BROJA", "CCS", "I_min")


def exact(p: np.ndarray, measure: str = BROJA, names: Sequence[str] = ()) -> dict[str, float]:
    """Return the partial information of every node of the lattice of two or three sources, in bits.

    Nodes are called by what tells the same: "a|b" is redundant, "a" unique, "a+b" synergistic; of three "a|b+c" is what
    a alone and b with c tell alike (Williams and Beer 2010, arXiv 1004.2515).

    Args:
        p: probabilities of the sources and, on the last axis, the target: (|X_1|, ..., |X_M|, |Y|).
        measure: "BROJA" (Bertschinger and others 2014; two sources), "CCS" (Ince 2017) or "I_min" (Williams and Beer
            2010).
        names: of the sources; a, b, c unless told.

    Raises:
        NotFound: when there is no such measure.
        InvalidInput: when `p` is no distribution of two or three sources, or BROJA is asked of three.

    Example:
        >>> xor = np.zeros((2, 2, 2))
        >>> xor[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] = 0.25
        >>> round(exact(xor)["a+b"], 6)
        1.0
    """
    choose("Measure", measure, MEASURES)
    p = np.asarray(p, dtype=float)
    M = p.ndim - 1
    check(
        M == 2 or (M == 3 and measure != BROJA),
        f"Measure {measure} decomposes {'two' if measure == BROJA else 'two or three'} sources, but `p` has {M}. "
        "Decompose one source against the rest.",
    )
    require_finite("p", p)
    check(
        bool((p >= 0).all()) and bool(np.isclose(p.sum(), 1)),
        f"Argument `p` must hold probabilities that add up to 1, but adds up to {p.sum():.3g}. Divide by the sum.",
    )
    names = list(names) or list("abc"[:M])
    if measure == BROJA:
        joint = p[..., p.sum((0, 1)) > 0].reshape(-1, int((p.sum((0, 1)) > 0).sum())).T
        alone = [p.sum(1 - m).T[p.sum((0, 1)) > 0] for m in range(2)]
        both, one, two = (
            union(parts, 1e-9, 50_000).bits for parts in (alone, alone[:1], alone[1:])
        )
        return {
            "|".join(names): one + two - both,
            names[0]: both - two,
            names[1]: both - one,
            "+".join(names): union([joint]).bits - both,
        }
    dit = load("dit")  # takes seconds
    load("dit.pid")
    distribution = dit.Distribution(
        [tuple(map(int, cell)) for cell in np.argwhere(p > 0)], p[p > 0].tolist()
    )
    decompose = dit.pid.PID_CCS if measure == CCS else dit.pid.PID_WB
    lattice = decompose(distribution, [[m] for m in range(M)], [M])
    return {
        "|".join(
            "+".join(names[m] for m in sorted(part)) for part in sorted(node, key=sorted)
        ): float(lattice[node])
        for node in lattice._lattice
    }


@dataclass(frozen=True, eq=False)
class Union:
    """The union information of sources about a target.

    Attributes:
        bits: an estimate of it, where the search stopped.
        gap: it is at most so many bits below; what is proved, mostly far less.
        potentials: a source, (|Y|, |X_m|): what its values add to the bits of a sample; they average to `bits`.
    """

    bits: float
    gap: float
    potentials: tuple[np.ndarray, ...]

    def pointwise(self, levels: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
        """Return the information, in bits, of samples (n,) whose sources have these levels."""
        return np.sum(
            [u[y, level] for u, level in zip(self.potentials, levels, strict=True)], axis=0
        )


def union(tables: Sequence[np.ndarray], tolerance: float = 1e-4, most: int = 2000) -> Union:
    """Return the union information of sources of which only the relation of each single one to the target is known.

    Minimises I_Q over Q with the given tables by turns: R is the mean of Q(x | y) over y, then Q(x | y) the projection
    of R on the tables' conditionals, by iterative proportional fitting (Banerjee, Rauh and Montufar 2018, whose
    divergences these are). Scalings a_m(y, x_m) of the projection are dual: where no x has
    sum_y p(y) prod_m a_m(y, x_m) above c, I_union >= sum p(y, x_m) log a_m - log c. The sum is returned, and the
    bound tells its error.

    Args:
        tables: P(y, x_m) of every source, (|Y|, |X_m|), with the same P(y), none of it 0.
        tolerance: of the gap, in bits, at which it stops, or where ten rounds change less than a hundredth of it.
        most: rounds after which it stops, too.
    """
    p = tables[0].sum(1)
    known = [table / p[:, None] for table in tables]
    M, rounds = len(known), 1 if len(tables) == 1 else most
    across = [tuple(1 + k for k in range(M) if k != m) for m in range(M)]

    def spread(a: np.ndarray, m: int) -> np.ndarray:
        return a.reshape(len(p), *(-1 if k == m else 1 for k in range(M)))

    def product(parts: Sequence[np.ndarray]) -> np.ndarray:
        whole = spread(parts[0], 0)
        for m in range(1, M):
            whole = whole * spread(parts[m], m)
        return whole

    R = np.tensordot(p, product(known), 1)
    scales = [np.divide(k, p @ k, out=np.zeros_like(k), where=k > 0) for k in known]
    bits, bound, logs = np.inf, 0.0, scales
    for turn in range(rounds):
        for m in range(M):
            shares = (product(scales) * R).sum(across[m])
            scales[m] = np.divide(
                scales[m] * known[m], shares, out=np.zeros_like(shares), where=shares > 0
            )
        ratio = np.tensordot(p, product(scales), 1)
        if turn % 10 == 0 or turn == rounds - 1:
            logs = [np.log2(np.where(k > 0, a, 1.0)) for k, a in zip(known, scales, strict=True)]
            last = bits
            bits = sum(float((t * u).sum()) for t, u in zip(tables, logs, strict=True))
            bound = max(bound, bits - max(0.0, float(np.log2(ratio.max()))))
            if bits - bound < tolerance or abs(last - bits) < tolerance / 100:
                break
        R = np.maximum(R * ratio, 1e-60)  # what has become 0 could not grow again
    return Union(bits, max(0.0, bits - bound), tuple(logs))
