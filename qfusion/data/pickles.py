"""Pickles that anybody may have made, read by an interpreter that knows no way to call anything.

A pickle is a program for a small stack machine, and Python's own reader runs whatever function it names. Here the
machine is written out for protocols 0 to 5 (CPython, Lib/pickletools.py). It makes plain containers, text, numbers and
NumPy arrays of numbers, text or such objects; the few functions that NumPy's pickles name are recognised (`_KNOWN`) and
done here, and any other name is refused. An array is a view of the file's bytes, so a large pickle takes little memory,
and nothing is taken on the file's word: an array's shape must be filled by bytes that are there, and objects and copies
are counted.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.errors import InvalidInput

MAX_STEPS = 20_000_000  # steps of the machine
COPIES = 1 << 28  # bytes of text that may be made beyond the file's own size
_DTYPE = re.compile(r"^[<>|=]?([biuf](?:1|2|4|8)|f16|c8|c16|[SU]\d{1,7}|O8?|\?|b1)$")
_MARK = object()  # where on the stack the entries of a container begin


@dataclass(eq=False)
class Stored:
    """An array of the pickle; `array` is set once its contents have been read."""

    array: np.ndarray | None = None


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


def value(result: Any) -> Any:
    """Returns what `read` gave, with an array in place of its holder."""
    if isinstance(result, Stored):
        return np.zeros(0) if result.array is None else result.array
    return result


def read(content: Any, name: str) -> Any:
    """Returns the object in a pickle; arrays inside it are `Stored`, see `value`.

    Args:
        content: the bytes, best a memory map; arrays are views of them.
        name: of the file, for messages.

    Raises:
        InvalidInput: when it asks for anything that is not a plain container, text, number or array (the message says
            for what), is cut short, damaged or too large.
    """
    machine = _Machine(memoryview(content), name)
    try:
        return machine.run()
    except InvalidInput:
        raise
    except (EOFError, struct.error):
        raise InvalidInput(
            f"File `{name}` is cut short: its pickle ends in the middle, after {len(machine.data):,} bytes. Copy it "
            "again."
        ) from None
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        raise InvalidInput(
            f"File `{name}` cannot be read as a pickle: it is damaged ({type(error).__name__} at byte "
            f"{machine.at:,}). Write or copy it again."
        ) from error


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

    def run(self) -> Any:
        """Returns what the pickle holds."""
        for _ in range(MAX_STEPS):
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise InvalidInput(
                    f"File `{self.name}` must be a pickle of arrays and plain containers, but holds the instruction "
                    f"0x{code:02x} at byte {self.at - 1:,}, which is refused: nothing in a pickle is run."
                )
            step(self)
        raise InvalidInput(
            f"File `{self.name}` must hold at most {MAX_STEPS:,} objects, but holds more. Save sequences as arrays."
        )

    # Bytes, numbers and text

    def take(self, count: int) -> memoryview:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise EOFError
        taken, self.at = self.data[self.at : end], end
        return taken

    def number(self, form: str) -> int:
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def sized(self, form: str) -> memoryview:
        """Bytes after their number."""
        return self.take(self.number(form))

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
        check(
            self.copied <= 8 * len(self.data) + COPIES,
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
        self.stack.append({})
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
        # Before it is made; a number has no length: bytes(n) would take n bytes on the file's word.
        self.count(len(result) * (1 if kind in (bytes, bytearray) else 8))
        return kind(_keys(list(result)) if kind in (set, frozenset, dict) else result)

    def encode(self, text: str, encoding: Any) -> bytes:
        known = ("latin1", "ascii", "utf8")
        _need(isinstance(text, str) and _word(encoding).replace("-", "").lower() in known)
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
        raw = content.encode("latin-1") if isinstance(content, str) else content
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
    ("collections", "defaultdict"): lambda m, *_: {},
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
    ord("]"): _push(lambda m: []),
    ord("l"): _push(_Machine.since_mark),
    ord("a"): lambda m: m.extend([m.stack.pop()]),
    ord("e"): lambda m: m.extend(m.since_mark()),
    ord("}"): _push(lambda m: {}),
    ord("d"): _Machine.dictionary,
    ord("s"): lambda m: m.fill(m.last(2)),
    ord("u"): lambda m: m.fill(m.since_mark()),
    0x8F: _push(lambda m: set()),
    0x90: lambda m: m.extend(m.since_mark()),
    0x91: _push(lambda m: frozenset(_keys(m.since_mark()))),
    # names
    ord("c"): _push(lambda m: m.named(m.line(), m.line())),
    0x93: _push(lambda m: m.named(*map(_word, m.last(2)))),
    ord("R"): _push(lambda m: m.do(*m.last(2))),
    0x81: _push(lambda m: m.do(*m.last(2))),
    ord("b"): _Machine.build,
    ord("i"): _push(lambda m: m.do(m.named(m.line(), m.line()), tuple(m.since_mark()))),
    ord("o"): _push(_Machine.called),
}
