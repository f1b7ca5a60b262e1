"""The ten checks of a review, one after another."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import pandas as pd

from qfusion import _progress
from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput, NotFound
from qfusion.plugins.review.checks import (
    calibration,
    convention,
    gain,
    modalities,
    provenance,
    resources,
    robustness,
    seeds,
    split,
    stability,
)
from qfusion.plugins.review.checks.check import Check, Finding, Topic, Verdict
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.review.checks.evidence import open_beside
from qfusion.study.study import Study

NEEDS_TRUTH = (  # topics that compare scores with targets
    Topic.MODALITIES,
    Topic.GAIN,
    Topic.SEEDS,
    Topic.CONVENTION,
    Topic.CALIBRATION,
    Topic.RESOURCES,
    Topic.ROBUSTNESS,
)


NEEDS_SEVERAL = Topic.MODALITIES, Topic.GAIN, Topic.ROBUSTNESS  # topics on several modalities


@dataclass(frozen=True, eq=False)
class Review:
    """The ten checks of a model on a data set.

    Attributes:
        model, data: names. checks: in the order of `Topic`.
    """

    model: str
    data: str
    checks: tuple[Check, ...]

    def of(self, topic: Topic) -> Check:
        """Return the check of a topic."""
        return next(one for one in self.checks if one.topic is topic)

    def counts(self) -> dict[Verdict, int]:
        """Return how many checks have each verdict."""
        return {verdict: sum(one.verdict is verdict for one in self.checks) for verdict in Verdict}

    @property
    def modality_table(self) -> pd.DataFrame | None:
        """With which modalities the model still works, see `robustness.modality_table`; None if it was not
        measured."""
        return self.of(Topic.ROBUSTNESS).table


@memo(8, task="Checking the model …")
def find_review(study: Study, claims: Claims | None = None) -> Review:
    """Return the review of a model, cached; see `review_model`."""
    return review_model(study, claims)


def review_model(study: Study, claims: Claims | None = None, *, retrain: bool = False) -> Review:
    """Return the ten checks of a reviewer of a model on a data set.

    Args:
        study: of `open_study`; brought models work as well.
        claims: reported figures, claimed resources, rivals and other seeds; without them the checks that need any say
            what the numbers are.
        retrain: also train the model's kind with fewer modalities, which takes minutes.

    Raises:
        NotFound: when a claimed rival, seed, resource or column does not exist. InvalidInput: when one does not fit the
            data.
    """
    claims = claims or Claims()
    require_claims(study, claims)
    checks = []
    with _progress.progress_shown("Checking") as tell:
        for done, (topic, make) in enumerate(plan_checks(study, claims, retrain).items()):
            tell(done, len(Topic))
            with _progress.progress_to(_report_as(tell, done)):
                checks.append(run_check(study, topic, make))
    return Review(study.name, study.dataset.name, tuple(checks))


def _report_as(tell: _progress.Tell, done: int) -> _progress.Show:
    """Return a display by which whatever one check computes reports how many checks are done, so that the review can
    be cancelled within a check.
    """

    def report(*_: int) -> None:
        tell(done, len(Topic))

    return lambda _: nullcontext(report)


def require_claims(study: Study, claims: Claims) -> None:
    """Check that claimed resources and columns exist, and that claimed rivals and seeds can be opened on the data.

    Raises:
        NotFound, InvalidInput: naming the one that does not.
    """
    offered = resources.offered_resources(study)
    for name in claims.resources:
        check(
            bool(offered),
            f"Resource '{name[:40]}' cannot be claimed of {study.name}, since no resource of models of this kind can "
            "be removed. Claim resources of a QiNN-QJ or an entangled network.",
            NotFound,
        )
        choose("Resource", name, offered)
    for column in claims.groups:
        choose(
            f"Column of data set '{study.dataset.name}'",
            column,
            list(map(str, study.dataset.table.columns)),
        )
    for name in (*claims.rivals, *claims.seeds):
        other = open_beside(study, name)
        check(
            other.reads_features and name != study.name,
            f"Model '{name[:60]}' cannot stand beside {study.name}. Name another trained model of the same data.",
        )
    for name in claims.seeds:
        modalities_of = open_beside(study, name).modalities
        check(
            modalities_of == study.modalities,
            f"Model '{name[:60]}' reads {', '.join(modalities_of)}, and {study.name} reads "
            f"{', '.join(study.modalities)}. Name models that were trained in the same way from other seeds.",
        )


def plan_checks(
    study: Study, claims: Claims, retrain: bool = False
) -> dict[Topic, Callable[[], Check]]:
    """Return a function for each check, in the order of a review."""
    return {
        Topic.SPLIT: partial(split.check_split, study, claims),
        Topic.MODALITIES: partial(modalities.check_modalities, study),
        Topic.GAIN: partial(gain.check_gain, study, claims),
        Topic.SEEDS: partial(seeds.check_seeds, study, claims),
        Topic.CONVENTION: partial(convention.check_convention, study, claims),
        Topic.CALIBRATION: partial(calibration.check_calibration, study),
        Topic.STABILITY: partial(stability.check_stability, study, claims),
        Topic.RESOURCES: partial(resources.check_resources, study, claims),
        Topic.ROBUSTNESS: partial(robustness.check_robustness, study, retrain),
        Topic.PROVENANCE: partial(provenance.check_provenance, study),
    }


def run_check(study: Study, topic: Topic, make: Callable[[], Check]) -> Check:
    """Return a check, or the reason why it does not apply to this model and data."""
    if not study.reads_features:
        return Check(topic, (Finding.GAME,))
    if not study.has_truth and topic in NEEDS_TRUTH:
        return Check(topic, (Finding.NO_TRUTH,))
    if len(study.modalities) < 2 and topic in NEEDS_SEVERAL:
        return Check(topic, (Finding.ONE_MODALITY,))
    try:
        return make()
    except (InvalidInput, NotFound) as error:
        return Check(topic, (Finding.FAILED,), numbers={"reason": str(error)})
