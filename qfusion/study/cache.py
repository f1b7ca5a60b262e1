"""Values that are computed once: in memory for a study and its copies, or shipped with the package.

Shipped results belong to the trained models of the package, so that no reader waits for what is always the same."""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pandas as pd
import torch

from qfusion import _disk_cache, _files, plugin
from qfusion._checks import check, read_json
from qfusion._memory_cache import CACHE, file_stamp, memo
from qfusion._progress import override
from qfusion.errors import InvalidInput

T = TypeVar("T")
KEPT = 64  # studies whose values stay


class per_model_cache(cached_property[T]):
    """A value of a study, or of its backend, that does not depend on the background.

    It is computed once for all copies of a study with other backgrounds, also when several threads ask for it. Where a
    visitor's samples follow those of the data set, values of both are joined if they have one entry per sample.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study = getattr(instance, "study", instance)
        return _find_value(self, self._key(study), lambda: self._compute(instance, study))

    def _key(self, study: Any) -> Hashable:
        return study._shared

    def _compute(self, instance: Any, study: Any) -> Any:
        """Return the value. Of a set with a visitor's samples, it is the value of the set, followed by that of these
        samples where it has entries of samples.
        """
        if study._base is None:
            return self.func(instance)
        name = str(self.attrname)
        of_backend = instance is not study
        whole = getattr(study._base.backend if of_backend else study._base, name)
        if not isinstance(whole, np.ndarray | torch.Tensor) or len(whole) != len(
            study._base.dataset
        ):
            return whole
        own = getattr(study._user_only.backend if of_backend else study._user_only, name)
        if isinstance(whole, np.ndarray):
            return np.append(whole, own, 0)
        return torch.cat([whole, own])


class state_cache(per_model_cache[T]):
    """A value of the samples' states, which copies of a study whose scores are others share, too."""

    def _key(self, study: Any) -> Hashable:
        return study._states


class dataset_cache(cached_property[T]):
    """Value of a study computed from the samples of the data set alone, without those that a visitor added."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study = instance.base_study
        return _find_value(self, study._own, lambda: self.func(study))


def _find_value(descriptor: cached_property[Any], key: Hashable, compute: Callable[[], Any]) -> Any:
    return CACHE.get_or_compute(descriptor, key, compute, KEPT)


FOLDER = plugin.asset_path("results")
# Versions of functions other than 1, by name: raise one when its results change, and ship them again.
VERSIONS: dict[str, int] = {"agreement": 2, "find_examples": 3}
MAX_BYTES = 200_000  # of a file
MAX_NUMBERS = 100_000  # of an array
_PLAIN = (str, bool, int, types.NoneType)

_ignored: ContextVar[bool] = ContextVar("shipped results are ignored", default=False)


def shipped(kind: Any) -> Callable[[Callable[..., Any], Sequence[Any]], tuple[Any] | None]:
    """Return what finds the shipped results of a function with `memo`, whose first argument is a study.

    Args:
        kind: type of the results.
    """
    return lambda function, arguments: find_shipped(function.__name__, arguments, kind)


def find_shipped(name: str, arguments: Sequence[Any], kind: Any) -> tuple[Any] | None:
    """Return a shipped result in a tuple, as it may be None. Return None if there is no valid one.

    Args:
        name: of the function. arguments: of the call, with the study first. kind: type of the result.
    """
    study, *others = arguments
    if not is_used(study):
        return None
    if not all(isinstance(value, _PLAIN) for value in others):
        return None
    results = _load(study)
    call = name_call(name, others)
    if call not in results:
        return None
    try:
        return (unpack_result(results[call], kind),)
    except InvalidInput:
        return None


def is_used(study: Any) -> bool:
    """Return whether what ships is used for a study: it is one that pages open first, of data that come with the
    library, and no results are `computed_anew`."""
    is_first = getattr(study, "is_default", False) and bool(study.dataset.version)
    return is_first and not _ignored.get()


@contextmanager
def computed_anew() -> Iterator[None]:
    """Context manager in which shipped results are ignored."""
    with override(_ignored, True):
        yield


def write_results(study: Any, results: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write the results of a study's functions and return the path of the file.

    Args:
        study: a shipped model on its own data.
        results: by the names of the calls, see `name_call`.
        folder: in which the file is written.

    Raises:
        InvalidInput: when the file would be too large, or a result has a part that cannot be written.
    """
    lines = [
        f"{json.dumps(name)}: {json.dumps(pack_result(result))}" for name, result in results.items()
    ]
    body = ",\n".join(lines)
    content = f'{{"key": "{make_key(study)}",\n"results": {{\n{body}}}}}\n'
    check(
        len(content) <= MAX_BYTES,
        f"The results of '{study.name}' have {len(content):,} bytes, but at most {MAX_BYTES:,} may ship. Ship fewer.",
    )
    path = folder / f"{Path(study.name).name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    _files.write_file(path, content)
    return path


def name_call(name: str, arguments: Sequence[Any]) -> str:
    """Return the name by which the result of a call is written: the function, its arguments but the study, and its
    version."""
    version = VERSIONS.get(name, 1)
    return f"{name}({', '.join(map(repr, arguments))})" + (f" {version}" if version > 1 else "")


def make_key(study: Any) -> str:
    """Return SHA-256, in hex, over everything that determines the results of a study with its default background: the
    card of its model, which has the digest of the weights, the version of its data, and the measurements over
    training seeds."""
    seeds = study.seeds_path
    parts = (
        json.dumps(study.card, sort_keys=True, default=str),
        study.model.score_kind,
        study.dataset.version,
        hashlib.sha256(seeds.read_bytes()).hexdigest() if seeds.is_file() else "",
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def pack_result(result: Any) -> Any:
    """Return a result as numbers, texts, lists and mappings.

    Raises:
        InvalidInput: when it has a part of another type.
    """
    try:
        return msgspec.to_builtins(result, enc_hook=_pack_part)
    except (TypeError, NotImplementedError) as error:
        raise InvalidInput(f"The result cannot be written: {error}") from error


def unpack_result(value: Any, kind: Any) -> Any:
    """Return the result that `pack_result` made into `value`.

    Args:
        value: of a file, from whomever. kind: type of the result.

    Raises:
        InvalidInput: when `value` is not of this type.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_unpack_part)
    except (msgspec.ValidationError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"The shipped result is not valid: {str(error)[:200]}") from error


def _load(study: Any) -> Mapping[str, Any]:
    """Return the results of a study's file by the names of their calls; none where it is missing, of other weights or
    data, or damaged."""
    record = _read(plugin.find_asset(FOLDER, f"{Path(study.name).name}.json"))
    results = record.get("results")
    return results if isinstance(results, dict) and record.get("key") == make_key(study) else {}


@memo(32, stamp=file_stamp)
def _read(path: Path) -> dict[str, Any]:
    """Return the record of a file; empty where it is missing, too large or no JSON of a record."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        record = read_json(content.decode()) if len(content) <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return {}
    return record if isinstance(record, dict) else {}


def _pack_part(value: Any) -> Any:
    match value:
        case np.ndarray():
            return value.tolist()
        case np.generic():
            return value.item()
        case pd.DataFrame():
            return value.to_dict("records")
    raise NotImplementedError(f"type {type(value).__name__} is not supported")


def _unpack_part(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        array = np.array(value, dtype=np.float64)
        if array.size > MAX_NUMBERS:
            raise ValueError("too many numbers")
        return array
    if kind is pd.DataFrame:
        return pd.DataFrame(msgspec.convert(value, list[dict[str, float | int | str]]))
    raise NotImplementedError(kind)


# Coalition values that ship for trained models whose explanation takes seconds, a file a model.
EXPLAINED = plugin.asset_path("explained")
_KEY, _VALUES = "key", "values"


def find_values(study: Any) -> np.ndarray | None:
    """Return the shipped values of a study's explained rows, (n, 2^M, C), or None if there are none of its key."""
    path = _values_path(study.name)
    if not (path.is_file() and is_used(study)):
        return None
    arrays = _disk_cache.read_arrays(path)
    if arrays is None or str(arrays.get(_KEY)) != _values_key(study):
        return None
    return arrays.get(_VALUES)


def write_values(study: Any, values: np.ndarray) -> Path:
    """Write the values of a study's explained rows with their key, and return the path of the file.

    Raises:
        OSError, InvalidInput: when the file cannot be written.
    """
    path = _values_path(study.name)
    _disk_cache.write_arrays(
        path, {_KEY: np.array(_values_key(study)), _VALUES: values}, compressed=True
    )
    return path


def _values_path(name: str) -> Path:
    return plugin.find_asset(EXPLAINED, f"{Path(name).name}.npz")


def _values_key(study: Any) -> str:
    call = name_call("explain", [len(study.explained_rows)])
    return f"{call} {make_key(study)}"
