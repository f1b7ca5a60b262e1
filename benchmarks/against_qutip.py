"""Random models, states and tweaks beside QuTiP: how far off the worst one is, and whether anything unphysical passes.

    python benchmarks/against_qutip.py [--models 1000] [--seed 0] [--dry]

A trial draws one to three modalities of two to four levels, dense or local couplings, any of the evolutions and
read-outs, H and jump operators from a hundredth to ten times as strong as models begin, a tweak within what the pages
allow, and a pure or mixed state. States (at two times), scores and every measure of the tracking are compared with the
exponential of QuTiP's Liouvillian, of D^2 x D^2, which no step error touches. Every fifth trial is stiff: couplings
x 100, rates x 1,000, the duration x 100, or nothing at all; the answer must be as right, or be refused with a reason.
Then as many matrices that are no states go in at every door that takes one. Writes the table `physics` of
docs/results.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qutip
import scipy.linalg
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from qfusion._settings import choices  # noqa: E402
from qfusion.errors import InvalidInput  # noqa: E402
from qfusion.models import QuantumJump, Tweak  # noqa: E402
from qfusion.quantum import (  # noqa: E402
    lindblad,
    measure_kinds,
    measures,
    states,
)
from qfusion.quantum.lindblad import System  # noqa: E402
from qfusion.simulate import master_equation  # noqa: E402

FIELDS = QuantumJump.settings_type.model_fields
ALLOWED, LARGEST = 1e-6, 12
STIFF: dict[str, tuple[float, float, float]] = {  # factors of H, of rates, of T
    "H x 100": (100, 1, 1),
    "rates x 1,000": (1, 1000, 1),
    "T x 100": (1, 1, 100),
    "all of these": (100, 1000, 100),
    "nothing": (0, 0, 1),
    "T = 0": (1, 1, 0),
}


def drawn_model(rng: np.random.Generator) -> QuantumJump:
    """A model with random settings and weights."""
    while True:
        dims = tuple(int(d) for d in rng.integers(2, 5, rng.integers(1, 4)))
        if math.prod(dims) <= LARGEST:
            break
    model = QuantumJump(
        {f"m{i}": {"size": 3, "sequence": False} for i in range(len(dims))},
        ("a", "b")[: int(rng.integers(1, 3))],
        dims=dims,
        jumps=int(rng.integers(0, 4)),
        measurements=int(rng.integers(1, 6)),
        evolution=_one(rng, choices(FIELDS["evolution"])),
        coupling=_one(rng, choices(FIELDS["coupling"])),
        readout=_one(rng, choices(FIELDS["readout"])),
        duration=float(rng.choice([1e-3, 1, rng.uniform(0, 20)])),
    )
    strength = 10 ** rng.uniform(-2, 1)
    with torch.no_grad():
        for parameter, _ in model.couplings():
            parameter.mul_(strength)
    return model.double().eval()


def _one(rng: np.random.Generator, several: tuple[str, ...]) -> str:
    return several[int(rng.integers(len(several)))]


def drawn_tweak(model: QuantumJump, rng: np.random.Generator) -> Tweak:
    """Factors and a duration that a reader could set."""
    M = len(model.dims)
    terms = ["+".join(model.modalities[m] for m in range(M) if s >> m & 1) for s in range(1, 2**M)]
    couplings = {term: float(rng.uniform(-10, 10)) for term in terms if rng.random() < 0.3}
    duration = float(rng.uniform(0, 20)) if rng.random() < 0.5 else None
    weaker = {
        term: float(rng.uniform(0, 2))
        for term in couplings
        if model.jump_count and rng.random() < 0.5
    }
    return Tweak(couplings, weaker, duration)


def drawn_state(D: int, rng: np.random.Generator) -> torch.Tensor:
    """A pure or mixed state (D, D)."""
    rank = int(rng.integers(1, D + 1)) if rng.random() < 0.5 else 1
    A = rng.normal(size=(D, rank)) + 1j * rng.normal(size=(D, rank))
    rho = A @ A.conj().T
    return torch.from_numpy(rho / np.trace(rho).real)


def by_qutip(system: System, rho: torch.Tensor, t: float) -> np.ndarray:
    """rho(t), by the exponential of QuTiP's Liouvillian."""
    L = qutip.liouvillian(
        qutip.Qobj(system.H.numpy()), [qutip.Qobj(each.numpy()) for each in system.jumps]
    ).full()
    D = len(rho)
    vector = scipy.linalg.expm(L * t) @ rho.numpy().reshape(-1, order="F")  # QuTiP stacks columns
    return vector.reshape(D, D, order="F")


def unphysical(rho: np.ndarray) -> float:
    """How far a matrix is from being a state: its trace, its adjoint, its lowest eigenvalue."""
    low = float(np.linalg.eigvalsh((rho + rho.conj().T) / 2).min())
    return max(abs(np.trace(rho) - 1), float(np.abs(rho - rho.conj().T).max()), -min(low, 0.0))


def ordinary(rng: np.random.Generator, worst: dict[str, float]) -> None:
    """One trial as a page would do it."""
    model = drawn_model(rng)
    model = model.tweaked(drawn_tweak(model, rng))
    system, D = model.system(), math.prod(model.dims)
    rho = drawn_state(D, rng)
    times = [0.37 * model.duration, model.duration]
    with torch.no_grad():
        ours = model.evolve_states(rho, times).numpy()
    for t, mine in zip(times, ours, strict=True):
        worst["state"] = max(worst["state"], float(np.abs(mine - by_qutip(system, rho, t)).max()))
        worst["unphysical by"] = max(worst["unphysical by"], unphysical(mine))
    with torch.no_grad():
        kets = model.encode(
            {name: torch.from_numpy(rng.normal(size=(2, 3))) for name in model.modalities}
        )
        psi, O = model.product_state(kets), model.readout().numpy()
        for name, found in (
            ("score", model.scores(kets)),
            ("score, states evolved", model.direct_scores(kets)),
        ):
            said = (
                np.stack(
                    [
                        [
                            np.trace(
                                o @ by_qutip(system, states.density(each), model.duration)
                            ).real
                            for o in O
                        ]
                        for each in psi
                    ]
                )
                + model.bias.numpy()
            )
            worst[name] = max(worst[name], float(np.abs(found.numpy() - said).max()))
    if rng.random() < 0.2:  # QuTiP's own solver follows, and is compared with the same exponential
        tracked = master_equation.track(system, psi[0], [0.0, *times], trajectories=0)
        truth = torch.from_numpy(
            np.stack([by_qutip(system, states.density(psi[0]), t) for t in [0.0, *times]])
        )
        exact = measure_kinds.measures_over_time(
            (truth + truth.mH) / 2, model.dims, model.modalities
        ).columns()
        for name, values in tracked.measures.columns().items():
            worst["measures, tracked"] = max(
                worst["measures, tracked"], float(np.abs(values - exact[name]).max())
            )


def stiff(rng: np.random.Generator, worst: dict[str, float], refused: Counter[str]) -> None:
    """One trial far beyond what is learned; a refusal must say why."""
    model = drawn_model(rng)
    name = _one(rng, tuple(STIFF))
    h, r, t = STIFF[name]
    system, rho = model.system(), drawn_state(math.prod(model.dims), rng)
    system = System(
        system.H * h, system.jumps * r**0.5, system.dims, system.names, system.duration * t
    )
    began = time.perf_counter()
    try:
        mine = lindblad.evolve_states(system.H, system.jumps, rho, [system.duration])[0].numpy()
    except InvalidInput as error:
        refused[name if len(str(error)) > 20 else f"{name}, without a reason"] += 1
        return
    finally:
        worst[f"{name}: seconds"] = max(worst[f"{name}: seconds"], time.perf_counter() - began)
    worst[name] = max(
        worst[name], float(np.abs(mine - by_qutip(system, rho, system.duration)).max())
    )
    worst["unphysical by"] = max(worst["unphysical by"], unphysical(mine))


def spoilt(rho: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A matrix that is no state, by more than round-off."""
    D, size = len(rho), 10 ** rng.uniform(-5, 1)
    how = int(rng.integers(5))
    if how == 0:
        return rho * (1 + size)
    if how == 1:
        return rho + size * torch.triu(torch.ones(D, D, dtype=rho.dtype), 1)
    if how == 2:  # a negative eigenvalue
        values, vectors = torch.linalg.eigh(rho)
        values[0] = -size
        return (vectors * (values / values.sum())) @ vectors.mH
    bad = rho.clone()
    bad[int(rng.integers(D)), int(rng.integers(D))] = float("nan") if how == 3 else float("inf")
    return bad


def doors(
    dims: tuple[int, ...], names: tuple[str, ...]
) -> dict[str, Callable[[torch.Tensor], Any]]:
    """What takes a state."""
    one = states.density(torch.eye(math.prod(dims), dtype=torch.complex128)[0])
    return {
        "entropy": measures.von_neumann_entropy,
        "purity": measures.purity,
        "fidelity": lambda rho: measures.fidelity(rho, one),
        "distance": lambda rho: measures.trace_distance(one, rho),
        "total correlation": lambda rho: measures.total_correlation(rho, dims),
        "negativity": lambda rho: measures.logarithmic_negativity(rho, dims, (0,)),
        "over time": lambda rho: measure_kinds.measures_over_time(rho[None], dims, names),
    }


def main() -> None:
    """Runs the trials; fails when one is off by more than allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(asked.seed)
    torch.manual_seed(asked.seed)
    worst: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for trial in range(asked.models):
        if trial % 5 == 4:
            stiff(rng, worst, refused)
            counts["stiff"] += 1
        else:
            ordinary(rng, worst)
            counts["ordinary"] += 1
        if trial % 50 == 49:
            print(
                trial + 1,
                {name: f"{value:.1e}" for name, value in worst.items()},
                dict(refused),
                flush=True,
            )
    accepted: Counter[str] = Counter()
    for trial in range(asked.models):
        dims = ((2, 2), (3, 2), (4, 2))[trial % 3]
        bad = spoilt(drawn_state(math.prod(dims), rng), rng)
        for name, door in doors(dims, ("a", "b")).items():
            try:
                door(bad)
            except InvalidInput:
                continue
            accepted[name] += 1
    rows = [
        [
            name,
            str(refused.get(name, "–")),
            f"{worst[f'{name}: seconds']:.2f}" if name in STIFF else "–",
            f"{value:.0e}",
        ]
        for name, value in worst.items()
        if not name.endswith("seconds")
    ]
    text = (
        tables.markdown(["Largest difference", "Refused", "Slowest, s", "Off by"], rows)
        + (
            f"\n\n{counts['ordinary']} trials within the ranges of the pages, {counts['stiff']} far beyond; "
            f"{asked.models} matrices that are no states at {len(doors((2, 2), ('a', 'b')))} doors: "
            f"{sum(accepted.values())} accepted. "
        )
        + tables.provenance("against_qutip.py")
    )
    print(text)
    off = {
        name: value
        for name, value in worst.items()
        if value > ALLOWED and not name.endswith("seconds")
    }
    assert not off, off
    assert not accepted, accepted
    assert not any(name.endswith("a reason") for name in refused), refused
    if not asked.dry:
        tables.write("physics", text)


if __name__ == "__main__":
    main()
