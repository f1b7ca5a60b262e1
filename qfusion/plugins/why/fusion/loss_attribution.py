"""Attribute the reduction of the test loss to coalitions and modalities.

The game is w(S) = mean of loss(v(0), y) - loss(v(S), y), whose dividends and Shapley values say by how much a coalition
reduces the test loss (SAGE: Covert, Lundberg and Lee 2020, NeurIPS). SAGE takes the prediction that a subset leaves
from samples; here v(S) is exact. Of classes it is the softmax of the mean score.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from qfusion._checks import check, choose, require_finite
from qfusion.explain import bootstrap, coalitions
from qfusion.models import coalition_algebra

# What takes how much off the loss.

LOSSES = ("cross_entropy", "l1", "mse", "huber")


def losses(values: np.ndarray, truth: np.ndarray, kind: str) -> np.ndarray:
    """Return the loss of every prediction, (B, S), for scores (B, S, C) and truth (B,): a class, or a number.

    Args:
        kind: of `LOSSES`, as training has them; "huber" turns from squares to sizes at 1.
    """
    if choose("Loss", kind, LOSSES) == "cross_entropy":
        return -log_softmax(values, -1)[np.arange(len(values)), :, truth.astype(int)]
    apart = np.abs(values[..., 0] - truth[:, None])
    if kind == "l1":
        return apart
    return apart**2 if kind == "mse" else np.where(apart < 1, apart**2 / 2, apart - 0.5)


class Importance(StrEnum):
    """Whether one modality reduces the loss most."""

    UNKNOWN = "too few samples"
    NO_REDUCTION = "no significant reduction"  # by all modalities together
    ONE_MODALITY = "one modality"
    FIRST = "first modality"
    NO_DIFFERENCE = "no significant difference"  # to the rival that is least certainly behind


@dataclass(frozen=True, eq=False)
class LossGame:
    """Reduction of the mean loss of B samples by coalitions and modalities.

    Attributes:
        loss: of `LOSSES`.
        dividends: by coalition. shapley: by modality; both add up to `total`.
        ahead: the modality whose gap to the first by Shapley value is least certain, with the gap; None of one.
        start, end: mean loss of the baseline and of the model.
    """

    loss: str
    dividends: dict[str, bootstrap.Interval]
    shapley: dict[str, bootstrap.Interval]
    total: bootstrap.Interval
    ahead: tuple[str, bootstrap.Interval] | None
    start: float
    end: float

    @property
    def order(self) -> list[str]:
        """The modalities by Shapley value, the largest first."""
        return sorted(self.shapley, key=lambda name: -self.shapley[name].value)

    @property
    def importance(self) -> Importance:
        """Whether the first modality reduces the loss more than every other one."""
        if not self.total.known:
            return Importance.UNKNOWN
        if self.total.low <= 0:
            return Importance.NO_REDUCTION
        if self.ahead is None:
            return Importance.ONE_MODALITY
        return Importance.FIRST if self.ahead[1].low > 0 else Importance.NO_DIFFERENCE

    def frame(self) -> pd.DataFrame:
        """Return one row per coalition with its dividend, then one row per modality with its Shapley value."""
        return pd.concat(
            [
                bootstrap.interval_frame("of", loss_reduction=part).assign(what=what)
                for what, part in (("dividend", self.dividends), ("Shapley value", self.shapley))
            ],
            ignore_index=True,
        )


def loss_game(
    explanation: coalitions.Explanation,
    truth: np.ndarray,
    loss: str,
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> LossGame:
    """Return the loss reduction due to each coalition and modality, with intervals over samples.

    Args:
        explanation: of B samples. truth: (B,), classes or numbers. loss: of `LOSSES`.
        resamples, seed, clusters: see `bootstrap.counts`.

    Raises:
        InvalidInput: when `truth` is of other samples or not finite. NotFound: when there is no such loss.
    """
    B = len(explanation.values)
    M = len(explanation.modalities)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    require_finite("truth", truth)
    by_coalition = losses(explanation.logits, np.asarray(truth), loss)
    rows = coalition_algebra.dividends((by_coalition[:, :1] - by_coalition)[..., None], M)
    phi = coalition_algebra.shapley(rows, M)[..., 0]
    terms, names = explanation.coalitions[1:], explanation.modalities
    first, *others = np.argsort(-phi.mean(0), kind="stable").tolist()
    columns = {}
    for s, name in enumerate(terms):
        columns[f"dividend\n{name}"] = rows[:, 1 + s, 0]
    for m, name in enumerate(names):
        columns[f"shapley\n{name}"] = phi[:, m]
    columns["total"] = by_coalition[:, 0] - by_coalition[:, -1]
    for m in others:
        columns[f"ahead\n{names[m]}"] = phi[:, first] - phi[:, m]
    intervals = bootstrap.means(columns, resamples=resamples, seed=seed, clusters=clusters)
    ahead = {names[m]: intervals[f"ahead\n{names[m]}"] for m in others}
    return LossGame(
        loss=loss,
        dividends={name: intervals[f"dividend\n{name}"] for name in terms},
        shapley={name: intervals[f"shapley\n{name}"] for name in names},
        total=intervals["total"],
        ahead=bootstrap.least_certain_rival(ahead),
        start=float(by_coalition[:, 0].mean()),
        end=float(by_coalition[:, -1].mean()),
    )
