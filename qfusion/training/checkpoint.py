"""Checkpoints of trained models: load, save, and make one from a model in memory.

`NAME.safetensors` holds tensors only, so nothing in it can run; `NAME.json` is the card that describes them. A
model of another format has its file in place of the weights, see `plugin.Format`.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch

import qfusion
from qfusion import _user_folders
from qfusion._checks import check
from qfusion.data import DataSet, signatures
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.models import FusionModel, game, kind_files, live_link, registry
from qfusion.plugin import load_name
from qfusion.training import metrics
from qfusion.training.checkpoint_cards import make_card, read_card, weights_digest, weights_name
from qfusion.training.checkpoint_folders import find_card
from qfusion.training.checkpoint_store import write

_BOTH = "Copy both files again or train the model again."


@dataclass(frozen=True)
class Checkpoint:
    """A trained model, in double precision and eval mode, its card, and the path of the card's file, if there is one.
    The model is shared: treat it as read-only.
    """

    model: Any  # a FusionModel
    card: dict[str, Any]
    path: Path | None = None

    @property
    def fusion(self) -> FusionModel:
        """The model, typed as a `FusionModel`."""
        return cast(FusionModel, self.model)

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook displays: the study of the model on its training data set."""
        return qfusion.panels.notebook.study_html(qfusion.analysis.opening.open_study(self))


def load(name: str | Path) -> Checkpoint:
    """Return a checkpoint by name, or by the path of its card or weights.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file is damaged or the weights are not those the card was written for.
        InvalidInput: when the card is of another format or describes an impossible model.
    """
    card_path = find_card(name)
    card = read_card(card_path)
    weights = card_path.with_name(weights_name(card, card_path))
    check(
        weights.is_file(),
        f"Weights {weights.name} are missing beside {card_path.name}. Train the model again or copy both files.",
        NotFound,
    )
    signatures.require(weights, "a model's weights", "zip", error=IntegrityError)
    data = weights.read_bytes()
    check(
        weights_digest(data, card) == card["weights_sha256"],
        f"{weights.name} is not the file that {card_path.name} describes: its SHA-256 differs. {_BOTH}",
        IntegrityError,
    )
    if card["model"] in live_link.KINDS:
        check(
            card_path.absolute() in [place.absolute() for place in _user_folders.opened_places()],
            f"Model '{card_path.stem}' lives in a Python process. Open it there with `qfusion.show`.",
        )
        return Checkpoint(live_link.linked_model(card, data), card, card_path)
    if one := kind_files.file_formats().get(card["model"]):
        return Checkpoint(load_name(one.read)(card, data, weights.name).eval(), card, card_path)
    if card["model"] == game.KIND:
        return Checkpoint(game.from_card(card, data, weights.name).eval(), card, card_path)
    with translate_errors(
        f"{card_path.name} and its weights do not fit together",
        _BOTH,
        *(
            safetensors.SafetensorError,
            RuntimeError,
            TypeError,
            KeyError,
            ValueError,
            AttributeError,
        ),
        error=IntegrityError,
        why="{words:.200}",
        passing=(QFusionError,),
    ):
        try:
            model = registry.rebuild(
                card["model"],
                card["inputs"],
                card["outputs"],
                card["settings"],
                _tensors(data, registry.is_given(card["model"])),
            )
        except QFusionError as error:
            raise InvalidInput(
                f"{card_path.name} does not describe a model that can be built: {error}"
            ) from error
    return Checkpoint(model.double().eval().requires_grad_(False), card, card_path)


def _tensors(data: bytes, double: bool) -> dict[str, torch.Tensor]:
    tensors = safetensors.torch.load(data)
    dtype, precision = (torch.float64, "double") if double else (torch.float32, "single")
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.dtype != dtype or not bool(tensor.isfinite().all())
    ]
    if bad:
        raise ValueError(f"weights {bad[:3]} are not finite numbers in {precision} precision")
    return tensors


def save(path: str | Path, model: FusionModel, card: Mapping[str, Any], new: bool = False) -> Path:
    """Write PATH.safetensors and PATH.json, neither ever visible half-written; return the card's path.

    Weights are kept in single precision, or in double precision where the model says so.

    Args:
        path: see above. model: whose weights. card: see `make_card`.
        new: refuse to replace a model of that name.

    Raises:
        InvalidInput: when the folder cannot be written to, or a `new` model's name is taken.
    """
    return write(Path(path).with_suffix(".json"), pack_weights(model), ".safetensors", card, new)


def write_link(card_path: Path, data: bytes, card: Mapping[str, Any]) -> Path:
    """Write the card of a model that lives in a Python process, and beside it how to reach it; return the card's path.

    Args:
        card_path: PATH.json. data: bytes of the file with address and token. card: see `make_card`.
    """
    return write(card_path, data, live_link.ENDING, card, new=True)


def pack_weights(model: torch.nn.Module) -> bytes:
    """Return the bytes of a safetensors file of a model's weights, in single precision, or in double precision if the
    model was given, not trained; of a measured game, those of its values.
    """
    if isinstance(model, game.Game):
        return game.game_bytes(model)
    dtype = _stored_precision(model)
    return safetensors.torch.save(
        {
            key: value.detach().cpu().to(dtype).contiguous()
            for key, value in model.state_dict().items()
        }
    )


def _stored_precision(model: torch.nn.Module) -> torch.dtype:
    return torch.float64 if getattr(model, "is_given", False) else torch.float32


def make_checkpoint(
    model: Any,
    dataset: DataSet,
    *,
    name: str,
    title: str = "",
    seed: int = 0,
    training: Mapping[str, Any] | None = None,
    notes: str = "",
) -> Checkpoint:
    """Return a model with a card, as `load` returns it after it was saved: weights in the precision in which they are
    kept, calculating in double.

    Args:
        model: trained on `dataset`; it stays as it is.
        dataset: on whose splits it is measured for the card.
        name: that the model goes by.
        title: what a person calls it; its kind and the data set's title unless given.
        seed: of the training. training: its options.
        notes: for the reader of the card.

    Raises:
        InvalidInput: when the model is none of ours, or the name is empty.
    """
    check(
        isinstance(model, FusionModel),
        f"A checkpoint holds one of our models, but this is a {type(model).__name__}. Train one of "
        f"{', '.join(registry.names())}.",
    )
    check(
        isinstance(name, str) and bool(name.strip()),
        f"Argument `name` must be a name, but is {name!r}. Give one, such as 'mine'.",
    )
    own = (
        copy.deepcopy(model)
        .cpu()
        .to(_stored_precision(model))
        .double()
        .eval()
        .requires_grad_(False)
    )
    measured = {
        split: metrics.evaluate(own, dataset, split)
        for split in ("train", "valid", "test")
        if len(dataset.rows(split)) and dataset.target.known
    }
    card = make_card(
        own,
        dataset,
        name=name,
        title=title or f"{own.kind} on {dataset.title}",
        seed=seed,
        training=training or {},
        metrics={split: metrics.summary([result]) for split, result in measured.items()},
        this_seed=measured,
        seeds=[seed],
        notes=notes,
    )
    card["weights_sha256"] = weights_digest(pack_weights(own), card)
    return Checkpoint(own, json.loads(json.dumps(card, allow_nan=False)))
