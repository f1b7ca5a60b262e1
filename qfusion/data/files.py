"""Files of data: what all readers ask of one, a cache of arrays, the digest of a data set, and arrays from .npz and
.mat files that anybody may have made.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs
from numpy.lib import format as npy

from qfusion import _files, _limits
from qfusion._checks import check
from qfusion.data import pickles
from qfusion.errors import InvalidInput, NotFound, refused

# What all readers ask of a file: that it is there, and not too large; and its digest.

MAX_SIZE = 2 * 1024**3  # bytes of a file that is read into memory, also after unpacking
MAX_RATIO, HARMLESS = (
    100,
    2**28,
)  # a file may unpack to so many times its size, and to so many bytes in any case


def size_of(path: Path) -> int:
    """Returns the size of a file in bytes.

    Raises:
        NotFound: when there is no such file.
    """
    with contextlib.suppress(OSError):  # too long for a name
        if path.is_file():
            return path.stat().st_size
    raise NotFound(f"File {str(path)[:200]} does not exist. Check the path.")


def check_size(name: str, size: int) -> None:
    """Raises InvalidInput when a file called `name` has, or unpacks to, more bytes than MAX_SIZE."""
    check(
        size <= MAX_SIZE,
        f"File `{name}` must have at most {MAX_SIZE / 1024**3:.0f} GiB, also when unpacked, but has more. Keep fewer "
        "samples or features, or use single precision.",
    )


def check_unpacked(name: str, size: int, packed: int) -> None:
    """Raises InvalidInput when a file unpacks to so much more than it is that nobody has measured that.

    Args:
        name: of the file.
        size: bytes of what is in it.
        packed: bytes that it has.
    """
    check(
        size <= max(HARMLESS, MAX_RATIO * packed),
        f"File `{name}` must not unpack to more than {MAX_RATIO} times its size, but its {packed / 1e6:.1f} MB would "
        f"become {size / 1e6:,.0f} MB. If it is meant to, save it without compression.",
    )


@contextlib.contextmanager
def misread(
    what: str, remedy: str, *causes: type[Exception], why: str = "{words:.200}"
) -> Iterator[None]:
    """Says what a reader cannot make of a file, as `refused` does; what the disk refuses (an OSError with its number)
    passes."""
    try:
        with refused(what, remedy, *causes, why=why, passing=(InvalidInput, OSError)):
            yield
    except OSError as error:
        if error.errno is not None:
            raise
        with refused(what, remedy, why=why):
            raise


def sha256(path: Path) -> str:
    """Returns a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """Returns the SHA-256, in hex, over the lines "NAME DIGEST" of all files in a folder, sorted by their names."""
    lines = "".join(f"{path.name} {sha256(path)}\n" for path in sorted(folder.iterdir()))
    return hashlib.sha256(lines.encode()).hexdigest()


# Where data are kept on this machine, and a cache of arrays that can always be made again.
#
# A cached file holds its own digest; one that is damaged, or cannot be read or written, is as good as none.

_DIGEST = "__digest__"


def data_folder() -> Path:
    """Returns where data sets are looked for and downloaded to: QFUSION_DATA, else the user's data folder."""
    return Path(os.environ.get("QFUSION_DATA") or platformdirs.user_data_dir("qfusion"))


def key_of(parts: Iterable[str | bytes]) -> str:
    """Returns a short digest of what an array was made from; any change gives another file name."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return sha.hexdigest()[:16]


def cached_arrays(
    name: str, key: str, make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Returns the arrays that `make` gives, from the cache if they are there and whole, else made and stored.

    Args:
        name: of the data set, the beginning of the file name.
        key: of everything the arrays depend on, from `key_of`.
        make: makes the arrays; called only when they are not cached.
    """
    path = _files.cache_root() / f"{name}-{key}.npz"
    arrays = read_arrays(path)
    if arrays is None:
        arrays = make()
        # A cache that cannot be written (read-only home, full disk) costs time at the next start, nothing else.
        with contextlib.suppress(OSError, InvalidInput):
            write_arrays(path, arrays)
    return arrays


def _digest(values: dict[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        sha.update(f"{name}|{array.dtype}|{array.shape}|".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Returns the arrays of a file that `write` has written; None if it is not there, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (
        Exception
    ):  # a damaged zip raises whatever its bytes lead to; the arrays are then made again
        return None
    digest = arrays.pop(_DIGEST, None)
    return arrays if digest is not None and str(digest) == _digest(arrays) else None


def write_arrays(path: Path, values: dict[str, np.ndarray], *, compressed: bool = False) -> None:
    """Writes arrays and their digest to a file, whole or not at all; compressed, it is smaller and slower to read.

    Raises:
        OSError, InvalidInput: when it cannot be written.
    """
    _limits.check_disk("The cache", sum(value.nbytes for value in values.values()))
    path.parent.mkdir(parents=True, exist_ok=True)
    save = np.savez_compressed if compressed else np.savez
    with _files.atomic(path) as part, part.open("wb") as file:
        save(file, **values, **{_DIGEST: np.array(_digest(values))})  # type: ignore[arg-type]


# The digest of a data set, worked out in pieces, so that sets larger than memory have one too.

ROWS = 65_536  # strings that are joined at a time
BYTES = 1 << 25  # of values that are looked at together


def pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields an array's rows, some BYTES at a time, without copying them."""
    step = rows_at_once(values.shape, values.itemsize)
    for start in range(0, len(values), step):
        yield values[start : start + step]


def placed(pieces: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yields pieces of rows, each after the number of the row at which it begins."""
    at = 0
    for piece in pieces:
        yield at, piece
        at += len(piece)


def rows_at_once(shape: tuple[int, ...], itemsize: int = 4) -> int:
    """Returns how many rows of an array (N, ...) make some BYTES."""
    return max(1, BYTES // max(1, itemsize * int(np.prod(shape[1:], dtype=np.int64))))


def digest(
    target: Any,
    ids: np.ndarray,
    split: np.ndarray,
    y: np.ndarray,
    modalities: Iterable[tuple[Any, ...]],
    unimodal: Any = None,
) -> str:
    """Returns SHA-256, in hex, over ids, split, targets, every modality's names, values, lengths and shape, and
    unimodal targets.

    Args:
        target: of the data set, with `kind`, `name` and `classes`.
        ids, split, y: (N,) each.
        modalities: in their order, of each its name, its array's shape, names of features, values in pieces, in the
            order of the rows, lengths and shape of a picture, the last two None where it has none.
        unimodal: table (N, ...) of targets of single modalities, or None.
    """
    sha = hashlib.sha256(f"{target.kind}|{target.name}|{target.classes}".encode())
    for strings in (ids, split):
        for start in range(0, len(strings), ROWS):
            joined = "\0".join(strings[start : start + ROWS].tolist())
            sha.update((("\0" if start else "") + joined).encode("utf-8", "surrogatepass"))
    sha.update(np.ascontiguousarray(y).data)
    for name, shape, feature_names, values, lengths, picture in modalities:
        sha.update(f"|{name}|{shape}|{feature_names}".encode("utf-8", "surrogatepass"))
        for piece in values:
            sha.update(np.ascontiguousarray(piece).data)
        sha.update(b"" if lengths is None else np.ascontiguousarray(lengths).data)
        sha.update(b"" if picture is None else str(picture).encode())
    if unimodal is not None:
        sha.update(f"|unimodal|{tuple(unimodal.columns)}".encode("utf-8", "surrogatepass"))
        sha.update(np.ascontiguousarray(unimodal.to_numpy(np.float64)).data)
    return sha.hexdigest()


# Arrays from .npz files that anybody may have made: nothing in one is run, and no memory taken on its word.

Header = tuple[tuple[int, ...], bool, np.dtype]  # shape, whether in Fortran's order, type
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Returns the arrays of a .npz file by name, in the file's order.

    Args:
        path: the file.
        names: which arrays; all of them unless told.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no .npz file, is damaged or too large, lacks an array, or holds pickled objects.
    """
    size = size_of(path)
    with _opened(path) as (archive, inside):
        chosen = list(inside if names is None else names)
        missing = [name for name in chosen if name not in inside]
        check(
            not missing,
            f"File `{path.name}` must hold the array {missing[:1]}, but holds {list(inside)[:8]}. Copy it again.",
        )
        check_size(path.name, max(size, sum(inside[name].file_size for name in chosen)))
        arrays = {}
        for name in chosen:
            with archive.open(inside[name]) as stream:
                check_header(stream, inside[name].file_size, f"Array `{name}` in `{path.name}`")
            with archive.open(inside[name]) as stream:
                arrays[name] = npy.read_array(stream, allow_pickle=False)
        return arrays


def sha256_of_arrays(path: Path) -> str:
    """Returns the SHA-256, in hex, over names, types, shapes and numbers of an .npz file's arrays: the same however the
    file is packed.

    Raises:
        InvalidInput: as `read_npz` does.
    """
    return _digest(read_npz(path))


def npz_headers(path: Path) -> dict[str, Header]:
    """Returns shape, whether in Fortran's order, and type of every array of an .npz file.

    Raises:
        InvalidInput: when it is no .npz file, is damaged, or holds pickled objects.
    """
    headers = {}
    with _opened(path) as (archive, inside):
        for name, entry in inside.items():
            with archive.open(entry) as stream:
                headers[name] = check_header(
                    stream, entry.file_size, f"Array `{name}` in `{path.name}`"
                )
    return headers


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    with (
        refused(
            f"File `{path.name}` must be an .npz file as numpy.savez writes it, but cannot be read",
            "Write or copy it again.",
            Exception,  # a damaged archive raises whatever its bytes lead to
            why="{kind}",
            passing=(InvalidInput,),
        ),
        zipfile.ZipFile(path) as archive,
    ):
        entries = archive.infolist()
        check_unpacked(path.name, sum(entry.file_size for entry in entries), path.stat().st_size)
        yield (
            archive,
            {
                entry.filename.removesuffix(".npy"): entry
                for entry in entries
                if entry.filename.endswith(".npy")
            },
        )


def check_header(stream: IO[bytes], size: int, what: str) -> Header:
    """Returns shape, whether in Fortran's order, and type of a .npy file of `size` bytes; the stream then stands at its
    numbers.

    Refuses objects, and a shape that the bytes cannot fill: NumPy would take the memory before it reads them.
    """
    version = npy.read_magic(stream)
    check(
        version in _HEADERS,
        f"{what} has the .npy version {version}, which is not read here. Save it with plain numeric arrays.",
    )
    shape, fortran, dtype = _HEADERS[version](stream)
    check(
        not dtype.hasobject,
        f"{what} holds pickled Python objects, which could run code when read. They are refused; save numbers: one "
        "array a view, with `numpy.savez(file, view1=..., view2=..., y=labels)`.",
    )
    check(
        prod(shape) * dtype.itemsize <= size,
        f"{what} declares the shape {shape}, which its {size} bytes cannot fill. Write or copy the file again.",
    )
    return shape, fortran, dtype


# Variables from MATLAB files (.mat, versions 5 to 7.2) that anybody may have made.
#
# SciPy reads them. On some damaged files its reader ends the process (a segmentation fault), and it takes memory for
# whatever number of cells a file declares; so it runs in a process of its own (`_mat_child`), which
# may take only so much memory and time. What comes back are arrays, read as any pickle that is not
# trusted. On Windows there is no such limit but that of time, and on macOS none of memory.

SECONDS = 60  # of the processor
PATIENCE = 300  # seconds of the clock
_START = 1 << 30  # bytes of address space that Python and SciPy need, and some
_RATIO = 1100  # zlib packs at most 1 : 1032
_CHILD = Path(__file__).with_name("_mat_child.py")
_AGAIN = "Save it again, with `save -v7` in MATLAB or `scipy.io.savemat` in Python."


def read_mat(path: Path) -> dict[str, Any]:
    """Returns the variables of a .mat file by name.

    Numbers are arrays of the type they are stored in; text is an array of its rows; a cell is an array of objects, a
    struct one of fields, and a sparse matrix is one of SciPy's. Anything else (objects, function handles) is an empty
    array.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is of another version, damaged or too large.
    """
    size = size_of(path)
    check_size(path.name, size)
    with path.open("rb") as file:
        start = file.read(516)
    check(
        start[:4] != b"\x89HDF" and start[512:516] != b"\x89HDF",
        f"File `{path.name}` is a .mat file of version 7.3 (HDF5), which is not read here. {_AGAIN}",
    )
    check(
        start[126:128] in (b"IM", b"MI"),
        f"File `{path.name}` must be a .mat file of version 5 to 7.2, but is not one. {_AGAIN}",
    )
    with tempfile.TemporaryDirectory(prefix="qfusion-mat-", ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "found"
        _run(path, out, _START + 3 * min(MAX_SIZE, _RATIO * size))
        record = pickles.read(out.read_bytes(), path.name)
    check_size(path.name, record["bytes"])
    check_unpacked(path.name, record["bytes"], size)
    return {name: _made(entry) for name, entry in record["variables"].items()}


def _run(path: Path, out: Path, memory: int) -> None:
    """Lets the child read a file into another; InvalidInput when it does not come to its end."""
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-P", str(_CHILD), str(path.absolute()), str(out)),
                *(str(memory), str(SECONDS), str(MAX_SIZE)),
            ],
            env=_limits.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(path, f"it takes more than {PATIENCE} seconds") from None
    if done.returncode == -getattr(signal, "SIGXCPU", 24):
        raise _refused(path, f"it takes more than {SECONDS} seconds of the processor")
    words = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:160]
    if "MemoryError" in words:
        raise _refused(
            path,
            f"it needs more than {memory / 1024**3:.1f} GiB of memory, or only declares what it does not "
            "hold",
        )
    if done.returncode != 0:
        words = (
            f"its reading ended with signal {-done.returncode}" if done.returncode < 0 else words
        )
        raise _refused(path, f"it is damaged or incomplete ({words})")


def _refused(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"File `{path.name}` cannot be read as a .mat file: {why}. {_AGAIN}")


def _made(node: Any) -> Any:
    """A variable, or what a cell holds, from what the child wrote."""
    value = pickles.value(node)
    if not isinstance(value, dict):
        return value
    shape = value["shape"]
    if "sparse" in value:
        from scipy.sparse import coo_array

        rows, columns, entries = map(_made, value["sparse"])
        return coo_array((entries, (rows, columns)), shape)
    if "cell" in value:
        return _cells(value["cell"], shape)
    made = np.empty(shape, dtype=[(field, object) for field in value["struct"]])
    for field, cells in value["struct"].items():
        made[field] = _cells(cells, shape)
    return made


def _cells(nodes: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    return np.fromiter(map(_made, nodes), object, len(nodes)).reshape(shape, order="F")
