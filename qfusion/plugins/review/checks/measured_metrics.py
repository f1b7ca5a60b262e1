"""Test metrics of a model and of its training seeds, and the metric that a reported figure is the value of."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qfusion.plugins.review.checks.claims import ClaimedFigure, Claims
from qfusion.plugins.review.checks.evidence import open_beside
from qfusion.study.study import Study
from qfusion.training import metrics

FAMILIES = (  # metrics that differ in their convention alone, or that are taken for one another
    ("acc2_non0", "acc2_has0", "f1_non0", "f1_has0"),
    ("acc2", "f1"),
    ("accuracy", "f1"),
    ("acc5", "acc7"),
)

MEAN, MODEL, SEED = "mean", "model", "seed"  # whose value a reported figure is


@dataclass(frozen=True)
class MeasuredMetrics:
    """Test metrics of a model and of its training seeds.

    Attributes:
        own: of the model in question, by metric.
        seeds: of the known training seeds, by metric; those of a metric without records are missing.
    """

    own: dict[str, float]
    seeds: dict[str, list[float]]

    def find_match(self, figure: ClaimedFigure, metric: str) -> tuple[str, float] | None:
        """Return who has a figure by a metric, and the value: the mean over seeds, the model or a seed; None if nobody
        has it.
        """
        if metric not in self.own:
            return None
        seeds = self.seeds.get(metric, [])
        values = [(MEAN, float(np.mean(seeds)))] if len(seeds) > 1 else []
        values += [(MODEL, self.own[metric]), *((SEED, value) for value in seeds)]
        return next((one for one in values if figure.matches(one[1])), None)

    def is_within(self, figure: ClaimedFigure) -> bool:
        """Return whether a figure lies between the lowest and the highest value of the model and its seeds."""
        values = [self.own[figure.metric], *self.seeds.get(figure.metric, [])]
        return min(values) - figure.rounding <= figure.value <= max(values) + figure.rounding

    def other_metric(self, figure: ClaimedFigure) -> str:
        """Return the metric of the same family whose value a figure is, where it is not that of its own metric; an
        empty string where there is none.
        """
        if self.find_match(figure, figure.metric):
            return ""
        for family in FAMILIES:
            if figure.metric not in family:
                continue
            for name in family:
                if name != figure.metric and self.find_match(figure, name):
                    return name
        return ""

    def resolve(self, figure: ClaimedFigure) -> ClaimedFigure:
        """Return a figure under the metric whose value it is."""
        other = self.other_metric(figure)
        return replace(figure, metric=other) if other else figure


def measure_metrics(study: Study, claims: Claims) -> MeasuredMetrics:
    """Return the test metrics of a model and of its seeds: of the models that `claims` name, this one first, else those
    that the card records.
    """
    own = _test_metrics(study)
    if claims.seeds:
        runs = [own, *(_test_metrics(open_beside(study, name)) for name in claims.seeds)]
        return MeasuredMetrics(own, {key: [run[key] for run in runs] for key in own})
    recorded = study.card.get("metrics", {}).get("test", {})
    seeds = {key: values for key in own if (values := _recorded_values(recorded.get(key)))}
    return MeasuredMetrics(own, seeds)


def _test_metrics(study: Study) -> dict[str, float]:
    rows = study.dataset.rows("test")
    return metrics.row_metrics(study.dataset, rows, study.logits(study.scores[rows]))


def _recorded_values(entry: Any) -> list[float]:
    """Return the values over seeds that a card records of a metric; cards of other origin may hold anything."""
    values = entry.get("values") if isinstance(entry, dict) else None
    if not isinstance(values, list) or not all(isinstance(one, int | float) for one in values):
        return []
    return [float(one) for one in values if np.isfinite(one)]
