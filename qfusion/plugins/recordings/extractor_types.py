"""Methods of extraction: their settings, and the functions that they begin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

SAMPLES = 16_000  # a second, of every voice

Chosen = Mapping[str, Any]  # settings, by name
Make = Callable[
    [Any], np.ndarray
]  # an `Audio` at SAMPLES, a `Film` (T, h, w, 3) or words -> (T, F)
Begun = tuple[Sequence[str], Make]  # names of the F features, and what makes them


@dataclass(frozen=True)
class Method:
    """A way to make the features of a modality.

    Attributes:
        begin: from settings to names of features and what makes them.
        settings: what may be chosen: default, least and most; or a text, empty where it has to be given.
        packages: that it needs, as they are installed.
        version: is raised when the same settings begin to give other numbers.
        terms: of the packages, where they bind whoever uses the features.
        weights: the setting that is the path of a file or folder of weights; empty where there are none.
    """

    begin: Callable[[Chosen], Begun]
    settings: Mapping[str, tuple[float, float, float] | str]
    packages: tuple[str, ...]
    version: int = 1
    terms: str = ""
    weights: str = ""


class Extractor(NamedTuple):
    """Method that was begun: its settings, the names of the F features, and the function that computes them."""

    chosen: Chosen
    names: tuple[str, ...]
    make: Make
