"""Fusion for the quantum convolutional network: by entangling qubits through soft truth tables (arXiv 2601.07856),
which can be edited, and by products of rotations.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number
from qfusion.models import base, encoders, qcnn
from qfusion.models.tweak import MAX_TEXT
from qfusion.quantum import states

# Decision-level fusion by entangling qubits: soft truth tables that can be read, named and edited.
#
# Modality m gives element i the mass p_mi = sin^2(theta_mi / 2): the probability of 1 of its qubit RY(theta_mi)|0>. A
# fused qubit is turned by RY(phi_ib) for each outcome pattern b of the modality qubits, which are then left out. Its
# state is
#
#     <Z> = sum_b P_i(b) cos phi_ib,   <X> = sum_b P_i(b) sin phi_ib,   mass of 1 = sum_b P_i(b) sin^2(phi_ib / 2),
#
# where P_i(b) is the product of the masses: phi in {0, pi} gives Boolean rules (AND is Dempster's conjunctive rule on
# plausibilities, OR the disjunctive one; arXiv 2401.01392, 2410.08949). More than three modalities are fused one after
# another, so that the cost is linear in M.

RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "and": lambda ones: (ones == ones.max()).double(),
    "or": lambda ones: (ones > 0).double(),
    "mean": lambda ones: ones / ones.max(),
    "majority": lambda ones: (
        (2 * ones > ones.max()).double() + 0.5 * (2 * ones == ones.max()).double()
    ),
}
CHOICES = {
    "rule": ("mean", "and", "or", "random"),  # where training begins
    "tables": ("joint", "separate"),
    "start": ("random", "classes"),
}
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
    # masses weigh the newcomer 1 / count against the mean so far
    masses = [[0.0, 1 / count, 1 - 1 / count, 1.0] for count in range(2, M + 1)]
    return 2 * torch.asin(torch.tensor(masses, dtype=torch.float64).sqrt())


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
    return states.product(torch.stack([1 - masses, masses], -1).unbind(-2))


def fuse(masses: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the fused qubits' vectors and the fused mass after each stage.

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
    """Returns the named rules for M modalities: the majority of two is the mean, and a chain has none."""
    return tuple(rule for rule in RULES if rule != "majority" or M == 3)


def nearest_rule(phi: Tensor, M: int) -> list[tuple[str, float]]:
    """Returns for every element the named rule with the nearest table of masses, and the root mean square distance (0
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


# Edited truth tables: as text, as links say it, and the angles it stands for.
#
#     all:and            every element fuses by the rule AND
#     3:or               element 3 by OR; `3:learned` puts back what training found
#     3.011=1.57         element 3 turns by 1.57 rad when the modality qubits read 0, 1, 1
#     3.1.01=1.57        the same in stage 1 of a chain (more than three modalities)
#     3.011:learned      that one entry as a rule has it, or as learned
#     pooling.0.2=1.57   angle 2 of the pooling of layer 0 of the network, which all its gates share; or convolution
#
# separated by commas, applied from left to right. Text is the one place where edits are kept: it is in the address.

LOW, HIGH = (
    -math.pi / 2,
    3 * math.pi / 2,
)  # every angle has its place here; the named rules lie inside
EVERYONE, LEARNED = "all", "learned"
NETWORK = ("convolution", "pooling")  # whose angles are edited by layer and number


@dataclass(frozen=True)
class Shape:
    """Of the tables: n elements, stages and patterns, M modalities."""

    n: int
    stages: int
    patterns: int
    M: int

    @property
    def digits(self) -> int:
        """Qubits that control a table."""
        return self.patterns.bit_length() - 1

    @property
    def rules(self) -> tuple[str, ...]:
        """Named rules that a preset can set."""
        return named_rules(self.M)


def edited_patterns(shape: Shape) -> tuple[str, ...]:
    """What the qubits of a table can read, in the order of its entries."""
    return tuple(format(b, f"0{shape.digits}b") for b in range(shape.patterns))


def shape_of(model: object) -> Shape:
    """The tables of a model."""
    n, stages, patterns = model.phi.shape  # type: ignore[attr-defined]
    return Shape(n, stages, patterns, len(model.modalities))  # type: ignore[attr-defined]


def wrapped(angle: float) -> float:
    """The same rotation (up to its sign) with an angle in [LOW, HIGH)."""
    return (angle - LOW) % (2 * math.pi) + LOW


def apply_edits(text: str, learned: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Returns the angles (n, stages, patterns) that edits of learned ones lead to.

    Raises:
        InvalidInput, NotFound: naming the part that does not fit.
    """
    phi = learned.detach().clone().double()
    check(len(text) <= MAX_TEXT, "The edits are too long. Keep one for each angle.")
    for part in _parts(text):
        where, mark, value = (piece.strip() for piece in part.partition("="))
        if where.partition(".")[0] in NETWORK:
            continue  # see `network_edits`
        if mark:
            phi[_entry(where, part, shape)] = require_number(f"angle of {where}", value, -100, 100)
            continue
        where, mark, value = (piece.strip() for piece in part.partition(":"))
        check(
            bool(mark),
            f"Edit `{part[:60]}` must look like `3.01=1.57`, `3:and` or `all:or`. Remove or mend it.",
        )
        rule = choose("Fusion rule", value, (*shape.rules, LEARNED))
        table = learned.detach() if rule == LEARNED else named_angles(rule, shape.M)
        place: Any = slice(None)
        if "." in where:
            place = _entry(where, part, shape)
        elif where != EVERYONE:
            place = _whole(where, shape.n, "element", part)
        phi[place] = table.expand(phi.shape)[place].double()
    return phi


def network_edits(text: str, network: qcnn.QCNN) -> dict[str, Tensor]:
    """Returns the angles of the network that edits lead to, (layers, angles) by name; of those alone that are edited.

    Raises:
        InvalidInput: naming the part that does not fit.
    """
    edited: dict[str, Tensor] = {}
    for part in _parts(text):
        where, mark, value = (piece.strip() for piece in part.partition("="))
        name, *place = where.split(".")
        if name not in NETWORK:
            continue
        check(
            bool(mark) and len(place) == 2,
            f"Edit `{part[:60]}` must name a layer and an angle, like `{name}.0.2=1.57`. Mend it.",
        )
        angles = edited.setdefault(name, getattr(network, name).detach().clone())
        layer, angle = (
            _whole(word, size, what, part)
            for word, size, what in zip(place, angles.shape, ("layer", "angle"), strict=True)
        )
        angles[layer, angle] = require_number(f"angle of {where}", value, -100, 100)
    return edited


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _entry(where: str, part: str, shape: Shape) -> tuple[int, int, int]:
    """Element, stage and pattern of one entry's name."""
    chained = shape.stages > 1
    steps = where.strip().split(".")
    check(
        len(steps) == 2 + chained,
        f"Edit `{part[:60]}` must name element{', stage and outcome' if chained else ' and outcome'}, like "
        f"`{'0.1.00' if chained else '0.' + '0' * shape.digits}=1.57`.",
    )
    stage = _whole(steps[1], shape.stages, "stage", part) if chained else 0
    digits = steps[-1]
    check(
        len(digits) == shape.digits and set(digits) <= {"0", "1"},
        f"Edit `{part[:60]}` must name an outcome of {shape.digits} digits 0 or 1, but names `{digits[:20]}`.",
    )
    return _whole(steps[0].strip(), shape.n, "element", part), stage, int(digits, 2)


def _whole(word: str, count: int, name: str, part: str) -> int:
    check(
        word.isdecimal() and int(word) < count,
        f"Edit `{part[:60]}` must name an {name} from 0 to {count - 1}, but names `{word[:20]}`.",
    )
    return int(word)


def edit_key(shape: Shape, element: int, stage: int, pattern: int) -> str:
    """How an entry is named in the text."""
    place = f"{element}" if shape.stages == 1 else f"{element}.{stage}"
    return f"{place}.{edited_patterns(shape)[pattern]}"


def with_angle(
    text: str, shape: Shape, element: int, stage: int, pattern: int, angle: float
) -> str:
    """The text with one entry set; an earlier value of the same entry goes."""
    return with_value(text, edit_key(shape, element, stage, pattern), angle)


def with_value(text: str, name: str, angle: float) -> str:
    """The text with one angle set, by its name in it; an earlier value of the same angle goes."""
    return ",".join([*without(text, name), f"{name}={angle:.5g}"])


def with_entry_learned(text: str, shape: Shape, element: int, stage: int, pattern: int) -> str:
    """The text with one entry as learned."""
    name = edit_key(shape, element, stage, pattern)
    rest = ",".join(without(text, name))
    untouched = torch.full((shape.n, shape.stages, shape.patterns), math.inf)
    angle = apply_edits(rest, untouched, shape)[element, stage, pattern]
    return f"{rest},{name}:{LEARNED}" if angle.isfinite() else rest


def without(text: str, name: str) -> list[str]:
    """The parts of the text that do not name this angle."""
    return [
        part for part in _parts(text) if part.replace("=", ":").partition(":")[0].strip() != name
    ]


def with_rule(text: str, shape: Shape, element: int | None, rule: str) -> str:
    """The text with one element's table, or all, set to a rule; "learned" takes its edits away."""
    if element is None:
        return "" if rule == LEARNED else f"{EVERYONE}:{rule}"
    others = [
        part for part in _parts(text) if part.replace(":", ".").partition(".")[0] != str(element)
    ]
    put_back = rule == LEARNED and not any(part.startswith(EVERYONE) for part in others)
    return ",".join(others if put_back else [*others, f"{element}:{rule}"])


# Feature-entanglement fusion with a quantum convolutional network (arXiv 2601.07856).
#
#     theta_mi = e_mi(x_m) + pi / 2          a classical module per modality gives n angles
#     p_mi = sin^2(theta_mi / 2)             mass that modality m gives element i: qubit RY(theta_mi)|0>
#     fused qubit i                          turned by RY(phi_ib) for each outcome b of its modality qubits: `fusion`
#     y = HEAD_SCALE W f + b                 quantum convolution and pooling on the n fused qubits: `qcnn`
#
# Only the paper's abstract is public to us; element-wise fusion by soft truth tables and the head that also reads the
# measured qubits are our reading. The modality qubits are left out after fusion, so the fused qubits are in a real
# product state and every score is the expectation of one effective observable with 3^n real coefficients.


@torch.no_grad()
def read_classes(network: qcnn.QCNN, vectors: Tensor) -> None:
    """Sets the head so that the i-th of the fused states raises score i by HEAD_SCALE and leaves the others alone.

    What the circuit hides of single elements (singular values below 0.1) starts unread.

    Args:
        network: with as many qubits n as scores.
        vectors: fused qubits (1, <X>, <Z>), (n + 1, n, 3): the i-th state has full mass on element i, the last on none.
    """
    features = qcnn.network_features(network, vectors)
    network.head.copy_(torch.linalg.pinv((features[:-1] - features[-1]).T, atol=0.1))


class NetworkModel(base.FusionModel):
    """A model whose fused qubits pass a quantum convolutional network.

    Attributes:
        elements: number n of fused qubits.
        network: that they pass.
    """

    def _lay_out(
        self,
        elements: int,
        block: str,
        start: str,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        **more: Any,
    ) -> None:
        """Sets the settings, and makes the network and encoders that give a number for each fused qubit; arguments as
        of `EntangledQCNN`, `more` settings of a subclass."""
        self.settings = dict(
            elements=elements,
            block=block,
            start=start,
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
            **more,
        )
        C = len(self.outputs)
        choose("Start of the readout", start, CHOICES["start"])
        check(
            isinstance(elements, int) and elements >= 0,
            f"Argument `elements` must be a whole number from 0, but is {elements!r}.",
        )
        encoders.check_encoder(hidden, dropout, input_dropout)
        self.elements = elements or (C if 4 <= C <= 10 else 8)
        check(
            start == "random" or self.elements == C,
            f"Argument `start` is 'classes', which needs one element per class, but there are {self.elements} "
            f"elements and {C} classes. Set `elements` to {C}, or `start` to 'random'.",
        )
        self.network = qcnn.QCNN(self.elements, C, block)
        self.encoders = nn.ModuleDict(
            {
                name: encoders.Encoder(
                    spec, self.elements, hidden, dropout, pooling, encoder, input_dropout
                )
                for name, spec in self.input_specs.items()
            }
        )

    def head_parameters(self) -> tuple[str, ...]:
        """Returns the names of the parameters with one row for each output."""
        return ("network.head", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the circuit, which do nothing at 0."""
        return [(self.network.convolution, 0.0), (self.network.pooling, 0.0)]


class EntangledQCNN(NetworkModel, base.StateModel):
    """The feature-entanglement fusion network.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        elements: number n of fused qubits; 0 takes the number of classes when that is 4 to 10 (element i then reads
            "supports class i"), else 8.
        rule: where the fusion's truth tables start: "mean", "and", "or" or "random".
        freeze_rule: keep the tables at exactly that rule.
        tables: "joint" learns an angle for every outcome pattern of the modality qubits; "separate" only one for each
            modality, so that every modality turns the fused qubit on its own: phi_ib = pi / 2 + a_i0 + sum_m b_m a_im
            (an ablation; of a
                chain, by stage).
        block: two-qubit convolution block, of `quantum.circuits.BLOCKS`.
        start: where the readout starts: "random", or "classes", so that the mass of element i speaks for class i and
            for no other; that needs as many elements as classes.
        encoder: "mlp", or "cnn", "cnn-norm" or "cnn-pool" for modalities that are images.
        hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "entangled-qcnn"
    abilities = frozenset({"states", "masses", "layers", "rules", "circuit", "terms"})

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        elements: int = 0,
        rule: str = "mean",
        freeze_rule: bool = False,
        block: str = "su4",
        start: str = "random",
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        tables: str = "joint",
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        choose("Fusion rule", rule, CHOICES["rule"])
        choose("Tables", tables, CHOICES["tables"])
        check(
            not (freeze_rule and tables == "separate"),
            "Argument `tables` must be 'joint' with `freeze_rule`, but is 'separate': a frozen rule learns neither. "
            "Drop one of them.",
        )
        check(
            not (freeze_rule and rule == "random"),
            "Argument `freeze_rule` needs a named rule, but `rule` is 'random'. Name a rule.",
        )
        self._lay_out(
            elements,
            block,
            start,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            rule=rule,
            freeze_rule=freeze_rule,
            tables=tables,
        )
        n, M, C = self.elements, len(self.modalities), len(self.outputs)
        self.elements_are_classes = n == C
        named = named_angles("mean" if rule == "random" else rule, M).to(torch.get_default_dtype())
        angles = (
            torch.rand(n, *named.shape) * torch.pi
            if rule == "random"
            else named.expand(n, *named.shape).clone()
        )
        if freeze_rule:
            self.register_buffer("phi", angles)
        elif tables == "separate":
            turns = nearest_turns(angles)
            self.turns = nn.Parameter(turns + 0.1 * torch.randn_like(turns))
        else:
            self.phi = nn.Parameter(angles + 0.1 * torch.randn_like(angles))
        self.bias = nn.Parameter(torch.zeros(C))
        if start == "classes":  # full mass on element i, others undecided, raises score i alone
            masses = torch.full((n + 1, n, M), 0.5)
            masses[torch.arange(n), torch.arange(n)] = 1.0
            read_classes(self.network, fuse(masses, self.phi.detach())[0])

    def __getattr__(self, name: str) -> Any:
        """The tables of separate rotations are worked out from these wherever `phi` is asked for."""
        if name == "phi" and "phi" not in self._buffers and "turns" in self._parameters:
            return separate_angles(self.turns)
        return super().__getattr__(name)

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the truth tables, which say nothing at pi / 2 (mass 1/2), and of the circuit, which do
        nothing at 0."""
        known = [(self._parameters.get("phi"), torch.pi / 2), (self._parameters.get("turns"), 0.0)]
        return [
            *((parameter, nothing) for parameter, nothing in known if parameter is not None),
            *super().couplings(),
        ]

    def angles(self, inputs: Mapping[str, encoders.Features]) -> dict[str, Tensor]:
        """Returns the angles theta_mi of every modality's qubits, (B, n) radians.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self._encoded(inputs, name) + torch.pi / 2 for name in self.modalities}

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Returns the masses p_mi = sin^2(theta_mi / 2) of one modality, (B, n): its state as far as the fusion can
        tell; `inputs` need not hold the others."""
        return torch.sin((self._encoded(inputs, name) + torch.pi / 2) / 2).square()

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the fused qubits' vectors (1, <X>, <Z>), (B, n, 3), and the mass after each stage of fusion, (B, n,
        stages)."""
        return fuse(torch.stack([masses[name] for name in self.modalities], -1), self.phi)

    def observables(self) -> Tensor:
        """Returns the effective observables of the fused qubits, coefficients (C, 3, ..., 3) of words in {I, X, Z}."""
        return self.network.observables()

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Returns the scores of given masses, (B, C); multilinear in them."""
        vectors = self.fuse(states)[0]
        return (
            self.read(vectors) if observables is None else qcnn.evaluate(observables, vectors)
        ) + self.bias

    def read(self, vectors: Tensor) -> Tensor:
        """Returns the scores without bias of fused qubits (1, <X>, <Z>), (B, n, 3) -> (B, C)."""
        return qcnn.network_scores(self.network, vectors)

    def with_angles(self, phi: Tensor) -> Self:
        """Returns a model that shares this one's weights but fuses by other truth tables, phi of shape (n, stages,
        patterns).

        Raises:
            InvalidInput: when the shape differs or an angle is not a number.
        """
        check(
            phi.shape == self.phi.shape,
            f"Argument `phi` must have shape {tuple(self.phi.shape)}, but has shape {tuple(phi.shape)}.",
        )
        check(
            bool(torch.isfinite(phi).all()),
            "Argument `phi` must be finite, but an angle is not a number. Give angles in radians.",
        )
        other = copy.copy(self)
        other._parameters = {
            name: p for name, p in self._parameters.items() if name not in ("phi", "turns")
        }
        other._buffers = {**self._buffers, "phi": phi.detach().to(self.phi)}
        return other

    def parse_tweak(self, tweak: object) -> str:
        """Returns the text of edits of this model's truth tables, see `edits`, without what stands around it.

        Raises:
            InvalidInput, NotFound: when it is no text, or a part of it does not fit the tables.
        """
        check(
            isinstance(tweak, str),
            f"Argument `tweak` must be text for an {self.kind}, such as 'all:and', but is a {type(tweak).__name__}.",
        )
        words = str(tweak).strip(" ,")
        apply_edits(words, self.phi, shape_of(self))
        network_edits(words, self.network)
        return words

    def tweaked(self, tweak: str) -> Self:
        """Returns a model that shares this one's weights but has edited tables or angles of the network, see `edits`;
        the model itself where nothing is edited.

        Raises:
            InvalidInput, NotFound: as for `parse_tweak`.
        """
        words = self.parse_tweak(tweak)
        if not words:
            return self
        other = self.with_angles(apply_edits(words, self.phi, shape_of(self)))
        edited = network_edits(words, self.network)
        if not edited:
            return other
        other.__dict__.pop("observables", None)  # of a study they are kept: those as learned
        network = copy.copy(self.network)
        network._parameters = network._parameters | {
            name: nn.Parameter(angles, requires_grad=False) for name, angles in edited.items()
        }
        other._modules = {**self._modules, "network": network}
        return other

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores by evolving the fused qubits' density matrices gate by gate, (B, C): the reference path,
        for small n."""
        return (
            qcnn.density_scores(
                self.network, qcnn.density_states(self.network, self.fuse(states)[0])[-1]
            )
            + self.bias
        )

    def points(self, count: int = 2) -> base.Points:
        """Returns the places between the network's layers, `QCNN.moments`, however many are asked for."""
        names = tuple(name for name, _ in self.network.moments())
        return base.Points("layers", tuple(map(float, range(len(names)))), names)

    def baked(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns weights and settings in which the tables are those of this model: an edited one need be neither a
        named rule nor one of separate rotations."""
        if not words:
            return state, settings
        state = {key: value for key, value in state.items() if key != "turns"}
        own = {f"network.{name}": getattr(self.network, name).detach() for name in NETWORK}
        return state | own | {"phi": self.phi}, {
            **settings,
            "tables": "joint",
            "freeze_rule": False,
        }


# The QCNN without fusion qubits: every modality turns the fused qubits by its encoder's numbers, which add up.
#
#     theta_mi = e_mi(x_m)                                  the encoders of EntangledQCNN
#     fused qubit i: RY(pi / 2 + sum_m w_mi theta_mi)|0>    every modality turns it directly, one after another
#     y = HEAD_SCALE W f + b                                the same network and head
#
# A fused qubit of `EntangledQCNN` is turned by what the modality qubits read, so it is mixed once
# they are left out, and the scores are linear in masses. Here it is turned by the encoders' numbers
# themselves: it stays pure, and the scores are not linear in masses, so decisions are split by
# evaluation. That is another class of functions and not "the fusion without entanglement", which
# would be `EntangledQCNN` itself: the entanglement of its fusion is inert for the scores.


class ProductQCNN(NetworkModel):
    """The network on qubits whose angles are sums; settings and errors as for `EntangledQCNN`, but those of tables."""

    kind = "product-qcnn"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        elements: int = 0,
        block: str = "su4",
        start: str = "random",
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        self._lay_out(elements, block, start, encoder, hidden, dropout, pooling, input_dropout)
        n, M = self.elements, len(self.modalities)
        self.weights = nn.Parameter(torch.full((M, n), 1.0 / M))
        self.bias = nn.Parameter(torch.zeros(len(self.outputs)))
        if start == "classes":
            angles = torch.full((n + 1, n), torch.pi / 2)
            angles[:n].fill_diagonal_(torch.pi)
            read_classes(self.network, vectors(angles))

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores (logits), (B, C), of the encoders' numbers, (B, n) of each modality."""
        turns = torch.stack([states[name] for name in self.modalities], 1)
        fused = vectors(torch.pi / 2 + (self.weights * turns).sum(1))
        return qcnn.network_scores(self.network, fused) + self.bias


def vectors(angles: Tensor) -> Tensor:
    """Returns (1, <X>, <Z>) of qubits turned by `angles` (..., n) from |0>, (..., n, 3)."""
    return torch.stack([torch.ones_like(angles), angles.sin(), angles.cos()], -1)
