"""Which output is explained: a class against the others, one class rather than another, or the only score.

An address, a command and a notebook say it with the same text: "" for the class decided for, "yes" for class yes
against the others, "yes:no" for class yes rather than no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._checks import choose
from qfusion.explain import Explanation
from qfusion.models import FusionModel, base

SEPARATOR = ":"


@dataclass(frozen=True)
class Output:
    """Choice of the model output that is explained.

    Attributes:
        number: of the class; None for the class decided for, and for a regression.
        reference: number of the class to compare with; None for all others.
        classes: names of the classes.
    """

    number: int | None = None
    reference: int | None = None
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The text by which `parse` finds it."""
        if self.number is None:
            return ""
        name = self.classes[self.number]
        if self.reference is None:
            return name
        return f"{name}{SEPARATOR}{self.classes[self.reference]}"

    def explained_model(self, model: FusionModel) -> FusionModel:
        """Return the model with the explained scores, given a `model` whose scores are log-odds against all others."""
        return (
            model if self.reference is None else base.log_odds_against_class(model, self.reference)
        )

    def numbers(self, explanation: Explanation) -> np.ndarray:
        """Return the number of the explained output of each of B samples, (B,)."""
        prediction: Any = explanation.prediction
        if self.number is None:
            return np.asarray(prediction.argmax(1))
        return np.full(len(prediction), self.number)


DECIDED = Output()  # the class decided for, or the score of a regression


def parse(text: str, classes: Sequence[str]) -> Output:
    """Return the output that a text names.

    Args:
        text: "", a class, or two classes with a colon between them.
        classes: names of the classes; empty for a regression.

    Raises:
        NotFound: when there is no such class, or both are the same.
    """
    names = tuple(classes)
    if not text:
        return Output(classes=names)
    if text in names:
        return Output(names.index(text), None, names)
    for place, character in enumerate(text):
        first, second = text[:place], text[place + 1 :]
        if character == SEPARATOR and first in names and second in names and first != second:
            return Output(names.index(first), names.index(second), names)
    choose("Output", text, names or ("score",))
    return Output(classes=names)
