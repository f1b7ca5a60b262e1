"""A model's own terms beside people's labels of single modalities."""

from enum import Enum

from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.data.target_spec import UnimodalLabels
from qfusion.explain import bootstrap
from qfusion.plugins.people.labels import unimodal_labels
from qfusion.study import cohorts
from qfusion.study.opening import open_study, rivals
from qfusion.study.study import Study
from qfusion.study.trust import explain_test_rows


def model_labels(study: Study) -> UnimodalLabels | None:
    """The labels of single modalities that a model's samples have, of the modalities that the model takes."""
    labels = study.dataset.unimodal_labels
    if labels is None or study.classes:
        return None
    names = [name for name in labels.table.columns if name in study.modalities]
    return UnimodalLabels(labels.table[names], labels.planted) if names else None


class MissingLabels(Enum):
    """Reason why a model cannot be compared with labels of single modalities."""

    CLASSES = "classes"  # the target is a class
    OTHER_MODALITIES = "other modalities"  # labels are of modalities that the model does not take
    NONE = "none"  # the data have no labels


def find_missing_labels(study: Study) -> MissingLabels | None:
    """Return why there are no labels of single modalities to compare with; None where there are."""
    if model_labels(study) is not None:
        return None
    unimodal = study.dataset.unimodal
    if unimodal is None or not len(unimodal.columns):
        return MissingLabels.NONE
    return MissingLabels.CLASSES if study.classes else MissingLabels.OTHER_MODALITIES


@memo(8)
def compare_with_labels(study: Study) -> unimodal_labels.LabelAgreement | None:
    """The test samples that are explained, beside their labels; None of data without."""
    labels = model_labels(study)
    if labels is None:
        return None
    rows, result = explain_test_rows(study)
    return unimodal_labels.compare_with_labels(
        result,
        labels.table.iloc[rows],
        study.dataset.y[rows],
        clusters=cohorts.row_clusters(study.dataset, rows),
    )


def is_trained_on_labels(study: Study) -> bool:
    """Whether a model had labels of single modalities as additional targets, by its card."""
    return bool(study.card.get("training", {}).get("unimodal", 0))


def second(study: Study, name: str) -> Study:
    """A second model on the same data.

    Raises:
        NotFound: when no other model of that name was trained on them.
    """
    return open_study(choose("Second model", name, rivals(study)), study.dataset.name)


def closer(study: Study, other: Study) -> dict[str, bootstrap.Interval]:
    """Return by how much better a second model's own terms agree with the labels, by modality. Both models are
    resampled together.
    """
    first = compare_with_labels(study)
    result = compare_with_labels(other)
    assert first is not None and result is not None
    return unimodal_labels.difference(
        first, result, cohorts.row_clusters(study.dataset, explain_test_rows(study)[0])
    )
