"""Names and labels of metrics, by the convention that they are measured by. Lists of models need them without torch."""

from collections.abc import Iterable
from typing import NamedTuple


class Label(NamedTuple):
    """How a metric is shown: its short name, and whether more is better; `views.words.training` has its sentence."""

    short: str
    higher_is_better: bool = True


LABELS: dict[str, Label] = {
    "acc2_non0": Label("Acc-2 (non-zero)"),
    "f1_non0": Label("F1 (non-zero)"),
    "acc2_has0": Label("Acc-2 (with zero)"),
    "f1_has0": Label("F1 (with zero)"),
    "acc5": Label("Acc-5"),
    "acc7": Label("Acc-7"),
    "mae": Label("MAE", higher_is_better=False),
    "corr": Label("Correlation"),
    "r2": Label("R2"),
    "acc2": Label("Acc-2"),
    "acc3": Label("Acc-3"),
    "sign": Label("Sign agreement"),
    "accuracy": Label("Accuracy"),
    "f1": Label("F1 (macro)"),
    "nll": Label("Log loss", higher_is_better=False),
}
SIMS = {key: LABELS[key] for key in ("acc2", "acc3", "acc5", "f1", "mae", "corr")}
SIMS["f1"] = Label("F1 (weighted)")
NAMES = {
    "mosi": ("acc2_non0", "f1_non0", "acc2_has0", "f1_has0", "acc5", "acc7", "mae", "corr", "r2"),
    "sims": tuple(SIMS),
    "plain": ("mae", "corr", "r2", "sign"),
    "classes": ("accuracy", "f1", "nll"),
}
# What is shown where there is room for few, the first first.
HEADLINES = {
    "mosi": ("acc2_non0", "acc7", "mae", "corr"),
    "sims": ("acc2", "acc5", "mae", "corr"),
    "plain": ("mae", "corr", "r2", "sign"),
    "classes": ("accuracy", "nll"),
}
_OWN = {
    "sims": {"acc2", "acc3"},
    "classes": {"accuracy", "nll"},
    "mosi": {"acc2_non0", "acc2_has0", "acc7"},
}


def find_convention(keys: Iterable[str]) -> str:
    """Return by which convention metrics of these names were measured."""
    unique = set(keys)
    return next((name for name in ("sims", "classes", "mosi") if unique & _OWN[name]), "plain")


def labels(keys: Iterable[str]) -> dict[str, Label]:
    """Return the labels of metrics that were measured together, in the order of their convention. Keys that are no
    metrics of qfusion are left out.
    """
    unique = set(keys)
    convention = find_convention(unique)
    return {
        key: label(key, convention)
        for key in dict.fromkeys((*NAMES[convention], *LABELS))
        if key in unique
    }


def label(key: str, convention: str = "") -> Label:
    """Return how one metric of a convention is shown; its bare name where it is none of ours."""
    return (SIMS if convention == "sims" else {}).get(key) or LABELS.get(key) or Label(key)


def headlines(keys: Iterable[str]) -> list[str]:
    """Return those of the metrics measured together that are shown if there is room for few."""
    unique = set(keys)
    return [key for key in HEADLINES[find_convention(unique)] if key in unique]
