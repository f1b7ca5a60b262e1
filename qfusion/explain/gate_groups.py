"""Which block of the entangled-fusion network does it: Shapley values of its gate groups for the score, the loss and
the entanglement, over all coalitions, with the error that shots would add.

The groups are the fusion of every element, and the convolution and the pooling of every layer. In the place of a group
that is left out stands the identity: an element that is not fused is a qubit in |0>; a layer's convolution blocks, or
the rotations that its outcomes condition, are not there. The qubits are measured and read as before. (The knock-outs of
`sensitivity` set learned angles to zero instead: they leave a block's fixed gates, and a fused qubit of mass 1/2.)

    phi_g = sum over R without g of |R|! (G - |R| - 1)! / G! (v(R + g) - v(R)),        sum_g phi_g = v(all) - v(none)

for v the score of a sample, the mean loss of rows, or the mean entropy of the qubits at the end (Shapley 1953; for
gates Heese et al. 2023, arXiv 2301.09138). A score is the expectation of one observable for each choice of layers'
groups, and linear in every fused qubit, so the values of all 2^n choices of elements come from contracting it with one
qubit after the other, which costs about as much as six evaluations. That is exact for every network there can be: ten
qubits have fourteen groups.

Read from N shots of every coalition, which are run on their own, the score has the variance (<f^2> - <f>^2) / N, f
being what the head gives an outcome; the variances of all coalitions, weighted as in phi_g, add up to that of phi_g.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._sentences import listed, share
from qfusion.explain import stability
from qfusion.models import FusionModel, qcnn, require
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.quantum import states

SCORE, LOSS, ENTANGLEMENT = TARGETS = ("score", "loss", "entanglement")
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
        groups: G of them. output: name of the score.
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
    losses: tuple[stability.Interval, ...]
    rows: int
    shots: int

    def frame(self) -> pd.DataFrame:
        """Returns one row a group: its values by target, the error of shots and the interval of the loss."""
        ends = np.array([(interval.low, interval.high) for interval in self.losses])
        columns = {"group": [group.key for group in self.groups], **self.shapley}
        columns |= {
            "score_shot_error": self.errors,
            "loss_low": ends[:, 0],
            "loss_high": ends[:, 1],
        }
        return pd.DataFrame(columns)


def groups_of(model: EntangledQCNN) -> tuple[Group, ...]:
    """Returns the groups of a network: layer by layer, then element by element."""
    steps = dict.fromkeys((step.kind, step.layer) for step in model.network.steps)
    words = {"conv": "convolution", "pool": "pooling"}
    layers = [
        Group(f"{words[kind]}[{layer}]", f"{words[kind]} of layer {layer}", words[kind])
        for kind, layer in steps
    ]
    names = model.outputs if model.elements_are_classes else ()
    elements = [
        Group(f"fusion[{i}]", f"fusion of {names[i] if names else f'element {i}'}", "fusion")
        for i in range(model.elements)
    ]
    return (*layers, *elements)


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
    """Returns the Shapley values of a network's gate groups for one sample, and for the loss of rows.

    Args:
        model: an entangled-qcnn in eval mode and double precision.
        states: masses of one sample, (1, n) by modality, as of `model.encode`.
        output: whose score is explained.
        rows: masses of R rows, (R, n) by modality, of whose loss it is asked. truth: their classes, or numbers of a
            single score, (R,). The loss is the cross-entropy, or the absolute error. clusters: what rows share, see
            `stability.counts`.
        shots: of every coalition.

    Raises:
        InvalidInput: when the model has no such groups, states are not of one sample, `truth` does not fit the rows,
            or `shots` is not positive.
        NotFound: when there is no such output.
    """
    network_model: EntangledQCNN = require(model, "rules", "to leave out gate groups")
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
    groups, bias = groups_of(network_model), model.bias.double()
    n, G, C = network_model.elements, len(groups), len(bias)
    means, spreads, entropies, losses = [], [], [], []
    for network in _networks(network_model.network):
        O = _observables(network, c)
        table = coalition_table(O, vectors)[0]
        means.append((table[c] + bias[c]).numpy())
        spreads.append((table[C] - table[c].square()).clamp_min(0).numpy())
        entropies.append(_entropies(table[C + 1 :], n))
        few = of_rows.split(max(1, _NUMBERS // O[:C].numel()))
        scores = [coalition_table(O[:C], some) + bias[:, None] for some in few]
        losses.append(_losses(torch.cat(scores).numpy(), truth))
    shape = (2,) * G
    by_row = np.stack(losses).transpose(0, 2, 1).reshape(*shape, -1)
    tables = {
        SCORE: np.stack(means).reshape(shape),
        LOSS: by_row.mean(-1),
        ENTANGLEMENT: np.stack(entropies).reshape(shape),
    }
    columns = zip((group.key for group in groups), shapley_values(by_row, G), strict=True)
    spread = np.stack(spreads).reshape(shape) / shots
    return GateGroups(
        groups,
        output,
        {name: shapley_values(tables[name], G) for name in TARGETS},
        {name: float(values.ravel()[0]) for name, values in tables.items()},
        {name: float(values.ravel()[-1]) for name, values in tables.items()},
        np.sqrt(shapley_variances(spread)),
        tuple(stability.means(dict(columns), clusters=clusters).values()),
        len(of_rows),
        shots,
    )


def shapley_values(values: np.ndarray, G: int) -> np.ndarray:
    """Returns the Shapley values of G players, (G, ...), from the values of all coalitions, (2, ..., 2, ...), where
    axis g of the first G is 1 if player g takes part."""
    weights, parts = _weights(G), []
    for g in range(G):
        gain = np.take(values, 1, g) - np.take(values, 0, g)
        parts.append(np.tensordot(weights, gain, G - 1))
    return np.stack(parts)


def shapley_variances(variances: np.ndarray) -> np.ndarray:
    """Returns the variances (G,) of the Shapley values of G players where the value of every coalition is measured on
    its own with these variances, (2, ..., 2)."""
    G = variances.ndim
    squared = _weights(G) ** 2
    return np.array([np.tensordot(squared, variances.sum(g), G - 1) for g in range(G)])


def _weights(G: int) -> np.ndarray:
    """|R|! (G - |R| - 1)! / G! of every coalition R of G - 1 players, (2, ..., 2)."""
    sizes = np.indices((2,) * (G - 1)).sum(0)
    by_size = np.array(
        [math.factorial(k) * math.factorial(G - 1 - k) / math.factorial(G) for k in range(G)]
    )
    return np.asarray(by_size[sizes])


def _networks(network: qcnn.QCNN) -> Iterator[qcnn.QCNN]:
    """The network with every choice of its layers' groups, in the order of a table whose last group varies fastest;
    they share its weights."""
    parts = list(dict.fromkeys((step.kind, step.layer) for step in network.steps))
    for taken in product((False, True), repeat=len(parts)):
        inside = {part for part, present in zip(parts, taken, strict=True) if present}
        other = copy.copy(network)
        other.steps = [step for step in network.steps if (step.kind, step.layer) in inside]
        yield other


def _observables(network: qcnn.QCNN, output: int) -> Tensor:
    """Before the steps of a network, (C + 1 + 3 n, 3, ..., 3): the observables of its C scores; of the square of what
    an output gives an outcome; and of X, Y, Z of every qubit at the end, of one that is measured Z alone, the others
    being 0."""
    n, stored, readout = network.n, network.retained, network.readout().double()
    C = len(readout)
    outcomes = _on_legs(readout[output], [[1.0, 1.0], [1.0, -1.0]])
    second = _on_legs(outcomes.square(), [[0.5, 0.5], [0.5, -0.5]])
    words = readout.new_zeros(C + 1 + 3 * n, *(4 if q in stored else 2 for q in range(n)))
    letters = [slice(None, None, 3) if q in stored else slice(None) for q in range(n)]
    words[(slice(C + 1), *letters)] = torch.cat([readout, second[None]])
    for q, letter in product(range(n), range(1, 4)):
        if q in stored or letter == 3:
            leg = letter if q in stored else 1
            words[(C + 3 * q + letter, *(leg * (k == q) for k in range(n)))] = 1.0
    other = copy.copy(network)
    other.readout = lambda: words  # type: ignore[method-assign]
    return other.observables()


def _on_legs(T: Tensor, matrix: list[list[float]]) -> Tensor:
    """A matrix applied to each leg of T (2, ..., 2)."""
    for _ in range(T.ndim):
        T = torch.tensordot(T, T.new_tensor(matrix), ([0], [1]))
    return T


def coalition_table(O: Tensor, vectors: Tensor) -> Tensor:
    """Returns the values of observables O (K, 3, ..., 3) for every choice of fused qubits, (B, K, 2^n), the first qubit
    slowest; those that are left out are in |0>.

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
    return np.asarray(states.qubit_entropy(bloch.view(n, 3, -1).mT.numpy()).mean(0))


def _losses(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Cross-entropy, or absolute error of a single score, (B, S) of scores (B, C, S)."""
    if scores.shape[1] == 1:
        return np.asarray(np.abs(scores[:, 0] - truth[:, None]))
    true = scores[np.arange(len(truth)), np.asarray(truth, dtype=int)]
    return np.asarray(logsumexp(scores, axis=1) - true)


# What gate groups say, in a sentence each.

NAMED = 3  # groups that a title names


def answer(result: GateGroups, target: str = SCORE, name: Callable[[str], str] = str) -> str:
    """Which groups do most of a target, as a title; of the loss, which are known to take something off it.

    Raises:
        NotFound: when there is no such target.
    """
    values = result.shapley[choose("Target", target, TARGETS)]
    titles = [name(group.title) for group in result.groups]
    if target == LOSS:
        return _of_loss(result, values, titles)
    what = f"score of {name(result.output)}" if target == SCORE else "entropy of the qubits"
    first = int(np.abs(values).argmax())
    change = result.whole[target] - result.empty[target]
    size = np.abs(values).sum()
    if size == 0:
        return f"No gate group changes the {what}"
    part = share(abs(float(values[first])) / float(size))
    return (
        f"Of what the gate groups add to the {what}, {change:+z.2f} together, {titles[first]} has most: "
        f"{values[first]:+z.2f} ({part} of all sizes)"
    )


def _of_loss(result: GateGroups, values: np.ndarray, titles: list[str]) -> str:
    order = np.argsort(values, kind="stable")
    ends = [(interval.low, interval.high) for interval in result.losses]
    helping = [i for i in order if ends[i][1] < 0]
    harming = [i for i in order[::-1] if ends[i][0] > 0]
    if not helping and not harming:
        return f"{result.rows:,} rows do not tell that any gate group changes the loss"
    sentence = [
        f"{listed([f'{titles[i]} ({values[i]:+z.3f})' for i in some[:NAMED]])} {verb}"
        + (f", and {len(some) - NAMED} more do" if len(some) > NAMED else "")
        for some, verb in (
            (helping, "lower the loss"),
            (harming, "raise it" if helping else "raise the loss"),
        )
        if some
    ]
    return "; ".join(sentence)
