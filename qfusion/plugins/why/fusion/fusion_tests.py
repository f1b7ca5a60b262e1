"""Fusion of a model on its explained test rows: loss game, ranking of coalitions and sampled synergies."""

import numpy as np
import pandas as pd

from qfusion import _progress, explain
from qfusion._memory_cache import memo
from qfusion.explain import backgrounds
from qfusion.plugins.why.fusion import contribution_ranking, loss_attribution, sampled_synergy
from qfusion.study import cohorts
from qfusion.study.cache import shipped
from qfusion.study.study import Study, dividend_column
from qfusion.study.trust import explain_test_rows
from qfusion.training import checkpoint_cards

# Does my model fuse?

ROWS, DRAWS = 16, 10  # of the background, from which F_syn is sampled, and how often


@memo(16, task="Splitting the test loss …", ready=shipped(loss_attribution.LossGame))
def split_loss(study: Study) -> loss_attribution.LossGame:
    """Return by how much coalitions reduce the loss of the explained test rows, for the loss that the model was
    trained with.
    """
    rows, explanation = explain_test_rows(study)
    trained = str(study.card.get("training", {}).get("loss", ""))
    loss = trained if trained in loss_attribution.LOSSES[1:] else loss_attribution.LOSSES[1]
    return loss_attribution.loss_game(
        explanation,
        study.dataset.y[rows],
        loss_attribution.LOSSES[0] if study.classes else loss,
        clusters=cohorts.row_clusters(study.dataset, rows),
    )


@memo(16)
def rank_coalitions(
    study: Study, rows: np.ndarray, output: int | None = None
) -> contribution_ranking.Ranking:
    """Return the coalitions of explained rows, ranked by their contributions to one output or to each sample's
    predicted class.
    """
    frame = study.frame(output).iloc[rows]
    return contribution_ranking.ranking(
        {term: frame[dividend_column(term)].to_numpy(float) for term in study.terms},
        study.modalities,
        cohorts.row_clusters(study.dataset, rows),
    )


@memo(16, task="Sampling synergies …", ready=shipped(pd.DataFrame))
def sample_synergies(study: Study, count: int = ROWS) -> pd.DataFrame:
    """F_syn of the explained test rows against `count` rows of the training set, `DRAWS` times, beside the exact
    dividends; see `sampled_synergy.synergies`. The rows are combined as in the study's background."""
    rows, exact = explain_test_rows(study)
    rng = np.random.default_rng(0)
    behind = study.dataset.rows(checkpoint_cards.training_split(study.card))
    features = study.inputs(rows)
    kind = "product" if study.background.kind == "product" else "cohort"
    sampled = []
    for _ in _progress.progress_over(range(DRAWS), "Sampling synergies", DRAWS):
        drawn = np.sort(rng.choice(behind, min(count, len(behind)), replace=False))
        few = backgrounds.background(study.model, study.inputs(drawn), kind)
        sampled.append(explain.explain(study.model, features, few))
    return sampled_synergy.synergies(exact, sampled, study.predicted[rows])
