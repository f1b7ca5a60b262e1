"""The rows of a data set as a training takes them, and what a model's encoders make of all of them, kept."""

import contextlib
import copy
import json
import logging
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from qfusion import _files, _limits, _sentences
from qfusion.data import DataSet, files
from qfusion.errors import QFusionError
from qfusion.models.base import FusionModel, in_double, nested_part
from qfusion.models.encoders import Encoded, drawn, real_steps, split

# The rows of a data set as a training takes them: by batches, from memory or from the files they are mapped to.

HELD = 256_000_000  # bytes of features above which rows are read batch by batch


class Batches:
    """Inputs and targets of chosen rows, on a device; small sets are held there, large ones stay where they are.

    Args:
        dataset: whose rows.
        rows: row numbers, (N,).
        device: where batches are needed.
        dtype: of inputs and of targets that are numbers.
    """

    def __init__(
        self,
        dataset: DataSet,
        rows: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.dataset, self.rows = dataset, rows
        self.device, self.dtype = torch.device(device), dtype
        kind = torch.long if dataset.target.kind == "classification" else dtype
        self.y = torch.as_tensor(dataset.y[rows], dtype=kind, device=self.device)
        self._held = (
            to(dataset.inputs(rows, dtype), self.device) if is_small(dataset, len(rows)) else None
        )

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> tuple[dict[str, Any], Tensor]:
        """Returns the inputs and the targets (b,) of the places `index` (b,) among the rows."""
        inputs = (
            to(self.dataset.inputs(self.rows[index.numpy()], self.dtype), self.device)
            if self._held is None
            else nested_part(self._held, index)
        )
        return inputs, self.y[index]

    def ahead(self, batches: Sequence[Tensor]) -> Iterator[tuple[dict[str, Any], Tensor]]:
        """Yields inputs and targets of batches of places; what is not held is read while the batch before is in use."""
        if self._held is not None:
            yield from map(self.take, batches)
            return
        with ThreadPoolExecutor(1, "batches") as reader:
            begun = (reader.submit(self.take, batch) for batch in batches)
            for now, _ in pairwise(
                chain(begun, [None])
            ):  # the next is begun before one is waited for
                yield cast(Future[Any], now).result()


def is_small(dataset: DataSet, count: int) -> bool:
    """Returns whether so many rows of a data set are held in memory at once."""
    return 4 * count * sum(int(np.prod(m.values.shape[1:])) for m in dataset.modalities) <= HELD


def to(inputs: Mapping[str, Any], device: torch.device | str) -> dict[str, Any]:
    """Returns inputs on a device."""
    return {
        name: tuple(t.to(device) for t in x) if isinstance(x, tuple) else x.to(device)
        for name, x in inputs.items()
    }


def mean_and_std(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    """Returns mean and standard deviation (F,) of a modality's features over rows; masked steps do not count.

    Rows are passed through in chunks, whose moments are joined (Chan, Golub, LeVeque 1979), in double precision;
    of many rows they are cached.
    """
    if is_small(dataset, len(rows)):
        return _moments(dataset, rows, name)
    stored = files.cached_arrays(
        "moments",
        files.key_of(["1", dataset.digest, name, np.asarray(rows, np.int64).tobytes()]),
        lambda: dict(
            zip(
                ("mean", "deviation"),
                (part.numpy() for part in _moments(dataset, rows, name)),
                strict=True,
            )
        ),
    )
    return torch.from_numpy(stored["mean"]), torch.from_numpy(stored["deviation"])


def _moments(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    count, mean, square = 0, torch.zeros(()), torch.zeros(())
    for block in [rows] if is_small(dataset, len(rows)) else dataset.blocks(rows):
        values = real_steps(*split(dataset.inputs(block, only=[name])[name])).double()
        n, here = len(values), values.mean(0)
        away = here - mean
        square = (
            square + values.var(0, correction=0) * n + away.square() * (count * n / (count + n))
        )
        mean, count = mean + away * (n / (count + n)), count + n
    return mean, (square / count).sqrt()


def noisy(inputs: dict[str, Any], spread: Mapping[str, Tensor], noise: float) -> dict[str, Any]:
    """Returns inputs with Gaussian noise of so many deviations `spread`, (F,) per modality; at 0 no random number is
    drawn."""
    if not noise:
        return inputs

    def blurred(name: str, values: Tensor) -> Tensor:
        return values + noise * spread[name] * drawn(torch.randn_like, values)

    return {
        name: (blurred(name, x[0]), x[1]) if isinstance(x, tuple) else blurred(name, x)
        for name, x in inputs.items()
    }


def shifted(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], most: int, down: bool = True
) -> dict[str, Any]:
    """Returns inputs whose pictures, modalities with a shape (h, w) or (h, w, 3), are moved by up to `most` pixels
    along both sides or, unless `down`, along the second one, each row by its own draw; what comes in repeats the edge.
    At 0 no random number is drawn."""
    if not most:
        return inputs
    moved = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        places = drawn(
            lambda like: torch.randint_like(like, -most, most + 1), values.new_empty(len(values), 2)
        ).long()
        places[:, 0] *= down
        i, j = (
            (torch.arange(side, device=values.device) + places[:, k, None]).clamp(0, side - 1)
            for k, side in enumerate((h, w))
        )
        pixels = values.unflatten(1, (h * w, -1))
        place = (i[:, :, None] * w + j[:, None, :]).flatten(1)[..., None]
        moved[name] = pixels.gather(1, place.expand(-1, -1, pixels.shape[2])).flatten(1)
    return moved


def warped(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], turn: float, stretch: float
) -> dict[str, Any]:
    """Returns inputs whose pictures, modalities with a shape (h, w) or (h, w, 3), are turned about their middle by up
    to `turn` degrees and whose sides are made longer or shorter by up to the share `stretch`, each row by its own draw;
    pixels are interpolated, what comes in repeats the edge. Where both are 0 no random number is drawn."""
    if not turn and not stretch:
        return inputs
    changed = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        angle, down, across = (
            2 * drawn(torch.rand_like, values.new_empty(len(values), 3)) - 1
        ).unbind(1)
        angle, down, across = angle * math.radians(turn), 1 + stretch * down, 1 + stretch * across
        rows = torch.stack(
            [
                angle.cos() * across,
                -angle.sin() * down * h / w,
                angle.sin() * across * w / h,
                angle.cos() * down,
            ],
            1,
        )
        grid = nn.functional.affine_grid(
            nn.functional.pad(rows.view(-1, 2, 2), (0, 1)),
            [len(values), 1, h, w],
            align_corners=False,
        )
        pixels = values.unflatten(1, (h, w, -1)).movedim(3, 1)
        warped_to = nn.functional.grid_sample(
            pixels, grid, padding_mode="border", align_corners=False
        )
        changed[name] = warped_to.movedim(1, 3).flatten(1)
    return changed


# What a model's encoders make of every sample of a large data set, kept: worked out once, for all who ask.
#
# Sequences of features are gigabytes, and what encoders make of them is a few numbers a sample. They are kept in the
# cache by the digest of encoders and data, whole or not at all, checked when they are read, the oldest going first;
# processes that want the same wait for the first of them. Explanations of all samples are kept likewise.

HEAVY = 40_000_000  # bytes of features from which what is made of them is kept
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
    return isinstance(model, FusionModel) and model.encodes and is_heavy(dataset)


def is_ready(model: Any, dataset: DataSet) -> bool:
    """Returns whether nothing has to be encoded before `inputs` answers."""
    return not is_kept(model, dataset) or _find(encoded_place(model, dataset)) is not None


def encoded_inputs(model: Any, dataset: DataSet, rows: Any = None) -> dict[str, Any]:
    """Returns what a model takes for rows of a data set, in double precision: of a heavy one what its encoders made of
    them, of others their features.

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
        name: Encoded(torch.from_numpy(values[chosen]).double()) for name, values in numbers.items()
    }


def encoded_numbers(
    model: FusionModel, dataset: DataSet, tell: _sentences.Tell | None = None
) -> dict[str, np.ndarray]:
    """Returns what the encoders make of every sample, by modality, (N, outputs of the encoder).

    Args:
        tell: called after every block where they are at work; else it is shown as `_sentences.progress_shown` says.
    """
    path = encoded_place(model, dataset)
    result = _find(path)
    if result is None:
        with _alone(path):
            result = _find(path)
            if result is None:
                with _sentences.progress_shown("Encoding") as show:
                    result = _remember(path, _made(model, dataset, tell or show))
                _store(path, result)
    return result


def encoded_arrays(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the arrays that `make` gives, from a file if it is there and whole, else made and stored."""
    result = _read(path)
    if result is None:
        result = make()
        _store(path, result)
    return result


def encoded_place(model: FusionModel, dataset: DataSet, *more: str) -> Path:
    """Returns where what a model makes of a data set is kept; `more` says what else it depends on."""
    parts: list[str | bytes] = [
        FORMAT,
        model.kind,
        json.dumps(model.settings, sort_keys=True),
        dataset.digest,
        *more,
    ]
    parts += [f"{name} {spec}" for name, spec in model.input_specs.items()]
    for name, values in (model.state_dict() if more else model.encoders.state_dict()).items():
        parts += [f"{name} {tuple(values.shape)}", values.detach().cpu().double().numpy().tobytes()]
    return encoded_folder() / f"{files.key_of(parts)}.npz"


def encoded_folder() -> Path:
    """Returns where it is kept."""
    return _files.cache_root() / "encoded"


@torch.no_grad()
def encode(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    dtype: torch.dtype,
    tell: _sentences.Tell | None = None,
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


def _made(
    model: FusionModel, dataset: DataSet, tell: _sentences.Tell | None
) -> dict[str, np.ndarray]:
    few = np.unique(np.linspace(0, len(dataset) - 1, CHECKED).astype(int))
    exact = copy.deepcopy(in_double(model)).eval()

    @torch.no_grad()
    def scores(dtype: torch.dtype) -> Tensor:
        return exact(
            {
                name: Encoded(torch.from_numpy(values).double())
                for name, values in encode(model, dataset, few, dtype).items()
            }
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
        files.write_arrays(path, {**numbers, _KEY: np.array(path.stem)})
    except (OSError, QFusionError) as error:
        _log.warning(
            "What was worked out of all samples cannot be kept, and is worked out again next time: %s",
            error,
        )
    with contextlib.suppress(OSError):  # another process may tidy up, too
        entries = sorted(
            (
                (file.stat().st_mtime, file.stat().st_size, file)
                for file in encoded_folder().glob("*.npz")
            ),
            reverse=True,
        )
        for place, (_, _, file) in enumerate(entries):
            if (
                place
                and sum(size for _, size, _ in entries[: place + 1])
                > _limits.get("QFUSION_KEPT_MB") * _limits.MIB
            ):
                file.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """What a file holds, which is then the newest; what is none of ours, cut short or of another name is removed."""
    numbers = files.read_arrays(path)
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
                with _sentences.progress_shown(
                    "Waiting for the process that encodes the same samples"
                ):
                    stack.enter_context(lock.acquire())
        yield
