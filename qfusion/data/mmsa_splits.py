"""The entries of an MMSA pickle by split: arrays, scores, words and ids of all samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import variables
from qfusion.data.arrays import numbered_ids
from qfusion.data.file_words import SPLIT_WORDS, clean_text, word_array
from qfusion.data.set_reader import SetReader

MODALITIES = ("text", "audio", "vision")
LAYOUT = "It must hold {'train' | 'valid' | 'test': {'text', 'audio', 'vision', 'regression_labels', ...}}."


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
        self.splits = find_splits(name, content)
        self.names = [m for m in MODALITIES if any(m in inner for inner in self.splits.values())]
        check(
            bool(self.names),
            f"File `{name}` must hold at least one of {MODALITIES}, but holds "
            f"{[str(k)[:20] for k in next(iter(self.splits.values()))][:8]}. {LAYOUT}",
        )
        self.counts = {split: len(self._array(split, self.names[0])) for split in self.splits}

    def _array(self, split: str, key: str) -> Any:
        """The array, or the list of arrays, under a key of a split."""
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

    def _entries(self, split: str, key: str) -> np.ndarray:
        """The labels of a split, (count, C)."""
        values = np.asarray(self._array(split, key))
        check(
            len(values) == self.counts[split],
            f"`{key}` of '{split}' in `{self.name}` must hold one entry for each of the {self.counts[split]} samples, "
            f"but holds {len(values)}. {LAYOUT}",
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
                f"holds {len(flat)}. {LAYOUT}",
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
                f"holds {len(entries)}. {LAYOUT}",
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


def find_splits(file: str, content: Any) -> dict[str, dict[str, Any]]:
    """Return the content of a pickle by part of the split.

    Args:
        file: its name, for messages. content: what `pickle_files.read_pickle` gave.

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
        splits[part] = {str(name): value for name, value in inner.items()}
    check(
        bool(splits),
        f"File `{file}` must hold 'train', 'valid' and 'test', but holds {[str(key)[:20] for key in content][:6]}. "
        f"{LAYOUT}",
    )
    return splits
