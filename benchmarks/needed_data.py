"""The candidates of benchmarks/needed.py: rules by which three or four modalities make a number.

Every function draws features and the number without noise. What a modality shows is a handful of real numbers; where
the rule does not depend on their sign, that sign is drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch

from qfusion.data import DataSet, Modality, Target
from qfusion.quantum import lindblad, states

Drawn = tuple[dict[str, np.ndarray], np.ndarray]


def draw(name: str, seed: int, rows: Mapping[str, int], noise: float) -> DataSet:
    """Returns new rows of a candidate.

    Args:
        name: of `CANDIDATES`.
        seed: of the rows; the rule is the same for all seeds.
        rows: how many of each split.
        noise: deviation of what is added to the target of training and validation rows, in deviations of the target.
            Test rows have the rule's own values.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    features, y = CANDIDATES[name](rng, sum(rows.values()))
    split = np.repeat(list(rows), list(rows.values()))
    is_noisy = split != "test"
    y = y + is_noisy * rng.normal(0, noise * y.std(), len(y))
    ids = np.array([f"{name}-{seed}-{row}" for row in range(len(y))])
    modalities = tuple(
        Modality(
            key,
            values.astype(np.float32),
            None,
            tuple(f"{key} {number}" for number in range(values.shape[1])),
        )
        for key, values in features.items()
    )
    return DataSet(
        name=name,
        title=name,
        description="Drawn by benchmarks/needed_data.py.",
        source="benchmarks/needed_data.py",
        licence="MIT",
        modalities=modalities,
        target=Target("regression", "value", convention="plain"),
        y=y,
        ids=ids,
        split=split,
        table=pd.DataFrame(index=pd.Index(ids, name="id")),
    )


def phases(rng: np.random.Generator, n: int) -> Drawn:
    """The cosine of the sum of four phases: a parity of four modalities where each phase is 0 or pi."""
    angles = rng.uniform(0, 2 * np.pi, (n, 4))
    features = {f"phase{m}": _on_circle(angles[:, m]) for m in range(4)}
    return features, np.cos(angles.sum(1))


def bell(rng: np.random.Generator, n: int) -> Drawn:
    """The correlation of two spins, measured along a direction each, of the pair cos t |00> + e^(i p) sin t |11>: more
    than any outcomes allow that are settled beforehand (CHSH)."""
    a, b = _directions(rng, n, 3), _directions(rng, n, 3)
    t, p = rng.uniform(0, np.pi / 2, n), rng.uniform(0, 2 * np.pi, n)
    pair = np.stack([np.sin(2 * t) * np.cos(p), np.sin(2 * t) * np.sin(p), np.cos(2 * t)], 1)
    flat = a[:, 0] * b[:, 0] - a[:, 1] * b[:, 1]
    crossed = a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0]
    mean = a[:, 2] * b[:, 2] + pair[:, 0] * flat + pair[:, 1] * crossed
    return {"pair": pair, "first": a, "second": b}, mean


def order(rng: np.random.Generator, n: int) -> Drawn:
    """The probability of yes to a question and then to another, of a spin that is measured along two directions."""
    spin, a, b = (_directions(rng, n, 3) for _ in range(3))
    first = (1 + (spin * a).sum(1)) / 2
    return {"person": spin, "first": a, "second": b}, first * (1 + (a * b).sum(1)) / 2


def volume(rng: np.random.Generator, n: int) -> Drawn:
    """The squared volume that three directions span; a direction and its opposite are the same axis."""
    a, b, c = (_directions(rng, n, 3) for _ in range(3))
    return {"first": a, "second": b, "third": c}, (a * np.cross(b, c)).sum(1) ** 2


def rotations(rng: np.random.Generator, n: int) -> Drawn:
    """The height of a direction after two rotations in turn, given as unit quaternions of either sign."""
    start = _directions(rng, n, 3)
    first, second = _directions(rng, n, 4), _directions(rng, n, 4)
    turned = _rotate(second, _rotate(first, start))
    return {"start": start, "first": first, "second": second}, turned[:, 2]


def hidden_jumps(rng: np.random.Generator, n: int) -> Drawn:
    """What a QiNN-QJ with local read-out gives that is drawn at random, with two jump operators: three spins, T = 2."""
    rule = np.random.default_rng(0)
    directions = [_directions(rng, n, 3) for _ in range(3)]
    D = 8
    matrices = rule.normal(size=(3, D, D)) + 1j * rule.normal(size=(3, D, D))
    H = (matrices[0] + matrices[0].conj().T) / (2 * np.sqrt(D))
    jumps = 0.5 * matrices[1:] / np.sqrt(D)
    term = lindblad.Term((0, 1, 2), torch.from_numpy(H), torch.from_numpy(jumps))
    generator = lindblad.Generator((2, 2, 2), (term,))
    Z = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.complex128))
    read = sum(states.embed(Z[None], (2, 2, 2), (m,))[0] for m in range(3))
    O = lindblad.evolve(generator, read[None], [2.0], "observables")[0, 0]
    kets = states.product([torch.from_numpy(_spin(d)) for d in directions])
    value = torch.einsum("ni,ij,nj->n", kets.conj(), O, kets).real.numpy()
    return {f"spin{m}": d for m, d in enumerate(directions)}, value


CANDIDATES: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    "phases": phases,
    "bell": bell,
    "order": order,
    "volume": volume,
    "rotations": rotations,
    "hidden-jumps": hidden_jumps,
}


def _on_circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def _directions(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Unit vectors (n, d), uniform on the sphere."""
    values = rng.normal(size=(n, d))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) turned by unit quaternions (n, 4), scalar first."""
    t = 2 * np.cross(q[:, 1:], v)
    return v + q[:, :1] * t + np.cross(q[:, 1:], t)


def _spin(direction: np.ndarray) -> np.ndarray:
    """Kets (n, 2) of spins along directions (n, 3)."""
    x, y, z = direction.T
    return np.stack([np.sqrt((1 + z) / 2), (x + 1j * y) / np.sqrt(2 * np.maximum(1 + z, 1e-12))], 1)
