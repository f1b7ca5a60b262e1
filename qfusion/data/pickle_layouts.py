"""Pickles of multimodal sets in other layouts than MMSA's, brought to MMSA's names.

- Names in other words or capitals: `visual`, `video`, `Vision` are `vision`; `acoustic` is `audio`.
- Lists of tuples, as MAG-BERT (Rahman et al. 2020) and MISA (Hazarika et al. 2020) publish MOSI and MOSEI:
  `[((words, visual, acoustic[, spoken words]), label, segment), ...]` a split.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels
from qfusion.data.file_words import SPLIT_WORDS, clean_text

KNOWN = {
    "text": ("text", "texts", "textual", "language"),
    "audio": ("audio", "acoustic", "acoustics", "speech", "voice"),
    "vision": ("vision", "visual", "visuals", "video", "videos"),
    "raw_text": ("rawtext", "rawtexts", "transcript", "transcripts"),
    "id": ("id", "ids"),
    "labels": ("labels", "label"),
    "annotations": ("annotations", "annotation"),
    "regression_labels": ("regressionlabels", "regressionlabel"),
    "classification_labels": ("classificationlabels", "classificationlabel"),
    "text_bert": ("textbert",),
}
LAYOUT = "It must hold {'train' | 'valid' | 'test': {'text', 'audio', 'vision', 'regression_labels', ...}}."


def find_splits(file: str, content: Any) -> dict[str, dict[str, Any]]:
    """Return the content of a pickle by part of the split and MMSA's names.

    Args:
        file: its name, for messages. content: what `pickle_files.read_pickle` gave.

    Raises:
        InvalidInput: when it holds no parts of a split, or one of them is laid out otherwise.
    """
    check(
        isinstance(content, dict),
        f"File `{file}` must hold a dictionary, but holds a {type(content).__name__}. {LAYOUT}",
    )
    splits: dict[str, dict[str, Any]] = {}
    for key, inner in content.items():
        part = SPLIT_WORDS.get(str(key).strip().lower())
        if not part:
            continue
        check(
            part not in splits,
            f"File `{file}` must hold each part of the split once, but holds '{part}' twice. Drop one.",
        )
        splits[part] = _part(file, str(key), inner)
    check(
        bool(splits),
        f"File `{file}` must hold 'train', 'valid' and 'test', but holds {[str(key)[:20] for key in content][:6]}. "
        f"{LAYOUT}",
    )
    return splits


def _part(file: str, key: str, inner: Any) -> dict[str, Any]:
    """Return the entries of one part of the split by MMSA's names."""
    if isinstance(inner, dict):
        return _rename_entries(inner)
    entries = list(inner) if isinstance(inner, list) or _is_cells(inner) else []
    if entries and all(_is_tuple_of_sample(entry) for entry in entries):
        return _split_tuples(entries)
    of_what = f" of {type(entries[0]).__name__}" if entries else ""
    check(
        False,
        f"'{key[:20]}' in `{file}` must hold a dictionary of arrays, or tuples ((words, visual, acoustic), label, "
        f"segment), but holds a {type(inner).__name__}{of_what}. {LAYOUT}",
    )
    return {}


def _rename_entries(inner: dict[Any, Any]) -> dict[str, Any]:
    """Return a part of the split with MMSA's names. An entry that already has such a name takes precedence over
    other words for it.
    """
    exact = {str(key) for key in inner}
    named: dict[str, Any] = {}
    for key, value in inner.items():
        name = mmsa_name(str(key))
        taken = name in named or (name in exact and name != str(key))
        named[str(key) if taken else name] = value
    return named


def mmsa_name(key: str) -> str:
    """Return MMSA's name for a key: "vision" for "Visual", "audio_lengths" for "acoustic_lengths"."""
    word = class_labels.plain(key)
    for ending in ("_lengths", "_length"):
        if key.lower().endswith(ending):
            return f"{mmsa_name(key[: -len(ending)])}_lengths"
    return next((name for name, words in KNOWN.items() if word in words), key)


def _is_cells(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1


def _is_tuple_of_sample(entry: Any) -> bool:
    """Whether this is ((words, visual, acoustic[, spoken words]), label, segment)."""
    return (
        isinstance(entry, (tuple, list))
        and len(entry) == 3
        and isinstance(entry[0], (tuple, list))
        and len(entry[0]) in (3, 4)
    )


def _split_tuples(entries: list[Any]) -> dict[str, Any]:
    """Return the entries of a split whose samples are tuples; `text` only if words come as features."""
    part: dict[str, Any] = {
        "vision": [entry[0][1] for entry in entries],
        "audio": [entry[0][2] for entry in entries],
        "labels": [_first(entry[1]) for entry in entries],
        "id": [entry[2] for entry in entries],
    }
    words = [entry[0][0] for entry in entries]
    if all(isinstance(text, np.ndarray) and text.ndim == 2 for text in words):
        part["text"] = words
    spoken = [entry[0][3] if len(entry[0]) == 4 else entry[0][0] for entry in entries]
    sentences = [list(_words(text)) for text in spoken]
    if any(sentences):
        part["raw_text"] = [" ".join(sentence) for sentence in sentences]
    return part


def _first(label: Any) -> Any:
    """A score that may lie in an array (1, 1); an array of several stays one."""
    values = np.asarray(label)
    return values.ravel()[0] if values.size == 1 else values.ravel()


def _words(spoken: Any) -> Iterator[str]:
    """The words of a list, or array, of them; none of anything else."""
    entries = spoken.ravel().tolist() if isinstance(spoken, np.ndarray) else spoken
    if isinstance(entries, (list, tuple)):
        for entry in entries:
            if isinstance(entry, (str, bytes)):
                yield clean_text(entry)
