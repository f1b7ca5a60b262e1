"""Pickles that anybody may have made, read by an interpreter that knows no way to call anything.

A pickle is a program for a small stack machine, and Python's own reader runs whatever function it names. Here the machine is
written out for protocols 0 to 5 (CPython, Lib/pickletools.py). It makes plain containers, text, numbers and NumPy arrays of
numbers, text or such objects; the few functions that NumPy's pickles name are recognised and done here, and any other name is
refused. An array is a view of the file's bytes, so a large pickle takes little memory, and nothing is taken on the file's word:
an array's shape must be filled by bytes that are there, and objects and copies are counted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from qfusion.data.pickle_machine import Machine, Mark, Stored
from qfusion.errors import InvalidInput


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
    machine = Machine(memoryview(content), name, _STEPS, _DONE)
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


def _push(make: Callable[[Machine], Any]) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(make(m))


def _put(key: Callable[[Machine], int]) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        m.memo[key(m)] = m.stack[-1]
    return step


def _two(m: Machine) -> list[Any]:
    inner, key = m.stack.pop(), m.stack.pop()
    return [key, inner]


def _dictionary(m: Machine) -> None:
    found = m._since_mark()
    m.stack.append({})
    m._fill(found)


_DONE: dict[str, Callable[..., Any]] = {
    "_reconstruct": Machine._reconstruct, "scalar": Machine._scalar, "_frombuffer": Machine._from_buffer, "dtype": Machine._type,
    "encode": Machine._encode, "defaultdict": lambda m, *_: {},
    **{kind.__name__: (lambda m, *found, kind=kind: m._plain(kind, *found))
       for kind in (bytes, bytearray, list, dict, set, frozenset, tuple, int, float, str, bool)}}

_STEPS: dict[int, Callable[[Machine], Any]] = {
    # marks, the stack, the memo
    ord("("): _push(lambda m: Mark), ord("0"): lambda m: m.stack.pop(), ord("1"): lambda m: m._since_mark(),
    ord("2"): _push(lambda m: m.stack[-1]), ord("p"): _put(lambda m: int(m._line())), ord("q"): _put(lambda m: m._number("B")),
    ord("r"): _put(lambda m: m._number("I")), 0x94: _put(lambda m: len(m.memo)), ord("g"): lambda m: m._fetch(int(m._line())),
    ord("h"): lambda m: m._fetch(m._number("B")), ord("j"): lambda m: m._fetch(m._number("I")),
    0x80: lambda m: m._take(1), 0x95: lambda m: m._take(8),
    # constants and numbers
    ord("N"): _push(lambda m: None), 0x88: _push(lambda m: True), 0x89: _push(lambda m: False), ord("I"): Machine._integer,
    ord("J"): _push(lambda m: m._number("i")), ord("K"): _push(lambda m: m._number("B")), ord("M"): _push(lambda m: m._number("H")),
    ord("L"): Machine._integer, 0x8A: lambda m: m._long("B"), 0x8B: lambda m: m._long("I"),
    ord("F"): _push(lambda m: float(m._line())), ord("G"): _push(lambda m: struct.unpack(">d", m._take(8))[0]),
    # text and bytes
    ord("S"): Machine._quoted, ord("T"): _push(lambda m: m._take(m._number("I"))), ord("U"): _push(lambda m: m._take(m._number("B"))),
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
    ord("c"): lambda m: m._named(m._line(), m._line()), 0x93: Machine._stack_global, ord("R"): Machine._reduce, 0x81: Machine._reduce,
    ord("b"): Machine._build, ord("i"): Machine._instance, ord("o"): Machine._object,
}
