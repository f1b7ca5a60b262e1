"""A training step of the quantum convolutional network beside circuit simulators in the same run.

    pip install -r requirements-bench.txt && python benchmarks/qcnn_steps.py [--repeats 5]

One step is forward and backward of all C scores of a batch of fused qubits RY(theta)|0>, with gradients of theta, of
all gates and of the head (single precision, as in training). The rivals run the same circuit on batches of state
vectors: PennyLane (default.qubit, backprop) and DeepQuantum, gate by gate, as one writes it, and with every block made
one matrix of 4 x 4 by us beforehand, which is less work for them; lightning.qubit (adjoint), which knows no batches: a
few samples are done and the time is for all; and TensorCircuit-NG (JAX, compiled; compiling is told apart). Methods
take turns; times are medians over the turns, errors are those of the gradients beside ours in double precision. Writes
the table `qcnn` of docs/results.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402
from steps import shown  # noqa: E402

from qfusion.models.network import network_model, qcnn  # noqa: E402
from qfusion.quantum.circuits import BLOCKS  # noqa: E402

CASES = ((6, 10, 256), (8, 2, 256), (8, 10, 256), (8, 15, 256), (8, 10, 64), (10, 10, 256))
RIVALS = {(6, 10, 256), (8, 10, 256), (10, 10, 256)}  # the others are ours alone: how it grows
FEW = 2  # samples of lightning.qubit


class Case:
    """A network and fused qubits, the same numbers for every method."""

    def __init__(self, n: int, C: int, B: int, dtype: torch.dtype = torch.float32):
        torch.manual_seed(0)
        self.network = qcnn.QCNN(n, C, spread=0.5).to(dtype)
        self.theta = (torch.rand(B, n, dtype=torch.float64).to(dtype) * 3).requires_grad_()

    def step(self, scores: Callable[[], Tensor]) -> list[Tensor]:
        """Gradients of the mean square of all scores."""
        wanted = [self.theta, self.network.convolution, self.network.pooling, self.network.head]
        return list(torch.autograd.grad(scores().square().mean(), wanted))

    def unitaries(self) -> list[tuple[Tensor, tuple[int, int]]]:
        """The matrix and the wires of every step."""
        known: dict[tuple[str, int], Tensor] = {}
        for step in self.network.steps:
            if (step.kind, step.layer) not in known:
                known[step.kind, step.layer] = self.network.matrix(step)
        return [(known[step.kind, step.layer], step.wires) for step in self.network.steps]

    def head(self, probabilities: Tensor, z: Tensor) -> Tensor:
        """Scores from the kept qubits' probabilities (B, 2^k) and Z of the measured (B, m)."""
        return (
            qcnn.HEAD_SCALE
            * torch.cat([probabilities, z], -1).to(self.network.head.dtype)
            @ self.network.head.T
        )


def gates(
    network: qcnn.QCNN, convolution: Any, pooling: Any
) -> Iterator[tuple[str, list[Any], list[int], int | None]]:
    """The circuit gate by gate: name, angles, wires (controls first), and the value that the control of a pooling's
    rotation must have."""
    for step in network.steps:
        if step.kind == "conv":
            for gate, taken, wires in BLOCKS[network.block].operations:
                yield (
                    gate,
                    [convolution[step.layer, k] for k in taken],
                    [step.wires[w] for w in wires],
                    None,
                )
        else:
            for value in (0, 1):
                yield (
                    "U3",
                    list(pooling[step.layer, 3 * value : 3 * value + 3]),
                    list(step.wires),
                    value,
                )


def qfusion(case: Case) -> Callable[[], Any]:
    """Ours, by the way that the model takes for this batch."""

    def scores() -> Tensor:
        theta = case.theta
        vectors = torch.stack([torch.ones_like(theta), torch.sin(theta), torch.cos(theta)], -1)
        return network_model.network_scores(case.network, vectors)

    return lambda: case.step(scores)


def _product_state(case: Case) -> Tensor:
    half = case.theta / 2
    state = torch.ones(len(half), 1, dtype=half.dtype)
    for i in range(case.network.n):
        qubit = torch.stack([torch.cos(half[:, i]), torch.sin(half[:, i])], -1)
        state = (state[:, :, None] * qubit[:, None]).flatten(1)
    return state.to(torch.complex64)


def _read(case: Case, state: Tensor) -> Tensor:
    network = case.network
    n, p = network.n, state.abs().square().view(-1, *(2,) * network.n)
    z = [
        p.movedim(1 + q, 1).flatten(2).sum(-1) @ p.new_tensor([1.0, -1.0]) for q in network.measured
    ]
    kept = p.sum([1 + q for q in range(n) if q not in network.retained]).flatten(1)
    return case.head(kept, torch.stack(z, -1))


def pennylane(case: Case, by_gates: bool = False) -> Callable[[], Any]:
    """default.qubit, backprop, the batch at once."""
    import pennylane as qml

    network = case.network
    device = qml.device("default.qubit", wires=network.n)

    @qml.qnode(device, interface="torch", diff_method="backprop")
    def circuit(theta: Tensor) -> Any:
        for i in range(network.n):
            qml.RY(theta[:, i], i)
        if by_gates:
            _apply(qml, gates(network, network.convolution, network.pooling))
        else:
            for U, wires in case.unitaries():
                qml.QubitUnitary(U, wires)
        return [qml.probs(network.retained), *(qml.expval(qml.Z(q)) for q in network.measured)]

    def scores() -> Tensor:
        probabilities, *z = circuit(case.theta)
        return case.head(probabilities, torch.stack(z, -1))

    return lambda: case.step(scores)


def _apply(qml: Any, circuit: Iterator[tuple[str, list[Any], list[int], int | None]]) -> None:
    for gate, angles, wires, value in circuit:
        if value is None:
            getattr(qml, gate)(*angles, wires=wires)
        else:
            qml.ctrl(qml.U3, control=wires[0], control_values=[value])(*angles, wires=wires[1])


def lightning(case: Case) -> Callable[[], Any]:
    """lightning.qubit, adjoint, sample by sample, gate by gate: it differentiates no matrices and reads no
    probabilities with gradients, so words in {I, Z} are read."""
    import pennylane as qml

    network = case.network
    device, k = qml.device("lightning.qubit", wires=network.n), len(network.retained)
    words = [
        qml.prod(*(qml.Z(q) for j, q in enumerate(network.retained) if w >> (k - 1 - j) & 1))
        if w
        else qml.Identity(0)
        for w in range(2**k)
    ]

    @qml.qnode(device, interface="torch", diff_method="adjoint")
    def circuit(theta: Tensor, convolution: Tensor, pooling: Tensor) -> Any:
        for i in range(network.n):
            qml.RY(theta[i], i)
        _apply(qml, gates(network, convolution, pooling))
        return [qml.expval(each) for each in [*words, *(qml.Z(q) for q in network.measured)]]

    walsh = (
        torch.tensor([[(-1.0) ** bin(i & j).count("1") for j in range(2**k)] for i in range(2**k)])
        / 2**k
    )

    def step() -> None:
        found = torch.stack(
            [
                torch.stack(circuit(case.theta[i], network.convolution, network.pooling)).float()
                for i in range(FEW)
            ]
        )
        y = case.head(found[:, : 2**k] @ walsh, found[:, 2**k :])
        torch.autograd.grad(
            y.square().mean(), [case.theta, network.convolution, network.pooling, network.head]
        )

    step.share = FEW / len(case.theta)  # type: ignore[attr-defined]
    return step


def deepquantum(case: Case, by_gates: bool = False) -> Callable[[], Any]:
    """A batch of states through one circuit."""
    import deepquantum as library

    network = case.network

    def scores() -> Tensor:
        circuit = library.QubitCircuit(network.n)
        if by_gates:
            for gate, angles, wires, value in gates(network, network.convolution, network.pooling):
                if value is None:
                    getattr(circuit, gate.lower())(*wires, **({"inputs": angles} if angles else {}))
                else:
                    if not value:
                        circuit.x(wires[0])
                    circuit.u3(wires[1], inputs=angles, controls=wires[0])
                    if not value:
                        circuit.x(wires[0])
        else:
            for U, wires in case.unitaries():
                circuit.any(U, list(wires))
        return _read(case, circuit(state=_product_state(case).unsqueeze(-1))[..., 0])

    return lambda: case.step(scores)


def tensorcircuit(case: Case) -> Callable[[], Any]:
    """JAX, compiled, gate by gate, over the batch by vmap."""
    import jax
    import jax.numpy as jnp
    import tensorcircuit as tc

    tc.set_backend("jax")
    network = case.network
    leaves = [
        jnp.asarray(each.detach().numpy())
        for each in (case.theta, network.convolution, network.pooling, network.head)
    ]

    def state(theta: Any, convolution: Any, pooling: Any) -> Any:
        circuit = tc.Circuit(network.n)
        for i in range(network.n):
            circuit.ry(i, theta=theta[i])
        for gate, angles, wires, value in gates(network, convolution, pooling):
            named = dict(zip(("theta", "phi", "lbd"), angles, strict=False))
            if value is None:
                getattr(circuit, "u" if gate == "U3" else gate.lower())(*wires, **named)
                continue
            if not value:
                circuit.x(wires[0])
            circuit.cu(*wires, **named)
            if not value:
                circuit.x(wires[0])
        return circuit.state()

    def loss(theta: Any, convolution: Any, pooling: Any, head: Any) -> Any:
        p = jnp.abs(jax.vmap(state, in_axes=(0, None, None))(theta, convolution, pooling)) ** 2
        p = p.reshape(-1, *(2,) * network.n)
        z = [
            jnp.moveaxis(p, 1 + q, 1).reshape(len(p), 2, -1).sum(-1) @ jnp.array([1.0, -1.0])
            for q in network.measured
        ]
        kept = p.sum([1 + q for q in range(network.n) if q not in network.retained]).reshape(
            len(p), -1
        )
        return (
            (qcnn.HEAD_SCALE * jnp.concatenate([kept, jnp.stack(z, -1)], -1) @ head.T) ** 2
        ).mean()

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))
    return lambda: [
        torch.from_numpy(np.array(each)) for each in jax.block_until_ready(compiled(*leaves))
    ]


METHODS: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "qfusion": qfusion,
    "TensorCircuit-NG, compiled": tensorcircuit,
    "PennyLane backprop": lambda case: pennylane(case, by_gates=True),
    "PennyLane backprop, blocks as matrices": pennylane,
    "DeepQuantum": lambda case: deepquantum(case, by_gates=True),
    "DeepQuantum, blocks as matrices": deepquantum,
    "PennyLane lightning, adjoint": lightning,
}


def timed(step: Callable[[], Any]) -> float:
    """Seconds of a step of the whole batch."""
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) / getattr(step, "share", 1.0)


def compared(n: int, C: int, B: int, repeats: int) -> list[list[str]]:
    """A row per method: time, ratio, largest error of the gradients, seconds of the first step beyond a later one."""
    case = Case(n, C, B)
    exact = qfusion(Case(n, C, B, torch.float64))()
    methods = METHODS if (n, C, B) in RIVALS else {"qfusion": qfusion}
    steps, errors, first = {}, {}, {}
    for name, make in methods.items():
        steps[name] = step = make(case)
        start = time.perf_counter()
        found = step()
        first[name] = time.perf_counter() - start
        if found is not None:
            errors[name] = max(
                ((a - b).abs().max() / b.abs().max()).item()
                for a, b in zip(found, exact, strict=True)
            )
        print(n, C, B, name, f"first {first[name]:.2f} s, error {errors.get(name)}", flush=True)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            times[name] += [
                timed(step)
                for _ in range(5 if name in ("qfusion", "TensorCircuit-NG, compiled") else 1)
            ]
    median = statistics.median(times["qfusion"])
    return [
        [
            f"{n} qubits, {B} rows, {C} classes: {name}",
            shown(times[name]),
            f"{statistics.median(times[name]) / median:,.1f}",
            f"{errors[name]:.0e}" if name in errors else "–",
            f"{first[name]:,.1f}",
        ]
        for name in steps
    ]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--only", type=int, nargs="*", default=range(len(CASES)), help="places of cases"
    )
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for k in asked.only for row in compared(*CASES[k], asked.repeats)]
    header = [
        "Training step, one thread",
        "Median ms (least-most)",
        "Ratio",
        "Error of gradients",
        "First step, s",
    ]
    if asked.dry:
        print(tables.markdown(header, rows))
    else:
        tables.write(
            "qcnn", tables.markdown(header, rows) + "\n\n" + tables.provenance("qcnn_steps.py")
        )


if __name__ == "__main__":
    main()
