"""Pickles as MMSA publishes them (Mao et al. 2022, github.com/thuiar/MMSA), aligned and not: MOSI, MOSEI, CH-SIMS.

`{"train" | "valid" | "test": {"text", "audio", "vision": (N, T, F) or (N, F), "raw_text", "id", "regression_labels",
"classification_labels", "annotations", "text_bert", "text_lengths", "audio_lengths", "vision_lengths", and for CH-SIMS
"regression_labels_T", "_A", "_V"}}`. How long a sequence is says its `..._lengths`; else, for text, the mask in
`text_bert`; else its last step that is not all zeros. Each is read by `pickle_files.read_pickle`, which runs nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import pickle_files, set_digest
from qfusion.data.file_words import numbered_features
from qfusion.data.mmsa_splits import LAYOUT, MODALITIES
from qfusion.data.mmsa_targets import TargetReader
from qfusion.data.padding import last_steps
from qfusion.data.staged_set import Part, StagedSet
from qfusion.errors import InvalidInput, translate_errors

KIND = "MMSA pickle"
SUFFIXES = (".pkl", ".pickle")


def read_mmsa(path: Path, folder: Path, target: str = "auto") -> StagedSet:
    """Return the set in an MMSA pickle, its arrays written to `folder`.

    Args:
        path: the pickle.
        folder: an existing folder for the arrays.
        target: "regression" (of the scores), "classification" (of the annotations), or "auto": the first in the file.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when the pickle refers to functions that are refused, is truncated, or has another layout.
    """
    content = pickle_files.read_pickle(path)
    with translate_errors(
        f"File `{path.name}` is not laid out as MMSA's pickles are",
        LAYOUT,
        *(ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError),
        why="{kind}: {words:.120}",
        passing=(InvalidInput,),
    ):
        return MmsaReader(path.name, content, folder).stage(target)


class MmsaReader(TargetReader):
    """Reads the contents of a pickle."""

    def stage(self, target: str) -> StagedSet:
        """The set."""
        parts = [self._part(name) for name in self.names]
        targets = self._targets(target)
        columns = {"text": self._words("raw_text"), "annotation": self._words("annotations")}
        self._note_left_out()
        if any("text_bert" in inner for inner in self.splits.values()):
            self.add_finding(
                "text-bert",
                "`text_bert` is input of a language model, not features: its mask gives the number of tokens.",
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
            **vars(targets),
        )

    def _note_left_out(self) -> None:
        """Note the entries that are not read, as a warning if one has an entry a sample and may be a modality."""
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
        """Whether a key has an entry a sample in at least one split."""
        for split, count in self.counts.items():
            value: Any = self.splits[split].get(key)
            is_list = isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)
            if is_list and count > 1 and len(value) == count:
                return True
        return False

    def _part(self, name: str) -> Part:
        result = {split: self._array(split, name) for split in self.splits}
        for split, values in result.items():
            check(
                len(values) == self.counts[split],
                f"Modality '{name}' of '{split}' in `{self.name}` must have {self.counts[split]} "
                f"samples like '{self.names[0]}', but has {len(values)}. {LAYOUT}",
            )
        whole = {
            split: values if isinstance(values, np.ndarray) else _stack_sequences(values)
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
            f"split, but has {shapes}. {LAYOUT}",
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
                    _require_numbers(piece, name)
                    for array in whole.values()
                    for piece in set_digest.pieces(array)
                ),
                feature_names,
            )
        lengths, steps = self._lengths(name, whole)
        return self.write_part(
            name,
            (count, steps, size),
            self._pad_sequences(name, whole, lengths, steps, size),
            feature_names,
            np.maximum(lengths, 1),
            padded=True,
        )

    def _lengths(self, name: str, whole: dict[str, Any]) -> tuple[np.ndarray, int]:
        """Return the number of steps of each sample of all splits, and the largest of them, at least 1."""
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
                and (mask := _count_tokens(self._array(split, "text_bert"), values.shape[1]))
                is not None
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
                f"{len(values)} samples, but has shape {steps.shape}. {LAYOUT}",
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

    def _pad_sequences(
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
                    held[row, : min(long, len(one))] = _require_numbers(one[:long], name)
                at += len(piece)
                yield held
        if cleared:
            self.add_finding(
                "padding",
                f"{cleared:,} samples have values beyond their length. These are padding by the file's own word "
                "and were set to zero.",
                where=name,
            )


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
    if (
        not isinstance(tokens, np.ndarray)
        or tokens.ndim != 3
        or tokens.shape[1] != 3
        or tokens.dtype.kind not in "biuf"
    ):
        return None
    steps = (tokens[:, 1] != 0).sum(1)
    return steps if steps.max(initial=0) <= room else None
