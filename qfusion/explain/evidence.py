"""Evidence in the quantum convolutional network: entropies of the fused qubits along its layers, the contribution of
each fused qubit to the decision, and the effect of each gate group."""

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose, require_finite
from qfusion.explain import loss_attribution, stability
from qfusion.models import FusionModel, TruthTables, qcnn, truth_tables
from qfusion.quantum import measures, states

# Entropies of the fused qubits along the layers of the quantum convolutional network.


@dataclass(frozen=True)
class LayerEntropies:
    """Von Neumann entropies, in nats, at the input and around every pooling; T moments.

    The fused qubits start mixed, so entropies count what was left behind with the modality qubits as well as
    entanglement among them; the mutual information across a cut counts correlation alone.

    Attributes:
        moments: "input", "layer 0 convolved", "layer 0 pooled", "layer 1 convolved", ...
        active: which qubits are quantum at each moment: those not measured yet.
        joint: entropy of the active qubits together, (T,).
        single: entropy of every qubit, (T, n); that of a measured one is the Shannon entropy of its outcome.
        cuts: at each moment the entropy of the first k active qubits, k = 1 ... a - 1.
        mutual: at each moment the mutual information between these and the other active ones.
        whole: entropy of all qubits and outcomes together, (T,).
    """

    moments: tuple[str, ...]
    active: tuple[tuple[int, ...], ...]
    joint: np.ndarray
    single: np.ndarray
    cuts: tuple[np.ndarray, ...]
    mutual: tuple[np.ndarray, ...]
    whole: np.ndarray

    def poolings(self) -> pd.DataFrame:
        """Return one row per pooling: its `layer` and, in nats, the entropy of the active qubits `before`, the
        entropy of the remaining qubits `after`, and the sum of the Shannon entropies of the single `outcomes`.
        """
        measured = [sorted({*a} - {*b}) for a, b in pairwise(self.active)]
        return pd.DataFrame(
            [
                {
                    "layer": layer,
                    "before": self.joint[t - 1],
                    "after": self.joint[t],
                    "outcomes": self.single[t, measured[t - 1]].sum(),
                }
                for layer, t in enumerate(range(2, len(self.moments), 2))
            ]
        )


@torch.no_grad()
def layer_entropies(model: TruthTables, vectors: Tensor) -> LayerEntropies:
    """Return the entropies of one sample.

    Args:
        model: whose network it is.
        vectors: fused qubits (1, <X>, <Z>), (n, 3), as of `model.fuse`.
    """
    n = model.network.n
    moments, active, rhos = _moments(model, vectors)
    parts = [_cuts(rho, qubits, n) for rho, qubits in zip(rhos, active, strict=True)]
    whole = np.array(
        [
            p[0] if len(qubits) == n else _entropy(rho, tuple(range(n)), n)
            for p, rho, qubits in zip(parts, rhos, active, strict=True)
        ]
    )
    return LayerEntropies(
        moments,
        active,
        np.array([p[0] for p in parts]),
        np.array([[_entropy(rho, (q,), n) for q in range(n)] for rho in rhos]),
        tuple(p[1] for p in parts),
        tuple(p[2] for p in parts),
        whole,
    )


@torch.no_grad()
def joint_entropies(model: TruthTables, vectors: Tensor) -> np.ndarray:
    """Return `joint` of `layer_entropies` alone, (T,), in a fraction of its time."""
    _, active, rhos = _moments(model, vectors)
    return np.array(
        [_entropy(rho, qubits, model.network.n) for rho, qubits in zip(rhos, active, strict=True)]
    )


def _moments(
    model: TruthTables, vectors: Tensor
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], list[Tensor]]:
    """Return the names of the moments, the active qubits at each moment, and the state of all qubits at each moment."""
    network = model.network
    n = network.n
    check(
        vectors.shape == (n, 3),
        f"Argument `vectors` must have shape ({n}, 3), but has shape {tuple(vectors.shape)}. Give one sample.",
    )
    rhos = qcnn.density_states(network, vectors.double())
    names, places = zip(*network.moments(), strict=True)
    measured = [{s.wires[0] for s in network.steps[:done] if s.kind == "pool"} for done in places]
    active = tuple(tuple(q for q in range(n) if q not in gone) for gone in measured)
    return names, active, [rhos[done] for done in places]


def _entropy(rho: Tensor, qubits: tuple[int, ...], n: int) -> float:
    return float(measures.von_neumann_entropy(states.partial_trace(rho, (2,) * n, qubits)))


def _cuts(rho: Tensor, qubits: tuple[int, ...], n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the joint entropy, the entropy of the first k qubits, and their mutual information with the others."""
    joint = _entropy(rho, qubits, n)
    first = np.array([_entropy(rho, qubits[:k], n) for k in range(1, len(qubits))])
    rest = np.array([_entropy(rho, qubits[k:], n) for k in range(1, len(qubits))])
    return joint, first, first + rest - joint


# Reading the fusion of one sample: what each modality said about each element, how the fusion decides, where
# modalities conflict.
#
# In terms of evidence (Shafer 1976; Smets 1990): where element i stands for class i, the masses p_1
# ... p_n of a modality are a mass function on sets A of classes, each class being held possible on
# its own,
#
#     m(A) = prod_{i in A} p_i prod_{i not in A} (1 - p_i).
#
# Its plausibility of class i is then p_i itself, its commonality of A is prod_{i in A} p_i and its
# implicability prod_{i not in A} (1 - p_i). So Dempster's conjunctive combination, which multiplies
# commonalities, multiplies the masses element by element: the rule AND. The
# disjunctive one, which multiplies implicabilities, is OR. Neither is normalised: m(empty) is kept and told.


@dataclass(frozen=True)
class Beliefs:
    """Beliefs of a mass function in single classes, as arrays (..., n).

    Attributes:
        belief: m({i}): what speaks for class i alone.
        plausibility: all that does not speak against class i; p_i.
        pignistic: probabilities to bet with: m(A) shared evenly in A, given that A is not empty (Smets). They add up to
            1.
        empty: m(empty), what speaks for no class at all, (...).
    """

    belief: np.ndarray
    plausibility: np.ndarray
    pignistic: np.ndarray
    empty: np.ndarray


def beliefs(p: Tensor) -> Beliefs:
    """Return the beliefs of masses p_i, (..., n), without going through the 2^n sets.

    The pignistic probability is p_i sum_k P(k others are possible) / (k + 1) = p_i int_0^1 prod_{j != i} (1 - p_j + p_j
    t) dt over 1 - m(empty). The integrand is a polynomial of degree n - 1, on which Gauss-Legendre with n / 2 nodes is
    exact: O(n^2). It is not a number where all p are 0.
    """
    p = p.double()
    others = _others(1 - p)
    nodes, weights = np.polynomial.legendre.leggauss(p.shape[-1] // 2 + 1)
    t, w = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    share = p * (_others(1 - p[..., None, :] * (1 - t[:, None])) * w[:, None]).sum(-2)
    return Beliefs(
        (p * others).numpy(),
        p.numpy(),
        (share / share.sum(-1, keepdim=True)).numpy(),
        (1 - p).prod(-1).numpy(),
    )


def _others(factors: Tensor) -> Tensor:
    """The product of all factors but the i-th, (..., n); no division, as a factor may be 0."""
    itself = torch.eye(factors.shape[-1], dtype=torch.bool)
    return factors[..., None, :].masked_fill(itself, 1).prod(-1)


def conjunctive(masses: Tensor) -> Tensor:
    """Return the masses of Dempster's conjunctive combination, not normalised, (..., n), of masses (..., n, M)."""
    return masses.prod(-1)


def disjunctive(masses: Tensor) -> Tensor:
    """Return the masses of the disjunctive combination, (..., n), of masses (..., n, M)."""
    return 1 - (1 - masses).prod(-1)


def contradiction(masses: Tensor) -> Tensor:
    """Return m(empty) of the conjunctive combination of masses (..., n, M), (...): no class is possible to all
    modalities."""
    return (1 - conjunctive(masses)).prod(-1)


def conflict(masses: Tensor) -> Tensor:
    """Return Dempster's K between the modalities, (...), for masses (..., n, M).

    It is the mass on contradiction when every modality is told first that some class is true (m(empty) = 0, the rest
    scaled up), so that
    a modality that merely speaks for no class does not count: K = 1 - (1 - m_conj(empty)) / prod_m (1 - m_m(empty)). It
    is not a number where a modality has m(empty) = 1.
    """
    return 1 - (1 - contradiction(masses)) / (1 - (1 - masses).prod(-2)).prod(-1)


def disagreement(masses: Tensor) -> Tensor:
    """Return Dempster's K on each element alone, 1 - prod_m p - prod_m (1 - p), (..., n): the mass on some saying yes
    and some no."""
    return 1 - masses.prod(-1) - (1 - masses).prod(-1)


@dataclass(frozen=True)
class Reading:
    """The fusion of one sample; n elements, M modalities.

    Attributes:
        modalities: names.
        elements: names of the classes where elements are classes, else "element 0", ...
        elements_are_classes: whether the beliefs and the conflict make sense.
        masses: p_mi, (n, M).
        fused: mass of every fused qubit, (n,).
        stages: masses after each stage of fusion, (n, stages); one stage up to three modalities.
        controls: names of what controls each stage: modalities, or "fused" for the qubit of the stage before.
        patterns: outcomes of the controls, such as "01", in order; the first control is the first digit.
        tables: mass of the fused qubit by outcome, (n, stages, patterns): the rule as learned.
        weights: probability of each outcome in this sample, (n, stages, patterns); stages = sum(weights * tables).
        rules: for each element the nearest named rule and the root mean square distance of the tables (0 to 1).
        conjunctive, disjunctive: masses that AND and OR would give, (n,).
        disagreement: see the function, (n,).
        conflict: see the function; None where elements are no classes.
        pairwise: conflict of every two modalities, (M, M), zero on the diagonal; None as above.
        by_modality: beliefs of each modality, arrays (M, n); None as above.
        by_fusion: beliefs of the fused masses, arrays (n,); None as above.
        vectors: (1, <X>, <Z>) of every fused qubit, (n, 3).
        entropy: of every fused qubit, nats, (n,): its entanglement with the qubits that it was fused from,
            which does not affect the decision (`INERT`).
    """

    modalities: tuple[str, ...]
    elements: tuple[str, ...]
    elements_are_classes: bool
    masses: np.ndarray
    fused: np.ndarray
    stages: np.ndarray
    controls: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...]
    tables: np.ndarray
    weights: np.ndarray
    rules: tuple[tuple[str, float], ...]
    conjunctive: np.ndarray
    disjunctive: np.ndarray
    disagreement: np.ndarray
    conflict: float | None
    pairwise: np.ndarray | None
    by_modality: Beliefs | None
    by_fusion: Beliefs | None
    vectors: np.ndarray
    entropy: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Return one row per element with all its numbers."""
        columns: dict[str, object] = {
            **{f"mass[{name}]": self.masses[:, m] for m, name in enumerate(self.modalities)},
            "mass": self.fused,
            "and": self.conjunctive,
            "or": self.disjunctive,
            "disagreement": self.disagreement,
            "entropy": self.entropy,
            "rule": [rule for rule, _ in self.rules],
            "distance": [d for _, d in self.rules],
        }
        for kind in ("belief", "plausibility", "pignistic"):
            if self.by_modality is not None and self.by_fusion is not None:
                columns |= {
                    f"{kind}[{name}]": getattr(self.by_modality, kind)[m]
                    for m, name in enumerate(self.modalities)
                }
                columns[kind] = getattr(self.by_fusion, kind)
        return pd.DataFrame(columns, index=pd.Index(self.elements, name="element"))


@torch.no_grad()
def read(model: TruthTables, masses: Mapping[str, Tensor]) -> Reading:
    """Return the reading of one sample.

    Args:
        model: whose fusion it is; one `with_angles` too.
        masses: of the sample, (n,) per modality: one row of `model.encode(inputs)`.

    Raises:
        InvalidInput: when a modality is missing, or its masses have another number or are not in [0, 1].
    """
    n, M = model.elements, len(model.modalities)
    check(
        set(masses) == set(model.modalities),
        f"Argument `masses` must hold {list(model.modalities)}, but holds {list(masses)[:8]}. Use `model.encode` of "
        "one sample.",
    )
    for name, values in masses.items():
        check(
            values.shape == (n,),
            f"Argument `masses[{name}]` must have shape ({n},), but has shape {tuple(values.shape)}. "
            "Give one sample.",
        )
        require_finite(f"masses[{name}]", values)
        check(
            bool(((values >= 0) & (values <= 1)).all()),
            f"Argument `masses[{name}]` must lie in [0, 1], but does not. They are sin^2.",
        )
    p = torch.stack([masses[name].double() for name in model.modalities], -1)
    phi = model.phi.double()
    vectors, stages = truth_tables.fuse(p, phi)
    classes = model.elements_are_classes
    joint = phi.shape[1] == 1
    before = [
        p if joint else p[:, :2],
        *(torch.stack([stages[:, k - 1], p[:, k + 1]], -1) for k in range(1, phi.shape[1])),
    ]
    controls = [
        model.modalities if joint else model.modalities[:2],
        *(("fused", name) for name in ([] if joint else model.modalities[2:])),
    ]
    return Reading(
        model.modalities,
        model.outputs if classes else tuple(f"element {i}" for i in range(n)),
        classes,
        p.numpy(),
        stages[:, -1].numpy(),
        stages.numpy(),
        tuple(controls),
        tuple("".join(str(int(b)) for b in row) for row in truth_tables.patterns(len(controls[0]))),
        torch.sin(phi / 2).square().numpy(),
        torch.stack([truth_tables.probabilities(q) for q in before], 1).numpy(),
        tuple(truth_tables.nearest_rule(phi, M)),
        conjunctive(p).numpy(),
        disjunctive(p).numpy(),
        disagreement(p).numpy(),
        float(conflict(p)) if classes else None,
        np.array(
            [[float(conflict(p[:, [a, b]])) if a != b else 0.0 for b in range(M)] for a in range(M)]
        )
        if classes
        else None,
        beliefs(p.mT) if classes else None,
        beliefs(stages[:, -1]) if classes else None,
        vectors.numpy(),
        truth_tables.fused_entropy(vectors).numpy(),
    )


# Which block of the entangled-fusion network does it: Shapley values of its gate groups for the decision, the loss
# and the entanglement, over all coalitions, with the error that shots would add.
#
# The groups are the fusion of every element, and the convolution and the pooling of every layer. In the place of a
# group that is left out stands the identity: an element that is not fused is a qubit in |0>; a layer's convolution
# blocks, or the rotations that its outcomes condition, are not there. The qubits are measured and read as before.
# (The knock-outs of `sensitivity` set learned angles to zero instead: they leave a block's fixed gates, and a fused
# qubit of mass 1/2.)
#
#     phi_g = sum over R without g of |R|! (G - |R| - 1)! / G! (v(R + g) - v(R)),        sum_g phi_g = v(all) - v(none)
#
# for v the score of a sample, the mean loss of rows, or the mean entropy of the qubits at the end (Shapley 1953; for
# gates Heese et al. 2023, arXiv 2301.09138). A score is the expectation of one observable for each choice of layers'
# groups, and linear in every fused qubit, so the values of all 2^n choices of elements come from contracting it with
# one qubit after the other, which costs about as much as six evaluations. That is exact for every network there can
# be: ten qubits have fourteen groups.
#
# Read from N shots of every coalition, which are run on their own, the score has the variance (<f^2> - <f>^2) / N, f
# being what the head gives an outcome; the variances of all coalitions, weighted as in phi_g, add up to that of
# phi_g.

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
    losses: tuple[stability.Interval, ...]
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


def groups_of(model: TruthTables) -> tuple[Group, ...]:
    """Return the groups of a network: layer by layer, then element by element."""
    words = {"conv": "convolution", "pool": "pooling"}
    layers = [
        Group(f"{words[kind]}[{layer}]", f"{words[kind]} of layer {layer}", words[kind])
        for kind, layer in dict.fromkeys((step.kind, step.layer) for step in model.network.steps)
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
    """Return the Shapley values of a network's gate groups for one sample, and for the loss of rows.

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
    network_model = model.truth_tables("to leave out gate groups")
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

    def measured(network: qcnn.QCNN) -> tuple[np.ndarray, ...]:
        """Score, its variance in one shot, mean entropy (2^n,), and losses (R, 2^n), by choice of elements."""
        O = _observables(network, c)
        table = coalition_table(O, vectors)[0]
        few = of_rows.split(max(1, _NUMBERS // O[:C].numel()))
        scores = [coalition_table(O[:C], some) + bias[:, None] for some in few]
        outcomes = model.logit_scale * torch.cat(scores).numpy().swapaxes(1, 2)
        return (
            (table[c] + bias[c]).numpy(),
            (table[C] - table[c].square()).clamp_min(0).numpy(),
            _entropies(table[C + 1 :], n),
            loss_attribution.losses(outcomes, truth, "l1" if C == 1 else "cross_entropy"),
        )

    by_network = zip(*map(measured, _networks(network_model.network)), strict=True)
    means, spreads, entropies, losses = map(np.stack, by_network)
    shape = (2,) * G
    by_row = losses.transpose(0, 2, 1).reshape(*shape, -1)
    tables = {
        DECISION: means.reshape(shape),
        LOSS: by_row.mean(-1),
        ENTANGLEMENT: entropies.reshape(shape),
    }
    columns = zip((group.key for group in groups), shapley_values(by_row, G), strict=True)
    return GateGroups(
        groups,
        output,
        {name: shapley_values(tables[name], G) for name in TARGETS},
        {name: float(values.ravel()[0]) for name, values in tables.items()},
        {name: float(values.ravel()[-1]) for name, values in tables.items()},
        np.sqrt(shapley_variances(spreads.reshape(shape) / shots)),
        tuple(stability.means(dict(columns), clusters=clusters).values()),
        len(of_rows),
        shots,
    )


def shapley_values(values: np.ndarray, G: int) -> np.ndarray:
    """Return the Shapley values of G players, (G, ...), from the values of all coalitions, (2, ..., 2, ...), where
    axis g of the first G is 1 if player g takes part."""
    weights = _weights(G)
    gains = (np.take(values, 1, g) - np.take(values, 0, g) for g in range(G))
    return np.stack([np.tensordot(weights, gain, G - 1) for gain in gains])


def shapley_variances(variances: np.ndarray) -> np.ndarray:
    """Return the variances (G,) of the Shapley values of G players, given the variances (2, ..., 2) of independent
    measurements of the values of all coalitions.
    """
    G = variances.ndim
    squared = _weights(G) ** 2
    return np.array([np.tensordot(squared, variances.sum(g), G - 1) for g in range(G)])


def _weights(G: int) -> np.ndarray:
    """|R|! (G - |R| - 1)! / G! of every coalition R of G - 1 players, (2, ..., 2)."""
    by_size = np.array(
        [math.factorial(k) * math.factorial(G - 1 - k) / math.factorial(G) for k in range(G)]
    )
    return np.asarray(by_size[np.indices((2,) * (G - 1)).sum(0)])


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
    first, total = int(sizes.argmax()), float(sizes.sum())
    return first, float(sizes[first]) / total if total else float("nan")


def significant_groups(result: GateGroups) -> tuple[list[int], list[int]]:
    """Return the groups that lower the loss and those that raise it, both beyond their intervals. The largest come
    first.
    """
    order = np.argsort(result.shapley[LOSS], kind="stable").tolist()
    lowering = [i for i in order if result.losses[i].high < 0]
    raising = [i for i in order[::-1] if result.losses[i].low > 0]
    return lowering, raising
