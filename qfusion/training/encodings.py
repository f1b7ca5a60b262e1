"""Encoder outputs for all samples of a large data set, computed once and cached.

Sequences of features are gigabytes; what encoders make of them is a few numbers a sample. These are kept in memory and
in files of the cache, by the digests of the data and of the encoders' weights.
"""

import contextlib
import copy
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from filelock import FileLock, Timeout

from qfusion import _limits, _sentences, _user_folders
from qfusion._memory_cache import CACHE
from qfusion.data import DataSet, array_cache
from qfusion.errors import QFusionError
from qfusion.models import FusionModel, base
from qfusion.models.encoding import input_features

HEAVY = 64_000_000  # bytes of features whose encoding a page does not wait for; half of it is worth keeping
SAME = 1e-6  # scores may change by so much where encoders work in single precision; else they work in double
FORMAT = "2"
_KEY = "__key__"  # in a file: what it is kept by, so that a file under another's name is none
_HELD = 8  # data sets and models whose numbers stay in memory

CACHE_KIND = "encodings"  # of results in the cache in memory
_log = logging.getLogger(__name__)


def is_heavy(dataset: DataSet) -> bool:
    """Return whether a data set's features are so large that pages do not wait until all are encoded, and that
    methods that encode them repeatedly use only some samples.
    """
    return feature_bytes(dataset) >= HEAVY


def feature_bytes(dataset: DataSet) -> int:
    """Return the size of all features of a data set in bytes."""
    return sum(m.values.nbytes for m in dataset.modalities)


def is_kept(model: Any, dataset: DataSet) -> bool:
    """Return whether a model's encodings of a data set are saved. They are if the set has at least half the size of
    a heavy one and the model's encoders return numbers of each modality.
    """
    return isinstance(model, FusionModel) and model.encodes and 2 * feature_bytes(dataset) >= HEAVY


def is_ready(model: Any, dataset: DataSet) -> bool:
    """Return whether nothing that takes long has to be encoded before `inputs` answers."""
    made = is_heavy(dataset) and is_kept(model, dataset)
    return not made or _find(encoded_place(model, dataset)) is not None


def encoded_inputs(model: Any, dataset: DataSet, rows: Any = None) -> dict[str, Any]:
    """Return a model's inputs for rows of a data set, in double precision: the outputs of its encoders for a set whose
    encodings are saved, see `is_kept`, and the features for others.

    Args:
        model: whose weights do not change any more.
        rows: row numbers, all unless given.
    """
    if not is_kept(model, dataset):
        return dataset.inputs(rows, torch.float64)
    chosen = dataset.rows() if rows is None else np.atleast_1d(np.asarray(rows))
    numbers = encoded_numbers(model, dataset)
    if dataset.own is not None:
        own = encode(model, dataset.own, dataset.own.rows(), torch.float64)
        numbers = {name: np.concatenate([numbers[name], own[name]]) for name in numbers}
    return {
        name: input_features.Encoded(torch.from_numpy(values[chosen]).double())
        for name, values in numbers.items()
    }


def encoded_numbers(model: FusionModel, dataset: DataSet) -> dict[str, np.ndarray]:
    """Return the outputs of the encoders for every sample, by modality, (N, outputs of the encoder)."""
    path = encoded_place(model, dataset)
    result = _find(path)
    if result is None:
        with _alone(path):
            result = _find(path)
            if result is None:
                with _sentences.progress_shown("Encoding") as show:
                    result = _remember(path, _made(model, dataset, show))
                _store(path, result)
    return result


def encoded_arrays(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays that `make` returns, read from a file if it exists and is intact, else computed and saved."""
    result = _read(path)
    if result is None:
        result = make()
        _store(path, result)
    return result


def encoded_place(model: FusionModel, dataset: DataSet, *more: str) -> Path:
    """Return the path at which a model's encoding of a data set is saved. `more` lists what else it depends on."""
    parts: list[str | bytes] = [
        FORMAT,
        model.kind,
        json.dumps(model.settings, sort_keys=True),
        dataset.digest,
        *more,
        *(f"{name} {spec}" for name, spec in model.input_specs.items()),
    ]
    state = model.state_dict() if more else model.encoders.state_dict()
    for name, values in state.items():
        numbers = values.detach().cpu().double().numpy()
        parts += [f"{name} {tuple(values.shape)}", numbers.tobytes()]
    return encoded_folder() / f"{array_cache.cache_key(parts)}.npz"


def encoded_folder() -> Path:
    """Return the folder of the saved encodings."""
    return _user_folders.cache_root() / "encoded"


@torch.no_grad()
def encode(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    dtype: torch.dtype,
    tell: _sentences.Tell | None = None,
) -> dict[str, np.ndarray]:
    """Return the outputs of the encoders for rows, by modality, (B, outputs of the encoder), computed one block of
    features at a time.

    Args:
        model: whose encoders; it is not changed. rows: (B,). dtype: single or double precision.
        tell: called after every block.
    """
    encoders: Any = copy.deepcopy(model.encoders).to("cpu", dtype).eval()
    parts: dict[str, list[np.ndarray]] = {name: [] for name in model.modalities}
    done = 0
    for block in dataset.blocks(rows, torch.finfo(dtype).bits // 8):
        for name, features in dataset.inputs(block, dtype, model.modalities).items():
            parts[name].append(encoders[name](features).numpy())
        done += len(block)
        if tell is not None:
            tell(done, len(rows))
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def _made(
    model: FusionModel, dataset: DataSet, tell: _sentences.Tell | None
) -> dict[str, np.ndarray]:
    # the samples by which that is decided
    few = np.unique(np.linspace(0, len(dataset) - 1, 64).astype(int))
    exact = copy.deepcopy(base.to_double(model)).cpu().eval()

    @torch.no_grad()
    def scores(dtype: torch.dtype) -> torch.Tensor:
        return exact(
            {
                name: input_features.Encoded(torch.from_numpy(values).double())
                for name, values in encode(model, dataset, few, dtype).items()
            }
        )

    apart = float((scores(torch.float32) - scores(torch.float64)).abs().max())
    return encode(
        model, dataset, dataset.rows(), torch.float32 if apart <= SAME else torch.float64, tell
    )


def _find(path: Path) -> dict[str, np.ndarray] | None:
    """Return the saved arrays from memory or from disk, or None if there are none."""
    result = CACHE.get(CACHE_KIND, path)
    if result is None:
        result = _read(path)
        if result is not None:
            _remember(path, result)
    return cast("dict[str, np.ndarray] | None", result)


def _remember(path: Path, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    CACHE.put(CACHE_KIND, path, result, _HELD)
    return result


def _store(path: Path, numbers: dict[str, np.ndarray]) -> None:
    """Store arrays, and remove the oldest ones if all take too much space. If the disk cannot be written to, log a
    warning: the arrays are then computed again at the next start.
    """
    try:
        array_cache.write_arrays(path, {**numbers, _KEY: np.array(path.stem)})
    except (OSError, QFusionError) as error:
        _log.warning(
            "The encoded samples cannot be stored and will be computed again next time: %s",
            error,
        )
    array_cache.bound(encoded_folder(), _limits.limit("QFUSION_KEPT_MB") * _limits.MIB, spared=1)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays in a file, or None, and mark the file as the newest. A file that is not ours, is truncated
    or has another name is removed.
    """
    numbers = array_cache.read_arrays(path)
    if numbers is not None and str(numbers.pop(_KEY, "")) == path.stem:
        with contextlib.suppress(OSError):
            os.utime(path)
        return numbers
    if path.exists():
        _log.warning(
            "The encoded samples in %s are damaged or of another model or data set and are computed again.",
            path,
        )
        with contextlib.suppress(OSError):
            path.unlink()
    return None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Context manager that lets one process at a time make the contents of a file. If no file can be written, each
    process makes its own.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"), is_singleton=False)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except Timeout:
                with _sentences.progress_shown(
                    "Waiting for the process that encodes the same samples"
                ):
                    stack.enter_context(lock.acquire())
        yield
