"""Arrays from .npz files; pickled objects in them are refused."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import files
from qfusion.data.files import check_size, file_size
from qfusion.errors import InvalidInput, translate_errors


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name, in the file's order.

    Args:
        path: the file.
        names: which arrays; all of them by default.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged, needs more memory than is available, lacks an array, or
            holds pickled objects.
    """
    file_size(path)
    files.require_signature(path, "an .npz file", "zip")
    with translate_errors(
        f"File `{path.name}` must be an .npz file with arrays of numbers or text, but cannot be read",
        "Write it again with `numpy.savez(file, view1=..., view2=..., y=labels)`, or copy it again.",
        Exception,  # a damaged archive raises whatever its bytes lead to
        why="{kind}: {words:.160}",
        passing=(InvalidInput,),
    ):
        with zipfile.ZipFile(path) as archive:
            sizes = {
                entry.filename.removesuffix(".npy"): entry.file_size
                for entry in archive.infolist()
                if entry.filename.endswith(".npy")
            }
        chosen = list(sizes if names is None else names)
        missing = [name for name in chosen if name not in sizes]
        check(
            not missing,
            f"File `{path.name}` must hold the array {missing[:1]}, but holds {list(sizes)[:8]}. Copy it again.",
        )
        check_size(path.name, sum(sizes[name] for name in chosen))
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in chosen}
