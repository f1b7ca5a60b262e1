"""Our docstrings as griffe reads them: in `Args`, `a, b: text` and `a: text; b: text` become a line for each; examples
become code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*)")
_NEXT = re.compile(r"[;.] (?=(?:\*{0,2}\w+(?:, )?)+: )")
_HEAD = re.compile(r"^( *)(?:Args|Attributes):$")


class OneLineEach(griffe.Extension):
    """Rewrites docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites arguments, attributes and examples."""
        if obj.docstring:
            first = obj.members.get("__init__") if obj.is_class else obj
            arguments = (
                {parameter.name for parameter in first.parameters}
                if isinstance(first, griffe.Function)
                else set()
            )
            obj.docstring.value = fenced(spread(obj.docstring.value, arguments | set(obj.members)))


def fenced(docstring: str) -> str:
    """Returns a docstring in which examples that stand in no section are code, and `Example:` is the section
    `Examples:`.

    >>> fenced("Adds.\\n\\n>>> 1 + 1\\n2")
    'Adds.\\n\\n```pycon\\n>>> 1 + 1\\n2\\n```'
    """
    parts = re.sub(r"(?m)^Example:$", "Examples:", docstring).split("\n\n")
    return "\n\n".join(
        f"```pycon\n{part.rstrip()}\n```" if part.startswith(">>> ") else part for part in parts
    )


def spread(docstring: str, names: set[str]) -> str:
    """Returns a docstring in which every argument in `names` has an entry of its own.

    >>> print(spread("Adds.\\n\\nArgs:\\n    a, b: numbers; c: a text: any.", {"a", "b", "c"}))
    Adds.
    <BLANKLINE>
    Args:
        a: numbers
        b: numbers
        c: a text: any.
    """
    return "\n".join(_lines(docstring.split("\n"), names))


def _lines(lines: list[str], names: set[str]) -> Iterator[str]:
    entry: list[str] = []  # the lines of the entry that is being read
    indent = None  # of the entries of the section that we are in
    for number, line in enumerate([*lines, ""]):
        deep = len(line) - len(line.lstrip())
        if entry and line.strip() and deep > (indent or 0):
            entry.append(line.strip())
            continue
        yield from _entries(entry, names)
        entry = []
        if _HEAD.match(line):
            below = lines[number + 1] if number + 1 < len(lines) else ""
            indent = len(below) - len(below.lstrip()) if below.strip() else None
        elif line.strip() and indent is not None and deep < indent:
            indent = None
        elif line.strip() and deep == indent:
            entry = [line.rstrip()]
            continue
        if number < len(lines):
            yield line


def _entries(entry: list[str], names: set[str]) -> Iterator[str]:
    """One entry, of several lines, as one for each argument: cut where `; name: ` names one, repeated for every name
    before a colon."""
    if not entry:
        return
    whole = " ".join(entry)
    indent = " " * (len(whole) - len(whole.lstrip()))
    parts = [_ENTRY.match(part) for part in _NEXT.split(whole.strip())]
    if any(
        part is None or not {name.lstrip("*") for name in part[1].split(", ")} <= names
        for part in parts
    ):
        yield whole
        return
    yield from (
        f"{indent}{name}: {part[2]}" for part in parts if part for name in part[1].split(", ")
    )
