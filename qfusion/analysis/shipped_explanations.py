"""Coalition values that ship with the package for trained models whose explanation takes seconds.

`scripts/ship_results.py` writes them to `qfusion/assets/explained`, a file a model. A file is used only while its key
is that of the weights, the data, the background and the rows, and its version that of `shipped_results`; otherwise
values are computed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qfusion import _assets
from qfusion.analysis import shipped_results
from qfusion.data import array_cache

FOLDER = _assets.asset_path("explained")
_KEY, _VALUES = "key", "values"


def is_shipped(name: str) -> bool:
    """Return whether values of a model of that name ship, valid or not."""
    return (FOLDER / f"{name}.npz").is_file() and not shipped_results.are_ignored()


def find_values(name: str, key: str) -> np.ndarray | None:
    """Return the shipped values of a model, (n, 2^M, C), or None if there are none of this key."""
    if not is_shipped(name):
        return None
    arrays = array_cache.read_arrays(FOLDER / f"{name}.npz")
    if arrays is None or str(arrays.get(_KEY)) != _versioned(key):
        return None
    return arrays.get(_VALUES)


def write_values(name: str, key: str, values: np.ndarray) -> Path:
    """Write the values of a model with their key, and return the path of the file.

    Raises:
        OSError, InvalidInput: when the file cannot be written.
    """
    path = FOLDER / f"{name}.npz"
    array_cache.write_arrays(
        path, {_KEY: np.array(_versioned(key)), _VALUES: values}, compressed=True
    )
    return path


def _versioned(key: str) -> str:
    return f"{shipped_results.VERSION}-{key}"
