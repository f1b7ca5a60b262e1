"""Changes that a user makes to a trained model: to its physics, or to its circuit before it runs.

    H.text=0.5         the coupling H_S of these modalities times a factor between -10 and 10; 0 takes it away
    H.text-audio=0     of several modalities, in the model's order
    D.text-audio=0.5   their dissipation: the parts L_k^A of all jump operators times a factor between 0 and 4
    T=1.2              the duration of the evolution, between 0 and 20

Couplings and dissipation are those of the form that no choice of the L_k changes, see `quantum.decomposition`. Keys are
separated by commas, in any order; what is not named stays as learned. `Tweak.parse` is the only reader and `str` the
only writer of such text; its keys are those of sliders and links. In the name of a modality, `-`, `,`, `=` and white
space at the end are written after a `+`, which no name holds: `H.a+-b` is the coupling of modality `a-b`, `H.a-b` that
of `a` and `b`.

What is changed in the circuit of a model before it runs: angles of gates, gates left out, noise, shots.

Edits of angles have a text, for links and sessions: "3.angle=0.5,12.theta=-1.2" sets the angle of gate 3 and theta of
gate 12, gates being counted from 1 as pages do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from qfusion._checks import check, choose, require_number
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.quantum import decomposition, lindblad

MAX_TEXT = 20_000  # letters of a tweak
MAX_COUPLING = 10.0  # factor, in size
MAX_DISSIPATION = 4.0  # factor; its rates grow as the square
MAX_DURATION = 20.0
COUPLING, DISSIPATION, DURATION = "H.", "D.", "T"  # how keys begin


class Tweakable(Protocol):
    """Properties that a tweak needs of a model whose states evolve in time.

    Attributes:
        modalities: their names, in the order of the tensor product.
        duration: T.
        jump_count: number of jump operators.
    """

    modalities: tuple[str, ...]
    duration: float

    @property
    def jump_count(self) -> int:
        """Number of jump operators."""


@dataclass(frozen=True)
class Tweak:
    """Factors on the learned physics. Parts that are not named keep their learned values. A tweak is hashable, so that
    it can be a cache key.

    Attributes:
        couplings: factor on H_S by the name of S, such as {"text": 1.2, "text+audio": 0.0}; between -10 and 10.
        dissipations: factor on the parts L_k^A of all jump operators by the name of A; between 0 and 4.
        duration: evolution time T, between 0 and 20; None keeps the model's own.
    """

    couplings: Mapping[str, float] = field(default_factory=dict)
    dissipations: Mapping[str, float] = field(default_factory=dict)
    duration: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "couplings", dict(self.couplings))
        object.__setattr__(self, "dissipations", dict(self.dissipations))

    def __hash__(self) -> int:
        couplings = frozenset(self.couplings.items())
        dissipations = frozenset(self.dissipations.items())
        return hash((couplings, dissipations, self.duration))

    @classmethod
    def parse(cls, text: str, model: Tweakable) -> Tweak:
        """Return the tweak of a text, in the form of `fit`.

        Raises:
            InvalidInput, NotFound: when a part is no assignment, the model has nothing of that name, or a number is out
                of range.
        """
        check(
            len(text) <= MAX_TEXT,
            f"The tweak must have at most {MAX_TEXT:,} letters, but has {len(text):,}. Shorten it.",
        )
        parts = re.findall(r"(?:\+.?|[^,+])+", text, re.DOTALL)
        return cls.of([_assignment(part) for part in parts if part.strip()], model)

    @classmethod
    def of(cls, assignments: Iterable[tuple[str, object]], model: Tweakable) -> Tweak:
        """Return the tweak of numbers by key, as an address holds them, in the form of `fit`; of a key that is
        repeated the last counts.

        Raises:
            InvalidInput, NotFound: when the model has nothing of that name, or a number is out of range.
        """
        known = learned_values(model)
        numbers = {}
        for key, value in assignments:
            choose("Tweak", key, known)
            numbers[key] = require_number(key, value, *_range(key, model))
        names = tuple(model.modalities)
        coupling_factors = {}
        for key, term in couplings(names).items():
            if key in numbers:
                coupling_factors[term] = numbers[key]
        dissipation_factors = {}
        for key, term in dissipations(names).items():
            if key in numbers:
                dissipation_factors[term] = numbers[key]
        return cls(coupling_factors, dissipation_factors, numbers.get(DURATION)).fit(model)

    def fit(self, model: Tweakable) -> Tweak:
        """Return the same tweak in the one form that equal tweaks of a model have: factors of 1 left out, couplings in
        the model's order, no duration where it is the learned one.

        Raises:
            InvalidInput, NotFound: when the model has no such coupling or dissipation, or a number is out of range.
        """
        terms = list(couplings(tuple(model.modalities)).values())
        for name in self.couplings:
            choose("Coupling", name, terms)
        for name in self.dissipations:
            choose("Dissipation", name, terms if model.jump_count else ())
        changed = self.duration
        if changed is not None:
            changed = require_number("duration", changed, *_range(DURATION, model))
        return Tweak(
            _changed_factors("couplings", self.couplings, terms, _range(COUPLING, model)),
            _changed_factors("dissipations", self.dissipations, terms, _range(DISSIPATION, model)),
            None if changed == model.duration else changed,
        )

    def numbers(self) -> dict[str, float]:
        """Return the changed values by key."""
        factors = {coupling_key(name): factor for name, factor in self.couplings.items()}
        factors |= {dissipation_key(name): factor for name, factor in self.dissipations.items()}
        changed = {key: float(factor) for key, factor in factors.items() if factor != 1}
        if self.duration is not None:
            changed[DURATION] = float(self.duration)
        return changed

    def __str__(self) -> str:
        return ",".join(f"{key}={_shortest(value)}" for key, value in self.numbers().items())

    def scale(self, generator: lindblad.Generator, names: Sequence[str]) -> lindblad.Generator:
        """Return a generator on modalities of these names with the factors on its couplings and its dissipation."""
        coupling_factors = {}
        dissipation_factors = {}
        for subset in decomposition.subsets(len(names)):
            name = decomposition.subset_name(subset, names)
            if name in self.couplings:
                coupling_factors[subset] = float(self.couplings[name])
            if name in self.dissipations:
                dissipation_factors[subset] = float(self.dissipations[name])
        return decomposition.scale_generator(generator, coupling_factors, dissipation_factors)


LEARNED = Tweak()  # nothing is changed


def learned_values(model: Tweakable) -> dict[str, float]:
    """Return all numbers that a tweak can change, by key, as the model has them: every factor 1, and its duration."""
    names = tuple(model.modalities)
    keys = [*couplings(names)]
    if model.jump_count:
        keys += dissipations(names)
    return {**dict.fromkeys(keys, 1.0), DURATION: float(model.duration)}


@memo(64)
def couplings(modalities: tuple[str, ...]) -> dict[str, str]:
    """Return the names of all couplings, by key, smaller ones first.

    Example:
        >>> from qfusion.models.tweak import couplings
        >>> couplings(("text", "audio"))
        {'H.text': 'text', 'H.audio': 'audio', 'H.text-audio': 'text+audio'}
    """
    names = [
        decomposition.subset_name(s, modalities)
        for s in decomposition.subsets(len(modalities))
        if s
    ]
    return {coupling_key(name): name for name in names}


@memo(64)
def dissipations(modalities: tuple[str, ...]) -> dict[str, str]:
    """Return the names of all dissipations, by key, smaller ones first.

    Example:
        >>> from qfusion.models.tweak import dissipations
        >>> dissipations(("text", "audio"))["D.text-audio"]
        'text+audio'
    """
    return {dissipation_key(name): name for name in couplings(modalities).values()}


def coupling_key(term: str) -> str:
    """Return the key of a coupling: `"text+audio"` -> `"H.text-audio"`.

    Example:
        >>> from qfusion.models.tweak import coupling_key
        >>> coupling_key("text+audio")
        'H.text-audio'
    """
    names = [re.sub(r"[-,=]|\s(?=\s*\Z)", r"+\g<0>", name) for name in term.split("+")]
    return COUPLING + "-".join(names)


def dissipation_key(term: str) -> str:
    """Return the key of a dissipation: `"text+audio"` -> `"D.text-audio"`.

    Example:
        >>> from qfusion.models.tweak import dissipation_key
        >>> dissipation_key("text+audio")
        'D.text-audio'
    """
    return DISSIPATION + coupling_key(term).removeprefix(COUPLING)


def _changed_factors(
    argument: str, factors: Mapping[str, float], terms: Sequence[str], bounds: tuple[float, float]
) -> dict[str, float]:
    """Factors that are not 1, in the order of `terms`."""
    changed = {}
    for term in terms:
        if term in factors:
            number = require_number(f"{argument}[{term}]", factors[term], *bounds)
            if number != 1:
                changed[term] = number
    return changed


def _range(key: str, model: Tweakable) -> tuple[float, float]:
    """Return the range of the value of a key. It always includes the learned duration."""
    if key.startswith(COUPLING):
        return -MAX_COUPLING, MAX_COUPLING
    if key.startswith(DISSIPATION):
        return 0.0, MAX_DISSIPATION
    return 0.0, max(MAX_DURATION, float(model.duration))


def _shortest(value: float) -> str:
    """A number in few digits where these are exact."""
    short = f"{value:g}"
    return short if float(short) == value else str(value)


def _assignment(part: str) -> tuple[str, str]:
    """Key and number of one part of a text."""
    match = re.fullmatch(
        r"((?:\+.|[^=+])*)=(.*)", part.strip(), re.DOTALL
    )  # linear: no two ways to match
    if match is None:
        raise InvalidInput(
            f"Tweak `{part.strip()[:60]}` must look like `H.text=0.5`, `D.text=0.5` or `T=1`. Remove or mend it."
        )
    letters = re.findall(r"\+.|.", match[1], re.DOTALL)
    while letters and letters[-1].isspace():  # but for one that is escaped
        letters.pop()
    return "".join(letters), match[2].strip()


MAX_EDITS = 200
_EDIT = re.compile(r"(\d{1,6})\.(\w{1,20})=([-+.\deE]{1,30})")


@dataclass(frozen=True)
class CircuitChange:
    """A change of a circuit.

    Attributes:
        angles: of gates that are set, as (gate from 0, name of the angle, radians), in the order of the gates.
        removed: gates that are left out, from 0.
        depolarising, damping, readout: strengths of noise in [0, 1], see `simulate.fusion_gates.Noise`: on every qubit
            of a gate after it, and before measurements.
        shots: number of runs of each circuit; 0 for exact results.
        device: name of a device whose noise is simulated; empty for none.
        seed: of the shots.
    """

    angles: tuple[tuple[int, str, float], ...] = ()
    removed: frozenset[int] = frozenset()
    depolarising: float = 0.0
    damping: float = 0.0
    readout: float = 0.0
    shots: int = 0
    device: str = ""
    seed: int = 0

    def __bool__(self) -> bool:
        return self != UNCHANGED

    def __str__(self) -> str:
        """Return the text of the edited angles."""
        return ",".join(f"{gate + 1}.{name}={value:.6g}" for gate, name, value in self.angles)

    @property
    def is_noisy(self) -> bool:
        """Whether gates or measurements have noise."""
        return bool(self.depolarising or self.damping or self.readout or self.device)


UNCHANGED = CircuitChange()


def parse_edits(
    tweak: CircuitChange | str, trainable: Mapping[int, tuple[str, ...]]
) -> CircuitChange:
    """Return edits of angles, given as text or not.

    Args:
        tweak: such as "3.angle=0.5,12.theta=-1.2"; empty for none.
        trainable: names of the trainable angles of gates, by their places from 0.

    Raises:
        InvalidInput, NotFound: when the text is of another form, or there is no such angle.
    """
    if isinstance(tweak, CircuitChange):
        return tweak
    words = [word for word in str(tweak).replace(" ", "").split(",") if word]
    check(
        len(words) <= MAX_EDITS,
        f"A tweak of a circuit sets at most {MAX_EDITS} angles, but sets {len(words):,}. Shorten it.",
    )
    angles: dict[tuple[int, str], float] = {}
    for word in words:
        match = _EDIT.fullmatch(word)
        check(
            match is not None,
            f"A tweak of a circuit must read GATE.ANGLE=RADIANS, such as 3.angle=0.5, but holds {word[:60]!r}.",
        )
        assert match is not None
        gate = int(match[1]) - 1
        check(
            gate in trainable,
            f"Gate {match[1]} has no trainable angle. Gates with one: "
            f"{', '.join(str(place + 1) for place in list(trainable)[:20]) or 'none'}.",
        )
        name = choose(f"Angle of gate {match[1]}", match[2], trainable[gate])
        angles[gate, name] = _parse_angle(word, match[3])
    return CircuitChange(tuple((gate, name, angles[gate, name]) for gate, name in sorted(angles)))


def _parse_angle(word: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    check(
        math.isfinite(value) and abs(value) <= 1e3,
        f"An angle must be a number of radians up to 1000, but the tweak holds {word[:60]!r}.",
    )
    return value


def as_mapping(change: CircuitChange) -> dict[str, Any]:
    """Return a change as values that JSON can hold; `from_mapping` is the inverse."""
    return {
        "angles": [list(edit) for edit in change.angles],
        "removed": sorted(change.removed),
        "depolarising": change.depolarising,
        "damping": change.damping,
        "readout": change.readout,
        "shots": change.shots,
        "device": change.device,
        "seed": change.seed,
    }


def from_mapping(values: Mapping[str, Any]) -> CircuitChange:
    """Return the change that `as_mapping` describes."""
    return CircuitChange(
        tuple((int(gate), str(name), float(value)) for gate, name, value in values["angles"]),
        frozenset(int(gate) for gate in values["removed"]),
        float(values["depolarising"]),
        float(values["damping"]),
        float(values["readout"]),
        int(values["shots"]),
        str(values["device"]),
        int(values["seed"]),
    )
