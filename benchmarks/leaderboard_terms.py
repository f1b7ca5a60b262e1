"""Who is on the leaderboard, and on what terms: models, data sets, and the settings that each model has on each of
them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import choose_parity  # noqa: E402
import small_bilinear  # noqa: E402
from train_models import FUSION, RECIPES, Recipe  # noqa: E402

from qfusion import data  # noqa: E402
from qfusion.models import EntangledQCNN, QuantumJump, registry  # noqa: E402
from qfusion.models.baselines import Linear  # noqa: E402
from qfusion.models.network.network_model import ProductQCNN  # noqa: E402
from qfusion.training import Options  # noqa: E402

ENCODER = ("encoder", "hidden", "dropout", "pooling", "input_dropout")
OF_TABLES = ("elements", "block", "start")
SEARCHED = (
    "planted",
    "digits",
    "avdigits",
    "parity",
    "avletters",
)  # where scripts/choose_settings.py chooses
SETTINGS = ROOT / "scripts" / "board_settings.json"  # what it tried
# Options of networks, which the linear model is trained without. Its weights are no encoder. What draws other features
# at every step would be learned by heart where the loss is minimised over all rows at once; its penalty does that work.
OF_NETWORKS = ("encoder_decay", "noise", "shift", "turn", "stretch", "delay")
MAX_HIDDEN_TENSOR = 100_000  # entries; above, the TFN head is linear in the outer product, or training would take hours


@dataclass(frozen=True)
class Contender:
    """A row of the board.

    Attributes:
        label: what it is called. kind: of the model. settings: what differs from the kind's defaults.
        role: "system", "ablation", "neighbour" or "baseline".
        small: whether its head has as many parameters as scripts/small_bilinear.py allows.
    """

    label: str
    kind: str
    settings: dict[str, Any]
    role: str
    small: bool = False


CONTENDERS = {
    "qj": Contender("QiNN-QJ", "quantum-jump", {}, "system"),
    "qj-unitary": Contender(
        "QiNN-QJ, unitary (no jumps)", "quantum-jump", dict(evolution="unitary"), "ablation"
    ),
    "qj-dissipative": Contender(
        "QiNN-QJ, dissipative (no H)", "quantum-jump", dict(evolution="dissipative"), "ablation"
    ),
    "qj-none": Contender(
        "QiNN-QJ, no evolution", "quantum-jump", dict(evolution="none"), "ablation"
    ),
    "qj-joint": Contender(
        "QiNN-QJ, joint read-out", "quantum-jump", dict(readout="joint"), "ablation"
    ),
    "qj-single": Contender(
        "QiNN-QJ, one modality read", "quantum-jump", dict(readout="single"), "ablation"
    ),
    "qcnn": Contender("Entangled QCNN", "entangled-qcnn", {}, "system"),
    "qcnn-separate": Contender(
        "QCNN, one rotation per modality", "entangled-qcnn", dict(tables="separate"), "ablation"
    ),
    "qcnn-controlled": Contender(
        "QCNN, controlled pooling",
        "entangled-qcnn",
        dict(circuit_pooling="controlled"),
        "ablation",
    ),
    "qcnn-retained": Contender(
        "QCNN, retained head", "entangled-qcnn", dict(head="retained"), "ablation"
    ),
    "qcnn-product": Contender("QCNN, angles added", "product-qcnn", {}, "ablation"),
    "qcnn-frozen": Contender(
        "QCNN, frozen rules (mean)", "entangled-qcnn", dict(freeze_rule=True), "ablation"
    ),
    **{
        kind: Contender(label, kind, {}, "neighbour")
        for kind, label in (
            ("qfl", "Quantum fusion layer"),
            ("cross-attention-q", "Cross-attention to a circuit"),
            ("vqc-mlpnet", "VQC-MLPNet"),
            ("quantum-lego", "Quantum LEGO"),
            ("unitary-fusion", "One unitary"),
            ("reservoir", "Quantum reservoir"),
        )
    },
    "linear": Contender("Linear model", "linear", {}, "baseline"),
    "late": Contender("Late fusion", "late", {}, "baseline"),
    "concatenation": Contender("Concatenation network", "concatenation", {}, "baseline"),
    "tensor": Contender("TFN (tensor)", "tensor", {}, "baseline"),
    "low-rank": Contender("LMF (low rank)", "low-rank", {}, "baseline"),
    small_bilinear.NAME: Contender(
        f"Bilinear head, {small_bilinear.LEAST} to {small_bilinear.MOST} parameters",
        "low-rank",
        {},
        "baseline",
        small=True,
    ),
    "mult": Contender("MulT (cross-modal attention)", "mult", {}, "baseline"),
}


@dataclass(frozen=True)
class Place:
    """A data set: our recipe for it, and how many numbers an encoder gives.

    Attributes:
        recipe: whose schedule and encoder settings everyone has.
        features: numbers per modality for the baselines; elements of a QCNN.
        dims: dimension of a modality's state; its encoder gives twice as many numbers. Where `features / 2` would make
            the joint state too large to train in reasonable time, smaller.
        input_dropout: of the encoders, as in the recipe's model.
        title: of the board; the data set's own unless given.
        chosen: by model, the settings and training options that were chosen for it (and its ablations) on the
            validation rows, where every rival had the same tries; a model that is not named has the recipe's.
        without: models that do not stand on this board.
    """

    recipe: Recipe
    features: int
    dims: int
    input_dropout: float = 0.0
    title: str = ""
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: tuple[str, ...] = ("qj-single",)

    @property
    def encoder(self) -> dict[str, Any]:
        """Settings of the encoders, those that the recipe leaves to its model's defaults too."""
        known = (
            registry.settings(self.recipe.model)
            | self.recipe.settings
            | dict(input_dropout=self.input_dropout)
        )
        return {key: known[key] for key in ENCODER}

    @cached_property
    def options(self) -> Options:
        """Of the training, for those for whom none were chosen."""
        return Options(**self.recipe.options)

    def options_of(self, model: str) -> Options:
        """Of the training of a contender; what decays couplings is for the systems and their ablations."""
        found = {
            key: value
            for key, value in self.chosen_for(model).items()
            if key in Options.model_fields
        }
        if CONTENDERS[model].role == "neighbour":
            found = {"coupling_decay": 0.0, **found}
        if CONTENDERS[model].kind == Linear.kind:
            found |= {key: getattr(Options(), key) for key in OF_NETWORKS}
        return self.options.replace(**found)

    def chosen_for(self, model: str) -> Mapping[str, Any]:
        """What was chosen for a contender; an ablation has its system's."""
        return self.chosen.get(model, self.chosen.get(model.partition("-")[0], {}))

    @cached_property
    def dataset(self) -> data.DataSet:
        """The data."""
        return data.load(self.recipe.data)


# A picture and a question, lips and voice: both systems, no evolution, and the classical rivals.
_SHORT = tuple(
    model
    for model, contender in CONTENDERS.items()
    if model not in ("qj", "qj-none", "qcnn") and contender.role != "baseline"
)

# What has been shown on `parity` and `avparity` is not shown again where a run takes a minute.
LEFT_OUT = dict.fromkeys(("avagree", "avparity3"), ("qj-dissipative", "qj-joint", "qj-single")) | {
    "easyvqa-yesno": _SHORT
}


def _together(name: str) -> Place:
    """A set whose modalities decide only together, with what was chosen for every model on its validation rows."""
    settings, options = choose_parity.chosen(name, "qj")
    numbers = choose_parity.NUMBERS[name]
    tried = choose_parity.tried(name)
    return Place(
        Recipe("", QuantumJump.kind, name, settings, options),
        numbers,
        numbers // 2,
        without=(
            "qcnn-separate",
            "qcnn-controlled",
            "qcnn-retained",
            "qcnn-product",
            "qcnn-frozen",
            *LEFT_OUT.get(name, ()),
            *(model for model in choose_parity.KINDS if model not in tried),
        ),
        chosen={
            model: {key: choose_parity.chosen(name, model)[1][key] for key in choose_parity.GRID}
            for model in tried
        },
    )


def read_settings() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Returns what scripts/choose_settings.py has tried, by data set and model, best first."""
    return json.loads(SETTINGS.read_text()) if SETTINGS.is_file() else {}


def to_search(place: Place) -> list[str]:
    """Returns the models on a board for which settings are chosen: ablations have their system's."""
    return [
        model
        for model, each in CONTENDERS.items()
        if each.role != "ablation" and model not in place.without
    ]


def _searched(name: str, place: Place) -> Place:
    """A data set with what was chosen, once it was for every model; with the recipe's settings until then."""
    kept = read_settings().get(name, {})
    if not {*to_search(place)} <= kept.keys():
        return place
    return replace(
        place,
        chosen={
            model: {key: value for key, value in best.items() if key not in ("loss", "stopped")}
            for model, (best, *_) in kept.items()
        },
    )


PLACES = {
    "mosi": Place(RECIPES["qj-mosi"], 8, 4, input_dropout=0.3),
    # The recipe's strong weight decay was chosen for QiNN-QJ; whoever is better off with the usual one shows it here.
    "mosi-light": Place(
        replace(
            RECIPES["qj-mosi"],
            options=RECIPES["qj-mosi"].options | dict(weight_decay=Options().weight_decay),
        ),
        8,
        4,
        input_dropout=0.3,
        title="CMU-MOSI, usual weight decay",
    ),
    "planted": Place(RECIPES["qj-planted"], 8, 4, input_dropout=0.1),
    "digits": Place(FUSION["digits"], 10, 4),  # d = 5 trains ten times as long
    "avdigits": Place(FUSION["avdigits"], 8, 4),
    "houston": Place(FUSION["houston"], 6, 3),
    "handwritten": Place(FUSION["handwritten"], 10, 2),  # six modalities: D = 2^6
    "parity": Place(RECIPES["qj-parity"], 8, 4, input_dropout=0.1, without=()),
    **{name: _together(name) for name in choose_parity.finished()},
    "avletters": Place(RECIPES["qj-avletters"], 16, 8, without=_SHORT),
    "scenes": Place(RECIPES["qj-scenes"], 12, 6, without=_SHORT),
}
PLACES |= {name: _searched(name, PLACES[name]) for name in SEARCHED}
PLACES["avletters-noisy"] = replace(  # with what was chosen on clean sound
    PLACES["avletters"], recipe=replace(RECIPES["qj-avletters"], data="avletters-noisy")
)


def settings_of(
    place: Place, contender: Contender, differs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns the settings that a contender is built with on a data set.

    Args:
        place: the data set.
        contender: the model.
        differs: what was chosen for it, see `Place.chosen_for`.
    """
    known, chosen = (
        registry.settings(contender.kind),
        {**place.encoder, **(differs or {}), **contender.settings},
    )
    if contender.kind == QuantumJump.kind:
        chosen["dims"] = place.dims
        chosen |= {
            key: place.recipe.settings[key]
            for key in ("duration", "head_scale", "measurements")
            if key in place.recipe.settings
        }
    elif contender.kind in (EntangledQCNN.kind, ProductQCNN.kind):
        chosen |= {
            key: place.recipe.settings[key] for key in OF_TABLES if key in place.recipe.settings
        } | {"elements": min(place.features, choose_parity.MAX_ELEMENTS)}
    elif contender.small:
        target = place.dataset.target
        chosen |= small_bilinear.size(
            len(place.dataset.modalities), len(target.classes) or 1, place.features
        )
    elif "features" in known:
        chosen["features"] = place.features
    elif known.get("dims", place.dims) != place.dims:
        chosen["dims"] = place.dims
    if (
        contender.kind == "tensor"
        and (place.features + 1) ** len(place.dataset.modalities) > MAX_HIDDEN_TENSOR
    ):
        chosen["width"] = 0
    return {key: value for key, value in chosen.items() if key in known}
