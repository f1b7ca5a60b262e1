"""Cards of checkpoints: JSON files beside the weights.

A card describes the model, its data and its metrics, and pins the SHA-256 of the weights.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qfusion
from qfusion._checks import check
from qfusion._extras import installed_versions
from qfusion.errors import IntegrityError, default_on_error, translate_errors
from qfusion.models import kind_files
from qfusion.training.checkpoint_folders import find_card

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
