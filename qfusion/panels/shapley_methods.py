"""Shapley values of a sample by exact and sampled methods."""

from qfusion.analysis import method_comparison, text
from qfusion.analysis.sample import Sample
from qfusion.explain import faithfulness
from qfusion.figures import style
from qfusion.panels import panel
from qfusion.wording.backgrounds import describe_comparison

ROUNDING = 1e-9  # differences of Shapley values below it are rounding


def other_methods(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw Shapley values of a sample by four methods, as a table: it has no figure.

    Only against samples as background.
    """
    study = sample.study
    compared = method_comparison.with_row_background(study)
    if compared.background.kind == study.background.kind:
        differs = ""
    else:
        differs = " These methods need whole rows; other panels draw each absent modality on its own, so values differ."
    estimates = method_comparison.estimates(study, sample.row, sample.output)
    exact, brute, *others = estimates
    title = describe_estimates(
        exact.seconds, brute.seconds, brute.error, max(one.error for one in others)
    )
    shows = (
        f"Shapley values of sample {text.escape_markdown(sample.id)} for the {text.escape_markdown(sample.unit)} by "
        "four ways, seed "
        "0. captum's estimators at their defaults; a coalition they ask for again is not run again but charged "
        "again. " + describe_comparison(compared.background) + differs
    )
    return panel.PanelFigure(
        "estimators",
        title,
        None,
        shows=shows,
        not_shown="other seeds of the estimators, or a whole data set: benchmarks in the repository measure many "
        "samples, and shap too.",
        alt=title + ".",
        table=lambda: faithfulness.frame(estimates, study.modalities),
    )


def describe_estimates(exact: float, brute: float, apart: float, error: float) -> str:
    """Describe how exact and brute-force Shapley values, and sampled ones, compare.

    Args:
        exact, brute: seconds. apart: the largest difference of these two. error: the largest of the sampled ones.
    """
    if apart == 0:
        agrees = "agrees in every digit"
    elif apart < ROUNDING:
        agrees = f"agrees to {apart:.0e}"
    else:
        agrees = f"differs by {apart:.0e}"
    if error < ROUNDING:
        sampled = "sampling errs by no more than rounding"
    else:
        sampled = f"sampling errs by up to {error:.2g}"
    return f"Exact in {_time(exact)}; brute force {agrees} and takes {_time(brute)}; {sampled}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
