"""The smallest change of one truth-table angle of an EntangledQCNN that flips the decision on a sample.

Every score is a + b cos(phi) + c sin(phi) in each angle phi, exactly, so the nearest crossing has a closed form. Every
reported change was set in the model and the model run again.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from qfusion.models.decisions import MARGIN, boundaries
from qfusion.models.network import truth_tables
from qfusion.models.protocols import TruthTables
from qfusion.models.terms import ParameterChange, Search


@torch.no_grad()
def nearest_changes(model: TruthTables, states: Mapping[str, Tensor]) -> Search:
    """Return, for every angle, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: in double precision.
        states: of the sample, (1, n) masses by modality.
    """
    phi = model.phi.detach().double()
    before = model.scores(states)[0].numpy()
    margin = MARGIN * max(1.0, float(np.abs(before).max()))
    places, waves = angle_waves(model, states)
    changes = []
    for wave, place in zip(waves, places, strict=True):
        turn = nearest_turn(boundaries(wave, before), margin)
        if turn is None:
            continue
        after = model.with_angles(_turned(phi, place, turn)).scores(states)[0].numpy()
        name = ".".join(map(str, place))
        learned = float(phi[place])
        changes.append(
            ParameterChange(before, after, "angle", name, learned, learned + turn, abs(turn))
        )
    return Search(
        tuple(sorted(changes, key=lambda change: change.size)),
        len(places),
        0.0,
    )


@torch.no_grad()
def angle_waves(
    model: TruthTables, states: Mapping[str, Tensor]
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return the places of all angles, and each score as a function of a turn of each of them.

    Args:
        model: in double precision. states: of one sample, (1, n) masses by modality.

    Returns:
        P places (element, stage, pattern), and mean, cosine and sine of the turn, (P, C, 3).
    """
    phi = model.phi.detach().double()
    masses = torch.stack([states[name] for name in model.modalities], -1)[0]
    places = list(np.ndindex(*phi.shape))
    thirds = (0.0, 2 * math.pi / 3, -2 * math.pi / 3)
    vectors = [
        truth_tables.fuse(masses, _turned(phi, place, third))[0]
        for place in places
        for third in thirds
    ]
    scores = (model.read(torch.stack(vectors)) + model.bias).numpy().reshape(len(places), 3, -1)
    mean = scores.mean(1)  # score = mean + cosine cos(turn) + sine sin(turn)
    cosine = scores[:, 0] - mean
    sine = (scores[:, 1] - scores[:, 2]) / math.sqrt(3)
    return places, np.stack([mean, cosine, sine], -1)


def _turned(phi: Tensor, place: tuple[int, ...], turn: float) -> Tensor:
    other = phi.clone()
    other[place] += turn
    return other


def nearest_turn(leads: Sequence[np.ndarray], margin: float) -> float | None:
    """The smallest turn of an angle after which a decision leads by `margin`; of each mean, cosine and sine of its
    lead."""
    turns = []
    for mean, cosine, sine in leads:
        size = math.hypot(cosine, sine)
        peak = math.atan2(sine, cosine)
        if size <= 1e-12 or margin - mean > size:
            continue  # never reaches it
        half = math.acos(max(min((margin - mean) / size, 1.0), -1.0))  # within `half` of the peak
        turns += [math.remainder(peak + side * half, 2 * math.pi) for side in (-1, 1)]
    return min(turns, key=abs) if turns else None
