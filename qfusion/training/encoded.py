"""What a model's encoders make of every sample of a large data set, kept: worked out once, for all who ask.

Sequences of features are gigabytes, and what encoders make of them is a few numbers a sample. They are kept in the
cache by the digest of encoders and data, whole or not at all, checked when they are read, the oldest going first;
processes that want the same wait for the first of them. Explanations of all samples are kept likewise.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from qfusion import _limits, _progress
from qfusion._progress import Tell
from qfusion.data import DataSet, cache
from qfusion.errors import QFusionError
from qfusion.models.base import FusionModule, in_double
from qfusion.models.encoders import Encoded, Features

HEAVY = 64_000_000  # bytes of features from which what is made of them is kept
SAME = 1e-6  # scores may change by so much where encoders work in single precision; else they work in double
CHECKED = 64  # samples by which that is decided
FORMAT = "2"
_KEY = "__key__"  # in a file: what it is kept by, so that a file under another's name is none
_HELD = 8  # data sets and models whose numbers stay in memory

_held: OrderedDict[Path, dict[str, np.ndarray]] = OrderedDict()
_guard = threading.RLock()
_log = logging.getLogger(__name__)


def is_heavy(dataset: DataSet) -> bool:
    """Returns whether a data set's features are so large that what encoders make of them is kept."""
    return sum(m.values.nbytes for m in dataset.modalities) >= HEAVY


def is_kept(model: Any, dataset: DataSet) -> bool:
    """Returns whether what a model makes of a data set is kept: the set is heavy, and the model's encoders give numbers
    of each modality."""
    return isinstance(model, FusionModule) and model.encodes and is_heavy(dataset)


def is_ready(model: Any, dataset: DataSet) -> bool:
    """Returns whether nothing has to be encoded before `inputs` answers."""
    return not is_kept(model, dataset) or _find(place(model, dataset)) is not None


def inputs(model: Any, dataset: DataSet, rows: Any = None) -> dict[str, Any]:
    """Returns what a model takes for rows of a data set, in double precision: of a heavy one what its encoders made of
    them, of others their features.

    Args:
        model: whose weights do not change any more.
        rows: row numbers, all unless given.
    """
    if not is_kept(model, dataset):
        found: dict[str, Features] = dataset.inputs(rows, torch.float64)
        return found
    chosen = dataset.rows() if rows is None else np.atleast_1d(np.asarray(rows))
    return {
        name: Encoded(torch.from_numpy(values[chosen]).double())
        for name, values in numbers(model, dataset).items()
    }


def numbers(
    model: FusionModule, dataset: DataSet, tell: Tell | None = None
) -> dict[str, np.ndarray]:
    """Returns what the encoders make of every sample, by modality, (N, outputs of the encoder).

    Args:
        tell: called after every block where they are at work; else it is shown as `_progress.shown` says.
    """
    path = place(model, dataset)
    result = _find(path)
    if result is not None:
        return result
    with _alone(path):
        result = _find(path)
        if result is None:
            with _progress.shown("Encoding") as show:
                result = _remember(path, _made(model, dataset, tell or show))
            _store(path, result)
        return result


def arrays(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the arrays that `make` gives, from a file if it is there and whole, else made and stored."""
    result = _read(path)
    if result is None:
        result = make()
        _store(path, result)
    return result


def place(model: FusionModule, dataset: DataSet, *more: str) -> Path:
    """Returns where what a model makes of a data set is kept; `more` says what else it depends on."""
    weights = model.state_dict() if more else model.encoders.state_dict()
    parts: list[str | bytes] = [
        FORMAT,
        model.kind,
        json.dumps(model.settings, sort_keys=True),
        dataset.digest,
        *more,
    ]
    parts += [f"{name} {spec}" for name, spec in model.input_specs.items()]
    for name, values in weights.items():
        parts += [f"{name} {tuple(values.shape)}", values.detach().cpu().double().numpy().tobytes()]
    return folder() / f"{cache.key_of(parts)}.npz"


def folder() -> Path:
    """Returns where it is kept."""
    return cache.cache_folder() / "encoded"


@torch.no_grad()
def encode(
    model: FusionModule,
    dataset: DataSet,
    rows: np.ndarray,
    dtype: torch.dtype,
    tell: Tell | None = None,
) -> dict[str, np.ndarray]:
    """Returns what the encoders make of rows, by modality, (B, outputs of the encoder), a block of features at a time.

    Args:
        model: whose encoders; it is not changed. rows: (B,). dtype: single or double precision.
        tell: called after every block.
    """
    encoders: Any = copy.deepcopy(model.encoders).to(dtype).eval()
    parts: dict[str, list[np.ndarray]] = {name: [] for name in model.modalities}
    done = 0
    for block in dataset.blocks(rows, torch.finfo(dtype).bits // 8):
        for name, features in dataset.inputs(block, dtype, model.modalities).items():
            parts[name].append(encoders[name](features).numpy())
        done += len(block)
        if tell is not None:
            tell(done, len(rows))
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def _made(model: FusionModule, dataset: DataSet, tell: Tell | None) -> dict[str, np.ndarray]:
    few = np.unique(np.linspace(0, len(dataset) - 1, CHECKED).astype(int))
    exact = copy.deepcopy(in_double(model)).eval()

    @torch.no_grad()
    def scores(dtype: torch.dtype) -> Tensor:
        found = encode(model, dataset, few, dtype)
        return exact(
            {name: Encoded(torch.from_numpy(values).double()) for name, values in found.items()}
        )

    apart = float((scores(torch.float32) - scores(torch.float64)).abs().max())
    return encode(
        model, dataset, dataset.rows(), torch.float32 if apart <= SAME else torch.float64, tell
    )


def _find(path: Path) -> dict[str, np.ndarray] | None:
    """What is kept, in memory or on disk."""
    with _guard:
        if path in _held:
            _held.move_to_end(path)
            return _held[path]
    result = _read(path)
    return None if result is None else _remember(path, result)


def _remember(path: Path, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with _guard:
        _held[path] = result
        while len(_held) > _HELD:
            _held.popitem(last=False)
    return result


def _store(path: Path, numbers: dict[str, np.ndarray]) -> None:
    """Writes arrays unless the disk refuses, which costs time at the next start and nothing else; the oldest go where
    all take too much."""
    try:
        cache.write(path, {**numbers, _KEY: np.array(path.stem)})
    except (OSError, QFusionError) as error:
        _log.warning(
            "What was worked out of all samples cannot be kept, and is worked out again next time: %s",
            error,
        )
    with contextlib.suppress(OSError):  # another process may tidy up, too
        files = sorted(
            ((file.stat().st_mtime, file.stat().st_size, file) for file in folder().glob("*.npz")),
            reverse=True,
        )
        for place, (_, _, file) in enumerate(files):
            if (
                place
                and sum(size for _, size, _ in files[: place + 1])
                > _limits.get("QFUSION_KEPT_MB") * _limits.MIB
            ):
                file.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """What a file holds, which is then the newest; what is none of ours, cut short or of another name is removed."""
    numbers = cache.read(path)
    if numbers is not None and str(numbers.pop(_KEY, "")) == path.stem:
        with contextlib.suppress(OSError):
            os.utime(path)
        return numbers
    if path.exists():
        _log.warning(
            "What was kept in %s is damaged or of another model or data set: it is worked out again.",
            path,
        )
        with contextlib.suppress(OSError):
            path.unlink()
    return None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time makes what is kept in a file; where no file can be written each makes its own."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"), is_singleton=False)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except Timeout:
                with _progress.shown("Waiting for the process that encodes the same samples"):
                    stack.enter_context(lock.acquire())
        yield
