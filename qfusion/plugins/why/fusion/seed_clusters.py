"""Clusters of explanations over training seeds: one explanation of a sample, or several."""

from qfusion._memory_cache import memo
from qfusion.explain import stability
from qfusion.plugins.why.fusion import explanation_clusters
from qfusion.study import cohorts
from qfusion.study.study import Study
from qfusion.study.trust import SPLIT, load_stability, stamp_seeds


@memo(8, stamp=stamp_seeds, task="Comparing the explanations of the seeds …")
def cluster_seeds(study: Study) -> explanation_clusters.Basins:
    """Whether the seeds of a model explain each test sample in one way.

    Raises:
        NotFound: when seeds were not measured. InvalidInput: when they are too few.
    """
    return explanation_clusters.basins(
        load_stability(study).terms(stability.TERM_KINDS[0])[1],
        cohorts.row_clusters(study.dataset, study.dataset.rows(SPLIT)),
    )
