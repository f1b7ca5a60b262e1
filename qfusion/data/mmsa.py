"""Pickles as MMSA publishes them (Mao et al. 2022, github.com/thuiar/MMSA), aligned and not: MOSI, MOSEI, CH-SIMS.

`{"train" | "valid" | "test": {"text", "audio", "vision": (N, T, F) or (N, F), "raw_text", "id", "regression_labels",
"classification_labels", "annotations", "text_bert", "text_lengths", "audio_lengths", "vision_lengths", and for CH-SIMS
"regression_labels_T", "_A", "_V"}}`. How long a sequence is says its `..._lengths`; else, for text, the mask in
`text_bert`; else its last step that is not all zeros. Each is read by `foreign_files.read_pickle`, which runs nothing.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import (
    class_labels,
    foreign_files,
    pickle_layouts,
    set_digest,
    variables,
)
from qfusion.data.arrays import numbered_ids
from qfusion.data.file_words import clean_text, numbered_features, word_array
from qfusion.data.padding import last_steps
from qfusion.data.set_reader import SetReader
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.target_classes import Targets, encode_classes
from qfusion.errors import InvalidInput, translate_errors

KIND = "MMSA pickle"
SUFFIXES = (".pkl", ".pickle")
MODALITIES = ("text", "audio", "vision")
_LAYOUT = pickle_layouts.LAYOUT


def read(path: Path, folder: Path, target: str = "auto") -> StagedSet:
    """Returns what an MMSA pickle holds, its arrays written to `folder`.

    Args:
        path: the pickle.
        folder: that exists and takes the arrays.
        target: "regression" (of the scores), "classification" (of the annotations), or "auto": the first that is there.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it asks for what is refused, is cut short, or holds something else.
    """
    content = foreign_files.read_pickle(path)
    with translate_errors(
        f"File `{path.name}` is not laid out as MMSA's pickles are",
        _LAYOUT,
        *(ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError),
        why="{kind}: {words:.120}",
        passing=(InvalidInput,),
    ):
        return _Reader(path.name, content, folder).staged(target)


class _Reader(SetReader):
    """Reads one file's contents."""

    def __init__(self, name: str, content: Any, folder: Path):
        super().__init__(folder)
        self.name = name
        self.splits = pickle_layouts.splits_of(name, content)
        self.names = [m for m in MODALITIES if any(m in inner for inner in self.splits.values())]
        check(
            bool(self.names),
            f"File `{name}` must hold at least one of {MODALITIES}, but holds "
            f"{[str(k)[:20] for k in next(iter(self.splits.values()))][:8]}. {_LAYOUT}",
        )
        self.counts = {split: len(self._array(split, self.names[0])) for split in self.splits}

    def staged(self, target: str) -> StagedSet:
        """The set."""
        parts = [self._part(name) for name in self.names]
        targets = self._targets(target)
        columns = {"text": self._words("raw_text"), "annotation": self._words("annotations")}
        self._say_left_out()
        tokens = self._tokens()
        if any("text_bert" in inner for inner in self.splits.values()):
            self.add_finding(
                "text-bert",
                "`text_bert` is for a language model, not features: its mask says the number of tokens, and "
                + (
                    "it holds no token numbers that could name the steps of text."
                    if tokens is None
                    else "its token numbers name the steps of text where the tokenizer's vocabulary is at hand."
                ),
            )
        return StagedSet(
            folder=self.folder,
            title=self.name,
            kind=KIND,
            parts=parts,
            ids=self._ids(),
            split=np.repeat(list(self.counts), list(self.counts.values())),
            target="class" if targets.classes else "sentiment",
            columns=pd.DataFrame({name: words for name, words in columns.items() if words}),
            unimodal=self._unimodal(),
            findings=self.findings,
            tokens=tokens,
            **vars(targets),
        )

    def _say_left_out(self) -> None:
        """Says what is not read: a warning where it has an entry a sample, and so may be a modality."""
        known = {
            *self.names,
            *(f"{name}_lengths" for name in self.names),
            *("raw_text", "annotations", "id", "text_bert"),
            *("regression_labels", "classification_labels", "labels"),
            *(f"regression_labels_{name[0].upper()}" for name in MODALITIES),
        }
        rest = sorted({key for inner in self.splits.values() for key in inner} - known)
        with_rows = [key for key in rest if self._has_rows(key)]
        self.note_left_out(
            [key[:40] for key in rest if key not in with_rows], "features nor labels"
        )
        if with_rows:
            self.add_finding(
                "lost-modality",
                f"Left out, though there is an entry for each sample: {', '.join(key[:40] for key in with_rows[:12])}. "
                f"If one is a modality, call it one of {', '.join(MODALITIES)}.",
                "warning",
            )
        if "text" not in self.names and any("raw_text" in inner for inner in self.splits.values()):
            self.add_finding(
                "no-text",
                "Text comes as words, not as features. The words are kept to show; add features as `text` if they are "
                "to be a modality.",
                "warning",
            )

    def _has_rows(self, key: str) -> bool:
        """Whether there is an entry a sample under a key, in a split at least."""
        for split, count in self.counts.items():
            value: Any = self.splits[split].get(key)
            is_list = isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)
            if is_list and count > 1 and len(value) == count:
                return True
        return False

    def _tokens(self) -> np.ndarray | None:
        """Token numbers (N, T) of all splits, -1 beyond each mask; None where `text_bert` holds none."""
        if not all(self.counts.values()) or not self._everywhere("text_bert"):
            return None
        result: list[np.ndarray] = []
        for split, count in self.counts.items():
            whole = self._array(split, "text_bert")
            if _mask(whole, np.inf) is None or len(whole) != count:
                return None
            numbers = np.asarray(whole[:, 0], np.float64)
            if not ((numbers >= 0) & (numbers < 2**24) & (numbers == np.round(numbers))).all():
                return None
            result.append(np.where(whole[:, 1] != 0, numbers, -1).astype(np.int32))
        room = max(numbers.shape[1] for numbers in result)
        tokens = np.concatenate(
            [
                np.pad(numbers, ((0, 0), (0, room - numbers.shape[1])), constant_values=-1)
                for numbers in result
            ]
        )
        return tokens if len(np.unique(tokens[tokens >= 0])) > 1 else None

    # Arrays

    def _array(self, split: str, key: str) -> Any:
        """The array, or the list of arrays, under a key of a split."""
        check(
            key in self.splits[split],
            f"File `{self.name}` must hold `{key}` in every split, but '{split}' lacks it. {_LAYOUT}",
        )
        value = self.splits[split][key]
        if isinstance(value, np.ndarray) and value.dtype != object:
            check(
                value.ndim >= 1,
                f"`{key}` of '{split}' in `{self.name}` must have a row a sample, but is one number. {_LAYOUT}",
            )
            return variables.native(value)
        inner = value.ravel().tolist() if isinstance(value, np.ndarray) else value
        check(
            isinstance(inner, list),
            f"`{key}` of '{split}' in `{self.name}` must be an array or a list, but is a "
            f"{type(inner).__name__}. {_LAYOUT}",
        )
        return list(inner)

    def _part(self, name: str) -> Part:
        result = {split: self._array(split, name) for split in self.splits}
        for split, values in result.items():
            check(
                len(values) == self.counts[split],
                f"Modality '{name}' of '{split}' in `{self.name}` must have {self.counts[split]} "
                f"samples like '{self.names[0]}', but has {len(values)}. {_LAYOUT}",
            )
        whole = {
            split: values if isinstance(values, np.ndarray) else _ragged(values)
            for split, values in result.items()
        }
        shapes = {
            split: (
                values.shape[1:]
                if isinstance(values, np.ndarray)
                else ("steps", values[0].shape[-1])
            )
            for split, values in whole.items()
            if len(values)
        }
        kinds = {(len(shape), shape[-1]) for shape in shapes.values()}
        check(
            len(kinds) == 1 and next(iter(kinds))[0] in (1, 2),
            f"Modality '{name}' in `{self.name}` must have shape (N, F) or (N, T, F) with the same features in every "
            f"split, but has {shapes}. {_LAYOUT}",
        )
        axes, size = kinds.pop()
        check(
            size > 0,
            f"Modality '{name}' in `{self.name}` must have at least one feature, but has none. Leave it out.",
        )
        feature_names, count = numbered_features(name, size), sum(self.counts.values())
        if axes == 1:
            return self.write_part(
                name,
                (count, size),
                (
                    _numbers(piece, name)
                    for array in whole.values()
                    for piece in set_digest.pieces(array)
                ),
                feature_names,
            )
        lengths, steps = self._lengths(name, whole)
        return self.write_part(
            name,
            (count, steps, size),
            self._padded(name, whole, lengths, steps, size),
            feature_names,
            np.maximum(lengths, 1),
            padded=True,
        )

    def _lengths(self, name: str, whole: dict[str, Any]) -> tuple[np.ndarray, int]:
        """How many steps each sample has, over all splits; and the number of steps there is room for, at least 1."""
        result, text = [], ""
        for split, values in whole.items():
            inner = self.splits[split]
            if isinstance(values, list):
                steps, text = np.array(list(map(len, values))), "they have different lengths"
            elif f"{name}_lengths" in inner:
                numbers = np.asarray(self._array(split, f"{name}_lengths"), np.float64).ravel()
                check(
                    bool((numbers == np.round(numbers)).all()),
                    f"`{name}_lengths` of '{split}' in `{self.name}` must hold whole numbers, but does not. Correct "
                    "it.",
                )
                steps, text = (
                    numbers.astype(np.int64),
                    f"`{name}_lengths` says how long each is",
                )
            elif (
                name == "text"
                and "text_bert" in inner
                and (mask := _mask(self._array(split, "text_bert"), values.shape[1])) is not None
            ):
                steps, text = mask, "the mask in `text_bert` says how long each is"
            else:
                steps, text = (
                    last_steps(set_digest.pieces(values)),
                    "steps of zeros at the end count as padding",
                )
            check(
                steps.shape == (len(values),),
                f"`{name}_lengths` of '{split}' in `{self.name}` must hold a number for each of the "
                f"{len(values)} samples, but has shape {steps.shape}. {_LAYOUT}",
            )
            room = np.inf if isinstance(values, list) else values.shape[1]
            check(
                len(steps) == 0 or bool((steps >= 0).all() and (steps <= room).all()),
                f"`{name}_lengths` of '{split}' in `{self.name}` must lie in 0..{room}, but goes from "
                f"{steps.min(initial=0)} to {steps.max(initial=0)}. Correct the lengths.",
            )
            result.append(steps.astype(np.int64))
        lengths = np.concatenate(result)
        longest = int(lengths.max(initial=1))
        self.note_sequences(name, lengths, longest, f": {text}")
        if empty := int((lengths == 0).sum()):
            self.add_finding(
                "empty-sequence",
                f"{empty:,} samples have no step. They are read as one step of zeros.",
                "warning",
                name,
            )
        return lengths, longest

    def _padded(
        self, name: str, whole: dict[str, Any], lengths: np.ndarray, steps: int, size: int
    ) -> Iterator[np.ndarray]:
        at = cleared = 0
        rows = set_digest.rows_at_once((0, steps, size), 8)
        for values in whole.values():
            for start in range(0, len(values), rows):
                piece = values[start : start + rows]
                is_single = np.can_cast(np.asarray(piece[0]).dtype, np.float32, "safe")
                held = np.zeros((len(piece), steps, size), np.float32 if is_single else np.float64)
                for row, one in enumerate(piece):
                    long = lengths[at + row]
                    cleared += bool(np.any(one[long:]))
                    held[row, : min(long, len(one))] = _numbers(one[:long], name)
                at += len(piece)
                yield held
        if cleared:
            self.add_finding(
                "padding",
                f"{cleared:,} samples have values beyond their length. These are padding by the file's own word "
                "and were set to zero.",
                where=name,
            )

    # What there is once a sample

    def _everywhere(self, key: str) -> bool:
        return all(key in self.splits[split] for split, count in self.counts.items() if count)

    def _scores(self, key: str) -> np.ndarray:
        """Numbers (N,) of all splits; NaN where an entry is no finite one, or a split has none."""
        result = []
        for split, count in self.counts.items():
            there = count > 0 and key in self.splits[split]
            values = np.asarray(self._array(split, key) if there else np.full(count, np.nan))
            flat = pd.to_numeric(pd.Series(values.ravel()), errors="coerce").to_numpy(np.float64)
            check(
                len(flat) == count,
                f"`{key}` of '{split}' in `{self.name}` must hold one number for each of the {count} samples, but "
                f"holds {len(flat)}. {_LAYOUT}",
            )
            result.append(flat)
        scores = np.concatenate(result)
        return np.where(np.isfinite(scores), scores, np.nan)

    def _words(self, key: str) -> list[str]:
        """Words (N,) of all splits, empty in a split without them; no words where no split has them."""
        lacking = [
            split for split, count in self.counts.items() if count and key not in self.splits[split]
        ]
        if len(lacking) == sum(map(bool, self.counts.values())):
            return []
        if lacking:
            self.add_finding(
                "missing-words",
                f"`{key}` is missing in {' and '.join(lacking)}, where it stays empty.",
                "warning",
            )
        words: list[str] = []
        for split, count in self.counts.items():
            if key not in self.splits[split]:
                words += [""] * count
                continue
            entries = self._array(split, key) if count else []
            check(
                len(entries) == count,
                f"`{key}` of '{split}' in `{self.name}` must hold one entry for each of the {count} samples, but "
                f"holds {len(entries)}. {_LAYOUT}",
            )
            words += [_word(entry) for entry in entries]
        return words

    def _ids(self) -> np.ndarray:
        numbers = np.concatenate(
            [numbered_ids(split, count) for split, count in self.counts.items() if count]
        )
        if not any("id" in inner for inner in self.splits.values()):
            self.add_finding("numbered", "There is no `id`, so samples are numbered by split.")
            return numbers
        words = self._words("id")
        without = np.repeat(
            ["id" not in self.splits[split] for split in self.counts], list(self.counts.values())
        )
        named = [
            number if lacks else word
            for word, number, lacks in zip(words, numbers.tolist(), without, strict=True)
        ]
        return word_array(named, f"Ids in `{self.name}`")

    def _targets(self, target: str) -> Targets:
        if target in ("auto", "regression"):
            for key in ("regression_labels", "labels"):
                if self._everywhere(key) and (
                    target == "regression" or not self._names_classes(key)
                ):
                    return self._amounts(key)
            self._say_missing_scores()
        check(
            target != "regression",
            f"File `{self.name}` must hold `regression_labels` or `labels` in every split, but does not. Import it for "
            "classification.",
        )
        for key in ("annotations", "classification_labels", "labels"):
            if self._everywhere(key):
                return self._classes(key)
        raise InvalidInput(
            f"File `{self.name}` must hold `regression_labels`, `annotations`, `classification_labels` or `labels` in "
            f"every split, but does not. {_LAYOUT}"
        )

    def _say_missing_scores(self) -> None:
        lacking = [
            split
            for split, count in self.counts.items()
            if count and "regression_labels" not in self.splits[split]
        ]
        if len(lacking) < len(self.splits) and lacking:
            self.add_finding(
                "missing-scores",
                f"`regression_labels` is missing in {' and '.join(lacking)}, so the set is read for classification.",
                "warning",
            )

    def _amounts(self, key: str) -> Targets:
        """Scores, and their range where they look like those of MOSI or CH-SIMS."""
        y = self._scores(key)
        largest = np.abs(y[np.isfinite(y)]).max(initial=0)
        bound = next((b for b in (1.0, 3.0) if largest <= b), None)
        if (
            "regression_labels_T" not in next(iter(self.splits.values()))
            and bound == 1.0
            and len(y) > 100
        ):
            self.add_finding("range", "All scores lie in [-1, 1], which is taken for their range.")
        return Targets(y, bounds=None if bound is None else (-bound, bound))

    def _names_classes(self, key: str) -> bool:
        """Whether `labels` are words, a column a class, or two whole numbers, and no scores."""
        if key != "labels":
            return False
        whole = [self._entries(split, key) for split in self._filled()]
        if any(values.dtype.kind not in "biuf" for values in whole):
            return True
        if any(values.shape[1] > 1 for values in whole):
            return all(class_labels.is_one_hot(values) for values in whole)
        known = np.unique(np.concatenate(whole))
        return len(known) <= 2 and bool((known == np.round(known)).all())

    def _classes(self, key: str) -> Targets:
        """Classes of words or numbers, or of a column a class."""
        whole = [self._entries(split, key) for split in self._filled()]
        wide = {values.shape[1] for values in whole if values.dtype.kind in "biuf"} - {1}
        if wide:
            check(
                len(wide) == 1 and len({values.shape[1] for values in whole}) == 1,
                f"`{key}` in `{self.name}` must have the same columns in every split, but has {sorted(wide)}. "
                "Correct it.",
            )
            table = np.concatenate(whole)
            what = f"`{key}` in `{self.name}`"
            columns = class_labels.one_hot(what, table)
            y, classes = encode_classes(columns)
            self.add_finding(
                "classes",
                f"`{key}` has a column a class. Classes are the numbers of the columns, from 0: "
                f"{', '.join(classes[:12])}.",
            )
            return Targets(y, classes)
        labels: list[Any] = self._words(key)
        with contextlib.suppress(ValueError):  # what is no number stays a word
            labels = list(map(float, labels))
        y, classes = encode_classes(labels)
        self.add_finding(
            "classes",
            f"Classes are the {'words' if key == 'annotations' else 'numbers'} in `{key}`: "
            f"{', '.join(classes[:12])}.",
        )
        return Targets(y, classes)

    def _filled(self) -> list[str]:
        return [split for split, count in self.counts.items() if count]

    def _entries(self, split: str, key: str) -> np.ndarray:
        """The labels of a split, (count, C)."""
        values = np.asarray(self._array(split, key))
        check(
            len(values) == self.counts[split],
            f"`{key}` of '{split}' in `{self.name}` must hold one entry for each of the {self.counts[split]} samples, "
            f"but holds {len(values)}. {_LAYOUT}",
        )
        return values.reshape(len(values), -1)

    def _unimodal(self) -> dict[str, np.ndarray]:
        """Targets of single modalities (N,), NaN where there is none, as in a split without them."""
        result = {
            name: self._scores(key)
            for name in self.names
            for key in [f"regression_labels_{name[0].upper()}"]
            if any(key in inner for inner in self.splits.values())
        }
        self.note_unimodal(result)
        return result


def _ragged(values: list[Any]) -> Any:
    """A list of arrays (T_i, F), or all of them as one array where each is (F,)."""
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


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Real numbers as they are; anything else is an error that names the modality."""
    array = np.asarray(values)
    check(
        array.dtype.kind in "biuf",
        f"Modality '{name}' must hold real numbers, but has type {array.dtype}. Convert it.",
    )
    return array


def _word(value: Any) -> str:
    if isinstance(value, (np.ndarray, list, tuple)):
        return "_".join(
            _word(entry)
            for entry in (value.flat[:8] if isinstance(value, np.ndarray) else value[:8])
            if not isinstance(entry, (list, tuple))
        )
    return clean_text(value)


def _mask(tokens: Any, room: float) -> np.ndarray | None:
    """How many tokens each sample has, (N,), from `text_bert` (N, 3, T): numbers, mask and segments; None when it is
    something else or longer than the `room` there is."""
    if (
        not isinstance(tokens, np.ndarray)
        or tokens.ndim != 3
        or tokens.shape[1] != 3
        or tokens.dtype.kind not in "biuf"
    ):
        return None
    steps = (tokens[:, 1] != 0).sum(1)
    return steps if steps.max(initial=0) <= room else None
