"""The notes of a model's card: the source of an import, and remarks on its program."""

from collections.abc import Mapping
from typing import Any

from qfusion.errors import default_on_error
from qfusion.wording import program_notes

GAME = "Measured elsewhere, and imported from {source}."


def describe_notes(card: Mapping[str, Any]) -> str:
    """Return the notes of a model's card: its own, and remarks on an imported program."""
    parts = [
        str(card.get("notes") or ""),
        program_notes.import_note(card),
        _game_note(card),
    ]
    return " ".join(filter(None, parts))


@default_on_error("")
def _game_note(card: Mapping[str, Any]) -> str:
    record = card.get("game")
    if not isinstance(record, Mapping):
        return ""
    return " ".join([GAME.format(source=record["source"]), *map(str, record["remarks"])])
