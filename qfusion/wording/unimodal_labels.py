"""Reasons why a model cannot be compared with labels of single modalities."""

from qfusion.analysis.label_comparison import MissingLabels

REASONS: dict[MissingLabels, str] = {
    MissingLabels.CLASSES: (
        "{title} has labels of single modalities, but its target is a class. Own terms are of the predicted class, so "
        "their signs and order are not those of the labels. Import the data with a numeric target "
        "(`--target regression`)."
    ),
    MissingLabels.OTHER_MODALITIES: (
        "{title} has labels of single modalities, but not of those that this model takes. Choose another model."
    ),
    MissingLabels.NONE: (
        "{title} has no labels of single modalities. CH-SIMS has them; in `planted` the hidden scores take their place."
    ),
}


def explain_missing_labels(missing: MissingLabels | None, title: str) -> str:
    """Return why a data set of a title has no labels to compare with; empty where it has."""
    return "" if missing is None else REASONS[missing].format(title=title)
