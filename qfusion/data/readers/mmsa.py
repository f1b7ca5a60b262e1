"""Pickles as MMSA publishes them (Mao et al. 2022, github.com/thuiar/MMSA), aligned and not: MOSI, MOSEI, CH-SIMS.

`{"train" | "valid" | "test": {"text", "audio", "vision": (N, T, F) or (N, F), "raw_text", "id", "regression_labels",
"classification_labels", "annotations", "text_bert", "text_lengths", "audio_lengths", "vision_lengths", and for CH-SIMS
"regression_labels_T", "_A", "_V"}}`. How long a sequence is says its `..._lengths`; else, for text, the mask in
`text_bert`; else its last step that is not all zeros. Each is read by `pickles.read_pickle`, which runs nothing.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import array_chunks
from qfusion.data.array_chunks import last_steps, numbered_ids
from qfusion.data.parsing import SPLIT_WORDS, clean_text, numbered_features, word_array
from qfusion.data.raw import Chunks, Raw, RawModality, in_order
from qfusion.data.readers import FileFormat, variables
from qfusion.data.staged_set import PICKLE
from qfusion.data.targets import is_one_hot
from qfusion.errors import InvalidInput, translate_errors

MODALITIES = ("text", "audio", "vision")
_OTHER_NAMES = {"visual": "vision", "video": "vision"}
LAYOUT = "It must hold {'train' | 'valid' | 'test': {'text', 'audio', 'vision', 'regression_labels', ...}}."
_CLASSES = ("annotations", "classification_labels", "labels")


def read_mmsa(path: Path, target: str = "auto", _: None = None) -> Raw:
    """Return the samples in an MMSA pickle.

    Args:
        path: the pickle.
        target: "regression" (of the scores), "classification" (of the annotations), or "auto": the first in the file.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when the pickle refers to functions that are refused, is truncated, or has another layout.
    """
    check(
        target != "labels",
        "Several labels a sample are read from tables and from multi-view files, not from MMSA pickles. Write them as "
        "a table, with ; between the labels of a sample.",
    )
    content = variables.read_pickle(path)
    with translate_errors(
        f"File `{path.name}` is not laid out as MMSA's pickles are",
        LAYOUT,
        *(ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError),
        why="{kind}: {words:.120}",
        passing=(InvalidInput,),
    ):
        return MmsaReader(path.name, content).read(target)


FORMAT = FileFormat("MMSA pickle (.pkl)", (".pkl", ".pickle"), read_mmsa)


class MmsaReader:
    """Reads the content of a pickle.

    Attributes:
        name: of the file.
        splits: the entries of each split, by name.
        names: of the modalities.
        counts: number of samples of each split.
        raw: what was read so far.
    """

    def __init__(self, name: str, content: Any):
        self.name = name
        self.splits = _find_splits(name, content)
        self.names = [m for m in MODALITIES if any(m in inner for inner in self.splits.values())]
        check(
            bool(self.names),
            f"File `{name}` must hold at least one of {MODALITIES}, but holds "
            f"{[str(k)[:20] for k in next(iter(self.splits.values()))][:8]}. {LAYOUT}",
        )
        self.counts = {split: len(self._array(split, self.names[0])) for split in self.splits}
        self.raw = Raw(
            title=name,
            kind=PICKLE,
            modalities=[],
            ids=np.array([]),
            labels=[],
            split=np.repeat(list(self.counts), list(self.counts.values())),
        )

    def read(self, target: str) -> Raw:
        """Return the samples."""
        raw = self.raw
        raw.modalities = [self._modality(name) for name in self.names]
        self._read_labels(target)
        words = {"text": self._words("raw_text"), "annotation": self._words("annotations")}
        raw.columns = pd.DataFrame({name: column for name, column in words.items() if column})
        self._note_left_out()
        if any("text_bert" in inner for inner in self.splits.values()):
            raw.note(
                "text-bert",
                "`text_bert` is input of a language model, not features: its mask gives the number of tokens.",
            )
        raw.ids = self._ids()
        for name in self.names:
            key = f"regression_labels_{name[0].upper()}"
            if any(key in inner for inner in self.splits.values()):
                raw.unimodal[name] = self._scores(key)
        return raw

    def _array(self, split: str, key: str) -> Any:
        """Return the array, or the list of arrays, under a key of a split."""
        check(
            key in self.splits[split],
            f"File `{self.name}` must hold `{key}` in every split, but '{split}' lacks it. {LAYOUT}",
        )
        value = self.splits[split][key]
        if isinstance(value, np.ndarray) and value.dtype != object:
            check(
                value.ndim >= 1,
                f"`{key}` of '{split}' in `{self.name}` must have a row a sample, but is one number. "
                f"{LAYOUT}",
            )
            return variables.native(value)
        inner = value.ravel().tolist() if isinstance(value, np.ndarray) else value
        check(
            isinstance(inner, list),
            f"`{key}` of '{split}' in `{self.name}` must be an array or a list, but is a "
            f"{type(inner).__name__}. {LAYOUT}",
        )
        return list(inner)

    def _lacking(self, key: str) -> list[str]:
        """Return the splits with samples that lack a key."""
        return [split for split, n in self.counts.items() if n and key not in self.splits[split]]

    def _entries(self, key: str) -> list[Any]:
        """Return the entries of all samples under a key, (N,), None in a split that lacks it."""
        entries: list[Any] = []
        for split, number in self.counts.items():
            there = number > 0 and key in self.splits[split]
            mine = list(self._array(split, key)) if there else [None] * number
            check(
                len(mine) == number,
                f"`{key}` of '{split}' in `{self.name}` must hold one entry for each of the {number} samples, but "
                f"holds {len(mine)}. {LAYOUT}",
            )
            entries += mine
        return entries

    def _scores(self, key: str) -> np.ndarray:
        """Return numbers (N,), NaN for an entry that is no finite number or a split without them."""
        entries = self._entries(key)
        flat = [value for entry in entries for value in np.ravel(entry)]
        check(
            len(flat) == len(entries),
            f"`{key}` in `{self.name}` must hold one number a sample, but holds several. {LAYOUT}",
        )
        numbers = pd.to_numeric(pd.Series(flat, dtype=object), errors="coerce")
        scores = numbers.to_numpy(np.float64)
        return np.where(np.isfinite(scores), scores, np.nan)

    def _words(self, key: str) -> list[str]:
        """Return words (N,) of all splits, empty in a split without them; none where no split has them."""
        lacking = self._lacking(key)
        if len(lacking) == sum(map(bool, self.counts.values())):
            return []
        if lacking:
            self.raw.note(
                "missing-words",
                f"`{key}` is missing in {' and '.join(lacking)}, where it stays empty.",
                "warning",
            )
        lacks = self._are_in(lacking)
        return ["" if gone else _word(e) for e, gone in zip(self._entries(key), lacks, strict=True)]

    def _are_in(self, splits: list[str]) -> np.ndarray:
        """Return which samples are in some splits, bool (N,)."""
        return np.repeat(np.isin(list(self.counts), splits), list(self.counts.values()))

    def _ids(self) -> np.ndarray:
        numbers = [numbered_ids(split, number) for split, number in self.counts.items() if number]
        ids = np.concatenate(numbers)
        words = self._words("id")
        if not words:
            self.raw.note("numbered", "There is no `id`, so samples are numbered by split.")
            return ids
        for row in np.flatnonzero(self._are_in(self._lacking("id"))):
            words[row] = str(ids[row])
        return word_array(words, f"Ids in `{self.name}`")

    def _read_labels(self, target: str) -> None:
        """Read the scores, or else the classes."""
        raw = self.raw
        for key in ("regression_labels", "labels") if target != "classification" else ():
            if self._lacking(key) or (target == "auto" and self._names_classes(key)):
                continue
            raw.label = key
            raw.labels = self._scores(key)
            raw.is_class = False
            raw.target = "sentiment"
            self._bound_scores()
            return
        check(
            target != "regression",
            f"File `{self.name}` must hold `regression_labels` or `labels` in every split, but does not. Import it for "
            "classification.",
        )
        lacking = self._lacking("regression_labels")
        if target == "auto" and 0 < len(lacking) < len(self.splits):
            raw.note(
                "missing-scores",
                f"`regression_labels` is missing in {' and '.join(lacking)}, so the set is read for classification.",
                "warning",
            )
        key = next((key for key in _CLASSES if not self._lacking(key)), "")
        check(
            key != "",
            f"File `{self.name}` must hold `regression_labels`, `annotations`, `classification_labels` or `labels` in "
            f"every split, but does not. {LAYOUT}",
        )
        raw.label = key
        raw.labels = self._class_labels(key)
        raw.is_class = True

    def _bound_scores(self) -> None:
        """Take the range of scores for one of MOSI or CH-SIMS where they lie in it."""
        raw = self.raw
        largest = np.abs(raw.labels[np.isfinite(raw.labels)]).max(initial=0)
        bound = next((b for b in (1.0, 3.0) if largest <= b), None)
        if bound is None:
            return
        raw.bounds = (-bound, bound)
        is_annotated = "regression_labels_T" in next(iter(self.splits.values()))
        if bound == 1.0 and not is_annotated and len(raw.labels) > 100:
            raw.note("range", "All scores lie in [-1, 1], which is taken for their range.")

    def _names_classes(self, key: str) -> bool:
        """Whether `labels` are words, a column a class, or two whole numbers, and no scores."""
        if key != "labels":
            return False
        table = self._table(key)
        if table is None:
            return True
        if table.shape[1] > 1:
            return is_one_hot(table)
        known = np.unique(table)
        return len(known) <= 2 and bool((known == np.round(known)).all())

    def _class_labels(self, key: str) -> Any:
        """Return words or numbers (N,), or a column a class (N, C)."""
        table = self._table(key)
        return self._words(key) if table is None or table.shape[1] == 1 else table

    def _table(self, key: str) -> np.ndarray | None:
        """Return labels that are numbers as (N, C); None if they are words."""
        rows = [np.ravel(entry) for entry in self._entries(key)]
        if any(row.dtype.kind not in "biuf" for row in rows):
            return None
        widths = set(map(len, rows))
        check(
            len(widths) == 1,
            f"`{key}` in `{self.name}` must have the same columns in every split, but has {sorted(widths)}. "
            "Correct it.",
        )
        return np.stack(rows)

    def _note_left_out(self) -> None:
        """Note the entries that are not read, as a warning if one has an entry a sample and may be a modality."""
        known = {
            *self.names,
            *(f"{name}_lengths" for name in self.names),
            *("raw_text", "id", "text_bert", "regression_labels", *_CLASSES),
            *(f"regression_labels_{name[0].upper()}" for name in MODALITIES),
        }
        rest = sorted({key for inner in self.splits.values() for key in inner} - known)
        with_rows = [key[:40] for key in rest if self._has_rows(key)]
        others = [key[:40] for key in rest if not self._has_rows(key)]
        if others:
            self.raw.note(
                "left-out", f"Left out, as neither features nor labels: {', '.join(others[:12])}."
            )
        if with_rows:
            self.raw.note(
                "lost-modality",
                f"Left out, though there is an entry for each sample: {', '.join(with_rows[:12])}. If one is a "
                f"modality, call it one of {', '.join(MODALITIES)}.",
                "warning",
            )
        if "text" not in self.names and any("raw_text" in inner for inner in self.splits.values()):
            self.raw.note(
                "no-text",
                "Text comes as words, not as features. The words are kept to show; add features as `text` if they are "
                "to be a modality.",
                "warning",
            )

    def _has_rows(self, key: str) -> bool:
        """Whether a key has an entry a sample in at least one split."""
        for split, number in self.counts.items():
            value: Any = self.splits[split].get(key)
            is_list = isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)
            if is_list and number > 1 and len(value) == number:
                return True
        return False

    def _modality(self, name: str) -> RawModality:
        whole = {}
        for split in self.splits:
            values = self._array(split, name)
            check(
                len(values) == self.counts[split],
                f"Modality '{name}' of '{split}' in `{self.name}` must have {self.counts[split]} samples like "
                f"'{self.names[0]}', but has {len(values)}. {LAYOUT}",
            )
            whole[split] = _stack_sequences(values) if isinstance(values, list) else values
        shapes = {
            split: values.shape[1:]
            if isinstance(values, np.ndarray)
            else ("steps", values[0].shape[-1])
            for split, values in whole.items()
            if len(values)
        }
        kinds = {(len(shape), shape[-1]) for shape in shapes.values()}
        axes, size = min(kinds, default=(0, 0))
        check(
            len(kinds) == 1 and axes in (1, 2),
            f"Modality '{name}' in `{self.name}` must have shape (N, F) or (N, T, F) with the same features in every "
            f"split, but has {shapes}. {LAYOUT}",
        )
        check(
            size > 0,
            f"Modality '{name}' in `{self.name}` must have at least one feature, but has none. Leave it out.",
        )
        number = sum(self.counts.values())
        names = numbered_features(name, size)
        if axes == 1:
            return RawModality(name, (number, size), partial(_join_splits, name, whole), names)
        lengths, steps = self._lengths(name, whole)
        shape = (number, steps, size)
        padded = partial(self._pad_sequences, name, whole, lengths, shape)
        return RawModality(name, shape, padded, names, np.maximum(lengths, 1), padded=True)

    def _lengths(self, name: str, whole: dict[str, Any]) -> tuple[np.ndarray, int]:
        """Return the number of steps of each sample of all splits, and the largest of them, at least 1."""
        of_splits = [self._split_lengths(name, split, values) for split, values in whole.items()]
        lengths = np.concatenate([steps for steps, _ in of_splits]).astype(np.int64)
        longest = int(lengths.max(initial=1))
        self.raw.note_sequences(name, lengths, longest, f": {of_splits[-1][1]}")
        empty = int((lengths == 0).sum())
        if empty:
            self.raw.note(
                "empty-sequence",
                f"{empty:,} samples have no step. They are read as one step of zeros.",
                "warning",
                name,
            )
        return lengths, longest

    def _split_lengths(self, name: str, split: str, values: Any) -> tuple[np.ndarray, str]:
        """Return the number of steps of each sample of a split, and how they are known."""
        if isinstance(values, list):
            return np.array(list(map(len, values))), "they have different lengths"
        inner = self.splits[split]
        key = f"{name}_lengths"
        where = f"`{key}` of '{split}' in `{self.name}`"
        if key not in inner:
            tokens = None
            if name == "text" and "text_bert" in inner:
                tokens = _count_tokens(self._array(split, "text_bert"), values.shape[1])
            if tokens is not None:
                return tokens, "the mask in `text_bert` says how long each is"
            lasts = last_steps(array_chunks.iter_chunks(values))
            return lasts, "steps of zeros at the end count as padding"
        steps = np.asarray(self._array(split, key), np.float64).ravel()
        check(
            bool((steps == np.round(steps)).all()),
            f"{where} must hold whole numbers, but does not. Correct it.",
        )
        check(
            steps.shape == (len(values),),
            f"{where} must hold a number for each of the {len(values)} samples, but has shape {steps.shape}. {LAYOUT}",
        )
        room = values.shape[1]
        check(
            len(steps) == 0 or bool((steps >= 0).all() and (steps <= room).all()),
            f"{where} must lie in 0..{room}, but goes from {steps.min(initial=0):g} to {steps.max(initial=0):g}. "
            "Correct the lengths.",
        )
        return steps, f"`{key}` says how long each is"

    def _pad_sequences(
        self, name: str, whole: dict[str, Any], lengths: np.ndarray, shape: tuple[int, ...]
    ) -> Chunks:
        """Yield sequences with zeros beyond their lengths."""
        at = 0
        cleared = 0
        together = array_chunks.rows_at_once(shape, 8)
        for values in whole.values():
            for start in range(0, len(values), together):
                chunk = values[start : start + together]
                is_single = np.can_cast(np.asarray(chunk[0]).dtype, np.float32, "safe")
                held = np.zeros((len(chunk), *shape[1:]), np.float32 if is_single else np.float64)
                for row, one in enumerate(chunk):
                    long = lengths[at + row]
                    cleared += bool(np.any(one[long:]))
                    held[row, : min(long, len(one))] = _require_numbers(one[:long], name)
                yield slice(at, at + len(chunk)), held
                at += len(chunk)
        if cleared:
            self.raw.note(
                "padding",
                f"{cleared:,} samples have values beyond their length. These are padding by the file's own word and "
                "were set to zero.",
                where=name,
            )


def _find_splits(file: str, content: Any) -> dict[str, dict[str, Any]]:
    """Return the content of a pickle by part of the split.

    Args:
        file: its name, for messages. content: what `pickles.read_pickle` gave.

    Raises:
        InvalidInput: when it holds no parts of a split, or one of them is no dictionary.
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
        check(
            isinstance(inner, dict),
            f"'{key}' in `{file}` must hold a dictionary of arrays, but holds a {type(inner).__name__}. {LAYOUT}",
        )
        splits[part] = {_plain_name(str(name)): value for name, value in inner.items()}
    check(
        bool(splits),
        f"File `{file}` must hold 'train', 'valid' and 'test', but holds {[str(key)[:20] for key in content][:6]}. "
        f"{LAYOUT}",
    )
    return splits


def _plain_name(key: str) -> str:
    """Return the name that MMSA gives to an entry: other codes call vision `visual` or `video`, or write capitals."""
    name, _, ending = key.partition("_")
    modality = _OTHER_NAMES.get(name.lower(), name.lower())
    if modality not in MODALITIES or ending not in ("", "lengths"):
        return key
    return f"{modality}_{ending}" if ending else modality


def _join_splits(name: str, whole: dict[str, Any]) -> Chunks:
    """Yield the vectors of all splits, one split after another."""
    yield from in_order(
        _require_numbers(chunk, name)
        for values in whole.values()
        for chunk in array_chunks.iter_chunks(values)
    )


def _word(value: Any) -> str:
    if isinstance(value, (np.ndarray, list, tuple)):
        entries = value.flat[:8] if isinstance(value, np.ndarray) else value[:8]
        return "_".join(_word(entry) for entry in entries if not isinstance(entry, (list, tuple)))
    return clean_text(value)


def _stack_sequences(values: list[Any]) -> Any:
    """Return a list of arrays (T_i, F), or one array (N, F) if each is (F,)."""
    arrays = [np.asarray(value) for value in values]
    if not arrays:
        return np.zeros((0, 0))
    if {array.ndim for array in arrays} == {1} and len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    check(
        {array.ndim for array in arrays} == {2} and len({array.shape[-1] for array in arrays}) == 1,
        f"Sequences must each have shape (T, F) with the same F, but have such as {[a.shape for a in arrays[:4]]}. "
        "Save every sample as an array of steps and features.",
    )
    return arrays


def _require_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Return an array of real numbers; raise an error that names the modality otherwise."""
    array = np.asarray(values)
    check(
        array.dtype.kind in "biuf",
        f"Modality '{name}' must hold real numbers, but has type {array.dtype}. Convert it.",
    )
    return array


def _count_tokens(tokens: Any, room: float) -> np.ndarray | None:
    """Return the number of tokens of each sample, (N,), from `text_bert` (N, 3, T) of numbers, mask and segments.

    None when it has another shape or is longer than `room`.
    """
    is_tokens = isinstance(tokens, np.ndarray) and tokens.ndim == 3 and tokens.shape[1] == 3
    if not is_tokens or tokens.dtype.kind not in "biuf":
        return None
    steps = (tokens[:, 1] != 0).sum(1)
    return steps if steps.max(initial=0) <= room else None
