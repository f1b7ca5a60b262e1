"""Encoder outputs for all samples of a large data set, computed once and cached.

Sequences of features are gigabytes; what encoders make of them is a few numbers a sample. These are kept in memory and
on the disk, by the digests of the data and of the encoders' weights.
"""

import copy
import json
from typing import Any

import numpy as np
import torch

from qfusion import _disk_cache, _progress
from qfusion._memory_cache import CACHE
from qfusion.data import DataSet
from qfusion.models import FusionModel, base, inputs

HEAVY = 64_000_000  # bytes of features whose encoding a page does not wait for; half of it is worth keeping
SAME = 1e-6  # scores may change by so much where encoders work in single precision; else they work in double
FORMAT = "2"
_HELD = 8  # data sets and models whose numbers stay in memory

CACHE_KIND = "encodings"  # of results in both caches


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
    """Return whether nothing that takes long has to be encoded before `encoded_inputs` answers."""
    if not (is_heavy(dataset) and is_kept(model, dataset)):
        return True
    key = encoding_key(model, dataset)
    is_held = CACHE.get(CACHE_KIND, key) is not None
    return is_held or _disk_cache.find_arrays(CACHE_KIND, key) is not None


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
        name: inputs.Encoded(torch.from_numpy(values[chosen]).double())
        for name, values in numbers.items()
    }


def encoded_numbers(model: FusionModel, dataset: DataSet) -> dict[str, np.ndarray]:
    """Return the outputs of the encoders for every sample, by modality, (N, outputs of the encoder)."""
    key = encoding_key(model, dataset)

    def make() -> dict[str, np.ndarray]:
        with _progress.progress_shown("Encoding") as show:
            return _made(model, dataset, show)

    return CACHE.get_or_compute(
        CACHE_KIND, key, lambda: _disk_cache.cached_arrays(CACHE_KIND, key, make), _HELD
    )


def encoding_key(model: FusionModel, dataset: DataSet, *more: str) -> str:
    """Return the key of what is computed from a model's encodings of a data set. `more` lists what else it depends on,
    and on all weights of the model then, else on those of the encoders.
    """
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
    return _disk_cache.cache_key(parts)


@torch.no_grad()
def encode(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    dtype: torch.dtype,
    tell: _progress.Tell | None = None,
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
    model: FusionModel, dataset: DataSet, tell: _progress.Tell | None
) -> dict[str, np.ndarray]:
    # the samples by which that is decided
    few = np.unique(np.linspace(0, len(dataset) - 1, 64).astype(int))
    exact = copy.deepcopy(base.to_double(model)).cpu().eval()

    @torch.no_grad()
    def scores(dtype: torch.dtype) -> torch.Tensor:
        return exact(
            {
                name: inputs.Encoded(torch.from_numpy(values).double())
                for name, values in encode(model, dataset, few, dtype).items()
            }
        )

    apart = float((scores(torch.float32) - scores(torch.float64)).abs().max())
    return encode(
        model, dataset, dataset.rows(), torch.float32 if apart <= SAME else torch.float64, tell
    )
