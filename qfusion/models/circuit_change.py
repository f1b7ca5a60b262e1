"""What is changed in the circuit of a model before it runs: angles of gates, gates left out, noise, shots.

Edits of angles have a text, for links and sessions: "3.angle=0.5,12.theta=-1.2" sets the angle of gate 3 and theta of
gate 12, gates being counted from 1 as pages do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qfusion._checks import check, choose

MAX_EDITS = 200
_EDIT = re.compile(r"(\d{1,6})\.(\w{1,20})=([-+.\deE]{1,30})")


@dataclass(frozen=True)
class CircuitChange:
    """A change of a circuit.

    Attributes:
        angles: of gates that are set, as (gate from 0, name of the angle, radians), in the order of the gates.
        removed: gates that are left out, from 0.
        depolarising, damping, readout: strengths of noise in [0, 1], see `track.circuit_noise.Noise`: on every qubit of
            a gate after it, and before measurements.
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
