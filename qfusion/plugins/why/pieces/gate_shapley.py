"""Shapley values of the gate groups of the entangled-fusion network: for the decision, the loss and the entanglement,
over all coalitions, with the error that shots would add.

The groups are the fusion of every element, and the convolution and the pooling of every layer. A group that is left
out is replaced by the identity: an element that is not fused is a qubit in |0>; a layer's convolution blocks, or the
rotations that its outcomes condition, are absent. The qubits are measured and read as before. (The knock-outs of
`sensitivity` set learned angles to zero instead: they keep a block's fixed gates, and a fused qubit of mass 1/2.)

    phi_g = sum over R without g of |R|! (G - |R| - 1)! / G! (v(R + g) - v(R)),        sum_g phi_g = v(all) - v(none)

where v is the score of a sample, the mean loss of rows, or the mean entropy of the qubits at the end (Shapley 1953; for
gates Heese et al. 2023, arXiv 2301.09138). A score is the expectation of one observable for each choice of layers'
groups, and linear in every fused qubit. The values of all 2^n choices of elements therefore follow from contracting it
with one qubit after the other, at the cost of about six evaluations. This is exact for every network: ten qubits have
fourteen groups.

Estimated from N shots of every coalition, each run separately, the score has the variance (<f^2> - <f>^2) / N, where f
is the head's value of an outcome. The variances of all coalitions, weighted as in phi_g, sum to that of phi_g.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import bootstrap
from qfusion.models import FusionModel, TruthTables
from qfusion.models.coalition_algebra import coalition_weights, shapley_values
from qfusion.models.network import qcnn
from qfusion.plugins.why.fusion import loss_attribution
from qfusion.quantum import measures

DECISION, LOSS, ENTANGLEMENT = TARGETS = ("decision", "loss", "entanglement")
SHOTS = 1000
_NUMBERS = 2**22  # of the contracted observables of some rows, held at once


class Group(NamedTuple):
    """A block of the network.

    Attributes:
        key: such as "fusion[3]", "convolution[0]", "pooling[0]". title: in plain words.
        kind: "fusion", "convolution" or "pooling".
    """

    key: str
    title: str
    kind: str


@dataclass(frozen=True, eq=False)
class GateGroups:
    """Shapley values of G groups.

    Attributes:
        groups: G of them. output: name of the explained output.
        shapley: by target of `TARGETS`, (G,). empty, whole: v(none) and v(all), by target.
        errors: standard errors of the score's values from `shots` of every coalition, (G,).
        losses: of each group the mean over rows with its interval, G of them.
        rows: of the loss. shots: of every coalition.
    """

    groups: tuple[Group, ...]
    output: str
    shapley: dict[str, np.ndarray]
    empty: dict[str, float]
    whole: dict[str, float]
    errors: np.ndarray
    losses: tuple[bootstrap.Interval, ...]
    rows: int
    shots: int

    def frame(self) -> pd.DataFrame:
        """Return one row a group: its values by target, the error of shots and the interval of the loss."""
        return pd.DataFrame(
            {
                "group": [group.key for group in self.groups],
                **self.shapley,
                f"{DECISION}_shot_error": self.errors,
                "loss_low": [interval.low for interval in self.losses],
                "loss_high": [interval.high for interval in self.losses],
            }
        )


def list_groups(model: TruthTables) -> tuple[Group, ...]:
    """Return the groups of a network: layer by layer, then element by element."""
    words = {"conv": "convolution", "pool": "pooling"}
    groups = []
    for kind, layer in dict.fromkeys((step.kind, step.layer) for step in model.network.steps):
        word = words[kind]
        groups.append(Group(f"{word}[{layer}]", f"{word} of layer {layer}", word))
    for i in range(model.elements):
        name = model.outputs[i] if model.elements_are_classes else f"element {i}"
        groups.append(Group(f"fusion[{i}]", f"fusion of {name}", "fusion"))
    return tuple(groups)


@torch.no_grad()
def gate_groups(
    model: FusionModel,
    states: Mapping[str, Tensor],
    output: str,
    rows: Mapping[str, Tensor],
    truth: np.ndarray,
    *,
    shots: int = SHOTS,
    clusters: np.ndarray | None = None,
) -> GateGroups:
    """Return the Shapley values of a network's gate groups for one sample, and for the loss of rows.

    Args:
        model: an entangled-qcnn in eval mode and double precision.
        states: masses of one sample, (1, n) by modality, as of `model.encode`.
        output: whose score is explained.
        rows: masses of R rows, (R, n) by modality, of whose loss it is asked. truth: their classes, or numbers of a
            single score, (R,). The loss is the cross-entropy, or the absolute error. clusters: what rows share, see
            `bootstrap.counts`.
        shots: of every coalition.

    Raises:
        InvalidInput: when the model has no such groups, states are not of one sample, `truth` does not fit the rows,
            or `shots` is not positive.
        NotFound: when there is no such output.
    """
    network_model = model.require(TruthTables, "to leave out gate groups")
    c = model.outputs.index(choose("Output", output, model.outputs))
    vectors = network_model.fuse(states)[0].double()
    check(
        len(vectors) == 1,
        f"Argument `states` must hold one sample, but holds {len(vectors)}. Ask for one after another.",
    )
    check(shots >= 1, f"Argument `shots` must be at least 1, but is {shots}.")
    of_rows = network_model.fuse(rows)[0].double()
    check(
        np.shape(truth) == (len(of_rows),) and len(of_rows) > 0,
        f"Argument `truth` must hold one value for each row, but has shape {np.shape(truth)}.",
    )
    groups = list_groups(network_model)
    bias = model.bias.double()
    n, G, C = network_model.elements, len(groups), len(bias)
    loss = "l1" if C == 1 else "cross_entropy"

    def measure(network: qcnn.QCNN) -> tuple[np.ndarray, ...]:
        """Return the score, its variance in one shot and the mean entropy, (2^n,) each, and the losses (R, 2^n), by
        choice of elements.
        """
        O = _observables(network, c)
        table = coalition_table(O, vectors)[0]
        score = table[c] + bias[c]
        variance = (table[C] - table[c].square()).clamp_min(0)
        blocks = of_rows.split(max(1, _NUMBERS // O[:C].numel()))
        scores = torch.cat([coalition_table(O[:C], block) + bias[:, None] for block in blocks])
        logits = model.logit_scale * scores.numpy().swapaxes(1, 2)
        entropy = _entropies(table[C + 1 :], n)
        row_losses = loss_attribution.losses(logits, truth, loss)
        return score.numpy(), variance.numpy(), entropy, row_losses

    measurements = [measure(network) for network in _networks(network_model.network)]
    means, spreads, entropies, losses = map(np.stack, zip(*measurements, strict=True))
    shape = (2,) * G
    by_row = losses.transpose(0, 2, 1).reshape(*shape, -1)
    tables = {
        DECISION: means.reshape(shape),
        LOSS: by_row.mean(-1),
        ENTANGLEMENT: entropies.reshape(shape),
    }
    values = {name: shapley_values(tables[name], G) for name in TARGETS}
    without_gates = {name: float(table.ravel()[0]) for name, table in tables.items()}
    with_gates = {name: float(table.ravel()[-1]) for name, table in tables.items()}
    shot_errors = np.sqrt(shapley_variances(spreads.reshape(shape) / shots))
    keys = [group.key for group in groups]
    loss_columns = dict(zip(keys, shapley_values(by_row, G), strict=True))
    loss_means = bootstrap.means(loss_columns, clusters=clusters)
    return GateGroups(
        groups,
        output,
        values,
        without_gates,
        with_gates,
        shot_errors,
        tuple(loss_means.values()),
        len(of_rows),
        shots,
    )


def shapley_variances(variances: np.ndarray) -> np.ndarray:
    """Return the variances (G,) of the Shapley values of G players, given the variances (2, ..., 2) of independent
    measurements of the values of all coalitions.
    """
    G = variances.ndim
    squared = coalition_weights(G) ** 2
    return np.array([np.tensordot(squared, variances.sum(g), G - 1) for g in range(G)])


def _networks(network: qcnn.QCNN) -> Iterator[qcnn.QCNN]:
    """Yield the network with every subset of its layers' groups. The order is that of a table whose last group
    varies fastest. The networks share the weights of the given one.
    """
    parts = list(dict.fromkeys((step.kind, step.layer) for step in network.steps))
    for taken in product((False, True), repeat=len(parts)):
        inside = {part for part, present in zip(parts, taken, strict=True) if present}
        other = copy.copy(network)
        other.steps = [step for step in network.steps if (step.kind, step.layer) in inside]
        yield other


def _observables(network: qcnn.QCNN, output: int) -> Tensor:
    """Return observables before the steps of a network, (C + 1 + 3 n, 3, ..., 3). They are the observables of its C
    scores, of the square of the contribution that an outcome makes to one output, and of X, Y and Z of every qubit
    at the end. For a measured qubit only Z is given; X and Y are 0.
    """
    n, stored, readout = network.n, network.retained, network.readout().double()
    C = len(readout)
    # from words to outcomes; half of it, back
    walsh = readout.new_tensor([[1.0, 1.0], [1.0, -1.0]])
    outcomes = qcnn.multiply_legs(readout[output : output + 1], walsh)
    second = qcnn.multiply_legs(outcomes.square(), walsh / 2)
    words = readout.new_zeros(C + 1 + 3 * n, *(4 if q in stored else 2 for q in range(n)))
    letters = [slice(None, None, 3) if q in stored else slice(None) for q in range(n)]
    words[(slice(C + 1), *letters)] = torch.cat([readout, second])
    for q, letter in product(range(n), range(1, 4)):
        if q in stored or letter == 3:
            leg = letter if q in stored else 1
            words[(C + 3 * q + letter, *(leg * (k == q) for k in range(n)))] = 1.0
    other = copy.copy(network)
    other.readout = lambda: words  # type: ignore[method-assign]
    return other.observables()


def coalition_table(O: Tensor, vectors: Tensor) -> Tensor:
    """Return the values (B, K, 2^n) of the observables O (K, 3, ..., 3) for every choice of fused qubits, with the
    first qubit slowest. Qubits that are left out are in |0>.

    Args:
        vectors: fused qubits (1, <X>, <Z>), (B, n, 3).
    """
    B, n, _ = vectors.shape
    T = O.reshape(1, len(O), -1).expand(B, -1, -1)
    for q in range(n):
        one, X, Z = T.reshape(B, -1, 3, 3 ** (n - 1 - q)).unbind(2)
        x, z = vectors[:, q, 1:, None, None].unbind(1)
        T = torch.stack([one + Z, torch.addcmul(torch.addcmul(one, X, x), Z, z)], 2)
    return T.reshape(B, len(O), -1)


def _entropies(bloch: Tensor, n: int) -> np.ndarray:
    """Mean entropy over the qubits in nats, (2^n,), of their <X>, <Y>, <Z>, (3 n, 2^n)."""
    return np.asarray(measures.qubit_entropy(bloch.view(n, 3, -1).mT.numpy()).mean(0))


def largest_group(result: GateGroups, target: str = DECISION) -> tuple[int, float]:
    """Return the group with the largest Shapley value in size, and its share of all sizes; NaN where all are 0.

    Args:
        target: of `TARGETS`.

    Raises:
        NotFound: when there is no such target.
    """
    sizes = np.abs(result.shapley[choose("Target", target, TARGETS)])
    first = int(sizes.argmax())
    total = float(sizes.sum())
    return first, float(sizes[first]) / total if total else float("nan")


def significant_groups(result: GateGroups) -> tuple[list[int], list[int]]:
    """Return the groups that lower the loss and those that raise it, both beyond their intervals. The largest come
    first.
    """
    order = np.argsort(result.shapley[LOSS], kind="stable").tolist()
    lowering = [i for i in order if result.losses[i].high < 0]
    raising = [i for i in order[::-1] if result.losses[i].low > 0]
    return lowering, raising
