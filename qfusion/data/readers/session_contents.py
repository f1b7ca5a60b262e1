"""The words, texts, pictures and sounds that a user gives to be shown for the samples of a modality.

    strings                         the text of each sample
    lists of strings                its words or tokens, one a step of a sequence; longer lists end in padding
    arrays, pictures of Pillow      (h, w), (h, w, 3) or (3, h, w): uint8, or numbers in [0, 1]
    {"array", "sampling_rate"}      a sound, as Hugging Face's `datasets` holds it
    None                            nothing for that sample

Pictures are made when a sample is looked at, so that those of large sets take no time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import modality_spec, sample_content
from qfusion.data.modality_spec import Modality
from qfusion.errors import InvalidInput

Contents = Callable[[int], dict[str, sample_content.Content]]
_CONTENT = (
    sample_content.Text,
    sample_content.Audio,
    sample_content.Image,
    sample_content.Series,
    sample_content.Film,
)


def contents_by_row(
    given: Mapping[str, Sequence[Any]], parts: Sequence[Modality], count: int
) -> Contents:
    """Return the content of a row by modality, from what a user gives and from the pixels of modalities.

    Args:
        given: by modality, an entry a sample.
        parts: the modalities.
        count: of the samples.

    Raises:
        InvalidInput: when a modality does not exist, entries are too few or too many, words are not one a step, or an
            entry is of another kind; the message names the modality and the row.
    """
    known = {part.name: part for part in parts}
    for name, entries in given.items():
        check(
            name in known,
            f"Argument `contents` names {name!r}, but the modalities are {', '.join(known)}.",
        )
        check(
            len(entries) == count,
            f"Argument `contents` must hold {count:,} entries for '{name}', one a sample, but holds {len(entries):,}.",
        )
        for row in range(count):
            _check_entry(entries[row], known[name], row)
    pictures = {
        part.name: _pixels_of(part)
        for part in parts
        if part.shape is not None and _is_picture(part.shape) and part.name not in given
    }

    def content_of(row: int) -> dict[str, sample_content.Content]:
        content = {name: draw(row) for name, draw in pictures.items()}
        for name, entries in given.items():
            if not _is_missing(entries[row]):
                content[name] = _content(entries[row], known[name], row)
        return content

    return content_of


def name_one_hot(part: Modality, entries: Sequence[Any]) -> Modality:
    """Return a modality whose features are named by the words that they encode, where steps are one-hot.

    Args:
        part: of steps that are one-hot, each feature being one word; others are returned as they are.
        entries: the words of every sample; features of no word have the names that they had.
    """
    if part.lengths is None or not all(_are_words(entry) for entry in entries):
        return part
    values, lengths = part.values, part.lengths
    real = np.arange(values.shape[1]) < lengths[:, None]
    steps = values[real]
    if not (np.isin(steps, (0, 1)).all() and (steps.sum(1) == 1).all()):
        return part
    words = [word for entry, count in zip(entries, lengths, strict=True) for word in entry[:count]]
    pairs = dict.fromkeys(zip(steps.argmax(1).tolist(), map(str, words), strict=True))
    named = dict(list(pairs))
    if len(named) < len(pairs) or len(set(named.values())) < len(named):
        return part  # a feature of several words, or a word of several features
    names = [named.get(place, name) for place, name in enumerate(part.feature_names)]
    return (
        replace(part, feature_names=tuple(names), checked=True)
        if len(set(names)) == len(names)
        else part
    )


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)


def _is_missing(entry: Any) -> bool:
    return entry is None or (isinstance(entry, float) and np.isnan(entry))


def _check_entry(entry: Any, part: Modality, row: int) -> None:
    """Check an entry of one row, all but the numbers of its pixels."""
    if _is_missing(entry) or isinstance(entry, (str, *_CONTENT)):
        return
    if _is_sound(entry):
        check(
            np.ndim(entry["array"]) == 1 and float(entry["sampling_rate"]) > 0,
            f"The sound of '{part.name}' in row {row} must have samples (n,) and a positive `sampling_rate`.",
        )
        return
    if _are_words(entry):
        _check_words(entry, part, row)
        return
    shape = _pixel_shape(entry)
    check(
        len(shape) == 2 or (len(shape) == 3 and (shape[2] in (1, 3) or shape[0] in (1, 3))),
        f"Entries of `contents` for '{part.name}' must be strings, lists of words, pictures, or sounds as "
        f"{{'array': ..., 'sampling_rate': ...}}, but row {row} holds a {type(entry).__name__}"
        + (f" of shape {shape}." if shape else "."),
    )


def _check_words(words: Sequence[Any], part: Modality, row: int) -> None:
    if part.lengths is None:
        return
    steps, most = int(part.lengths[row]), part.values.shape[1]
    check(
        len(words) in (steps, most),
        f"Argument `contents` must hold one word a step for '{part.name}', but row {row} has {len(words)} words and "
        f"{steps} steps. Give strings where words are not the steps.",
    )


def _are_words(entry: Any) -> bool:
    if isinstance(entry, np.ndarray):
        return entry.ndim == 1 and (
            entry.dtype.kind in "US" or all(isinstance(word, str) for word in entry.tolist())
        )
    return isinstance(entry, (list, tuple)) and all(isinstance(word, str) for word in entry)


def _is_sound(entry: Any) -> bool:
    return isinstance(entry, Mapping) and {"array", "sampling_rate"} <= set(entry)


def _pixel_shape(entry: Any) -> tuple[int, ...]:
    if hasattr(entry, "getbands") and hasattr(entry, "size"):  # a picture of Pillow
        return (int(entry.size[1]), int(entry.size[0]))
    return tuple(getattr(entry, "shape", ()))


def _content(entry: Any, part: Modality, row: int) -> sample_content.Content:
    """Return what is shown for an entry that was checked."""
    if isinstance(entry, _CONTENT):
        return entry
    if isinstance(entry, str):
        return sample_content.Text(entry)
    if _is_sound(entry):
        samples = np.asarray(entry["array"], np.float32)
        return sample_content.Audio(np.clip(samples, -1, 1), int(entry["sampling_rate"]))
    if _are_words(entry):
        words = tuple(map(str, entry))
        if part.lengths is not None:
            words = words[: int(part.lengths[row])]
        return sample_content.Text(" ".join(words), words)
    return sample_content.Image(_eight_bits(entry, part.name, row))


def _eight_bits(entry: Any, name: str, row: int) -> np.ndarray:
    """Return a picture as uint8, (h, w) or (h, w, 3).

    Raises:
        InvalidInput: when its numbers are neither uint8 nor in [0, 1].
    """
    if hasattr(entry, "getbands"):
        entry = entry.convert("RGB")
    if hasattr(entry, "detach"):
        entry = entry.detach().cpu().numpy()
    pixels = np.asarray(entry)
    if pixels.ndim == 3:
        flat, shape = modality_spec.store_picture(pixels[None])
        pixels = flat.reshape(shape)
    if pixels.dtype == np.uint8:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise InvalidInput(
            f"The picture of '{name}' in row {row} must be uint8 or lie in [0, 1], but goes from {low:.3g} to "
            f"{high:.3g}. Scale it, or leave it out of `contents`."
        )
    return np.round(255 * pixels).astype(np.uint8)


def _pixels_of(part: Modality) -> Callable[[int], sample_content.Content]:
    """Return the picture of a row, drawn from the features of a modality: black and white are the ends of [0, 1], of
    [0, 255], or of the values of the set, in this order.
    """
    low, high = float(part.values.min()), float(part.values.max())
    if low >= 0:
        low, high = 0.0, 1.0 if high <= 1 else max(high, 255.0)
    spread = max(high - low, 1e-9)

    def draw(row: int) -> sample_content.Content:
        pixels = np.round(255 * (part.values[row].astype(float) - low) / spread)
        return sample_content.Image(pixels.astype(np.uint8).reshape(part.shape or ()))

    return draw
