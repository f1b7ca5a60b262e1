"""A tweaked model as its own model: the tweak goes into weights and settings, its card says where it is from."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from qfusion import _limits, _read_only
from qfusion._checks import check
from qfusion.analysis.sample import tweaked
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models import FusionModel
from qfusion.models.registry import rebuild
from qfusion.training import checkpoint, metrics
from qfusion.training.checkpoint import Checkpoint

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_MADE = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the time that files in an archive bear, so that equal models make equal archives


def checked_name(name: str) -> str:
    """Returns a name that a model may have.

    Raises:
        InvalidInput: when it could not be one of a file, or looks like one already.
    """
    check(
        bool(_NAME.fullmatch(name)) and not name.lower().endswith((".json", ".safetensors")),
        "A model's name must be 1 to 64 letters, digits, `.`, `_` or `-`, and not that of a file, but is "
        f"{name[:80]!r}. Choose another.",
    )
    return name


def baked(found: Checkpoint, tweak: str) -> tuple[FusionModel, str]:
    """Returns a model whose own weights and settings are those of the tweaked one, rounded to the single precision in
    which they are kept, and the tweak as text.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    changed, words = tweaked(found.model, tweak)
    state, settings = dict(found.model.state_dict()), dict(found.card["settings"])
    state, settings = changed.baked(state, settings, words)
    kept = {key: _kept(value) for key, value in state.items()}
    model: FusionModel = rebuild(
        found.card["model"], found.card["inputs"], found.card["outputs"], settings, kept
    )
    return model.double().eval().requires_grad_(False), words


def _kept(value: Tensor) -> Tensor:
    return value.detach().float().contiguous().clone()


def card_of(
    found: Checkpoint, model: FusionModel, words: str, dataset: DataSet, name: str
) -> dict[str, Any]:
    """Returns the card of a baked model: test metrics are its own, and where it comes from is said.

    Raises:
        InvalidInput: when `dataset` is not the one that the model was trained on.
    """
    old = found.card
    check(
        dataset.name == old["data"]["name"],
        f"Argument `dataset` must be the one that the model was trained on, '{old['data']['name']}', but is "
        f"'{dataset.name}': a checkpoint's metrics are of its own data. Leave it out.",
    )
    origin = {
        "model": str(old.get("name", "")),
        "weights_sha256": str(old["weights_sha256"]),
        "tweak": words,
    }
    card = {
        **old,
        "name": checked_name(name),
        "settings": dict(model.settings),
        "made_from": origin,
    }
    if not words:
        return card
    measured = {
        split: metrics.evaluate(model, dataset, split) for split in ("train", "valid", "test")
    }
    other = (
        ""
        if dataset.digest == old["data"]["digest"]
        else f" Measured on another version of the data, {dataset.digest[:12]}."
    )
    notes = (
        f"Made from {origin['model']} (weights {origin['weights_sha256'][:12]}) by the tweak {words}, not trained "
        f"again: the metrics are its own, and no spread over seeds is known.{other}"
    )
    total, encoders = (
        sum(p.numel() for p in module.parameters()) for module in (model, model.encoders)
    )
    return card | {
        "title": f"{old.get('title', '')}, tweaked",
        "notes": notes,
        "seeds": [old["seed"]],
        "this_seed": measured,
        "metrics": {split: metrics.summary([each]) for split, each in measured.items()},
        "parameters": {"total": total, "encoders": encoders, "fusion": total - encoders},
        "versions": {**old["versions"], "qfusion": _version()},
    }


def _version() -> str:
    from qfusion import __version__

    return __version__


def save(path: Path, found: Checkpoint, tweak: str, dataset: DataSet) -> Path:
    """Writes PATH.json and PATH.safetensors, the file's name being the model's, and returns the card's path.

    Raises:
        InvalidInput: when the name is none, or is taken by a model of the same folder.
    """
    name = checked_name(path.name.removesuffix(".json"))
    target = path.with_name(f"{name}.json")
    check(
        not target.exists(),
        f"There is a model '{name}' in this folder already. Choose another name.",
    )
    model, words = baked(found, tweak)
    return checkpoint.save(target, model, card_of(found, model, words, dataset, name), new=True)


def keep(found: Checkpoint, tweak: str, dataset: DataSet, name: str) -> Path:
    """Puts the tweaked model among the reader's own, where pages and commands find it, and returns the card's path.

    Raises:
        InvalidInput: when the name is none or is taken.
    """
    _read_only.refuse("keep a model")
    _limits.check_disk("The model")
    check(
        checked_name(name) not in checkpoint.available(),
        f"There is a model '{name}' already. Choose another name.",
    )
    folder = checkpoint.folders()[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder of your models, {folder}, cannot be made ({error.strerror}). "
            "Name another in QFUSION_MODELS."
        ) from error
    return save(folder / name, found, tweak, dataset)


def archive(found: Checkpoint, tweak: str, dataset: DataSet, name: str) -> bytes:
    """Returns card and weights in one .zip file, to be unpacked into a folder of models."""
    with tempfile.TemporaryDirectory() as folder:
        card = save(Path(folder) / checked_name(name), found, tweak, dataset)
        return zipped(
            {path.name: path.read_bytes() for path in (card, card.with_suffix(".safetensors"))}
        )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Returns files as a .zip archive, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name, _MADE), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
