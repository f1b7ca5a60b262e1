"""Checks of public arguments, all with one grammar of messages."""

import difflib
import json
import tomllib
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import numpy as np

from qfusion.errors import InvalidInput, NotFound, QFusionError

T = TypeVar("T")

# Modalities whose coalitions are all explained: 4,096 of 12, within a second a sample; each more doubles the time.
MOST_MODALITIES = 12
MAX_NEAR = 80  # letters of a name that is looked for among those spelt alike


def check(condition: bool, message: str, error: type[QFusionError] = InvalidInput) -> None:
    """Raise InvalidInput, or another `error`, with `message` unless `condition` holds."""
    if not condition:
        raise error(message)


def choose(name: str, value: str, options: Iterable[str]) -> str:
    """Return `value` if it is one of `options`.

    Raises:
        NotFound: with the nearest options, or all of them when they are few.
    """
    known = list(options)
    if value in known:
        return value
    # What is longer would take seconds.
    short = [entry for entry in known if max(len(entry), len(str(value))) <= MAX_NEAR]
    near = difflib.get_close_matches(str(value)[:MAX_NEAR], short, n=3, cutoff=0.5)
    hint = (
        f"Did you mean {' or '.join(map(repr, near))}?"
        if near
        else f"Choose one of {known[:12]}."
        if known
        else "There is none yet."
    )
    raise NotFound(f"{name} {str(value)[:80]!r} does not exist. {hint}")


def require_few_modalities(what: str, count: int, noun: str = "modalities") -> None:
    """Raise InvalidInput, with the number of coalitions, when there are more modalities than can be explained.

    Args:
        what: has so many, as the subject of a sentence: "A data set". count: of the modalities. noun: they are called.
    """
    check(
        count <= MOST_MODALITIES,
        f"{what} must have at most {MOST_MODALITIES} {noun}, but has {count}: every coalition of them is "
        f"explained, and {count} have 2^{count}. Join some of them into one, or leave some out.",
    )


def require_finite(name: str, values: Any) -> None:
    """Raise InvalidInput, with the first bad position, when `values` holds NaN or infinity."""
    bad = np.argwhere(~np.isfinite(np.asarray(values)))
    check(
        len(bad) == 0,
        f"Argument `{name}` must be finite, but has {len(bad)} NaN or infinite entries, "
        f"the first at index {tuple(int(i) for i in bad[0]) if len(bad) else ()}. "
        "Clean or impute the data first.",
    )


def require_number(name: str, value: Any, low: float, high: float) -> float:
    """Return `value` as a float inside [low, high].

    Raises:
        InvalidInput: when it is not a number, not finite, or out of range.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"Argument `{name}` must be a number, but is {str(value)[:80]!r}. Give a number between "
            f"{low:g} and {high:g}."
        ) from None
    except OverflowError:  # a whole number beyond any float
        number = np.inf if value > 0 else -np.inf
    check(
        np.isfinite(number) and low <= number <= high,
        f"Argument `{name}` must lie between {low:g} and {high:g}, but is {number:g}. Give a number in that range.",
    )
    return number


def require_whole(name: str, value: Any, low: int, high: int) -> None:
    """Raise InvalidInput unless `value` is a whole number from `low` to `high`."""
    check(
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"Argument `{name}` must be a whole number from {low} to {high}, but is {value!r}.",
    )


def read_pairs(words: Iterable[str], what: str, form: str, example: str) -> dict[str, str]:
    """Return by key the values of words that are written `key=value`.

    Args:
        what: they are, in messages. form: they must have. example: of one.

    Raises:
        InvalidInput: when one is written otherwise, or a key is given twice.
    """
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, text = map(str.strip, word.partition("="))
        check(
            bool(key and equals and text),
            f"{what} must have the form {form}, but is {word[:80]!r}. Write {example}, say.",
        )
        check(key not in pairs, f"{what} names {key[:80]!r} twice. Drop one.")
        pairs[key] = text
    return pairs


def read_json(text: str) -> Any:
    """Return the content of a JSON text from a visitor, or None if the text is not valid JSON or is nested too
    deeply.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML text from a visitor.

    Raises:
        ValueError: when it is no TOML, is nested too deep, or holds a whole number of more than 64 bits.
    """
    try:
        record = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    seen: list[Any] = [record]
    while seen:
        entry = seen.pop()
        seen += (
            entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
        )
        if isinstance(entry, int) and not -(2**63) <= entry < 2**63:
            raise ValueError("a whole number has more than 64 bits")
    return record


def check_present(result: T | None, message: str) -> T:
    """Return a result that is not None. If it is None, raise InvalidInput with the message."""
    check(result is not None, message)
    return cast("T", result)
