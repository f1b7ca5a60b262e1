"""Building of studies, and checks whether a model fits a data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from qfusion._checks import check
from qfusion.analysis.spaces import space_class
from qfusion.analysis.study import Study
from qfusion.data import DataSet
from qfusion.models import base, measured_game


def find_misfit(card: Mapping[str, Any], dataset: DataSet) -> str:
    """Return why a model cannot take a data set's inputs or answer its question, or an empty string if it can."""
    available = dataset.input_specs
    for name, wanted in card["inputs"].items():
        if name not in available:
            return f"it needs the modality '{name}', and the data has {', '.join(available)}."
        if int(wanted["size"]) != int(available[name]["size"]):
            return f"it needs {wanted['size']} features of '{name}', and the data has {available[name]['size']}."
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    if classes and len(card["outputs"]) != len(classes):
        return f"it has {len(card['outputs'])} outputs, and the data has {len(classes)} classes."
    if card.get("model") == measured_game.KIND and dataset.digest != card["data"]["digest"]:
        return "it holds the values of other samples."
    return ""


def explained_model(model: Any, dataset: DataSet) -> Any:
    """Return the model whose scores are explained. For a classifier, its scores are log-odds, see `models.base`."""
    classifies = dataset.target.kind == "classification"
    return base.log_odds_against_others(model) if classifies else model


@torch.no_grad()
def build_study(
    name: str,
    card: Mapping[str, Any],
    model: Any,
    dataset: DataSet,
    card_path: Path | None = None,
) -> Study:
    """Return a model on a data set. For `card_path`, see `Study`.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    problem = find_misfit(card, dataset)
    check(
        not problem,
        f"Model '{name}' does not fit data set '{dataset.name}': {problem} Choose the data it was "
        f"trained on, '{card['data']['name']}'.",
    )
    explained = explained_model(model, dataset)
    explained = space_class(model).prepare_model(explained)
    return Study(name, card, explained, dataset, model, card_path=card_path)
