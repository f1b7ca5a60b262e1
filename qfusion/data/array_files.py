"""Arrays of features in `.npy` files, written in pieces after a check of the free disk space."""

import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from qfusion._checks import check
from qfusion._sentences import meanwhile
from qfusion.data.cast_errors import CastErrors

_MOST_BYTES: ContextVar[int | None] = ContextVar("most_bytes", default=None)


def write_array(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[np.ndarray],
    errors: CastErrors | None = None,
) -> int:
    """Write an array into a .npy file of float32, in pieces (n, *shape[1:]).

    Args:
        path: of the file.
        shape: of the array.
        pieces: consecutive rows.
        errors: record of the rounding errors of the cast to float32.

    Returns:
        the number of finite values that became infinite.

    Raises:
        InvalidInput: when there are more or fewer rows.
    """
    overflows = 0
    rows = 0
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for piece in pieces:
            single = to_float32(piece)
            overflows += count_overflows(piece)
            if errors is not None:
                errors.add(piece, single)
            file.write(np.ascontiguousarray(single, "<f4").data)
            rows += len(piece)
    check(
        rows == shape[0],
        f"Modality '{path.stem}' must have {shape[0]} samples like the labels, but has {rows}. Drop or add samples.",
    )
    return overflows


def scatter_array(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[tuple[Any, np.ndarray]],
    errors: CastErrors | None = None,
) -> int:
    """Write an array into a .npy file of float32, with rows in any order.

    Args:
        path, shape, errors: see `write_array`.
        pieces: indices (rows, or rows and steps), and the values at these. Other values are zero.

    Returns:
        the number of finite values that became infinite.
    """
    array = npy.open_memmap(path, "w+", np.float32, shape)
    overflows = 0
    for places, values in pieces:
        single = to_float32(values)
        array[places] = single
        overflows += count_overflows(values)
        if errors is not None:
            errors.add(values, single)
    array.flush()
    return overflows


@np.errstate(over="ignore", invalid="ignore")
def to_float32(values: np.ndarray) -> np.ndarray:
    """Return numbers as float32; numbers that are too large become infinite."""
    return values.astype(np.float32, copy=False)


def count_overflows(values: np.ndarray) -> int:
    """Return the number of finite values that are infinite in single precision."""
    return int(np.isinf(to_float32(values)).sum() - np.isinf(values).sum())


def limit_part_size(size: int) -> AbstractContextManager[None]:
    """Limits every modality to `size` bytes inside the block: small files can unpack to any size."""
    return meanwhile(_MOST_BYTES, size)


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise InvalidInput when `size` bytes do not fit onto the disk, or exceed the limit of `limit_part_size`.

    Args:
        folder: on the disk.
        size: bytes to be written.
        what: their name, for messages.
    """
    most = _MOST_BYTES.get()
    if most is not None:
        check(
            size <= most,
            f"{what} would take {size / 1024**3:,.1f} GiB, and at most {most / 1024**3:.0f} are accepted on this "
            "page. Use the command line: `python -m qfusion data import FILE --name NAME`.",
        )
    free = shutil.disk_usage(folder).free
    check(
        size <= free,
        f"{what} would take {size / 1e6:,.1f} MB on disk, but the disk has {free / 1e6:,.1f} MB left. Free "
        "some space, name another folder in QFUSION_IMPORTED, or keep fewer samples, steps or features.",
    )
