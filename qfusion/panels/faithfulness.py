"""Panels and choices of the Faithfulness page, and the warnings about a model's explanations."""

import pandas as pd

from qfusion import plugin
from qfusion.analysis import (
    method_comparison,
    text,
    trust,
)
from qfusion.analysis.study import Study
from qfusion.explain import attribution, feature_deletion
from qfusion.figures import style
from qfusion.panels import panel, params
from qfusion.panels.deletion_curves import DIRECTIONS, MEASURES, feature_curves, modality_curves
from qfusion.panels.planted_truth import planted_truth
from qfusion.panels.seed_stability import (
    has_seed_measurements,
    is_measured_over_seeds,
    seed_ranks,
    seed_sample,
)
from qfusion.panels.shapley_methods import other_methods
from qfusion.wording.backgrounds import background_markdown, describe_standard_errors
from qfusion.wording.reliability import describe_finding


def trust_warnings(
    study: Study, theme: style.Theme = "light", *, at_hand: bool = False
) -> panel.PanelFigure:
    """Draw every caution on the explanations of a model, as a table: it has no figure.

    Args:
        study: a model on its data. theme: of the page.
        at_hand: leave out what takes longest unless it is computed already, see `trust.reliability_findings`.
    """
    study = trust.with_training_background(study)
    rows = trust.explained_test_rows(study)
    findings = trust.reliability_findings(study, at_hand=at_hand)
    words = [describe_finding(finding) for finding in findings]
    shows = (
        f"results on {len(rows):,} test samples of {text.escape_markdown(study.dataset.name)} against "
        f"{background_markdown(study.explanation_background)}. Every sentence follows from the "
        "figures below. "
    )
    shows += (
        f"Contributions are exact: they sum to the {study.quantity}, without sampling."
        if study.is_exact
        else f"Contributions of a sample sum to its {study.quantity}."
        + describe_standard_errors(study)
    )
    alt = "; ".join(one.sentence for one in words)

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"kind": [one.kind for one in words], "sentence": [one.sentence for one in words]}
        )

    return panel.PanelFigure(
        "cautions",
        f"Limits of the explanations of {text.escape_markdown(study.name)}",
        None,
        shows=shows,
        not_shown="whether the model is right, only whether explanations reflect the model and agree between "
        "training seeds.",
        alt=alt,
        table=table,
    )


VIEWS = (
    "Deletion",
    "Truth",
    "Other methods",
    "Training seeds",
    *plugin.tab_names("faithfulness"),
)


PROOF = params.SelectParam("proof", "View", "Deletion is shown.", values=VIEWS, look="tabs")
RANKING = params.SelectParam(
    "proof.rank",
    "Ranked by",
    "Gradient x input is used.",
    "Gradient methods that rank features by the response of the output to small changes.",
    lambda _: attribution.methods_by_title(),
    default=feature_deletion.FIRST,
    look="segments",
)
FEATURES_OF = params.SelectParam(
    "proof.of",
    "Features of",
    "The first is shown.",
    "The modality whose features are removed one by one.",
    lambda study: study.modalities,
    look="segments",
)
MEASURE = params.SelectParam(
    "proof.by",
    "Measured by",
    "Log-odds are measured.",
    "The log-odds of the predicted class, or its softmax.",
    MEASURES,
    look="segments",
)
RUN = params.SwitchParam(
    "proof.run",
    "Run them on this sample",
    "They are not run.",
    "Takes some seconds per sample, since brute force runs the model on every background sample "
    "for every coalition.",
)
_DELETED, _TRUE, _OTHERS, _SEEDS = map(PROOF.is_one_of, VIEWS[:4])
NAMED = {
    f"{kind}-features-": panel.Panel(
        feature_curves,
        {"measure": MEASURE, "ranking": RANKING, "everyone": panel.EVERYONE},
        {"kind": kind},
        rest="modality",
        opens=_DELETED,
        endings=lambda view, study: [view.option("proof.of", study.modalities)],
        fits=panel.reads_features,
        scope="study",
    )
    for kind in DIRECTIONS
}
CONTROLS = (
    PROOF,
    RANKING,
    FEATURES_OF,
    MEASURE,
    panel.EVERYONE,
    RUN,
    panel.TERMS,
)
PANELS = {
    "cautions": panel.Panel(trust_warnings, scope="study"),
    "truth": panel.Panel(
        planted_truth,
        fits=lambda sample: trust.is_truth_known(trust.with_training_background(sample.study)),
        opens=_TRUE,
    ),
    "estimators": panel.Panel(
        other_methods,
        opens=panel.all_open(_OTHERS, RUN.opens),
        fits=lambda sample: method_comparison.playable(sample.study),
    ),
    **{
        f"{kind}-modalities": panel.Panel(
            modality_curves, {"measure": MEASURE}, {"kind": kind}, opens=_DELETED, scope="study"
        )
        for kind in DIRECTIONS
    },
    "seed-ranks": panel.Panel(
        seed_ranks, {"terms": panel.TERMS}, opens=_SEEDS, fits=has_seed_measurements, scope="study"
    ),
    "seed-sample": panel.Panel(
        seed_sample, {"terms": panel.TERMS}, opens=_SEEDS, fits=is_measured_over_seeds
    ),
}
