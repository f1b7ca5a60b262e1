"""What the pages work out of a model beside people's labels of single modalities. Free of streamlit."""

from __future__ import annotations

from qfusion._checks import choose
from qfusion.analysis.cohort import faithful
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import open_work
from qfusion.analysis.subject import Workspace
from qfusion.data.people import People
from qfusion.errors import QFusionError
from qfusion.explain import people as trust
from qfusion.explain.people import Beside
from qfusion.explain.stability import Interval
from qfusion.training import checkpoint


def labels_of(work: Workspace) -> People | None:
    """The labels of single modalities that a model's samples have, of the modalities that the model takes."""
    found = work.dataset.people
    if found is None or work.classes:
        return None
    names = [name for name in found.table.columns if name in work.modalities]
    return People(found.table[names], found.planted) if names else None


def lacking(work: Workspace, title: str) -> str:
    """Why there are no labels of single modalities to compare with, in sentences, of a data set that is called `title`;
    empty where there are."""
    if labels_of(work) is not None:
        return ""
    labelled = work.dataset.unimodal is not None and len(work.dataset.unimodal.columns) > 0
    if labelled and work.classes:
        return (
            f"{title} has labels of single modalities, but its target is a class: own terms are of the class "
            "decided for, whose signs and order are not those of the labels. Import it with scores as its target "
            "(`--target regression`)."
        )
    if labelled:
        return f"{title} has labels of single modalities, but of none that this model takes. Choose another model."
    return (
        f"{title} has no labels of single modalities: nobody was asked what each says alone. CH-SIMS has them, "
        "and in `planted` the hidden scores take their place."
    )


@memo(8, says="Comparing with labels of single modalities …")
def of(work: Workspace) -> Beside | None:
    """The test samples that are explained, beside their labels; None of data without."""
    labels = labels_of(work)
    if labels is None:
        return None
    rows, found = faithful.explained(work)
    clusters = work.dataset.clusters
    return trust.beside(
        found,
        labels.table.iloc[rows],
        work.dataset.y[rows],
        clusters=None if clusters is None else clusters.numbers[rows],
    )


def taught(work: Workspace) -> bool:
    """Whether a model had labels of single modalities as additional targets, by its card."""
    return bool(work.card.get("training", {}).get("unimodal", 0))


def rivals(work: Workspace) -> list[str]:
    """Names of the other models that were trained on the same data; those whose card cannot be read are left out."""
    found = []
    for name in checkpoint.available():
        try:
            if (
                name != work.name
                and checkpoint.card(name)["data"].get("digest") == work.dataset.digest
            ):
                found.append(name)
        except (QFusionError, AttributeError):
            continue
    return found


def require_second(work: Workspace, name: str) -> None:
    """Raises NotFound when no other model of that name was trained on the same data."""
    choose("Second model", name, rivals(work))


def second(work: Workspace, name: str) -> Workspace:
    """A second model on the same data.

    Raises:
        NotFound: when no other model of that name was trained on them.
    """
    require_second(work, name)
    return open_work(name, work.dataset.name)


def closer(work: Workspace, other: Workspace) -> dict[str, Interval]:
    """By how much a second model's own terms go more with the labels, by modality; both resampled together."""
    first, found = of(work), of(other)
    assert first is not None
    assert found is not None
    rows, clusters = faithful.explained(work)[0], work.dataset.clusters
    return trust.difference(first, found, None if clusters is None else clusters.numbers[rows])
