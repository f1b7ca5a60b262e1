"""Snippets of the Faithfulness page."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

MODALITIES = "numbers = faithful.modality_curves(work, probability=$probability).frame()"
FEATURES = "numbers = faithful.feature_curves(work, $name, $ranking, probability=$probability).frame()"
AS_TRAINED = "work = subjects.build(sample.name, sample.checkpoint.card, sample.checkpoint.fusion, sample.dataset)\n"
TRUTH = AS_TRAINED + """
rows, _ = faithful.explained(work)
found = faithful.against_truth(work)
columns = {f"{kind}[{term}]": values[:, i] for kind, values in (("true", found.true), ("exact", found.ours))
           for i, term in enumerate(found.terms)}
numbers = pd.DataFrame({"sample": work.dataset.ids[rows]} | columns)
"""
CAUTIONS = AS_TRAINED + """
try:
    seeds = faithful.stability_of(work)
except QFusionError:  # not measured for this model
    seeds = None
curves, truth = faithful.modality_curves(work, probability=False), faithful.against_truth(work)
said = faithful.cautions(work, curves, truth, seeds)
numbers = pd.DataFrame({"kind": [one.kind for one in said], "sentence": [one.sentence for one in said]})
"""
SEEDS = AS_TRAINED + "seeds = faithful.stability_of(work)\n"
RANKS = SEEDS + """
numbers = pd.DataFrame([{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in seeds.rank_correlations($what).items()])
"""
SEED_SAMPLE = SEEDS + "numbers = faithful.seed_values(work, seeds, sample.row, $what).reset_index()"
ESTIMATORS = """
found = faithful.estimates(work, sample.row, sample.output)  # the last column, seconds, differs from run to run
numbers = estimators.frame(found, work.modalities)
"""


def _probability(view: View) -> bool:
    return view.get("proof.by") == "probability" and len(view.card["outputs"]) > 1


def modalities(view: View) -> str:
    """Deletion and insertion of modalities."""
    return fill(MODALITIES, probability=_probability(view))


def features(view: View, name: str) -> str:
    """Deletion and insertion of the features of one modality."""
    return fill(FEATURES, name=name, ranking=view.get("proof.rank", "gradient x input"), probability=_probability(view))


def terms(body: str) -> object:
    """A template on dividends or Shapley values."""
    return lambda view: fill(body, what=view.get("as", "dividends"))


TEMPLATES = {"deletion-modalities": modalities, "insertion-modalities": modalities, "truth": TRUTH, "cautions": CAUTIONS,
             "seed-ranks": terms(RANKS), "seed-sample": terms(SEED_SAMPLE), "estimators": ESTIMATORS}
NAMED: dict[str, Callable[[View, str], str]] = {"deletion-features-": features, "insertion-features-": features}
