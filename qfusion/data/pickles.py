"""Pickles that anybody may have made, read by an interpreter that knows no way to call anything.

A pickle is a program for a small stack machine, and Python's own reader runs whatever function it names. Here the machine is
written out for protocols 0 to 5 (CPython, Lib/pickletools.py). It makes plain containers, text, numbers and NumPy arrays of
numbers, text or such objects; the few functions that NumPy's pickles name are recognised and done here, and any other name is
refused. An array is a view of the file's bytes, so a large pickle takes little memory, and nothing is taken on the file's word:
an array's shape must be filled by bytes that are there, and objects and copies are counted.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.errors import InvalidInput

MOST = 20_000_000  # steps of the machine
COPIES = 1 << 28  # bytes of text that may be made beyond the file's own size
_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_KNOWN = {**{(module, name): name for module in _NUMPY for name in ("_reconstruct", "scalar", "_frombuffer")},
          ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): "dtype", ("_codecs", "encode"): "encode",
          **{(module, name): name for module in ("builtins", "__builtin__")
             for name in ("bytes", "bytearray", "list", "dict", "set", "frozenset", "tuple", "int", "float", "str", "bool")},
          ("collections", "OrderedDict"): "dict", ("collections", "defaultdict"): "defaultdict"}
_DTYPE = re.compile(r"^[<>|=]?([biuf](?:1|2|4|8)|f16|[SU]\d{1,7}|O8?|\?|b1)$")


@dataclass(frozen=True)
class _Name:
    """A function or class that is recognised."""

    kind: str


class _Mark:
    """Where on the stack the entries of a container begin."""


@dataclass
class _Type:
    """A NumPy type on its way: its code, and the byte order that follows."""

    code: str
    order: str = "="

    def made(self) -> np.dtype:
        code = "?" if self.code.lstrip("<>|=") == "b1" else self.code.lstrip("<>|=")
        return np.dtype(code if code in ("O", "O8", "?") else f"{self.order if self.order in '<>' else '='}{code}")


@dataclass(eq=False)
class Stored:
    """An array of the pickle; `array` is set once its contents have been read."""

    array: np.ndarray | None = None


def value(found: Any) -> Any:
    """Returns what `read` gave, with an array in place of its holder."""
    if isinstance(found, Stored):
        return np.zeros(0) if found.array is None else found.array
    return found


def read(content: Any, name: str) -> Any:
    """Returns the object in a pickle; arrays inside it are `Stored`, see `value`.

    Args:
        content: the bytes, best a memory map; arrays are views of them.
        name: of the file, for messages.

    Raises:
        InvalidInput: when it asks for anything that is not a plain container, text, number or array (the message says for what),
            is cut short, damaged or too large.
    """
    machine = _Machine(memoryview(content), name)
    try:
        return machine.run()
    except InvalidInput:
        raise
    except (EOFError, struct.error):
        raise InvalidInput(f"File `{name}` is cut short: its pickle ends in the middle, after {len(machine.data):,} bytes. Copy it "
                           "again.") from None
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        raise InvalidInput(f"File `{name}` cannot be read as a pickle: it is damaged ({type(error).__name__} at byte "
                           f"{machine.at:,}). Write or copy it again.") from error


def _text(found: Any) -> str:
    """A word of the pickle; old ones hold them as bytes."""
    return found if isinstance(found, str) else bytes(found).decode("latin-1")


class _Machine:
    """One run through a pickle."""

    def __init__(self, data: memoryview, name: str):
        self.data, self.name = data, name
        self.at = self.copied = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST):
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise InvalidInput(f"File `{self.name}` must be a pickle of arrays and plain containers, but holds the instruction "
                                   f"0x{code:02x} at byte {self.at - 1:,}, which is refused: nothing in a pickle is run.")
            step(self)
        raise InvalidInput(f"File `{self.name}` must hold at most {MOST:,} objects, but holds more. Save sequences as arrays.")

    # Bytes

    def _take(self, count: int) -> memoryview:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise EOFError
        taken, self.at = self.data[self.at:end], end
        return taken

    def _number(self, form: str) -> int:
        return struct.unpack("<" + form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        start = self.at
        while self._take(1)[0] != 0x0A:
            check(self.at - start <= 1 << 16, f"File `{self.name}` holds a line of text too long for a pickle. Copy it again.")
        return bytes(self.data[start:self.at - 1]).decode("latin-1")

    def _count(self, size: int) -> None:
        self.copied += size
        if self.copied > 8 * len(self.data) + COPIES:
            raise InvalidInput(f"File `{self.name}` unpacks to far more than its own size, which is refused. Save it with pickle "
                               "protocol 4 or 5.")

    def _utf8(self, form: str) -> None:
        taken = self._take(self._number(form))
        self._count(len(taken))
        self.stack.append(bytes(taken).decode("utf-8", "surrogatepass"))

    # Containers

    def _since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _Mark:
                found = self.stack[place + 1:]
                del self.stack[place:]
                return found
        raise ValueError("no mark")

    def _tuple(self, count: int) -> None:
        if count > len(self.stack):
            raise IndexError
        made = tuple(self.stack[len(self.stack) - count:])
        del self.stack[len(self.stack) - count:]
        self.stack.append(made)

    def _extend(self, found: list[Any]) -> None:
        onto = self.stack[-1]
        if isinstance(onto, list):
            onto.extend(found)
        elif isinstance(onto, set):
            onto.update(self._keys(found))
        else:
            raise TypeError

    def _fill(self, found: list[Any]) -> None:
        onto = self.stack[-1]
        if not isinstance(onto, dict) or len(found) % 2:
            raise TypeError
        onto.update(zip(self._keys(found[::2]), found[1::2], strict=True))

    def _keys(self, found: list[Any]) -> list[Any]:
        """Keys of a dictionary or set; tuples are none, since one a million deep would end the process when it is hashed."""
        plain = [_text(key) if isinstance(key, (memoryview, bytes)) else key for key in found]
        if not all(key is None or isinstance(key, (str, int, float)) for key in plain):
            raise TypeError
        return plain

    def _damaged(self, *_: Any) -> Any:
        raise TypeError("damaged")

    # Names and what is done with them

    def _named(self, module: str, name: str) -> None:
        kind = _KNOWN.get((module, name))
        if kind is None:
            raise InvalidInput(f"File `{self.name}` asks for `{module[:80]}.{name[:80]}`, which is refused: only NumPy arrays, plain "
                               "containers, text and numbers are read, and nothing in a pickle is run. If the file is trusted, save "
                               "its arrays anew with NumPy.")
        self.stack.append(_Name(kind))

    def _stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._named(_text(module), _text(name))

    def _instance(self) -> None:
        module, name = self._line(), self._line()
        self._named(module, name)
        called = self.stack.pop()
        self.stack.append(self._do(called, tuple(self._since_mark())))

    def _object(self) -> None:
        called, *arguments = self._since_mark()
        self.stack.append(self._do(called, tuple(arguments)))

    def _reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self.stack.append(self._do(called, arguments))

    def _do(self, called: Any, arguments: Any) -> Any:
        """What a recognised function would give, made here."""
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise TypeError
        return _DONE[called.kind](self, *arguments) if called.kind in _DONE else self._damaged()

    def _plain(self, kind: Callable[..., Any], found: Any = ()) -> Any:
        if isinstance(found, (str, int, float)) and kind is not bytes:
            return kind(found) if kind in (int, float, str, bool) and not isinstance(found, str) else self._damaged()
        if isinstance(found, int):
            raise TypeError  # bytes(n) would take n bytes on the file's word
        self._count(len(found))
        return kind(self._keys(list(found)) if kind in (set, frozenset, dict) else found)

    def _encode(self, text: str, encoding: Any) -> bytes:
        if _text(encoding).replace("-", "").lower() not in ("latin1", "ascii", "utf8") or not isinstance(text, str):
            raise TypeError
        self._count(len(text))
        return text.encode(_text(encoding))

    def _type(self, code: Any, *_: Any) -> _Type:
        word = _text(code)
        if _DTYPE.match(word) is None:
            raise InvalidInput(f"File `{self.name}` holds an array of type {word[:40]!r}, which is not read. Save numbers or text.")
        return _Type(word, word[0] if word[0] in "<>" else "=")

    def _scalar(self, kind: _Type, content: Any = b"") -> Any:
        made = kind.made()
        if made.hasobject:
            raise TypeError
        return self._array((), kind, False, content).item()

    def _reconstruct(self, kind: Any, shape: Any, *_: Any) -> Stored:
        if kind != _Name("ndarray"):
            raise TypeError
        return Stored()

    def _from_buffer(self, content: Any, kind: _Type, shape: Any, order: Any = "C") -> Stored:
        return Stored(self._array(tuple(shape) if isinstance(shape, tuple) else (shape,), kind, _text(order) == "F", content))

    def _array(self, shape: Any, kind: _Type, fortran: Any, content: Any) -> np.ndarray:
        made = kind.made()
        if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise TypeError
        order = "F" if fortran else "C"
        if made.hasobject:
            if not isinstance(content, list) or len(content) != prod(shape):
                raise ValueError
            self._count(8 * len(content))
            cells = np.empty(len(content), dtype=object)
            for place, inner in enumerate(content):
                cells[place] = inner
            return cells.reshape(shape, order=order)  # type: ignore[call-overload]
        raw = content.encode("latin-1") if isinstance(content, str) else content
        if made.itemsize == 0:
            return np.zeros(shape if prod(shape) <= MOST else self._damaged(), made)
        check(len(raw) == prod(shape) * made.itemsize,
              f"File `{self.name}` declares an array of shape {shape} and type {made}, which its {len(raw):,} bytes do not fill. Write "
              "or copy it again.")
        return np.frombuffer(raw, made).reshape(shape, order=order)  # type: ignore[call-overload]

    def _build(self) -> None:
        state, onto = self.stack.pop(), self.stack[-1]
        if isinstance(onto, _Type) and isinstance(state, tuple) and len(state) >= 5 and state[2] is None and state[3] is None \
                and state[4] is None:
            onto.order = _text(state[1])
        elif isinstance(onto, Stored) and isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], _Type):
            onto.array = self._array(state[1], state[2], state[3], state[4])
        else:
            raise TypeError

    # Numbers and text of the older protocols

    def _integer(self) -> None:
        line = self._line()
        self.stack.append({"00": False, "01": True}.get(line) if line in ("00", "01") else int(line.rstrip("L")))

    def _long(self, form: str) -> None:
        taken = self._take(self._number(form))
        if len(taken) > 64:
            raise ValueError("a number of more than 64 bytes")
        self.stack.append(int.from_bytes(taken, "little", signed=True))

    def _quoted(self) -> None:
        line = self._line()
        if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
            raise ValueError
        self.stack.append(line[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1"))

    def _fetch(self, key: int) -> None:
        self.stack.append(self.memo[key])


def _push(make: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(make(m))


def _put(key: Callable[[_Machine], int]) -> Callable[[_Machine], None]:
    def step(m: _Machine) -> None:
        m.memo[key(m)] = m.stack[-1]
    return step


def _two(m: _Machine) -> list[Any]:
    inner, key = m.stack.pop(), m.stack.pop()
    return [key, inner]


def _dictionary(m: _Machine) -> None:
    found = m._since_mark()
    m.stack.append({})
    m._fill(found)


_DONE: dict[str, Callable[..., Any]] = {
    "_reconstruct": _Machine._reconstruct, "scalar": _Machine._scalar, "_frombuffer": _Machine._from_buffer, "dtype": _Machine._type,
    "encode": _Machine._encode, "defaultdict": lambda m, *_: {},
    **{kind.__name__: (lambda m, *found, kind=kind: m._plain(kind, *found))
       for kind in (bytes, bytearray, list, dict, set, frozenset, tuple, int, float, str, bool)}}

_STEPS: dict[int, Callable[[_Machine], Any]] = {
    # marks, the stack, the memo
    ord("("): _push(lambda m: _Mark), ord("0"): lambda m: m.stack.pop(), ord("1"): lambda m: m._since_mark(),
    ord("2"): _push(lambda m: m.stack[-1]), ord("p"): _put(lambda m: int(m._line())), ord("q"): _put(lambda m: m._number("B")),
    ord("r"): _put(lambda m: m._number("I")), 0x94: _put(lambda m: len(m.memo)), ord("g"): lambda m: m._fetch(int(m._line())),
    ord("h"): lambda m: m._fetch(m._number("B")), ord("j"): lambda m: m._fetch(m._number("I")),
    0x80: lambda m: m._take(1), 0x95: lambda m: m._take(8),
    # constants and numbers
    ord("N"): _push(lambda m: None), 0x88: _push(lambda m: True), 0x89: _push(lambda m: False), ord("I"): _Machine._integer,
    ord("J"): _push(lambda m: m._number("i")), ord("K"): _push(lambda m: m._number("B")), ord("M"): _push(lambda m: m._number("H")),
    ord("L"): _Machine._integer, 0x8A: lambda m: m._long("B"), 0x8B: lambda m: m._long("I"),
    ord("F"): _push(lambda m: float(m._line())), ord("G"): _push(lambda m: struct.unpack(">d", m._take(8))[0]),
    # text and bytes
    ord("S"): _Machine._quoted, ord("T"): _push(lambda m: m._take(m._number("I"))), ord("U"): _push(lambda m: m._take(m._number("B"))),
    ord("V"): _push(lambda m: m._line().encode("latin-1").decode("raw_unicode_escape")),
    ord("X"): lambda m: m._utf8("I"), 0x8C: lambda m: m._utf8("B"), 0x8D: lambda m: m._utf8("Q"),
    ord("B"): _push(lambda m: m._take(m._number("I"))), ord("C"): _push(lambda m: m._take(m._number("B"))),
    0x8E: _push(lambda m: m._take(m._number("Q"))), 0x96: _push(lambda m: m._take(m._number("Q"))),
    # containers
    ord(")"): _push(lambda m: ()), ord("t"): _push(lambda m: tuple(m._since_mark())), 0x85: lambda m: m._tuple(1),
    0x86: lambda m: m._tuple(2), 0x87: lambda m: m._tuple(3), ord("]"): _push(lambda m: []), ord("l"): _push(lambda m: m._since_mark()),
    ord("a"): lambda m: m._extend([m.stack.pop()]), ord("e"): lambda m: m._extend(m._since_mark()),
    ord("}"): _push(lambda m: {}), ord("d"): _dictionary, ord("s"): lambda m: m._fill(_two(m)),
    ord("u"): lambda m: m._fill(m._since_mark()),
    0x8F: _push(lambda m: set()), 0x90: lambda m: m._extend(m._since_mark()), 0x91: _push(lambda m: frozenset(m._keys(m._since_mark()))),
    # names
    ord("c"): lambda m: m._named(m._line(), m._line()), 0x93: _Machine._stack_global, ord("R"): _Machine._reduce, 0x81: _Machine._reduce,
    ord("b"): _Machine._build, ord("i"): _Machine._instance, ord("o"): _Machine._object,
}
