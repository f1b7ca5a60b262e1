"""Read one pickle by Python's own unpickler, restricted to the few classes that NumPy's pickles name.

A pickle is a program that may call whatever it can name. `find_class` knows the names of `CONSTRUCTORS` only, and
returns functions of this module in their place: they make plain containers, text, numbers and NumPy arrays of
numbers, text or such objects. Nothing of NumPy's own unpickling runs, as the state that a pickle hands to an array or
a type could break into memory. Large arrays are views of the file, so that they take no memory before they are used.
"""

import codecs
import mmap
import pickle
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

LARGE = 2**16  # bytes from which a block is a view of the file
BYTES = (bytes, bytearray, memoryview)
MAX_OBJECTS = 20_000_000
MAX_INTEGER_BYTES = 64
MAX_DIMENSIONS = 8
# Numbers, text, bytes, and objects.
_TYPE_CODE = re.compile(r"[<>|=]?([biuf](?:1|2|4|8)|f16|c8|c16|[SU]\d{1,7}|O8?|\?)")


class Refused(Exception):
    """A pickle that is not read; the message is shown to whoever brought it."""


def load_codecs() -> None:
    """Import the codecs that pickles need, before the process loses the right to open files."""
    for encoding in (*ENCODINGS, "raw-unicode-escape"):
        codecs.lookup(encoding)


class MappedFile:
    """A file for `Unpickler`, mapped into memory; large blocks are read as views of it."""

    def __init__(self, path: str):
        self.name = Path(path).name
        with Path(path).open("rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.readline = self.map.readline

    def read(self, size: int) -> Any:
        """Return the next bytes.

        Raises:
            EOFError: when the file has fewer.
        """
        start = self.map.tell()
        if start + size > len(self.map):
            raise EOFError
        if size < LARGE:
            return self.map.read(size)
        self.map.seek(start + size)
        return memoryview(self.map)[start : start + size]


def read_pickle(file: MappedFile) -> Any:
    """Return the content of a pickle: plain containers, text, bytes, numbers and arrays.

    Raises:
        Refused: when it names a function or class that is not of the list, or unfolds to far more than its size.
        Exception: whatever damaged bytes lead to.
    """
    value = Unpickler(file).load()
    parts = _Parts(file.name, MAX_OBJECTS)
    if parts.size(value) > 2 * len(file.map) + 2**20:
        raise Refused(
            f"File `{file.name}` holds the same parts so many times, or inside themselves, that it unfolds to far more "
            "than its own size, which is refused. Save every sample as an array of its own."
        )
    return _plain_value(value)


class Unpickler(pickle._Unpickler):
    """Unpickler that knows the names of `CONSTRUCTORS` and no others.

    It is the one in Python, which takes blocks as the file gives them; the one in C copies them.
    """

    # a bytearray would be a copy, too
    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: pickle._Unpickler.dispatch[pickle.BINBYTES8[0]],
    }

    def __init__(self, file: MappedFile):
        super().__init__(file, encoding="bytes")  # as Python 2 wrote text
        self.name = file.name

    def find_class(self, module: str, name: str) -> Any:
        """Return the constructor that is called in place of a function or class.

        Raises:
            Refused: when it is none of CONSTRUCTORS.
        """
        constructor = CONSTRUCTORS.get((module, name))
        if constructor is None:
            raise Refused(
                f"File `{self.name}` asks for `{module[:80]}.{name[:80]}`, which is refused: only NumPy arrays, plain "
                "containers, text and numbers are read, and nothing in a pickle is run. If the file is trusted, save "
                "its arrays anew with NumPy."
            )
        return constructor

    def persistent_load(self, identity: Any) -> NoReturn:
        """Refuse objects that lie outside the file."""
        raise Refused(f"File `{self.name}` refers to objects outside itself, which is refused.")


class _Constructor:
    """A function that a pickle may call, without an attribute that a pickle could set."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]):
        object.__setattr__(self, "_make", make)

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise TypeError("damaged")

    def __setstate__(self, state: Any) -> NoReturn:
        raise TypeError("damaged")


class _Type:
    """A NumPy type that a pickle makes: its code, and the byte order that follows as state."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, order: str):
        self.code = code
        self.order = order

    def __setstate__(self, state: Any) -> None:
        _require(isinstance(state, tuple) and len(state) >= 5)
        _require(state[2:5] == (None, None, None))  # no fields and no inner type
        self.order = _text(state[1])

    def dtype(self) -> np.dtype:
        """Return the type."""
        if self.code in ("O", "O8", "?"):
            return np.dtype(self.code)
        return np.dtype((self.order if self.order in ("<", ">") else "=") + self.code)


class _Array:
    """An array that a pickle makes, empty until its state follows."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray):
        self.array = array

    def __setstate__(self, state: Any) -> None:
        _require(isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], _Type))
        _, shape, kind, is_fortran, content = state
        self.array = _make_array(shape, kind, is_fortran, content)


def _require(condition: bool) -> None:
    """Raise TypeError where a pickle is not as NumPy and Python write it."""
    if not condition:
        raise TypeError("damaged")


def _text(value: Any) -> str:
    """Return a word of a pickle; Python 2 wrote them as bytes."""
    _require(isinstance(value, (str, bytes)))
    return value if isinstance(value, str) else value.decode("latin-1")


def _make_array(shape: Any, kind: _Type, is_fortran: Any, content: Any) -> np.ndarray:
    """Return an array of the bytes or objects that a pickle holds, which have to fill its shape."""
    dtype = kind.dtype()
    _require(isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS)
    _require(all(type(side) is int and 0 <= side < 1 << 40 for side in shape))
    order: Any = "F" if is_fortran else "C"
    if dtype.hasobject:
        _require(isinstance(content, list) and len(content) == prod(shape))
        return np.fromiter(content, object, len(content)).reshape(shape, order=order)
    raw = content.encode("latin-1") if isinstance(content, str) else content
    if dtype.itemsize == 0:
        _require(prod(shape) <= MAX_OBJECTS)
        return np.zeros(shape, dtype)
    if len(raw) != prod(shape) * dtype.itemsize:
        raise Refused(
            f"An array of shape {shape} and type {dtype} is declared, which its {len(raw):,} bytes do not fill. Write "
            "or copy the file again."
        )
    return np.frombuffer(raw, dtype).reshape(shape, order=order)


def _ndarray(*_: Any) -> NoReturn:
    """Stand for `numpy.ndarray`, which pickles name and do not call."""
    raise TypeError("damaged")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    """Return an array whose state follows, like `numpy._core.multiarray._reconstruct`."""
    _require(kind is NDARRAY)
    return _Array(np.zeros(0))


def _build_array(content: Any, kind: _Type, shape: Any, order: Any = "C") -> _Array:
    """Return an array of a buffer, as `numpy._core.numeric._frombuffer`."""
    sides = shape if isinstance(shape, tuple) else (shape,)
    return _Array(_make_array(sides, kind, _text(order) == "F", content))


def _dtype(code: Any, *_: Any) -> _Type:
    """Return a type whose byte order follows as its state, like `numpy.dtype`."""
    word = _text(code)
    if _TYPE_CODE.fullmatch(word) is None:
        raise Refused(f"An array of type {word[:40]!r} is not read. Save numbers or text.")
    plain = word.lstrip("<>|=")
    order = word[0] if word[0] in "<>" else "="
    return _Type("?" if plain == "b1" else plain, order)


def _scalar(kind: _Type, content: Any = b"") -> Any:
    """Return a number or text of NumPy's, as `numpy._core.multiarray.scalar`, as Python's."""
    _require(not kind.dtype().hasobject)
    return _make_array((), kind, False, content).item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Return bytes that Python 3 writes as text for protocols 0 to 2, as `_codecs.encode`."""
    _require(isinstance(text, str) and _text(encoding).replace("-", "").lower() in ENCODINGS)
    return codecs.encode(text, _text(encoding))


def _number(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the constructor of a number from a number."""

    def make(value: Any = 0) -> Any:
        _require(isinstance(value, (int, float)))
        return kind(value)

    return make


def _container(kind: Callable[..., Any]) -> Callable[..., Any]:
    """Return the constructor of a container from another; from a number it would take memory on the file's word."""

    def make(value: Any = ()) -> Any:
        _require(isinstance(value, (list, tuple, set, frozenset, dict, str, *BYTES)))
        return kind(value)

    return make


def _str(value: Any = "") -> str:
    """Return text from text."""
    _require(isinstance(value, str))
    return str(value)


def _default_dict(*_: Any) -> dict[Any, Any]:
    """Return a dictionary in the place of a `collections.defaultdict`, whatever its default."""
    return {}


ENCODINGS = ("latin1", "ascii", "utf8")
NDARRAY = _Constructor(_ndarray)
_BUILTINS: dict[str, Callable[..., Any]] = {
    **{kind.__name__: _number(kind) for kind in (bool, int, float)},
    **{
        kind.__name__: _container(kind)
        for kind in (list, tuple, set, frozenset, dict, bytes, bytearray)
    },
    "str": _str,
}
_NUMPY: dict[str, Callable[..., Any]] = {
    "_reconstruct": _reconstruct,
    "scalar": _scalar,
    "_frombuffer": _build_array,
}
# The functions of a module by all the names that the module has in Python 2 and 3, and NumPy 1 and 2.
_MODULES: dict[str, dict[str, Callable[..., Any]]] = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "numpy.core.multiarray": _NUMPY,
    "numpy.core.numeric": _NUMPY,
    "numpy._core.multiarray": _NUMPY,
    "numpy._core.numeric": _NUMPY,
}
# All names that a pickle may ask for, and what is called in their place.
CONSTRUCTORS: dict[tuple[str, str], _Constructor] = {
    **{
        (module, name): _Constructor(make)
        for module, functions in _MODULES.items()
        for name, make in functions.items()
    },
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): _Constructor(_dtype),
    ("_codecs", "encode"): _Constructor(_encode),
    ("collections", "OrderedDict"): _Constructor(_container(dict)),
    ("collections", "defaultdict"): _Constructor(_default_dict),
}


class _Parts:
    """Counter of the size of the parts of a value, in units of some 8 bytes.

    A part that stands in many places counts as many times: whoever makes it text or an array goes through so much.
    """

    def __init__(self, name: str, most: int):
        self.name = name
        self.most = most
        self.count = 0
        self.sizes: dict[int, int] = {}  # of containers by their ids, once they are known

    def size(self, part: Any) -> int:
        """Return the size of a part; 2^62 units and more of one that holds itself."""
        self.count += 1
        if self.count > self.most:
            raise Refused(
                f"File `{self.name}` must hold at most {self.most:,} objects, but holds more. Save sequences as arrays."
            )
        value = part.array if isinstance(part, _Array) else part
        if isinstance(value, (str, *BYTES)):
            return 1 + len(value)
        if isinstance(value, np.ndarray) and value.dtype != object:
            return 1 + max(value.nbytes // 8, *value.shape, 0)  # an empty array may be long
        if isinstance(value, dict):
            return self.size_of_entries(part, [*value, *value.values()])
        if isinstance(value, np.ndarray):
            return self.size_of_entries(part, value.flat)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self.size_of_entries(part, value)
        return 1

    def size_of_entries(self, part: Any, entries: Any) -> int:
        """Return the size of a container with its entries."""
        if id(part) not in self.sizes:
            self.sizes[id(part)] = 2**62  # what it would be if it held itself
            self.sizes[id(part)] = 1 + sum(map(self.size, entries))
        return self.sizes[id(part)]


def _plain_value(value: Any) -> Any:
    """Return a value with its arrays in place of their holders, and keys of dictionaries as text.

    Raises:
        TypeError: when it holds anything but plain values.
    """
    if isinstance(value, _Array):
        value = value.array
        if value.dtype != object:
            return value
        entries = [_plain_value(entry) for entry in value.flat]
        return np.fromiter(entries, object, len(entries)).reshape(value.shape)
    if isinstance(value, dict):
        return {_key(key): _plain_value(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain_value(entry) for entry in value)
    if isinstance(value, (set, frozenset)):
        return type(value)(_key(entry) for entry in value)
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, int):
        _require(value.bit_length() <= 8 * MAX_INTEGER_BYTES)
    _require(value is None or isinstance(value, (bool, int, float, str, bytes, bytearray)))
    return value


def _key(key: Any) -> Any:
    """Return a key of a dictionary or an entry of a set: None, a number or text."""
    if isinstance(key, bytes):
        return _text(key)
    _require(key is None or isinstance(key, (str, int, float)))
    return key
