"""Checkpoints of trained models: load, save, remove, and make one from a model in memory.

The weights of a measured game are the values of its coalitions."""

from __future__ import annotations

import contextlib
import copy
import glob
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch
from filelock import FileLock

import qfusion
from qfusion import _files, _read_only, _user_folders
from qfusion._checks import check
from qfusion.data import (
    DataSet,
    files,
    registry as sets,
    row_splits,
)
from qfusion.data.game_set import GameTable
from qfusion.data.store import manifest
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.models import FusionModel, kind_files, live_link, measured_game, registry
from qfusion.plugin import load_name
from qfusion.training import checkpoint_cards, metrics
from qfusion.training.checkpoint_cards import (
    AFTER,
    SEEDS,
    find_card,
    make_card,
    read_card,
    weights_digest,
    weights_name,
    weights_path,
)

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
        return qfusion.views.pages.notebook.study_html(qfusion.study.opening.open_study(self))


def load(name: str | Path) -> Checkpoint:
    """Return a checkpoint by name, or by the path of its card or weights.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file is damaged or the weights are not those the card was written for.
        InvalidInput: when the card is of another format or describes an impossible model.

    Example:
        >>> from qfusion.training.checkpoint import load
        >>> load("qj-parity").card["data"]["name"]
        'parity'
    """
    card_path = find_card(name)
    card = read_card(card_path)
    weights = card_path.with_name(weights_name(card, card_path))
    check(
        weights.is_file(),
        f"Weights {weights.name} are missing beside {card_path.name}. Train the model again or copy both files.",
        NotFound,
    )
    files.require_signature(weights, "a model's weights", "zip", error=IntegrityError)
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
    if card["model"] == measured_game.KIND:
        return Checkpoint(measured_game.from_card(card, data, weights.name).eval(), card, card_path)
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
    if isinstance(model, measured_game.Game):
        return measured_game.game_bytes(model)
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


def remove(name: str) -> Path:
    """Remove card and weights of one of the reader's checkpoints, what was measured over its training seeds, and its
    models saved after epochs. Return the folder that contained them.

    Raises:
        NotFound: when there is none of that name. InvalidInput: when it came with the library, or cannot be removed.
    """
    _read_only.check_allowed("remove a model")
    path = find_card(name)
    check(
        path.parent not in checkpoint_cards.folders()[:-1],
        f"Model '{name}' came with the library and stays.",
    )
    check(
        path.parent == checkpoint_cards.folders()[-1],
        f"Model '{name}' is opened where it lies, in {path.parent}. Remove it there.",
    )
    with (
        translate_errors(f"{path} cannot be removed", "Remove it by hand."),
        lock_models(path.parent),
    ):
        for card in (path, *path.parent.glob(f"{glob.escape(path.stem)}{AFTER}*.json")):
            weights = weights_path(card)
            card.unlink(missing_ok=True)
            card.with_suffix(SEEDS).unlink(missing_ok=True)
            if weights is not None:
                weights.unlink(missing_ok=True)
    return path.parent


def write(target: Path, data: bytes, ending: str, card: Mapping[str, Any], new: bool) -> Path:
    """Write weights, or a model's file of another format, and their card, as `save` does; return the card's path.

    Args:
        target: PATH.json. data: bytes of the weights or the file. ending: of their file.
        card: see `make_card`. new: as of `save`.

    Raises:
        InvalidInput: as of `save`.
    """
    card = json.loads(json.dumps(dict(card), allow_nan=False))
    digest = weights_digest(data, card)
    with lock_models(target.parent):
        check(
            not (new and target.exists()),
            f"There is a model '{target.stem}' already. Choose another name.",
        )
        before = weights_path(target)
        # The old card stays true until the new one takes its place, so new weights must not take the old ones' name.
        weights = target.with_name(f"{target.stem}{f'-{digest[:12]}' if before else ''}{ending}")
        _files.write_file(weights, data)
        card = {key: value for key, value in card.items() if key != "weights"}
        if before or ending != ".safetensors":
            card["weights"] = weights.name
        _files.write_file(target, json.dumps({**card, "weights_sha256": digest}, indent=1) + "\n")
        # weights that the card had before, also of those who were killed here, and no other model's
        former = re.compile(rf"{re.escape(target.stem)}-[0-9a-f]{{12}}")
        for old in target.parent.glob(f"{glob.escape(target.stem)}*"):
            is_former = (
                former.fullmatch(old.stem)
                and old.suffix != ".json"
                and not old.with_name(f"{old.stem}.json").exists()
            )
            if old != weights and (old == before or is_former):
                old.unlink(missing_ok=True)
        return target


@contextlib.contextmanager
def lock_models(folder: Path) -> Iterator[None]:
    """Context manager that lets one process at a time change the reader's models. If two processes saved a model of
    the same name at once, each would leave half of it.
    """
    with contextlib.ExitStack() as stack:
        if folder == checkpoint_cards.folders()[-1] and folder.is_dir():
            with translate_errors(
                f"The folder of your models, {folder}, cannot be written to",
                "Correct its permissions, or name another in QFUSION_MODELS.",
            ):
                stack.enter_context(FileLock(folder / ".lock", is_singleton=False))
        yield


NAME = "game"  # of one that has no other name


def store_source_game(name: str, folder: Path | None = None) -> Path | None:
    """Store the model of a data set that is a measured game, such as the votes of people, and return its card.

    Args:
        name: of the data set, which the model gets, too; None is returned where the set is no game.
        folder: of checkpoints, by default the user's own.

    Raises:
        DataUnavailable, IntegrityError: as of `data.load`.
    """
    source = sets.sources()[name]
    if source.game is None:
        return None
    stored = make_game_checkpoint(source.game(), sets.load(name), name, source.title)
    return write_game(stored, name, folder or checkpoint_cards.folders()[-1], is_new=False)


def write_game(stored: Checkpoint, name: str, folder: Path, *, is_new: bool) -> Path:
    """Write the model of a game to a folder of checkpoints, and return its card.

    Args:
        stored: the model. name: of its files.
        folder: which is made where there is none. is_new: whether a model of that name is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return write(
        folder / f"{name}.json",
        measured_game.game_bytes(stored.model),
        ".safetensors",
        stored.card,
        is_new,
    )


def is_game(name: str) -> bool:
    """Return whether a model of that name is a measured game."""
    with contextlib.suppress(QFusionError):
        return bool(checkpoint_cards.load_card(name)["model"] == measured_game.KIND)
    return False


def remove_game(name: str) -> Path:
    """Remove a game's model and its data set, and return the folder that the model was in.

    Raises:
        NotFound: when there is no such model. InvalidInput: when it is not a measured game, or cannot be removed.
    """
    check(is_game(name), f"Model '{name}' is not a measured game.")
    folder = remove(name)
    if name in manifest.imported_names():
        manifest.remove_imported(name)
    return folder


def make_game_checkpoint(
    table: GameTable, dataset: DataSet, name: str = NAME, title: str = ""
) -> Checkpoint:
    """Return the model of a game with its card.

    Args:
        table: the game.
        dataset: of the same game.
        name, title: of the model.
    """
    crowd = None
    if table.votes is not None:
        crowd = measured_game.CrowdVotes(
            table.votes.classes, table.votes.counts, table.votes.explained
        )
    model = measured_game.Game(
        table.players, table.outputs, table.values, table.errors, crowd
    ).eval()
    results = {}
    for split in row_splits.SPLITS:
        rows = dataset.rows(split)
        known = np.isfinite(table.y[rows]) if not table.target.classes else table.y[rows] >= 0
        if len(rows) and known.all():
            scores = model.logit_scale * table.values[rows, -1]
            results[split] = metrics.row_metrics(dataset, rows, scores)
    card = checkpoint_cards.make_card(
        model,
        dataset,
        name=name,
        title=title or name,
        seed=0,
        training={},
        metrics={split: metrics.summary([result]) for split, result in results.items()},
        this_seed=results,
        seeds=[0],
    )
    card["parameters"] = {"total": 0, "encoders": 0, "fusion": 0}
    card["game"] = {"source": table.source, "remarks": list(table.remarks)}
    if table.votes is not None:
        card["game"]["classes"] = list(table.votes.classes)
    card["weights_sha256"] = hashlib.sha256(measured_game.game_bytes(model)).hexdigest()
    return Checkpoint(model, json.loads(json.dumps(card, allow_nan=False)))
