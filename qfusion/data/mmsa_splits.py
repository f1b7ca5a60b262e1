"""The entries of an MMSA pickle by split: arrays, scores, words and ids of all samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import pickle_layouts, variables
from qfusion.data.arrays import numbered_ids
from qfusion.data.file_words import clean_text, word_array
from qfusion.data.set_reader import SetReader

MODALITIES = ("text", "audio", "vision")


class SplitReader(SetReader):
    """Reads entries of the splits of a pickle.

    Attributes:
        name: of the file.
        splits: the entries of each split, by name.
        names: of the modalities.
        counts: number of samples of each split.
    """

    def __init__(self, name: str, content: Any, folder: Path):
        super().__init__(folder)
        self.name = name
        self.splits = pickle_layouts.find_splits(name, content)
        self.names = [m for m in MODALITIES if any(m in inner for inner in self.splits.values())]
        check(
            bool(self.names),
            f"File `{name}` must hold at least one of {MODALITIES}, but holds "
            f"{[str(k)[:20] for k in next(iter(self.splits.values()))][:8]}. {pickle_layouts.LAYOUT}",
        )
        self.counts = {split: len(self._array(split, self.names[0])) for split in self.splits}

    def _array(self, split: str, key: str) -> Any:
        """The array, or the list of arrays, under a key of a split."""
        check(
            key in self.splits[split],
            f"File `{self.name}` must hold `{key}` in every split, but '{split}' lacks it. {pickle_layouts.LAYOUT}",
        )
        value = self.splits[split][key]
        if isinstance(value, np.ndarray) and value.dtype != object:
            check(
                value.ndim >= 1,
                f"`{key}` of '{split}' in `{self.name}` must have a row a sample, but is one number. "
                f"{pickle_layouts.LAYOUT}",
            )
            return variables.native(value)
        inner = value.ravel().tolist() if isinstance(value, np.ndarray) else value
        check(
            isinstance(inner, list),
            f"`{key}` of '{split}' in `{self.name}` must be an array or a list, but is a "
            f"{type(inner).__name__}. {pickle_layouts.LAYOUT}",
        )
        return list(inner)

    def _entries(self, split: str, key: str) -> np.ndarray:
        """The labels of a split, (count, C)."""
        values = np.asarray(self._array(split, key))
        check(
            len(values) == self.counts[split],
            f"`{key}` of '{split}' in `{self.name}` must hold one entry for each of the {self.counts[split]} samples, "
            f"but holds {len(values)}. {pickle_layouts.LAYOUT}",
        )
        return values.reshape(len(values), -1)

    def _is_in_all_splits(self, key: str) -> bool:
        return all(key in self.splits[split] for split, count in self.counts.items() if count)

    def _nonempty_splits(self) -> list[str]:
        return [split for split, count in self.counts.items() if count]

    def _scores(self, key: str) -> np.ndarray:
        """Return the numbers (N,) of all splits. They are NaN for an entry that is not a finite number, or for a
        split without them.
        """
        result = []
        for split, count in self.counts.items():
            there = count > 0 and key in self.splits[split]
            values = np.asarray(self._array(split, key) if there else np.full(count, np.nan))
            flat = pd.to_numeric(pd.Series(values.ravel()), errors="coerce").to_numpy(np.float64)
            check(
                len(flat) == count,
                f"`{key}` of '{split}' in `{self.name}` must hold one number for each of the {count} samples, but "
                f"holds {len(flat)}. {pickle_layouts.LAYOUT}",
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
                f"holds {len(entries)}. {pickle_layouts.LAYOUT}",
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


def _word(value: Any) -> str:
    if isinstance(value, (np.ndarray, list, tuple)):
        return "_".join(
            _word(entry)
            for entry in (value.flat[:8] if isinstance(value, np.ndarray) else value[:8])
            if not isinstance(entry, (list, tuple))
        )
    return clean_text(value)
