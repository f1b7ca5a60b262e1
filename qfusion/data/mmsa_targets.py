"""Targets of an MMSA pickle: scores, annotated classes, and scores of single modalities."""

import contextlib
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels, number_words
from qfusion.data.mmsa_splits import LAYOUT, SplitReader
from qfusion.data.target_classes import Targets, encode_classes
from qfusion.errors import InvalidInput


class TargetReader(SplitReader):
    """Reads the targets of a pickle."""

    def _targets(self, target: str) -> Targets:
        if target in ("auto", "regression"):
            for key in ("regression_labels", "labels"):
                if self._is_in_all_splits(key) and (
                    target == "regression" or not self._names_classes(key)
                ):
                    return self._amounts(key)
            self._note_missing_scores()
        check(
            target != "regression",
            f"File `{self.name}` must hold `regression_labels` or `labels` in every split, but does not. Import it for "
            "classification.",
        )
        for key in ("annotations", "classification_labels", "labels"):
            if self._is_in_all_splits(key):
                return self._classes(key)
        raise InvalidInput(
            f"File `{self.name}` must hold `regression_labels`, `annotations`, `classification_labels` or `labels` in "
            f"every split, but does not. {LAYOUT}"
        )

    def _note_missing_scores(self) -> None:
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
        whole = [self._entries(split, key) for split in self._nonempty_splits()]
        if any(values.dtype.kind not in "biuf" for values in whole):
            return True
        if any(values.shape[1] > 1 for values in whole):
            return all(class_labels.is_one_hot(values) for values in whole)
        known = np.unique(np.concatenate(whole))
        return len(known) <= 2 and bool((known == np.round(known)).all())

    def _classes(self, key: str) -> Targets:
        """Classes of words or numbers, or of a column a class."""
        whole = [self._entries(split, key) for split in self._nonempty_splits()]
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
        labels: Any = self._words(key)
        with contextlib.suppress(ValueError):  # what is no number stays a word
            labels = number_words.exact_numbers(labels, np.array(list(map(float, labels))))
        y, classes = encode_classes(labels)
        self.add_finding(
            "classes",
            f"Classes are the {'words' if key == 'annotations' else 'numbers'} in `{key}`: "
            f"{', '.join(classes[:12])}.",
        )
        return Targets(y, classes)

    def _unimodal(self) -> dict[str, np.ndarray]:
        """Return the targets of single modalities (N,). Missing targets are NaN, as in a split without them."""
        result = {
            name: self._scores(key)
            for name in self.names
            for key in [f"regression_labels_{name[0].upper()}"]
            if any(key in inner for inner in self.splits.values())
        }
        self.note_unimodal(result)
        return result
