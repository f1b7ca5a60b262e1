"""What the record in tests/kept is made of and compared by: numbers as short digests.

A digest of numbers is all of them where they are few; else the first, the last, and three sums: of the numbers, of
their sizes, and of the numbers times their place, which sees rows that changed places. Words are not compared, but for
names of samples, classes and terms. What was renamed on purpose since the record was made stands in `RENAMED`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

KEPT = Path(__file__).resolve().parent / "kept"
RELATIVE = 1e-6  # of a number, or of the sum of sizes for a sum
ABSOLUTE = 1e-8  # of the largest number of a column, or of 1: what is zero but for rounding
# panels, columns and keys that are called otherwise since the record was made, by their names in it
RENAMED = {"mean ± spread": "mean over seeds ± standard deviation", "this model": "this seed"}
FEW = 12  # numbers that are kept one by one
# columns of which the words are compared
NAMES = {"id", "sample", "nearest_sample", "class", "term", "modality", "dividend"}
# Texts of a JSON document that are compared.
SAME = {
    "model",
    "data",
    "sample",
    "split",
    "output",
    "digest",
    "state",
    "page",
    "panel",
    "tweak",
    "weights_sha256",
}
# What a JSON document says of the machine, of the moment, of how it was made.
PASSING = {
    "seconds",
    "out",
    "files",
    "folder",
    "path",
    "software",
    "versions",
    "numbers",
    "training",
    "inputs",
    "available",
    "reason",
    "remedy",
    "removed",
}


def told(value: float) -> float | str | None:
    """A number to nine digits; None where it is missing."""
    if math.isnan(value):
        return None
    return float(f"{value:.9g}") if math.isfinite(value) else str(value)


_WORDS, _SUMS = (
    {"texts", "distinct", "pattern", "numbers", "hash", "first"},
    {"n", "missing", "first", "last", "sum", "size", "ramp"},
)


def series(values: Any) -> Any:
    """A digest of numbers in a row: themselves where they are few."""
    found = np.asarray(
        [math.nan if each is None else each for each in values]
        if isinstance(values, list)
        else values
    )
    if np.iscomplexobj(found):
        return {"real": series(found.real), "imag": series(found.imag)}
    found = found.astype(float).ravel()
    if len(found) <= FEW:
        return [told(value) for value in found.tolist()]
    known = np.where(np.isfinite(found), found, 0.0)
    place = np.arange(1, len(found) + 1) / len(found)
    return {
        "n": len(found),
        "missing": int((~np.isfinite(found)).sum()),
        "first": told(found[0]),
        "last": told(found[-1]),
        "sum": told(known.sum()),
        "size": told(np.abs(known).sum()),
        "ramp": told(float(known @ place)),
    }


def words(values: Iterable[Any]) -> dict[str, Any]:
    """A digest of texts in a row: how many there are, which are the same as which, the numbers that they tell, and a
    hash of the words."""
    found = [str(value) for value in values]
    order: dict[str, int] = {}
    codes = [order.setdefault(word, len(order)) for word in found]
    return {
        "texts": len(found),
        "distinct": len(order),
        "pattern": _hash(json.dumps(codes)),
        "hash": _hash("\n".join(found)),
        "numbers": series(numbers_in("\n".join(found))),
        "first": found[0][:40] if found else "",
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def table(found: pd.DataFrame) -> dict[str, Any]:
    """A digest of a table: its rows, and every column."""
    columns = {}
    for name in found.columns:
        column = found[name]
        if name in PASSING:
            continue
        numbers = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
        columns[str(name)] = (
            series(column.to_numpy(dtype=float, na_value=np.nan))
            if numbers
            else words(column.fillna(""))
        )
    if {"phase", "modulus"} <= set(
        columns
    ):  # nothing has no phase: whatever rounding leaves of a zero is left out
        columns["phase"] = series(np.where(found["modulus"] > 1e-9, found["phase"], 0.0))
    return {"rows": len(found), "columns": columns}


def tree(found: Any) -> Any:
    """A digest of what a JSON document holds."""
    if isinstance(found, Mapping):
        return {str(key): tree(value) for key, value in found.items() if key not in PASSING}
    if (
        isinstance(found, list)
        and found
        and all(isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in found)
    ):
        return {each["name"]: tree(each) for each in found}
    if isinstance(found, list):
        parts = list(flat(found))
        if all(isinstance(each, int | float | None) for each in parts):
            return (
                {"shape": [len(each) for each in found], "values": series(parts)}
                if found and isinstance(found[0], list)
                else series(parts)
            )
        return (
            words(parts)
            if all(isinstance(each, str) for each in parts)
            else [tree(each) for each in found]
        )
    return told(found) if isinstance(found, float) else found


def flat(found: Iterable[Any]) -> Iterator[Any]:
    """What is in lists of lists, in a row."""
    for each in found:
        if isinstance(each, list):
            yield from flat(each)
        else:
            yield each


_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(rf"(?<![\w.])[-+{_MINUS}]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?(?![\w])")


_TIME = re.compile(r"\d[\d.,]* ?(?:ms|s|seconds)\b")


def plain(text: str) -> str:
    """Our markdown without what escapes its signs."""
    return text.replace("\\", "").replace("\u200b", "")


def numbers_in(text: str) -> list[float]:
    """The numbers that a text tells, in their order; names such as p0031 are none, nor is how long something took."""
    said = _TIME.sub("", plain(text))
    return [float(each.replace(",", "").replace(_MINUS, "-")) for each in _NUMBER.findall(said)]


def differences(kept: Any, now: Any, relative: float = RELATIVE, where: str = "") -> list[str]:
    """What of a digest is not found again, a line each; what is new beside it is no difference.

    Args:
        kept, now: digests.
        relative: how far numbers may be apart, see `RELATIVE`.
        where: what they are of.
    """
    if isinstance(kept, Mapping) and isinstance(now, Mapping):
        if set(kept) == _WORDS:
            return _words_differ(kept, now, where) or differences(
                kept["numbers"], now.get("numbers"), relative, f"{where} / in words"
            )
        if set(kept) == _SUMS:
            return _sums_differ(kept, now, relative, where)
        names = {key: RENAMED.get(key, key) for key in kept}
        return [f"{where}: {key} is gone" for key, name in names.items() if name not in now] + [
            line
            for key, name in names.items()
            if name in now
            for line in differences(kept[key], now[name], relative, f"{where} / {key}")
        ]
    if isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        scale = max([abs(each) for each in kept if isinstance(each, int | float)], default=1.0)
        return [
            line
            for place, (one, other) in enumerate(zip(kept, now, strict=True), 1)
            for line in (
                differences(one, other, relative, f"{where} / {place}")
                if isinstance(one, list | Mapping)
                else []
                if near(one, other, relative, scale)
                else [f"{where} / {place}: was {one}, is {other}"]
            )
        ]
    if isinstance(kept, str) and isinstance(now, str):
        return (
            [f"{where}: was {kept!r}, is {now!r}"]
            if where.rpartition(" / ")[2] in SAME and kept != now
            else []
        )
    return [] if near(kept, now, relative) else [f"{where}: was {_short(kept)}, is {_short(now)}"]


def near(kept: Any, now: Any, relative: float = RELATIVE, scale: float = 1.0) -> bool:
    """Whether two numbers are the same.

    Args:
        kept, now: numbers, or None where they are missing.
        relative: how far they may be apart.
        scale: the largest number of their company: beside it, rounding is nothing.
    """
    if not isinstance(kept, int | float) or not isinstance(now, int | float):
        return bool(kept == now)
    return abs(kept - now) <= relative * abs(kept) + _rounding(relative) * max(1.0, scale)


def _rounding(relative: float) -> float:
    return ABSOLUTE * relative / RELATIVE


def _words_differ(kept: Mapping[str, Any], now: Mapping[str, Any], where: str) -> list[str]:
    asked = (
        "texts",
        "distinct",
        "pattern",
        *(("hash",) if where.rpartition(" / ")[2] in NAMES else ()),
    )
    same = all(kept[key] == now.get(key) for key in asked)
    return (
        []
        if same
        else [f"{where}: other texts, or in another order: was {_short(kept)}, is {_short(now)}"]
    )


def _sums_differ(
    kept: Mapping[str, Any], now: Mapping[str, Any], relative: float, where: str
) -> list[str]:
    if any(kept[key] != now.get(key) for key in ("n", "missing")):
        return [f"{where}: was {_short(kept)}, is {_short(now)}"]
    size, most = (
        float(kept["size"]),
        relative * float(kept["size"]) + _rounding(relative) * kept["n"],
    )
    moved = [
        key
        for key in ("first", "last")
        if not near(kept[key], now[key], relative, size / kept["n"])
    ]
    moved += [key for key in ("sum", "size", "ramp") if abs(kept[key] - now[key]) > most]
    return [f"{where}: {key} was {kept[key]}, is {now[key]}" for key in moved]


def softmaxes_in(title: str) -> list[float]:
    """The softmax values that a title said of a class in percent; today they are said as `softmax 0.998`."""
    return [float(said) for said in re.findall(r"’(?: with |\*{0,2} \()(\d+)%", title)]


def unsaid(kept: Sequence[float], now: Sequence[float]) -> list[float]:
    """The numbers of some titles that are in none of today's."""
    left, gone = list(now), []
    for number in kept:
        same = next((each for each in left if near(number, each)), None)
        if same is None:
            gone.append(number)
        else:
            left.remove(same)
    return gone


def _short(found: Any) -> str:
    said = json.dumps(found)
    return said if len(said) < 200 else said[:200] + "…"


def read(name: str) -> Any:
    """A part of the record."""
    return json.loads((KEPT / name).read_text(encoding="utf-8"))


def write(name: str, found: Any) -> None:
    """Writes a part of the record: what is short on one line, so that a change can be read line by line."""
    (KEPT / name).parent.mkdir(parents=True, exist_ok=True)
    (KEPT / name).write_text(_json(found, 0) + "\n", encoding="utf-8")


def _json(found: Any, depth: int) -> str:
    line = json.dumps(found, ensure_ascii=False)
    if not isinstance(found, dict | list) or len(line) + depth <= 150:
        return line
    inner, (start, end) = " " * (depth + 1), "{}" if isinstance(found, dict) else "[]"
    parts = (
        [
            f"{json.dumps(key, ensure_ascii=False)}: {_json(value, depth + 1)}"
            for key, value in found.items()
        ]
        if isinstance(found, dict)
        else [_json(value, depth + 1) for value in found]
    )
    return f"{start}\n" + ",\n".join(inner + part for part in parts) + f"\n{' ' * depth}{end}"
