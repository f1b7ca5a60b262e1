"""Models for sensitivities and path attributions."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from qfusion.explain import sensitivity as method
from qfusion.models import InputSpec, QuantumJump, Tweak
from qfusion.quantum.measure_kinds import split_column

NAMES = ("text", "audio", "vision")
STEPS, WEIGHTS = (
    np.array([-2, -1, 1, 2]),
    np.array([1, -8, 8, -1]) / 12,
)  # central difference of fourth order


def jump_model(d: int, M: int = 3, **settings: Any) -> QuantumJump:
    torch.manual_seed(d)
    return (
        QuantumJump(
            {name: InputSpec(3) for name in NAMES[:M]},
            ("a", "b"),
            **({"dims": d, "jumps": 2, "measurements": 3} | settings),
        )
        .double()
        .eval()
    )


def features(B: int, names: tuple[str, ...] = NAMES, seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(B, 3, dtype=torch.float64, generator=generator) for name in names}


def with_factor(model: Any, parameter: method.Parameter, value: float) -> Any:
    """The model with one factor set, by tweaking or editing it."""
    if parameter.kind in ("coupling", "dissipation", "duration"):
        tweak, name = model.tweak or Tweak(), "+".join(parameter.modalities)
        if parameter.kind == "coupling":
            tweak = replace(tweak, couplings={**tweak.couplings, name: value})
        elif parameter.kind == "dissipation":
            tweak = replace(tweak, dissipations={**tweak.dissipations, name: value})
        duration = (
            value * model.settings["duration"]
            if parameter.kind == "duration"
            else float(model.duration)
        )
        return model.tweaked(replace(tweak, duration=duration))
    other = copy.deepcopy(model)
    place = split_column(parameter.key)[1]
    with torch.no_grad():
        if parameter.kind == "measurement":
            other.W[:, _column(model, place)] *= value
        elif parameter.kind == "head":
            other.network.head[:, int(place)] *= value
        elif parameter.kind in ("convolution", "pooling"):
            getattr(other.network, parameter.kind)[int(place)] *= value
        else:
            return other.with_angles(table_with(model, parameter, value))
    return other


def _column(model: Any, place: str) -> int:
    """Of the weights: "5", or "text,5" where each modality has vectors of its own."""
    of, _, j = place.rpartition(",")
    return (
        int(j)
        - 1
        + sum(
            len(v)
            for s, v in model.measurement_vectors().items()
            if of and s < (model.modalities.index(of),)
        )
    )


def table_with(model: Any, parameter: method.Parameter, value: float) -> torch.Tensor:
    """Entry by entry, as the documentation says it."""
    phi, M = model.phi.detach().clone(), len(model.modalities)
    element, _, name = split_column(parameter.key)[1].partition(":")
    i = int(element)
    if parameter.kind == "fusion":
        phi[i] = math.pi / 2 + value * (phi[i] - math.pi / 2)
        return phi
    m = model.modalities.index(name)
    stage, bit, bits = (0, m, M) if M <= 3 else (0, m, 2) if m < 2 else (m - 1, 1, 2)
    before = phi[i, stage].clone()
    for b in itertools.product((0, 1), repeat=bits):
        flipped = tuple(1 - x if k == bit else x for k, x in enumerate(b))
        at, other = (int("".join(map(str, p)), 2) for p in (b, flipped))
        mean = (before[at] + before[other]) / 2
        phi[i, stage, at] = mean + value * (before[at] - mean)
    return phi
