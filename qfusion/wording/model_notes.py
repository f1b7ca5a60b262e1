"""The notes of a model's card, and the source of a measured game."""

from collections.abc import Mapping
from typing import Any

from qfusion.errors import default_on_error

GAME = "Measured elsewhere, and imported from {source}."


def describe_notes(card: Mapping[str, Any]) -> str:
    """Return the notes of a model's card: its own, and the source of a measured game."""
    parts = [
        str(card.get("notes") or ""),
        _game_note(card),
    ]
    return " ".join(filter(None, parts))


@default_on_error("")
def _game_note(card: Mapping[str, Any]) -> str:
    record = card.get("game")
    if not isinstance(record, Mapping):
        return ""
    return " ".join([GAME.format(source=record["source"]), *map(str, record["remarks"])])
