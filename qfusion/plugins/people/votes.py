"""Votes of people for the classes of clips, of which they were shown some modalities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.target_spec import SHARE_OF_VOTES

SHARE = f"{SHARE_OF_VOTES} for the "  # beginning of the name of a crowd's target
CHOSEN_BY_VOTES = "class of the majority"  # a target that the explained votes themselves chose


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes of people for the classes of clips.

    Attributes:
        players: names of the M modalities.
        classes: names of the K classes.
        counts: votes, int64 (N, 2^M - 1, K), of the conditions in the order of `coalition_names` without the first.
        explained: the class whose share of votes is the value of the game, as a number (N,).
    """

    players: tuple[str, ...]
    classes: tuple[str, ...]
    counts: np.ndarray
    explained: np.ndarray

    def __post_init__(self) -> None:
        shape = (len(self.explained), 2 ** len(self.players) - 1, len(self.classes))
        check(
            self.counts.shape == shape and bool((self.counts >= 0).all()),
            f"Argument `counts` must hold numbers of votes, 0 or more, of shape {shape}, but has shape "
            f"{self.counts.shape}.",
        )
        check(
            bool((self.counts.sum(-1) >= 2).all()),
            "Every clip must have two raters or more in every condition, else the error of a share is unknown.",
        )
        check(
            bool(((self.explained >= 0) & (self.explained < len(self.classes))).all()),
            "Argument `explained` must hold numbers of classes.",
        )

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions, such as voice+face."""
        return coalition_names(self.players)[1:]

    @property
    def raters(self) -> np.ndarray:
        """The number of raters, (N, 2^M - 1)."""
        return np.asarray(self.counts.sum(-1))

    @property
    def shares(self) -> np.ndarray:
        """The share of votes of each class, (N, 2^M - 1, K)."""
        return np.asarray(self.counts / self.raters[..., None])

    @property
    def base_rates(self) -> np.ndarray:
        """The share of each class in all votes, (K,)."""
        return np.asarray(self.counts.sum((0, 1)) / self.counts.sum())

    @property
    def values(self) -> np.ndarray:
        """Values of the coalitions, (N, 2^M): the base rate, then the shares of the explained class."""
        shown = np.take_along_axis(self.shares, self.explained[:, None, None], 2)[..., 0]
        return np.concatenate([self.base_rates[self.explained][:, None], shown], 1)

    @property
    def majorities(self) -> np.ndarray:
        """The class with most votes as a number, -1 for a tie, (N, 2^M - 1)."""
        return majority(self.counts)

    @property
    def share_errors(self) -> np.ndarray:
        """Standard errors of the explained class's shares, (N, 2^M - 1).

        A share p of n votes has the error sqrt(p (1 - p) / n), where p is (votes + 1/2) / (n + 1), so that a unanimous
        vote of ten people is not taken for certain.
        """
        own = np.take_along_axis(self.counts, self.explained[:, None, None], 2)[..., 0]
        share = (own + 0.5) / (self.raters + 1)
        return np.asarray(np.sqrt(share * (1 - share) / self.raters))


def majority(counts: np.ndarray) -> np.ndarray:
    """Return the class with most votes as a number, -1 for a tie, (...) of votes (..., K)."""
    most = counts.max(-1)
    is_tie = (counts == most[..., None]).sum(-1) > 1
    return np.where(is_tie, -1, counts.argmax(-1))
