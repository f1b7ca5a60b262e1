"""Cards of checkpoints: JSON files beside the weights, in folders of checkpoints.

A card describes the model, its data and its metrics, and pins the SHA-256 of the weights."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import qfusion
from qfusion import _user_folders, plugin
from qfusion._checks import check, choose
from qfusion._extras import installed_versions
from qfusion.errors import IntegrityError, NotFound, default_on_error, translate_errors
from qfusion.models import kind_files

AFTER = (
    "@"  # separates the name of a model from the epoch after which it was saved, see `saved_epochs`
)
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")  # of a model of a user's own
CARD = "model.json"  # name of the card in the folder that `train --out` makes
SEEDS = ".seeds"  # ending of the file, beside a card, that `explain.stability` reads


def folders() -> list[Path]:
    """Return the folders of checkpoints: those of the shipped models and games, of the core and of plugins, then the
    user's (QFUSION_MODELS or the user data folder).
    """
    shipped = [*plugin.asset_paths("models"), *plugin.asset_paths("games")]
    return [*shipped, _user_folders.own_folder("models")]


def is_shipped(card_path: Path) -> bool:
    """Return whether a card is that of a shipped model."""
    return card_path.parent in plugin.asset_paths("models")


def locate_card(model: Path) -> tuple[str, Path]:
    """Return the name and the card of a model, given its card, its weights, or the folder that `train --out` made. A
    model in such a folder has the name of the folder.
    """
    card = model / CARD if model.is_dir() else model.with_suffix(".json")
    name = card.absolute().parent.name if card.name == CARD else card.stem
    return name, card


def stamp(name: str) -> str:
    """Return a stamp that changes whenever the files of a checkpoint change. Their digests are checked when they are
    read.
    """
    cards = [folder / f"{name}.json" for folder in folders()]
    for opened_name, card in map(locate_card, _user_folders.opened_places()):
        if opened_name == name:
            cards.append(card)
    endings = (
        ".json",
        ".safetensors",
        SEEDS,
        kind_files.LIVE_ENDING,
        *kind_files.file_endings(),
    )
    files = [card.with_name(f"{card.stem}{ending}") for card in cards for ending in endings]
    facts = [path.stat() for path in files if path.is_file()]
    return " ".join(f"{fact.st_mtime_ns}-{fact.st_size}" for fact in facts)


def available() -> list[str]:
    """Return the names of all checkpoints that have a card. These are the shipped ones, the user's, and those opened
    in place (QFUSION_OPENED). If a card cannot be read, loading its checkpoint says why.
    """
    return list(card_paths())


def saved_epochs(name: str) -> list[int]:
    """Return the epochs after which a model was saved during its training, as separate models `NAME@EPOCH`.

    Args:
        name: name of the model, or of one of the saved models.
    """
    start = name.partition(AFTER)[0] + AFTER
    parts = [known.removeprefix(start) for known in available() if known.startswith(start)]
    return sorted(int(part) for part in parts if part.isdecimal())


def card_paths() -> dict[str, Path]:
    """Return the paths of all cards, keyed by the name of the model. Of several cards of one name, the first counts."""
    paths: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.json")):
            paths.setdefault(path.stem, path)
    for name, path in map(locate_card, _user_folders.opened_places()):
        if path.is_file():
            paths.setdefault(name, path)
    return paths


def find_card(name: str | Path) -> Path:
    """Return the path of a card by the name of the model, or by the path of the card or the weights.

    Raises:
        NotFound: if there is no such card.
    """
    given = Path(name)
    if given.suffix in (".json", ".safetensors"):
        card = given.with_suffix(".json")
        check(
            card.is_file(),
            f"Checkpoint {given} does not exist. Give the path of a card (.json) with its weights beside it.",
            NotFound,
        )
        return card
    known = card_paths()
    return known[choose("Model", str(name), known)]


if TYPE_CHECKING:
    from qfusion.data import DataSet
    from qfusion.models import FusionModel

FORMAT = 1
STOPPED = (
    "stopped_after"  # in `training`: epochs of a model that was taken before its training ended
)


def training_split(card: Mapping[str, Any]) -> str:
    """Return the name of the rows that a model was trained on, "train" or "train+valid". The same rows are the
    background of its explanations.
    """
    return "train+valid" if card.get("training", {}).get("refit") else "train"


def load_card(name: str | Path) -> dict[str, Any]:
    """Return a checkpoint's card without its weights, by name or by the path of its card.

    Raises:
        NotFound: when there is none of that name; IntegrityError, InvalidInput: when it cannot be read or is of another
            format.
    """
    return read_card(find_card(name))


def weights_digest(data: bytes, card: Mapping[str, Any]) -> str:
    """Return the digest that identifies a checkpoint's weights. For a model that is read from a file of
    another format it also covers the settings, which determine the meaning of its numbers.
    """
    result = hashlib.sha256(data)
    if card["model"] in kind_files.file_formats():
        result.update(json.dumps(card["settings"], sort_keys=True).encode())
    return result.hexdigest()


def weights_name(card: Mapping[str, Any], card_path: Path) -> str:
    """Return the name of the file with the weights, beside the card: NAME.safetensors, or NAME-DIGEST.safetensors if
    they replaced others.
    """
    name, stem = card.get("weights", f"{card_path.stem}.safetensors"), card_path.stem
    endings: tuple[str, ...] = (".safetensors",)
    if card["model"] in (kind_files.LIVE, kind_files.LIVE_CIRCUIT):
        endings = (kind_files.LIVE_ENDING,)
    elif one := kind_files.file_formats().get(card["model"]):
        endings = one.endings
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


def read_card(path: Path) -> dict[str, Any]:
    """Return the card that a file holds, as it is, without a check of its contents."""
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
) -> dict[str, Any]:
    """Return the card of a model: its structure, its training data and its metrics over the seeds."""
    target = dataset.target
    total = sum(p.numel() for p in model.parameters())
    encoders = sum(p.numel() for p in model.encoders.parameters())
    sizes = {split: len(dataset.rows(split)) for split in ("train", "valid", "test")}
    card = {
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
            "sizes": sizes,
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
    }
    return card


@default_on_error(None)
def weights_path(card: Path) -> Path | None:
    """The weights that a card names now, if it can be read."""
    return card.with_name(weights_name(read_card(card), card))


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
