"""The stack machine behind `pickles`: what each instruction of a pickle does, where nothing can be called.

What an instruction is, and which functions are recognised, says `pickles`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
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
class Name:
    """A function or class that is recognised."""

    kind: str


class Mark:
    """Where on the stack the entries of a container begin."""


@dataclass
class Type:
    """A NumPy type on its way: its code, and the byte order that follows."""

    code: str
    order: str = "="

    def made(self) -> np.dtype:
        """Returns the type."""
        code = "?" if self.code.lstrip("<>|=") == "b1" else self.code.lstrip("<>|=")
        return np.dtype(code if code in ("O", "O8", "?") else f"{self.order if self.order in '<>' else '='}{code}")


@dataclass(eq=False)
class Stored:
    """An array of the pickle; `array` is set once its contents have been read."""

    array: np.ndarray | None = None


def word_of(found: Any) -> str:
    """Returns a word of the pickle; old ones hold them as bytes."""
    return found if isinstance(found, str) else bytes(found).decode("latin-1")


class Machine:
    """One run through a pickle."""

    def __init__(self, data: memoryview, name: str, steps: Mapping[int, Callable[[Machine], Any]], done: Mapping[str, Callable[..., Any]]):
        self.data, self.name, self.steps, self.done = data, name, steps, done
        self.at = self.copied = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Returns what the pickle holds."""
        for _ in range(MOST):
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            step = self.steps.get(code)
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
            if self.stack[place] is Mark:
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
        plain = [word_of(key) if isinstance(key, (memoryview, bytes)) else key for key in found]
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
        self.stack.append(Name(kind))

    def _stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._named(word_of(module), word_of(name))

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
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise TypeError
        return self.done[called.kind](self, *arguments) if called.kind in self.done else self._damaged()

    def _plain(self, kind: Callable[..., Any], found: Any = ()) -> Any:
        if isinstance(found, (str, int, float)) and kind is not bytes:
            return kind(found) if kind in (int, float, str, bool) and not isinstance(found, str) else self._damaged()
        if isinstance(found, int):
            raise TypeError  # bytes(n) would take n bytes on the file's word
        self._count(len(found))
        return kind(self._keys(list(found)) if kind in (set, frozenset, dict) else found)

    def _encode(self, text: str, encoding: Any) -> bytes:
        if word_of(encoding).replace("-", "").lower() not in ("latin1", "ascii", "utf8") or not isinstance(text, str):
            raise TypeError
        self._count(len(text))
        return text.encode(word_of(encoding))

    def _type(self, code: Any, *_: Any) -> Type:
        word = word_of(code)
        if _DTYPE.match(word) is None:
            raise InvalidInput(f"File `{self.name}` holds an array of type {word[:40]!r}, which is not read. Save numbers or text.")
        return Type(word, word[0] if word[0] in "<>" else "=")

    def _scalar(self, kind: Type, content: Any = b"") -> Any:
        made = kind.made()
        if made.hasobject:
            raise TypeError
        return self._array((), kind, False, content).item()

    def _reconstruct(self, kind: Any, shape: Any, *_: Any) -> Stored:
        if kind != Name("ndarray"):
            raise TypeError
        return Stored()

    def _from_buffer(self, content: Any, kind: Type, shape: Any, order: Any = "C") -> Stored:
        return Stored(self._array(tuple(shape) if isinstance(shape, tuple) else (shape,), kind, word_of(order) == "F", content))

    def _array(self, shape: Any, kind: Type, fortran: Any, content: Any) -> np.ndarray:
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
        if isinstance(onto, Type) and isinstance(state, tuple) and len(state) >= 5 and state[2] is None and state[3] is None \
                and state[4] is None:
            onto.order = word_of(state[1])
        elif isinstance(onto, Stored) and isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], Type):
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
