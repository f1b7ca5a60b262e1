"""Folders of checkpoints, and the names of those in them."""

import re
from pathlib import Path

from qfusion import _user_folders, plugin
from qfusion._checks import check, choose
from qfusion.errors import NotFound
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
