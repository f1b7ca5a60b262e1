"""Files of data: what all readers ask of one, a cache of arrays, the digest of a data set, and .npz files, pickles
and .mat files that anybody may have made.
"""

import contextlib
import hashlib
import itertools
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs
from numpy.lib import format as npy

from qfusion import _files, _limits
from qfusion._checks import check
from qfusion.data import _mat_child, signatures
from qfusion.errors import InvalidInput, NotFound, translate_errors

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
    # visitors learn nothing of the folders
    raise NotFound(
        f"File {(path.name if _limits.bound() else str(path))[:200]} does not exist. Check the path."
    )


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
    """Translates errors of a reader, as `translate_errors` does; an error of the disk (an OSError with its number)
    passes."""
    try:
        with translate_errors(what, remedy, *causes, why=why, passing=(InvalidInput, OSError)):
            yield
    except OSError as error:
        if error.errno is not None:
            raise
        with translate_errors(what, remedy, why=why):
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
    digests = (
        hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in parts
    )
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


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


def bound(folder: Path, most: int, spared: int = 0) -> None:
    """Removes the files of a folder that were not used for longest, until at most so many bytes are left; so many that
    were used last are `spared`, and so are locks."""
    with contextlib.suppress(OSError):  # another process may tidy up, too
        newest = sorted(
            (path for path in folder.iterdir() if path.suffix != ".lock"),
            key=lambda path: -path.stat().st_mtime,
        )
        totals = itertools.accumulate(path.stat().st_size for path in newest)
        for path, total in list(zip(newest, totals, strict=True))[spared:]:
            if total > most:
                path.unlink(missing_ok=True)


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
    signatures.require(path, "an .npz file", "zip")
    with (
        translate_errors(
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


# Pickles that anybody may have made, read by an interpreter that knows no way to call anything.
#
# A pickle is a program for a small stack machine, and Python's own reader runs whatever function it names. Here the
# machine is written out for protocols 0 to 5 (CPython, `pickletools`). It makes plain containers, text, numbers
# and NumPy arrays of numbers, text or such objects; the few functions that NumPy's pickles name are recognised
# (`_KNOWN`) and done here, and any other name is refused. An array is a view of the file's bytes, so a large pickle
# takes little memory, and nothing is taken on the file's word: an array's shape must be filled by bytes that are
# there, and objects and copies are counted.

MAX_STEPS = 20_000_000  # steps of the machine
_DTYPE = re.compile(r"^[<>|=]?([biuf](?:1|2|4|8)|f16|c8|c16|[SU]\d{1,7}|O8?|\?|b1)$")
_MARK = object()  # where on the stack the entries of a container begin


@dataclass(eq=False)
class Stored:
    """An array of the pickle; `array` is set once its contents have been read."""

    array: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass
class _Type:
    """A NumPy type on its way: its code, and the byte order that follows."""

    code: str
    order: str = "="

    def made(self) -> np.dtype:
        code = "?" if self.code.lstrip("<>|=") == "b1" else self.code.lstrip("<>|=")
        return np.dtype(
            code
            if code in ("O", "O8", "?")
            else f"{self.order if self.order in '<>' else '='}{code}"
        )


def unpickled(result: Any) -> Any:
    """Returns what `read_pickle` gave, with an array in place of its holder."""
    return result.array if isinstance(result, Stored) else result


def read_pickle(content: Any, name: str) -> Any:
    """Returns the object in a pickle; arrays inside it are `Stored`, see `unpickled`.

    Args:
        content: the bytes, best a memory map; arrays are views of them.
        name: of the file, for messages.

    Raises:
        InvalidInput: when it asks for anything that is not a plain container, text, number or array (the message says
            for what), is cut short, damaged or too large.
    """
    machine = _Machine(memoryview(content), name)
    with (
        translate_errors(
            f"File `{name}` cannot be read as a pickle: it is damaged",
            "Write or copy it again.",
            Exception,  # a damaged pickle raises whatever its bytes lead to
            why="{kind}",
            passing=(InvalidInput,),
        ),
        translate_errors(
            f"File `{name}` is cut short: its pickle ends in the middle, after {len(content):,} bytes",
            "Copy it again.",
            *(EOFError, struct.error),
            why="{kind}",
        ),
    ):
        result = machine.run()
        check(
            machine.unfolded(result) <= 2 * len(content) + 2**20,
            f"File `{name}` holds the same parts so many times, or inside themselves, that it unfolds to far more than "
            "its own size, which is refused. Save every sample as an array of its own.",
        )
        return result


def _need(condition: bool) -> None:
    """What a pickle that is whole fulfils."""
    if not condition:
        raise TypeError("damaged")


def _word(result: Any) -> str:
    """A word of the pickle; old ones hold them as bytes. bytes(n) of a number would take n bytes on the file's word."""
    _need(isinstance(result, (str, bytes, memoryview)))
    return result if isinstance(result, str) else bytes(result).decode("latin-1")


def _keys(result: list[Any]) -> list[Any]:
    """Keys of a dictionary or set; no tuples, since hashing one a million deep would end the process."""
    plain = [_word(key) if isinstance(key, (memoryview, bytes)) else key for key in result]
    _need(all(key is None or isinstance(key, (str, int, float)) for key in plain))
    return plain


class _Machine:
    """One run through a pickle."""

    def __init__(self, data: memoryview, name: str):
        self.data, self.name = data, name
        self.at = self.copied = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.sizes: dict[int, int] = {}  # of parts by their ids, once they are known

    def run(self) -> Any:
        """Returns what the pickle holds."""
        for _ in range(MAX_STEPS):
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            if code not in _STEPS:
                raise InvalidInput(
                    f"File `{self.name}` must be a pickle of arrays and plain containers, but holds the instruction "
                    f"0x{code:02x} at byte {self.at - 1:,}, which is refused: nothing in a pickle is run."
                )
            _STEPS[code](self)
        raise InvalidInput(
            f"File `{self.name}` must hold at most {MAX_STEPS:,} objects, but holds more. Save sequences as arrays."
        )

    def unfolded(self, part: Any) -> int:
        """Returns what a part takes, in units of some 8 bytes, where whatever stands in many places is there as many
        times: so much is gone through by whoever makes it text or an array."""
        plain = unpickled(part)
        if isinstance(plain, (str, bytes, bytearray, memoryview)):
            return 1 + len(plain)
        if not (
            isinstance(plain, (list, tuple, dict, set, frozenset))
            or getattr(plain, "dtype", None) == np.dtype(object)
        ):  # an empty array may be long
            return 1 + max([0, getattr(plain, "nbytes", 0) // 8, *getattr(plain, "shape", ())])
        if id(part) not in self.sizes:
            self.sizes[id(part)] = 2**62  # what holds itself never ends
            inside = (
                [*plain, *plain.values()]
                if isinstance(plain, dict)
                else plain.flat
                if isinstance(plain, np.ndarray)
                else plain
            )
            self.sizes[id(part)] = 1 + sum(map(self.unfolded, inside))
        return self.sizes[id(part)]

    # Bytes, numbers and text

    def take(self, count: int) -> memoryview:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise EOFError
        taken, self.at = self.data[self.at : end], end
        return taken

    def number(self, form: str) -> int:
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def sized(self, form: str) -> memoryview | bytes:
        """Bytes after their number; a few are copied, which takes less memory than a view of them."""
        taken = self.take(self.number(form))
        return taken if len(taken) > 150 else bytes(taken)

    def line(self) -> str:
        start = self.at
        while self.take(1)[0] != 0x0A:
            check(
                self.at - start <= 1 << 16,
                f"File `{self.name}` holds a line of text too long for a pickle. Copy it again.",
            )
        return bytes(self.data[start : self.at - 1]).decode("latin-1")

    def count(self, size: int) -> None:
        self.copied += size
        # of text so many bytes may be made beyond the file's own size
        check(
            self.copied <= 8 * len(self.data) + HARMLESS,
            f"File `{self.name}` unpacks to far more than its own size, which is refused. Save it with pickle "
            "protocol 4 or 5.",
        )

    def utf8(self, form: str) -> str:
        taken = self.sized(form)
        self.count(len(taken))
        return bytes(taken).decode("utf-8", "surrogatepass")

    def integer(self) -> int:
        line = self.line()
        return line == "01" if line in ("00", "01") else int(line.rstrip("L"))

    def long(self, form: str) -> int:
        taken = self.sized(form)
        _need(len(taken) <= 64)
        return int.from_bytes(taken, "little", signed=True)

    def quoted(self) -> bytes:
        line = self.line()
        _need(len(line) >= 2 and line[0] == line[-1] and line[0] in "'\"")
        return line[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1")

    # Containers

    def since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                result = self.stack[place + 1 :]
                del self.stack[place:]
                return result
        raise ValueError("no mark")

    def last(self, count: int) -> tuple[Any, ...]:
        return tuple(reversed([self.stack.pop() for _ in range(count)]))

    def extend(self, result: list[Any]) -> None:
        onto = self.stack[-1]
        _need(isinstance(onto, (set, list)))
        if isinstance(onto, set):
            onto.update(_keys(result))
        else:
            onto.extend(result)

    def fill(self, result: Any) -> None:
        onto = self.stack[-1]
        _need(isinstance(onto, dict) and len(result) % 2 == 0)
        onto.update(zip(_keys(list(result[::2])), result[1::2], strict=True))

    def dictionary(self) -> None:
        values = self.since_mark()
        self.stack.append(self.plain(dict))
        self.fill(values)

    # Names and what is done with them

    def named(self, module: str, name: str) -> Callable[..., Any]:
        """What is done in the place of a function or class that is recognised."""
        check(
            (module, name) in _KNOWN,
            f"File `{self.name}` asks for `{module[:80]}.{name[:80]}`, which is refused: only NumPy arrays, plain "
            "containers, text and numbers are read, and nothing in a pickle is run. If the file is trusted, save "
            "its arrays anew with NumPy.",
        )
        return _KNOWN[module, name]

    def called(self) -> Any:
        called, *arguments = self.since_mark()
        return self.do(called, tuple(arguments))

    def do(self, called: Any, arguments: Any) -> Any:
        """What a recognised function would give, made here."""
        _need(callable(called) and isinstance(arguments, tuple))
        return called(self, *arguments)

    def plain(self, kind: Callable[..., Any], result: Any = ()) -> Any:
        if isinstance(result, (str, int, float)) and kind is not bytes:
            _need(kind in (int, float, str, bool) and not isinstance(result, str))
            return kind(result)
        # Before it is made; a number has no length: bytes(n) would take n bytes on the file's word. One that is empty
        # takes memory, too.
        self.count(
            len(result) * (1 if kind in (bytes, bytearray) else 8)
            + (216 if kind in (set, frozenset) else 64)
        )
        return kind(_keys(list(result)) if kind in (set, frozenset, dict) else result)

    def encode(self, text: str, encoding: Any) -> bytes:
        plain = _word(encoding).replace("-", "").lower()
        _need(isinstance(text, str) and plain in ("latin1", "ascii", "utf8"))
        self.count(len(text))
        return text.encode(_word(encoding))

    # Arrays

    def dtype(self, code: Any, *_: Any) -> _Type:
        word = _word(code)
        check(
            _DTYPE.match(word) is not None,
            f"File `{self.name}` holds an array of type {word[:40]!r}, which is not read. Save numbers or text.",
        )
        return _Type(word, word[0] if word[0] in "<>" else "=")

    def scalar(self, kind: _Type, content: Any = b"") -> Any:
        _need(not kind.made().hasobject)
        self.count(kind.made().itemsize)
        return self.array((), kind, False, content).item()

    def reconstruct(self, kind: Any, shape: Any, *_: Any) -> Stored:
        _need(kind is _never)
        return Stored()

    def from_buffer(self, content: Any, kind: _Type, shape: Any, order: Any = "C") -> Stored:
        return Stored(
            self.array(
                tuple(shape) if isinstance(shape, tuple) else (shape,),
                kind,
                _word(order) == "F",
                content,
            )
        )

    def array(self, shape: Any, kind: _Type, fortran: Any, content: Any) -> np.ndarray:
        made = kind.made()
        _need(isinstance(shape, tuple) and len(shape) <= 8)
        _need(all(type(n) is int and 0 <= n < 1 << 40 for n in shape))
        order: Any = "F" if fortran else "C"
        if made.hasobject:
            _need(isinstance(content, list) and len(content) == prod(shape))
            self.count(8 * len(content))
            return np.fromiter(content, object, len(content)).reshape(shape, order=order)
        raw = self.encode(content, "latin-1") if isinstance(content, str) else content
        if made.itemsize == 0:
            _need(prod(shape) <= MAX_STEPS)
            return np.zeros(shape, made)
        check(
            len(raw) == prod(shape) * made.itemsize,
            f"File `{self.name}` declares an array of shape {shape} and type {made}, which its {len(raw):,} bytes do "
            "not fill. Write or copy it again.",
        )
        return np.frombuffer(raw, made).reshape(shape, order=order)

    def build(self) -> None:
        state, onto = self.stack.pop(), self.stack[-1]
        _need(isinstance(state, tuple) and len(state) >= 5)
        if isinstance(onto, _Type):
            _need(state[2:5] == (None, None, None))
            onto.order = _word(state[1])
        else:
            _need(isinstance(onto, Stored) and len(state) == 5 and isinstance(state[2], _Type))
            onto.array = self.array(*state[1:])


def _never(*_: Any) -> None:
    """Stands for `numpy.ndarray`, which is named and never called."""
    _need(False)


_PLAIN = {
    kind.__name__: (lambda m, *result, kind=kind: m.plain(kind, *result))
    for kind in (bytes, bytearray, list, dict, set, frozenset, tuple, int, float, str, bool)
}
# All names that a pickle may ask for, and what is done in their place.
_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    **{
        (module, name): do
        for module in (
            "numpy.core.multiarray",
            "numpy._core.multiarray",
            "numpy.core.numeric",
            "numpy._core.numeric",
        )
        for name, do in (
            ("_reconstruct", _Machine.reconstruct),
            ("scalar", _Machine.scalar),
            ("_frombuffer", _Machine.from_buffer),
        )
    },
    **{(module, name): do for module in ("builtins", "__builtin__") for name, do in _PLAIN.items()},
    ("numpy", "ndarray"): _never,
    ("numpy", "dtype"): _Machine.dtype,
    ("_codecs", "encode"): _Machine.encode,
    ("collections", "OrderedDict"): _PLAIN["dict"],
    ("collections", "defaultdict"): lambda m, *_: m.plain(dict),
}


def _push(make: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(make(m))


def _put(key: Callable[[_Machine], int]) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.memo[key(m)] = m.stack[-1]

    return step


_STEPS: dict[int, Callable[[_Machine], Any]] = {
    # marks, the stack, the memo
    ord("("): _push(lambda m: _MARK),
    ord("0"): lambda m: m.stack.pop(),
    ord("1"): lambda m: m.since_mark(),
    ord("2"): _push(lambda m: m.stack[-1]),
    ord("p"): _put(lambda m: int(m.line())),
    ord("q"): _put(lambda m: m.number("B")),
    ord("r"): _put(lambda m: m.number("I")),
    0x94: _put(lambda m: len(m.memo)),
    ord("g"): _push(lambda m: m.memo[int(m.line())]),
    ord("h"): _push(lambda m: m.memo[m.number("B")]),
    ord("j"): _push(lambda m: m.memo[m.number("I")]),
    0x80: lambda m: m.take(1),
    0x95: lambda m: m.take(8),
    # constants and numbers
    ord("N"): _push(lambda m: None),
    0x88: _push(lambda m: True),
    0x89: _push(lambda m: False),
    ord("I"): _push(_Machine.integer),
    ord("J"): _push(lambda m: m.number("i")),
    ord("K"): _push(lambda m: m.number("B")),
    ord("M"): _push(lambda m: m.number("H")),
    ord("L"): _push(_Machine.integer),
    0x8A: _push(lambda m: m.long("B")),
    0x8B: _push(lambda m: m.long("I")),
    ord("F"): _push(lambda m: float(m.line())),
    ord("G"): _push(lambda m: struct.unpack(">d", m.take(8))[0]),
    # text and bytes
    ord("S"): _push(_Machine.quoted),
    ord("V"): _push(lambda m: m.line().encode("latin-1").decode("raw_unicode_escape")),
    ord("X"): _push(lambda m: m.utf8("I")),
    0x8C: _push(lambda m: m.utf8("B")),
    0x8D: _push(lambda m: m.utf8("Q")),
    **{
        code: _push(partial(_Machine.sized, form=form))
        for code, form in zip(b"TBUC\x8e\x96", "IIBBQQ", strict=True)
    },
    # containers
    ord(")"): _push(lambda m: ()),
    ord("t"): _push(lambda m: tuple(m.since_mark())),
    0x85: _push(lambda m: m.last(1)),
    0x86: _push(lambda m: m.last(2)),
    0x87: _push(lambda m: m.last(3)),
    ord("]"): _push(lambda m: m.plain(list)),
    ord("l"): _push(_Machine.since_mark),
    ord("a"): lambda m: m.extend([m.stack.pop()]),
    ord("e"): lambda m: m.extend(m.since_mark()),
    ord("}"): _push(lambda m: m.plain(dict)),
    ord("d"): _Machine.dictionary,
    ord("s"): lambda m: m.fill(m.last(2)),
    ord("u"): lambda m: m.fill(m.since_mark()),
    0x8F: _push(lambda m: m.plain(set)),
    0x90: lambda m: m.extend(m.since_mark()),
    0x91: _push(lambda m: m.plain(frozenset, m.since_mark())),
    # names
    ord("c"): _push(lambda m: m.named(m.line(), m.line())),
    0x93: _push(lambda m: m.named(*map(_word, m.last(2)))),
    ord("R"): _push(lambda m: m.do(*m.last(2))),
    0x81: _push(lambda m: m.do(*m.last(2))),
    ord("b"): _Machine.build,
    ord("i"): _push(lambda m: m.do(m.named(m.line(), m.line()), tuple(m.since_mark()))),
    ord("o"): _push(_Machine.called),
}


# Variables from MATLAB files (.mat, versions 4 to 7.3) that anybody may have made.
#
# SciPy reads them, and h5py those of version 7.3. On some damaged files a reader ends the process (a segmentation
# fault), and SciPy's takes memory for whatever number of cells a file declares; so they run in a process of its own
# (`_mat_child`), which may take only so much memory and time. What comes back are arrays, read as any pickle that is
# not trusted. On Windows there is no such limit but that of time, and on macOS none of memory.

SECONDS = 60  # of the processor
PATIENCE = 300  # seconds of the clock
_COPY = "Write or copy it again."
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
    signatures.require(path, "a .mat file", "mat", "hdf5")
    with path.open("rb") as file:
        start = file.read(128)
    check(
        _mat_child.is_hdf5(str(path))
        or start[126:128] in (b"IM", b"MI")
        or _mat_child.is_matlab4(start),
        f"File `{path.name}` must be a .mat file of version 4 to 7.3, but is not one. {_AGAIN}",
    )
    return _read_guarded(path)


def read_hdf5(path: Path) -> dict[str, Any]:
    """Returns what an HDF5 file holds, by name, as `read_mat` does; a group is a struct.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no HDF5 file, damaged or too large, or refers to other files.
    """
    check_size(path.name, size_of(path))
    signatures.require(path, "an HDF5 file", "hdf5")
    check(
        _mat_child.is_hdf5(str(path)),
        f"File `{path.name}` must be an HDF5 file, but is not one. {_COPY}",
    )
    return _read_guarded(path)


def _read_guarded(path: Path) -> dict[str, Any]:
    """What the child reads of a file."""
    size = size_of(path)
    with tempfile.TemporaryDirectory(prefix="qfusion-mat-", ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "found"
        # Python and SciPy need a GiB of address space; zlib packs at most 1 : 1032
        _run(
            path,
            out,
            memory=2**30 + 3 * min(MAX_SIZE, 1100 * size),
            most=min(MAX_SIZE, max(HARMLESS, MAX_RATIO * size)),
        )
        record = read_pickle(out.read_bytes(), path.name)
    check_size(path.name, record["bytes"])
    check_unpacked(path.name, record["bytes"], size)
    return {name: _made(entry) for name, entry in record["variables"].items()}


def _run(path: Path, out: Path, memory: int, most: int) -> None:
    """Lets the child read a file into another, arrays of at most so many bytes; InvalidInput when it does not come to
    its end."""
    kind, remedy = "a .mat file", _AGAIN
    if path.suffix.lower() != ".mat":
        kind, remedy = "an HDF5 file", _COPY
    elif _mat_child.is_hdf5(str(path)):
        kind = "a .mat file of version 7.3 (HDF5)"
    with translate_errors(
        f"File `{path.name}` cannot be read as {kind}",
        remedy,
        subprocess.TimeoutExpired,
        why=f"it takes more than {PATIENCE} seconds",
    ):
        done = subprocess.run(
            [
                *(sys.executable, "-P", str(Path(__file__).with_name("_mat_child.py"))),
                *(str(path.absolute()), str(out)),
                *(str(memory), str(SECONDS), str(most)),
            ],
            env=_limits.environment(
                HDF5_PLUGIN_PRELOAD="::"
            ),  # HDF5 loads no filters from elsewhere
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    code = done.returncode
    words = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:160]
    for failed, why in (
        (
            code == -getattr(signal, "SIGXCPU", 24),
            f"takes more than {SECONDS} seconds of the processor",
        ),
        (
            "MemoryError" in words,
            f"needs more than {memory / 1024**3:.1f} GiB of memory, or only declares what it does not hold",
        ),
        (code < 0, f"is damaged or incomplete (its reading ended with signal {-code})"),
        (code > 0, f"is damaged or incomplete ({words})"),
    ):
        check(not failed, f"File `{path.name}` cannot be read as {kind}: it {why}. {remedy}")


def _made(node: Any) -> Any:
    """A variable, or what a cell holds, from what the child wrote."""
    value = unpickled(node)
    if not isinstance(value, dict):
        return value
    shape = value["shape"]
    if "sparse" in value:
        from scipy.sparse import coo_array

        rows, columns, entries = map(_made, value["sparse"])
        return coo_array((entries, (rows, columns)), shape)
    if "cell" in value:
        return _cells(value["cell"], shape)
    made = np.empty(shape, dtype=[(key, object) for key in value["struct"]])
    for key, cells in value["struct"].items():
        made[key] = _cells(cells, shape)
    return made


def _cells(nodes: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    return np.fromiter(map(_made, nodes), object, len(nodes)).reshape(shape, order="F")
