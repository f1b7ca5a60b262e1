"""Feature-entanglement fusion with a quantum convolutional network (arXiv 2601.07856).

    theta_mi = e_mi(x_m) + pi / 2          a classical module per modality gives n angles
    p_mi = sin^2(theta_mi / 2)             mass that modality m gives element i: qubit RY(theta_mi)|0>
    fused qubit i                          turned by RY(phi_ib) for each outcome b of its modality qubits: `fusion`
    y = HEAD_SCALE W f + b                 quantum convolution and pooling on the n fused qubits: `qcnn`

Only the paper's abstract is public to us; element-wise fusion by soft truth tables and the head that also reads the
measured qubits are our reading. The modality qubits are left out after fusion, so the fused qubits are in a real
product state and every score is the expectation of one effective observable with 3^n real coefficients.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import density, edits, expectations, fusion, qcnn
from qfusion.models.encoders import Encoder, Features, InputSpec
from qfusion.models.explorable import Points, StateModel
from qfusion.quantum.circuits import BLOCKS

STARTS = ("random", "classes")


@torch.no_grad()
def read_classes(network: qcnn.QCNN, vectors: Tensor) -> None:
    """Sets the head so that the i-th of the fused states raises score i by HEAD_SCALE and leaves the others alone.

    What the circuit hides of single elements (singular values below 0.1) starts unread.

    Args:
        network: with as many qubits n as scores.
        vectors: fused qubits (1, <X>, <Z>), (n + 1, n, 3): the i-th state has full mass on element i, the last on none.
    """
    features = expectations.features(network, vectors)
    network.head.copy_(torch.linalg.pinv((features[:-1] - features[-1]).T, atol=0.1))


class EntangledQCNN(StateModel):
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
        block: two-qubit convolution block, of `quantum.gates.BLOCKS`.
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
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
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
        M, C = len(self.modalities), len(self.outputs)
        choose("Fusion rule", rule, fusion.INITIAL)
        choose("Convolution block", block, BLOCKS)
        choose("Start of the readout", start, STARTS)
        choose("Tables", tables, fusion.TABLES)
        check(
            not (freeze_rule and tables == "separate"),
            "Argument `tables` must be 'joint' with `freeze_rule`, but is 'separate': a frozen rule learns neither. "
            "Drop one of them.",
        )
        check(
            not (freeze_rule and rule == "random"),
            "Argument `freeze_rule` needs a named rule, but `rule` is 'random'. Name a rule.",
        )
        check(
            isinstance(elements, int) and elements >= 0,
            f"Argument `elements` must be a whole number from 0, but is {elements!r}.",
        )
        for name, share in (("dropout", dropout), ("input_dropout", input_dropout)):
            check(0 <= share < 1, f"Argument `{name}` must lie in [0, 1), but is {share}.")
        check(
            isinstance(hidden, int) and 1 <= hidden <= 2**14,
            f"Argument `hidden` must be a whole number from 1 to {2**14}, but is {hidden!r}.",
        )
        self.settings: dict[str, Any] = dict(
            elements=elements,
            rule=rule,
            freeze_rule=freeze_rule,
            block=block,
            start=start,
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            tables=tables,
            input_dropout=input_dropout,
        )
        self.elements = elements or (C if 4 <= C <= 10 else 8)
        self.elements_are_classes = self.elements == C
        check(
            start == "random" or self.elements_are_classes,
            f"Argument `start` is 'classes', which needs one element per class, but there are {self.elements} "
            f"elements and {C} classes. Set `elements` to {C}, or `start` to 'random'.",
        )
        self.network = qcnn.QCNN(self.elements, C, block)
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(spec, self.elements, hidden, dropout, pooling, encoder, input_dropout)
                for name, spec in self.input_specs.items()
            }
        )
        angles = self._start(rule, M)
        if freeze_rule:
            self.register_buffer("phi", angles)
        elif tables == "separate":
            turns = fusion.nearest_turns(angles)
            self.turns = nn.Parameter(turns + 0.1 * torch.randn_like(turns))
        else:
            self.phi = nn.Parameter(angles + 0.1 * torch.randn_like(angles))
        self.bias = nn.Parameter(torch.zeros(C))
        if start == "classes":
            self._read_classes()

    def __getattr__(self, name: str) -> Any:
        """The tables of separate rotations are worked out from these wherever `phi` is asked for."""
        if name == "phi" and "phi" not in self._buffers and "turns" in self._parameters:
            return fusion.separate_angles(self.turns)
        return super().__getattr__(name)

    @torch.no_grad()
    def _read_classes(self) -> None:
        """Sets the head so that full mass on element i, others undecided, raises score i and no other; see
        `read_classes`."""
        n, M = self.elements, len(self.modalities)
        masses = torch.full((n + 1, n, M), 0.5)
        masses[torch.arange(n), torch.arange(n)] = 1.0
        read_classes(self.network, fusion.fuse(masses, self.phi)[0])

    def _start(self, rule: str, M: int) -> Tensor:
        named = fusion.named_angles("mean" if rule == "random" else rule, M).to(
            torch.get_default_dtype()
        )
        if rule == "random":
            named = torch.rand(self.elements, *named.shape) * torch.pi
            return named
        return named.expand(self.elements, *named.shape).clone()

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the truth tables, which say nothing at pi / 2 (mass 1/2), and of the circuit, which do
        nothing at 0."""
        known = [(self._parameters.get("phi"), torch.pi / 2), (self._parameters.get("turns"), 0.0)]
        tables = [(parameter, nothing) for parameter, nothing in known if parameter is not None]
        return [*tables, (self.network.convolution, 0.0), (self.network.pooling, 0.0)]

    def angles(self, inputs: Mapping[str, Features]) -> dict[str, Tensor]:
        """Returns the angles theta_mi of every modality's qubits, (B, n) radians.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self._encoded(inputs, name) + torch.pi / 2 for name in self.modalities}

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Tensor]:
        """Returns the masses p_mi = sin^2(theta_mi / 2) of every modality, (B, n): its state as far as the fusion can
        tell."""
        return {name: self.encode_one(inputs, name) for name in self.modalities}

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the masses of one modality, (B, n); `inputs` need not hold the others."""
        return torch.sin((self._encoded(inputs, name) + torch.pi / 2) / 2).square()

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the fused qubits' vectors (1, <X>, <Z>), (B, n, 3), and the mass after each stage of fusion, (B, n,
        stages)."""
        return fusion.fuse(torch.stack([masses[name] for name in self.modalities], -1), self.phi)

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
        return expectations.scores(self.network, vectors)

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Returns the scores (logits), (B, C)."""
        return self.scores(self.encode(inputs))

    def with_angles(self, phi: Tensor) -> EntangledQCNN:
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
        other._parameters, other._buffers = dict(self._parameters), dict(self._buffers)
        for name in ("phi", "turns"):
            other._parameters.pop(name, None)
        other._buffers["phi"] = phi.detach().to(self.phi)
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
        edits.apply(words, self.phi, edits.shape_of(self))
        return words

    def tweaked(self, tweak: str) -> EntangledQCNN:
        """Returns a model that shares this one's weights but has edited tables, see `edits`; the model itself where
        nothing is edited.

        Raises:
            InvalidInput, NotFound: as for `parse_tweak`.
        """
        words = self.parse_tweak(tweak)
        return (
            self.with_angles(edits.apply(words, self.phi, edits.shape_of(self))) if words else self
        )

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores by evolving the fused qubits' density matrices gate by gate, (B, C): the reference path,
        for small n."""
        return (
            density.scores(self.network, density.states(self.network, self.fuse(states)[0])[-1])
            + self.bias
        )

    def points(self, count: int = 2) -> Points:
        """Returns the places between the network's layers, `QCNN.moments`, however many are asked for."""
        names = tuple(name for name, _ in self.network.moments())
        return Points("layers", tuple(map(float, range(len(names)))), names)

    def baked(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns weights and settings in which the tables are those of this model: an edited one need be neither a
        named rule nor one of separate rotations."""
        if not words:
            return state, settings
        state = {key: value for key, value in state.items() if key != "turns"}
        return state | {"phi": self.phi}, {**settings, "tables": "joint", "freeze_rule": False}
