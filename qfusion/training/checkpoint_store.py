"""Writing and removal of the files of checkpoints.

Weights and card are written to temporary names first, the card last. So a card never names weights that are partly
written.
"""

import contextlib
import glob
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from qfusion import _files, _read_only
from qfusion._checks import check
from qfusion.errors import translate_errors
from qfusion.training import checkpoint_folders
from qfusion.training.checkpoint_cards import weights_digest, weights_path
from qfusion.training.checkpoint_folders import AFTER, SEEDS, find_card


def remove(name: str) -> Path:
    """Remove card and weights of one of the reader's checkpoints, what was measured over its training seeds, and its
    models saved after epochs. Return the folder that contained them.

    Raises:
        NotFound: when there is none of that name. InvalidInput: when it came with the library, or cannot be removed.
    """
    _read_only.check_allowed("remove a model")
    path = find_card(name)
    check(
        path.parent not in checkpoint_folders.folders()[:-1],
        f"Model '{name}' came with the library and stays.",
    )
    check(
        path.parent == checkpoint_folders.folders()[-1],
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
        if folder == checkpoint_folders.folders()[-1] and folder.is_dir():
            with translate_errors(
                f"The folder of your models, {folder}, cannot be written to",
                "Correct its permissions, or name another in QFUSION_MODELS.",
            ):
                stack.enter_context(FileLock(folder / ".lock", is_singleton=False))
        yield
