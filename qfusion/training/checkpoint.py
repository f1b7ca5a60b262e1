"""Checkpoints: weights as safetensors, everything else as a JSON card beside them.

`NAME.safetensors` holds tensors only (nothing in it can run); `NAME.json` says what they are. Of an imported model the
program stands in its place, `NAME.pt2` or `NAME.onnx`, see `models.imported`. Both are written to a temporary
name first, the card last, so that a card never points to half-written weights; the card pins the weights' SHA-256.
"""

import contextlib
import copy
import glob
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from filelock import FileLock

import qfusion
from qfusion import _assets, _files, _limits, _read_only, _user_folders
from qfusion._checks import check, choose
from qfusion._extras import installed_versions
from qfusion.data import DataSet, signatures
from qfusion.errors import (
    IntegrityError,
    InvalidInput,
    NotFound,
    QFusionError,
    default_on_error,
    translate_errors,
)
from qfusion.models import FusionModel, imported, program, registry
from qfusion.training import metrics, sampling_error

FORMAT = 1
_BOTH = "Copy both files again or train the model again."
AFTER = "@"  # between a model's name and the epoch after which it was kept, see `epochs`; no name holds it
CARD = "model.json"  # what `train --out` calls the card in the folder that it makes


@dataclass(frozen=True)
class Checkpoint:
    """A trained model, in double precision and eval mode, and its card. The model is shared: treat it as read-only."""

    model: Any  # a FusionModel
    card: dict[str, Any]

    @property
    def fusion(self) -> FusionModel:
        """The model, as programs ask for it that were written when baselines could not be explored."""
        return cast(FusionModel, self.model)

    def _repr_html_(self) -> str:
        """How a notebook shows it, on the data that it was trained on: drawn above, by `panels.notebook`."""
        return qfusion.panels.notebook.study_html(qfusion.analysis.opening.open_study(self))


def training_split(card: Mapping[str, Any]) -> str:
    """Return the rows a model was trained on, which are also the background of its explanations: "train" or
    "train+valid"."""
    return "train+valid" if card.get("training", {}).get("refit") else "train"


def folders() -> list[Path]:
    """Return where checkpoints are looked for: shipped ones first, then the user's (QFUSION_MODELS or the user data
    folder)."""
    return [_assets.asset_path("models"), _user_folders.own_folder("models")]


def place_of(model: Path) -> tuple[str, Path]:
    """Return name and card of a model by the folder that `train --out` made, which the model is called after, or by
    its card or weights."""
    card = model / CARD if model.is_dir() else model.with_suffix(".json")
    return (card.absolute().parent.name if card.name == CARD else card.stem), card


def stamp(name: str) -> str:
    """Return a stamp that changes whenever the files of a checkpoint change. Their digests are checked when they are
    read.
    """
    cards = [
        *(folder / f"{name}.json" for folder in folders()),
        *(card for called, card in map(place_of, _user_folders.opened_places()) if called == name),
    ]
    files = [
        card.with_name(f"{card.stem}{suffix}")
        for card in cards
        for suffix in (".json", ".safetensors", *program.ENDINGS.values())
    ]
    seen = [path.stat() for path in files if path.is_file()]
    return " ".join(f"{result.st_mtime_ns}-{result.st_size}" for result in seen)


def available() -> list[str]:
    """Return the names of all checkpoints that have a card. These are the shipped ones, the user's, and those opened
    in place (QFUSION_OPENED). If a card cannot be read, loading its checkpoint says why.
    """
    return list(_cards())


def epochs(name: str) -> list[int]:
    """Return the epochs of its training after which a model was saved, as separate models `NAME@EPOCH`.

    Args:
        name: of the model, or of one of these.
    """
    start = name.partition(AFTER)[0] + AFTER
    parts = [known.removeprefix(start) for known in available() if known.startswith(start)]
    return sorted(int(part) for part in parts if part.isdecimal())


def _cards() -> dict[str, Path]:
    places = [
        *((path.stem, path) for folder in folders() for path in sorted(folder.glob("*.json"))),
        *(place for place in map(place_of, _user_folders.opened_places()) if place[1].is_file()),
    ]
    return dict(places) | dict(reversed(places))  # the first of a name counts


def load(name: str | Path) -> Checkpoint:
    """Return a checkpoint by name, or by the path of its card or weights.

    Raises:
        NotFound: when there is none of that name.
        IntegrityError: when a file is damaged or the weights are not those the card was written for.
        InvalidInput: when the card is of another format or describes an impossible model.
    """
    card_path = _card_path(name)
    card = _read_card(card_path)
    weights = card_path.with_name(_weights_name(card, card_path))
    check(
        weights.is_file(),
        f"Weights {weights.name} are missing beside {card_path.name}. Train the model again or copy both files.",
        NotFound,
    )
    signatures.require(weights, "a model's weights", "zip", error=IntegrityError)
    data = weights.read_bytes()
    check(
        _digest(data, card) == card["weights_sha256"],
        f"{weights.name} is not the file that {card_path.name} describes: its SHA-256 differs. {_BOTH}",
        IntegrityError,
    )
    if card["model"] == program.KIND:
        # where readers from elsewhere might bring models before torch loaded them, one of theirs may lie here
        open_to_all = _limits.is_enforced() and os.environ.get("QFUSION_IMPORT") in (
            "upload",
            "path",
        )
        check(
            not open_to_all or bool(card.get("trusted")) or program.kind_of(data) != "torch",
            f"Model '{card_path.stem}' is a program of torch.export that a version before this one took in, maybe from "
            "a reader from elsewhere, and loading it runs what it holds. If you know it, import its file again on the "
            f"server's machine: `python -m qfusion model import FILE --data NAME --name {card_path.stem} --replace`.",
        )
        return Checkpoint(imported.from_card(card, data, weights.name).eval(), card)
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
                card["model"], card["inputs"], card["outputs"], card["settings"], _tensors(data)
            )
        except QFusionError as error:
            raise InvalidInput(
                f"{card_path.name} does not describe a model that can be built: {error}"
            ) from error
    return Checkpoint(model.double().eval().requires_grad_(False), card)


def card(name: str | Path) -> dict[str, Any]:
    """Return a checkpoint's card without its weights, by name or by the path of its card.

    Raises:
        NotFound: when there is none of that name; IntegrityError, InvalidInput: when it cannot be read or is of another
            format.
    """
    return _read_card(_card_path(name))


def _digest(data: bytes, card: Mapping[str, Any]) -> str:
    """Return the digest that identifies a checkpoint's weights. For an imported model it also covers the settings,
    which determine the meaning of the program's numbers.
    """
    result = hashlib.sha256(data)
    if card["model"] == program.KIND:
        result.update(json.dumps(card["settings"], sort_keys=True).encode())
    return result.hexdigest()


def _weights_name(card: Mapping[str, Any], card_path: Path) -> str:
    """Return the name of the file with the weights, beside the card: NAME.safetensors, or NAME-DIGEST.safetensors if
    they replaced others.
    """
    name, stem = card.get("weights", f"{card_path.stem}.safetensors"), card_path.stem
    endings = program.ENDINGS.values() if card["model"] == program.KIND else (".safetensors",)
    known = [
        f"{stem}{part}{ending}"
        for part in ("", f"-{str(card['weights_sha256'])[:12]}")
        for ending in endings
    ]
    check(
        name in known,
        f"{card_path.name} names weights that are not its own. Copy both files again.",
        IntegrityError,
    )
    return str(name)


def _tensors(data: bytes) -> dict[str, torch.Tensor]:
    tensors = safetensors.torch.load(data)
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.dtype != torch.float32 or not bool(tensor.isfinite().all())
    ]
    if bad:
        raise ValueError(f"weights {bad[:3]} are not finite numbers in single precision")
    return tensors


def _card_path(name: str | Path) -> Path:
    given = Path(name)
    if given.suffix in (".json", ".safetensors"):
        card = given.with_suffix(".json")
        check(
            card.is_file(),
            f"Checkpoint {given} does not exist. Give the path of a card (.json) with its weights beside it.",
            NotFound,
        )
        return card
    known = _cards()
    return known[choose("Model", str(name), known)]


def _read_card(path: Path) -> dict[str, Any]:
    with translate_errors(
        f"{path.name} cannot be read as a card",
        "Copy it again.",
        *(OSError, ValueError, TypeError, RecursionError),
        error=IntegrityError,
        why="{words:.200}",
    ):
        # it is text of a few kilobytes
        check(path.stat().st_size <= 4_000_000, f"{path.name} is too large for a card.")
        card = json.loads(path.read_text(encoding="utf-8"))
        needed = "model", "settings", "inputs", "outputs", "data", "weights_sha256", "metrics"
        missing = [key for key in needed if key not in card]
    check(
        not missing,
        f"{path.name} lacks {', '.join(missing)}. Copy it again or train the model again.",
        IntegrityError,
    )
    check(
        card.get("format") == FORMAT,
        f"{path.name} has card format {card.get('format')!r}, but this version reads {FORMAT}. Use the version it "
        "was written with, or train the model again.",
    )
    return dict(card)


def make_card(
    model: FusionModel,
    dataset: DataSet,
    *,
    name: str,
    title: str,
    seed: int,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    this_seed: Mapping[str, Any],
    seeds: list[int],
    notes: str = "",
    sampling: sampling_error.Sampling | None = None,
) -> dict[str, Any]:
    """Return the card of a model: its structure, its training data and its metrics over the seeds.

    The error of sampled scores is in the card where there is one.
    """
    target = dataset.target
    total = sum(p.numel() for p in model.parameters())
    encoders = sum(p.numel() for p in model.encoders.parameters())
    return {
        "format": FORMAT,
        "name": name,
        "title": title,
        "model": model.kind,
        "settings": model.settings,
        "inputs": dataset.input_specs,
        "outputs": list(model.outputs),
        "target": {
            "kind": target.kind,
            "name": target.name,
            "range": target.range,
            "classes": list(target.classes),
        },
        "data": {
            "name": dataset.name,
            "digest": dataset.digest,
            "sizes": {split: len(dataset.rows(split)) for split in ("train", "valid", "test")},
        },
        "training": dict(training),
        "seed": seed,
        "seeds": seeds,
        "metrics": dict(metrics),
        "this_seed": dict(this_seed),
        "parameters": {"total": total, "encoders": encoders, "fusion": total - encoders},
        "versions": {
            "python": platform.python_version(),
            "qfusion": qfusion.__version__,
            **installed_versions(("torch", "qutip", "pennylane", "numpy")),
        },
        "notes": notes,
        **({} if sampling is None else {"sampling": asdict(sampling)}),
    }


def save(path: str | Path, model: FusionModel, card: Mapping[str, Any], new: bool = False) -> Path:
    """Write PATH.safetensors and PATH.json, neither ever visible half-written; return the card's path.

    Weights are kept in single precision.

    Args:
        path: see above. model: whose weights. card: see `make_card`.
        new: refuse to replace a model of that name.

    Raises:
        InvalidInput: when the folder cannot be written to, or a `new` model's name is taken.
    """
    return write(Path(path).with_suffix(".json"), _pack_weights(model), ".safetensors", card, new)


def remove(name: str) -> Path:
    """Remove card and weights of one of the reader's checkpoints, and its models saved after epochs. Return the folder
    that contained them.

    Raises:
        NotFound: when there is none of that name. InvalidInput: when it came with the library, or cannot be removed.
    """
    _read_only.check_allowed("remove a model")
    path = _card_path(name)
    check(path.parent != folders()[0], f"Model '{name}' came with the library and stays.")
    check(
        path.parent == folders()[-1],
        f"Model '{name}' is opened where it lies, in {path.parent}. Remove it there.",
    )
    with translate_errors(f"{path} cannot be removed", "Remove it by hand."), _alone(path.parent):
        for card in (path, *path.parent.glob(f"{glob.escape(path.stem)}{AFTER}*.json")):
            weights = _weights_path(card)
            card.unlink(missing_ok=True)
            if weights is not None:
                weights.unlink(missing_ok=True)
    return path.parent


def write(target: Path, data: bytes, ending: str, card: Mapping[str, Any], new: bool) -> Path:
    """Write weights, or an imported model's program, and their card, as `save` does; return the card's path.

    Args:
        target: PATH.json. data: bytes of weights or program. ending: of their file, such as ".pt2".
        card: see `make_card`. new: as of `save`.

    Raises:
        InvalidInput: as of `save`.
    """
    card = json.loads(json.dumps(dict(card), allow_nan=False))
    digest = _digest(data, card)
    with _alone(target.parent):
        check(
            not (new and target.exists()),
            f"There is a model '{target.stem}' already. Choose another name.",
        )
        before = _weights_path(target)
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
def _alone(folder: Path) -> Iterator[None]:
    """Context manager that lets one process at a time change the reader's models. If two processes saved a model of
    the same name at once, each would leave half of it.
    """
    with contextlib.ExitStack() as stack:
        if folder == folders()[-1] and folder.is_dir():
            with translate_errors(
                f"The folder of your models, {folder}, cannot be written to",
                "Correct its permissions, or name another in QFUSION_MODELS.",
            ):
                stack.enter_context(FileLock(folder / ".lock", is_singleton=False))
        yield


def _pack_weights(model: torch.nn.Module) -> bytes:
    """The file of a model's weights, in single precision."""
    return safetensors.torch.save(
        {
            key: value.detach().cpu().float().contiguous()
            for key, value in model.state_dict().items()
        }
    )


def of(
    model: Any,
    dataset: DataSet,
    *,
    name: str,
    title: str = "",
    seed: int = 0,
    training: Mapping[str, Any] | None = None,
    notes: str = "",
) -> Checkpoint:
    """Return a model with a card, as `load` returns it after it was saved: weights of single precision, calculating in
    double.

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
    own = copy.deepcopy(model).cpu().float().double().eval().requires_grad_(False)
    measured = {
        split: metrics.evaluate(own, dataset, split)
        for split in ("train", "valid", "test")
        if len(dataset.rows(split))
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
        sampling=sampling_error.model_sampling(own, dataset),
    )
    card["weights_sha256"] = _digest(_pack_weights(own), card)
    return Checkpoint(own, json.loads(json.dumps(card, allow_nan=False)))


@default_on_error(None)
def _weights_path(card: Path) -> Path | None:
    """The weights that a card names now, if it can be read."""
    return card.with_name(_weights_name(_read_card(card), card))
