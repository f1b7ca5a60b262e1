"""A tweaked model as a checkpoint of its own: weights and settings contain the tweak, and the card names its origin."""

import io
import re
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from qfusion import __version__, _read_only
from qfusion._checks import check
from qfusion.analysis.opening import tweak_model
from qfusion.data import DataSet
from qfusion.errors import translate_errors
from qfusion.models import FusionModel, base, registry
from qfusion.training import checkpoint, checkpoint_cards


def validate_name(name: str) -> str:
    """Return a valid name of a model.

    Raises:
        InvalidInput: when it cannot be the name of a file, or ends like a file.
    """
    check(
        bool(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", name))
        and not name.lower().endswith((".json", ".safetensors")),
        "A model's name must be 1 to 64 letters, digits, `.`, `_` or `-`, and not that of a file, but is "
        f"{name[:80]!r}. Choose another.",
    )
    return name


def centre_scores(trained: checkpoint.Checkpoint, centred: bool) -> checkpoint.Checkpoint:
    """Return the checkpoint; if `centred`, without the mean of its scores over classes."""
    if not centred:
        return trained
    return replace(trained, model=base.centre_scores(trained.model))


def bake_tweak(trained: checkpoint.Checkpoint, tweak: str) -> tuple[FusionModel, str]:
    """Return a model whose weights and settings contain the tweak, and the tweak as text.

    The weights are rounded to single precision, in which they are stored.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    changed, words = tweak_model(trained.model, tweak)
    state, settings = changed.baked(
        dict(trained.model.state_dict()), dict(trained.card["settings"]), words
    )
    weights = {key: value.detach().float().contiguous().clone() for key, value in state.items()}
    model: FusionModel = registry.rebuild(
        trained.card["model"], trained.card["inputs"], trained.card["outputs"], settings, weights
    )
    return model.double().eval().requires_grad_(False), words


CENTRED = "The mean over classes is subtracted from its scores; its probabilities are unchanged."


def tweaked_card(
    trained: checkpoint.Checkpoint,
    model: FusionModel,
    words: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> dict[str, Any]:
    """Return the card of a tweaked model, with its own test metrics and its origin.

    Args:
        trained: the original model.
        model: the tweaked model.
        words: the tweak as text.
        centred: whether the mean over classes was subtracted from the scores.

    Raises:
        InvalidInput: when `dataset` is not the one that the model was trained on.
    """
    old = trained.card
    check(
        dataset.name == old["data"]["name"],
        f"Argument `dataset` must be the one that the model was trained on, '{old['data']['name']}', but is "
        f"'{dataset.name}': a checkpoint's metrics are of its own data. Leave it out.",
    )
    origin: dict[str, Any] = {
        "model": str(old.get("name", "")),
        "weights_sha256": str(old["weights_sha256"]),
        "tweak": words,
    }
    if centred:
        origin["centred"] = True
    card = {
        **old,
        "name": validate_name(name),
        "settings": dict(model.settings),
        "made_from": origin,
    }
    if not words:
        if centred:
            card["notes"] = f"{old.get('notes', '')} {CENTRED}".strip()
        return card
    notes = (
        f"Made from {origin['model']} (weights {origin['weights_sha256'][:12]}) by the tweak {words}, not trained "
        "again: the metrics are its own, and no spread over seeds is known."
    )
    if dataset.digest != old["data"]["digest"]:
        notes += f" Measured on another version of the data, {dataset.digest[:12]}."
    if centred:
        notes += f" {CENTRED}"
    own = checkpoint.make_checkpoint(model, dataset, name=name, seed=old["seed"], notes=notes).card
    return card | {
        "title": f"{old.get('title', '')}, tweaked",
        "versions": {**old["versions"], "qfusion": __version__},
        **{key: own[key] for key in ("notes", "seeds", "this_seed", "metrics", "parameters")},
    }


def save_checkpoint(
    path: Path,
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    centred: bool = False,
) -> Path:
    """Write PATH.json and PATH.safetensors, and return the path of the card.

    Args:
        path: its name becomes the name of the model.
        centred: whether the mean over classes is subtracted from the scores, see `base.centre_scores`.

    Raises:
        InvalidInput: when the name is invalid or is taken by a model of the same folder, or when a model without
            classes or without a linear head is to be centred.
    """
    name = validate_name(path.name.removesuffix(".json"))
    model, words = bake_tweak(centre_scores(trained, centred), tweak)
    return checkpoint.save(
        path.with_name(f"{name}.json"),
        model,
        tweaked_card(trained, model, words, dataset, name, centred),
        new=True,
    )


def add_to_own_models(
    trained: checkpoint.Checkpoint, tweak: str, dataset: DataSet, name: str
) -> Path:
    """Store the tweaked model among the reader's own models, and return the path of its card.

    Raises:
        InvalidInput: when the name is invalid or taken.
    """
    _read_only.check_allowed("keep a model")
    check(
        validate_name(name) not in checkpoint_cards.available(),
        f"There is a model '{name}' already. Choose another name.",
    )
    folder = checkpoint_cards.folders()[-1]
    with translate_errors(
        f"The folder of your models, {folder}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        folder.mkdir(parents=True, exist_ok=True)
    return save_checkpoint(folder / name, trained, tweak, dataset)


def zip_checkpoint(
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> bytes:
    """Return card and weights in one .zip file, to be unpacked into a folder of models."""
    with tempfile.TemporaryDirectory() as folder:
        card = save_checkpoint(Path(folder) / validate_name(name), trained, tweak, dataset, centred)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as made:
            for path in (card, card.with_suffix(".safetensors")):
                # of that time whenever it is made: equal models make equal archives
                made.writestr(
                    zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0)),
                    path.read_bytes(),
                    zipfile.ZIP_DEFLATED,
                )
        return buffer.getvalue()
