"""Recordings of the samples of a set, as plugins find them."""

import numpy as np

from qfusion import plugin
from qfusion.data.sample_content import Clip


def find_clip(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Return the recording of a row of a set; None if no plugin has one.

    Args:
        name: of the set. ids: of its samples, (N,). row: of the sample.

    Raises:
        DataUnavailable: when the recording cannot be opened any more.
    """
    for reference in plugin.entries("clips"):
        clip: Clip | None = plugin.load_name(reference)(name, ids, row)
        if clip is not None:
            return clip
    return None
