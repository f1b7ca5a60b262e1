"""Check of the explanations: whether models that differ in their training seed alone explain the same samples alike."""

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.errors import NotFound
from qfusion.explain import stability
from qfusion.plugins.review.checks.check import Check, Finding, Topic
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.review.checks.evidence import open_beside
from qfusion.plugins.review.checks.seed_reliability import GOOD, POOR, seed_reliability
from qfusion.study import cohorts, trust
from qfusion.study.study import Study


@memo(4, task="Explaining the samples with other training seeds …")
def compare_seeds(study: Study, names: tuple[str, ...]) -> stability.Stability:
    """Return the explanations of the explained test rows by a model and by others that were trained from other seeds.

    Args:
        names: of the other models.

    Raises:
        NotFound: when there is no such model. InvalidInput: when one has other modalities.
    """
    studies = [study, *(open_beside(study, name) for name in names)]
    dividends = []
    for one in studies:
        rows, explanation = trust.explain_test_rows(one)
        outputs = study.dataset.y[rows] if study.classes else np.zeros(len(rows), int)
        dividends.append(explanation.dividends[np.arange(len(rows)), :, outputs])
    return stability.Stability(
        study.modalities,
        study.coalitions,
        tuple(range(len(studies))),
        np.array(dividends),
        study.explanation_background.samples,
        bool(study.classes),
    )


def find_seeds(study: Study, claims: Claims) -> tuple[stability.Stability, np.ndarray]:
    """Return the explanations by several seeds, and the rows that they are of.

    Raises:
        NotFound: when other seeds are neither named nor measured.
    """
    if claims.seeds:
        return compare_seeds(study, claims.seeds), trust.explained_test_rows(study)
    return trust.load_stability(study), study.dataset.rows("test")


def check_stability(study: Study, claims: Claims) -> Check:
    """Return how much of the variation of contributions is due to the samples and not to the training seed."""
    try:
        measured, rows = find_seeds(study, claims)
    except NotFound:
        return Check(Topic.STABILITY, (Finding.SEEDS_UNKNOWN,))
    clusters = cohorts.row_clusters(study.dataset, rows)
    reliability = seed_reliability(measured.dividends[..., 1:], clusters)
    if reliability.high < POOR:
        finding = Finding.SEEDS_DISAGREE
    elif reliability.low >= GOOD:
        finding = Finding.SEEDS_AGREE
    else:
        finding = Finding.SEEDS_VARY
    ranks = measured.rank_correlations()
    spread = np.median(measured.spread(), 0)
    return Check(
        Topic.STABILITY,
        (finding,),
        reliability,
        "intraclass correlation of contributions over seeds",
        {
            "seeds": len(measured.seeds),
            "samples": len(rows),
            "agreement": measured.leader_agreement(),
        },
        pd.DataFrame(
            [
                {
                    "term": name,
                    "mean rank correlation": mean,
                    "lowest": lowest,
                    "median deviation over seeds": deviation,
                }
                for (name, (mean, lowest)), deviation in zip(ranks.items(), spread, strict=True)
            ]
        ),
    )
