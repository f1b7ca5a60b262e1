"""The shortest way between two pure states."""

import torch
from torch import Tensor

from qfusion._checks import require_number


def between_kets(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the ket on the geodesic of the Fubini-Study metric between two kets. Its angle to `start` is the `share`
    of the angle between both, whatever their phases.

    Args:
        start, end: unit kets, (..., d).
        share: 0 gives `start`, 1 gives `end` up to a phase. Of orthogonal kets, the phases given decide which of many
            shortest ways is taken.

    Raises:
        InvalidInput: when the share is not in [0, 1].
    """
    require_number("share", share, 0, 1)
    overlap = (start.conj() * end).sum(-1, keepdim=True)
    size = overlap.abs()
    phase = torch.where(size > 1e-12, overlap / size.clamp_min(1e-12), torch.ones_like(overlap))
    near = end * phase.conj()
    aside = near - size * start
    length = torch.linalg.vector_norm(aside, dim=-1, keepdim=True)
    angle = torch.atan2(length, size)
    direction = aside / length.clamp_min(1e-300)
    moved = torch.cos(share * angle) * start + torch.sin(share * angle) * direction
    return torch.where(length > 1e-12, moved, start)


def between_masses(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the masses of qubits cos(theta/2)|0> + sin(theta/2)|1> whose angles lie the `share` of the way between the
    angles of two others. That is the geodesic of each qubit.

    Args:
        start, end: masses sin(theta/2)^2, in [0, 1], of equal shapes.
        share: 0 gives `start`, 1 gives `end`.

    Raises:
        InvalidInput: when the share is not in [0, 1].
    """
    require_number("share", share, 0, 1)
    first, last = (torch.asin(masses.clamp(0, 1).sqrt()) for masses in (start, end))
    return torch.sin(first + share * (last - first)).square()
