"""Specifications of trainings: the data, the model and the settings of a run or a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Training:
    """Specification of a training, shared by runs and sweeps: the model and the data.

    Attributes:
        data: name of a data set or path of a file, as `qfusion.data.load` accepts it.
        model: kind of model.
        settings: settings of the model that differ from the defaults; for a sweep also fixed options of the training.
        seed: seed of all random numbers; trial n of a sweep has the seed `seed` + n.
        digest: digest of the data set; set when the run is created.
    """

    data: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Plan(Training):
    """Specification of the training of a run.

    Attributes:
        options: options of the training that differ from the defaults.
        title: title of the model; generated if empty.
        replay: number of epochs, evenly spread, after which the model is saved as a model of its own, see
            `checkpoint_cards.saved_epochs`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    replay: int = 0
