"""Coalition values that ship with the package for trained models whose explanation takes seconds.

`scripts/ship_results.py` writes them to `qfusion/assets/explained`, a file a model. A file is used as those of
`shipped_results` are; otherwise values are computed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _assets, plugin
from qfusion.analysis import shipped_results
from qfusion.data import array_cache

FOLDER = _assets.asset_path("explained")
_KEY, _VALUES = "key", "values"


def find_values(study: Any) -> np.ndarray | None:
    """Return the shipped values of a study's explained rows, (n, 2^M, C), or None if there are none of its key."""
    path = _path(study.name)
    if not (path.is_file() and shipped_results.is_used(study)):
        return None
    arrays = array_cache.read_arrays(path)
    if arrays is None or str(arrays.get(_KEY)) != _make_key(study):
        return None
    return arrays.get(_VALUES)


def write_values(study: Any, values: np.ndarray) -> Path:
    """Write the values of a study's explained rows with their key, and return the path of the file.

    Raises:
        OSError, InvalidInput: when the file cannot be written.
    """
    path = _path(study.name)
    array_cache.write_arrays(
        path, {_KEY: np.array(_make_key(study)), _VALUES: values}, compressed=True
    )
    return path


def _path(name: str) -> Path:
    return plugin.find_asset(FOLDER, f"{Path(name).name}.npz")


def _make_key(study: Any) -> str:
    call = shipped_results.name_call("explain", [len(study.explained_rows)])
    return f"{call} {shipped_results.make_key(study)}"
