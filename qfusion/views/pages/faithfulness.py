"""Panels and choices of the Faithfulness page."""

from functools import partial

from qfusion import plugin
from qfusion.study import trust
from qfusion.views import faithfulness
from qfusion.views.pages import params
from qfusion.views.pages.choices import reads_features
from qfusion.views.pages.panel import all_open, panels, variants

VIEWS = (
    "Deletion",
    "Truth",
    "Other methods",
    "Training seeds",
    *plugin.tab_names("faithfulness"),
)


PROOF = params.SelectParam("proof", "View", "Deletion is shown.", values=VIEWS, look="tabs")
FEATURES_OF = params.SelectParam(
    "proof.of",
    "Features of",
    "The first is shown.",
    "The modality whose features are removed one by one.",
    lambda study: study.modalities,
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
NAMED = panels(
    variants(faithfulness.feature_curves, "{}-features-", kind=faithfulness.DIRECTIONS),
    rest="modality",
    opens=_DELETED,
    endings=lambda view, study: [view.option("proof.of", study.modalities)],
    fits=reads_features,
)
CONTROLS = (PROOF, FEATURES_OF, RUN)
is_tab_open = PROOF.is_one_of
PANELS = {
    **panels(faithfulness.cautions, cached=False),
    **panels(
        faithfulness.truth,
        fits=lambda sample: trust.is_truth_known(trust.with_training_background(sample.study)),
        opens=_TRUE,
    ),
    **panels(
        faithfulness.estimators,
        opens=all_open(_OTHERS, RUN.opens),
        fits=lambda sample: trust.playable(sample.study),
    ),
    **panels({"deletion-modalities": faithfulness.modality_curves}, opens=_DELETED),
    **panels(
        {"insertion-modalities": partial(faithfulness.modality_curves, kind="insertion")},
        opens=_DELETED,
        fits=lambda study, **_: len(study.modalities) > 2,
    ),
    **panels(
        faithfulness.seed_ranks,
        cached=False,
        opens=_SEEDS,
        fits=faithfulness.has_seed_measurements,
    ),
    **panels(
        faithfulness.seed_sample,
        cached=False,
        opens=_SEEDS,
        fits=faithfulness.is_measured_over_seeds,
    ),
}
