"""A quantum reservoir of Rydberg atoms, after Kornjača and others 2024 ("Large-scale quantum reservoir learning with
an analog quantum computer", arXiv 2407.02553) and Liu and others 2026 ("Practical quantum reservoir computing in
Rydberg atom arrays", arXiv 2602.00610).

    z_m = principal components of x_m, as many as the modality has atoms      fitted to the training rows, not trained
    H(x) = Omega/2 sum_i X_i - sum_i Delta_i n_i + sum_{i<j} V / |i - j|^6 n_i n_j,   Delta_i = Delta tanh z_i
    f_k = (<Z_i>, <Z_i Z_j>) after time k T / K, from all atoms in the ground state
    y = W f + b                                                               all that is trained

n = (1 - Z) / 2 counts a Rydberg excitation; the atoms stand in a chain. Time is in microseconds, Omega = 2 pi; V =
5.42 is that of rubidium atoms 10 micrometres apart; both are those of the tutorials that go with the first source.
The evolution is a product of short steps of second order (Strang 1968), each exp(-i diagonal dt / 2) exp(-i Rabi dt)
exp(-i diagonal dt / 2): with dt = 1 / 40 expectations are off by two thousandths, seldom by a hundredth.

From the sources: principal components as local detunings, Rabi drive, interaction, expectation values of Z_i and Z_i
Z_j at several times, linear read-out. Our reading: the modalities' atoms stand one modality after another in one
chain, the squashing of the components, and means over time for sequences. `projection` "trained" puts our encoders in
the components' place, which no source does.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._memory_cache import memo
from qfusion.models import encoders, inputs
from qfusion.models.encoders import EncoderSettings
from qfusion.plugins.papers.models.published_circuits import CircuitFusion, Qubits
from qfusion.quantum import circuits, statevector

MAX_QUBITS = 9  # of all modalities together
RABI, INTERACTION = 2 * math.pi, 5.42  # radians per microsecond


@memo(16)
def excitations(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which atoms are excited in each basis state, (n, 2^n), and their energy of interaction, (2^n,)."""
    excited = statevector.bits(n).astype(float)
    pairs = combinations(range(n), 2)
    return excited, sum(
        (INTERACTION / (j - i) ** 6 * excited[i] * excited[j] for i, j in pairs), np.zeros(2**n)
    )


class Components(encoders.MeanPool):
    """Means of one modality's features -> its first principal components, in their deviations; random directions until
    `fit` is called."""

    def __init__(self, spec: inputs.InputSpec, outputs: int):
        super().__init__(spec)
        directions = torch.zeros(outputs, spec.size)
        least = min(outputs, spec.size)
        directions[:least] = torch.linalg.qr(torch.randn(spec.size, least))[0].T
        self.directions = nn.Buffer(directions)

    @torch.no_grad()
    def fit(self, features: inputs.Features) -> None:
        """Set the directions to the principal axes of rows, over the deviations along them; surplus outputs are 0."""
        values = self.means(features).double()
        variances, axes = torch.linalg.eigh(torch.cov(values.T).reshape(values.shape[1], -1))
        least = min(len(self.directions), values.shape[1])
        variances = variances.flip(0)[:least]
        axes = axes.flip(1)[:, :least]
        axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
        deviations = variances.clamp_min(0).sqrt()
        usable = deviations > 1e-6 * deviations.max().clamp_min(1e-12)
        self.directions.zero_()
        self.directions[:least] = (axes * usable / deviations.clamp_min(1e-12)).T.to(
            self.directions
        )

    def forward(self, features: inputs.Features) -> Tensor:
        """Return (B, outputs)."""
        return self.means(features) @ self.directions.T


class ReservoirSettings(EncoderSettings):
    """Settings of a quantum reservoir; those of encoders matter where they are trained."""

    qubits: Qubits = Field(0, ge=0, le=MAX_QUBITS)
    # In microseconds.
    duration: float = Field(
        4.0,
        ge=1e-6,
        le=100,
        title="Duration T",
        description="Time of the joint evolution, in units of 1 / energy.",
    )
    readouts: int = Field(
        8,
        ge=1,
        le=256,
        title="Measurement times",
        description="Number of times at which a reservoir is measured, evenly spaced up to its duration.",
    )
    detuning: float = Field(
        6.0,
        ge=0,
        le=1000,
        title="Maximum detuning",
        description="Maximum detuning of a reservoir's atoms by features, in radians per microsecond; its duration is "
        "in microseconds.",
    )
    projection: Literal["pca", "trained"] = Field(
        "pca",
        title="Projection",
        description="pca: principal components of the features, not trained; trained: encoders as in the other models.",
    )


class Reservoir(CircuitFusion):
    """Quantum reservoir, in which only the readout is trained.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `ReservoirSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "reservoir"
    title = "Neighbour: quantum reservoir (Rydberg atoms)"
    limit = MAX_QUBITS
    settings_type = ReservoirSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.projects = self.settings["projection"] == "pca"
        self.words = [*((i,) for i in range(self.n)), *combinations(range(self.n), 2)]
        self.head = nn.Linear(self.settings["readouts"] * len(self.words), len(outputs))
        nn.init.zeros_(self.head.weight)

    def make_encoder(self, spec: inputs.InputSpec) -> nn.Module:
        """Return the principal components of a modality, or a trained encoder."""
        if self.settings["projection"] == "pca":
            return Components(spec, self.features)
        return super().make_encoder(spec)

    def project(self, inputs: Mapping[str, inputs.Features]) -> None:
        """Fit the principal components to rows, once features are standardised."""
        for name in self.modalities:
            encoder = self.encoders[name]
            if isinstance(encoder, Components):
                encoder.fit(self._features(inputs, name))

    @property
    def substeps(self) -> tuple[int, float]:
        """Steps between two times that are read, and how long each takes."""
        between = self.settings["duration"] / self.settings["readouts"]
        count = math.ceil(between / 0.025 - 1e-9)  # of at most 1 / 40 of a microsecond
        return count, between / count

    def detunings(self, numbers: Tensor) -> Tensor:
        """Return Delta_i, (B, n) radians per microsecond, of the components (B, n)."""
        return self.settings["detuning"] * numbers.tanh()

    def energies(self, detunings: Tensor) -> Tensor:
        """Return the energies of all basis states without the drive, (B, 2^n), of detunings (B, n)."""
        excited, interaction = (
            torch.as_tensor(table).to(detunings) for table in excitations(self.n)
        )
        return interaction - detunings @ excited

    def evolve(self, psi: Tensor, detunings: Tensor) -> Tensor:
        """Return states (B, 2^n) one time of reading later; detunings are (B, n), or (1, n) for all rows."""
        count, dt = self.substeps
        half = torch.exp(-0.5j * dt * self.energies(detunings))
        rabi = circuits.rotation("RX", detunings.new_tensor([RABI * dt]))
        driven = statevector.join_gates(rabi.expand(self.n, 2, 2))
        whole_step = half.square()
        psi = psi * half
        for step in range(count):
            psi = statevector.apply(psi, driven) * (whole_step if step < count - 1 else half)
        return psi

    def followed(self, psi: Tensor, detunings: Tensor) -> Iterator[Tensor]:
        """Yield states (B, 2^n) at each time of reading; arguments as of `evolve`."""
        for _ in range(self.settings["readouts"]):
            psi = self.evolve(psi, detunings)
            yield psi

    def measured(self, numbers: Tensor) -> Tensor:
        """Return <Z_i> and <Z_i Z_j> at every time, (B, K (n + n (n - 1) / 2)), of the components (B, n)."""
        detunings = self.detunings(numbers)
        states = self.followed(statevector.zero_state(len(numbers), self.n, numbers), detunings)
        return torch.cat([statevector.expectations(psi, self.words) for psi in states], -1)

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores, (B, C), apart from where they start."""
        return self.head(self.measured(torch.cat(encoded, -1)))

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, see `CircuitModel`. Its gates are evolutions of all atoms, integrated in
        steps, from each readout time to the next.
        """
        detunings = self.detunings(self.one_row(states)[None])
        start = torch.eye(2**self.n, dtype=detunings.dtype.to_complex(), device=detunings.device)
        U = self.evolve(start, detunings).T  # row i is where basis state i goes
        readouts = self.settings["readouts"]
        values = {"duration": self.settings["duration"] / readouts, **self.named(detunings[0])}
        return [statevector.Gate("Rydberg", tuple(range(self.n)), U, values)] * readouts

    @torch.no_grad()
    def elementary(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the steps that stand for the evolution: RX for the drive, RZ and IsingZZ for the energies."""
        detunings, (count, dt) = self.detunings(self.one_row(states)[None])[0], self.substeps
        pairs = {(i, j): INTERACTION / (j - i) ** 6 for i, j in combinations(range(self.n), 2)}
        # n = (1 - Z) / 2: -D n is D Z / 2, and V n n is V (1 - Z - Z + Z Z) / 4
        fields = detunings.clone()
        for pair, V in pairs.items():
            fields[list(pair)] -= V / 2
        signs = statevector.signs(2, [(0, 1)], detunings)[0]

        def phases(time: float) -> list[statevector.Gate]:
            gates = []
            for i, field in enumerate(fields):
                gates.append(statevector.rotation_gate("RZ", i, field * time))
            for pair, V in pairs.items():
                phase = torch.exp(-0.25j * V * time * signs).diag()
                gates.append(statevector.Gate("IsingZZ", pair, phase, {"angle": V * time / 2}))
            return gates

        drive = [
            statevector.rotation_gate("RX", i, detunings.new_tensor(RABI * dt))
            for i in range(self.n)
        ]
        further = (phases(dt) + drive) * (count * self.settings["readouts"] - 1)
        return phases(dt / 2) + drive + further + phases(dt / 2)

    @torch.no_grad()
    def step_errors(self, states: Mapping[str, Tensor]) -> tuple[float, float]:
        """Return the deviation of the stepped evolution from the exact one at the end: the largest deviation of the
        readout, and the trace distance of the states.

        Raises:
            InvalidInput: when there are several rows.
        """
        detunings = self.detunings(self.one_row(states)[None])
        own = statevector.bits(self.n).T
        drive = torch.as_tensor((own[:, None] != own[None]).sum(-1) == 1).to(detunings) * RABI / 2
        E, V = torch.linalg.eigh(torch.diag(self.energies(detunings)[0]) + drive)
        phases = torch.exp(-1j * self.settings["duration"] * E)
        exact = (V.to(phases) @ (phases * V[0]))[None]
        *_, psi = self.followed(statevector.zero_state(1, self.n, detunings), detunings)
        read = [statevector.expectations(part, self.words) for part in (psi, exact)]
        across = psi - exact * (exact.conj() * psi).sum()
        return float((read[0] - read[1]).abs().max()), float(torch.linalg.vector_norm(across))

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return the steps of the evolution, and their error for the sample."""
        steps, step = self.substeps
        error, distance = self.step_errors(states)
        return {"steps": steps, "step": step, "error": error, "distance": distance}
