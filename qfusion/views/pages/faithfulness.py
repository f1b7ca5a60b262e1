"""Panels and choices of the Faithfulness page."""

from functools import partial

from qfusion import plugin
from qfusion.explain import attribution, disturbances
from qfusion.study import trust
from qfusion.views import faithfulness
from qfusion.views.pages import panel, params
from qfusion.views.pages.panel import draw_view, drawn

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
    default=disturbances.FIRST,
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
    faithfulness.MEASURES,
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
        drawn(faithfulness.feature_curves),
        {"measure": MEASURE, "ranking": RANKING, "everyone": panel.EVERYONE},
        {"kind": kind},
        rest="modality",
        opens=_DELETED,
        endings=lambda view, study: [view.option("proof.of", study.modalities)],
        fits=panel.reads_features,
        scope="study",
    )
    for kind in faithfulness.DIRECTIONS
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
    "cautions": panel.Panel(partial(draw_view, view=faithfulness.cautions), scope="study"),
    "truth": panel.Panel(
        drawn(faithfulness.truth),
        fits=lambda sample: trust.is_truth_known(trust.with_training_background(sample.study)),
        opens=_TRUE,
    ),
    "estimators": panel.Panel(
        drawn(faithfulness.estimators),
        opens=panel.all_open(_OTHERS, RUN.opens),
        fits=lambda sample: trust.playable(sample.study),
    ),
    **{
        f"{kind}-modalities": panel.Panel(
            drawn(faithfulness.modality_curves),
            {"measure": MEASURE},
            {"kind": kind},
            opens=_DELETED,
            scope="study",
        )
        for kind in faithfulness.DIRECTIONS
    },
    "seed-ranks": panel.Panel(
        partial(draw_view, view=faithfulness.seed_ranks),
        {"terms": panel.TERMS},
        opens=_SEEDS,
        fits=faithfulness.has_seed_measurements,
        scope="study",
    ),
    "seed-sample": panel.Panel(
        partial(draw_view, view=faithfulness.seed_sample),
        {"terms": panel.TERMS},
        opens=_SEEDS,
        fits=faithfulness.is_measured_over_seeds,
    ),
}
