"""A tokenizer's vocabulary, from a folder of the user's: which token a number stands for.

found = vocabulary.read(Path("bert-base-chinese"))      # holds vocab.txt, or tokenizer.json
found[2769]                                             # "我"
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from qfusion._checks import check
from qfusion.errors import DataUnavailable, InvalidInput, NotFound

VARIABLE = "QFUSION_VOCABULARY"
FILES = ("vocab.txt", "tokenizer.json")
MAX_BYTES = 64_000_000
CONTINUES = "##"  # begins a token that goes on with the word before it (WordPiece)


def read(folder: Path) -> dict[int, str]:
    """Returns the tokens by their numbers.

    Args:
        folder: that holds `vocab.txt` (a token a line, from 0) or `tokenizer.json`, which the library `tokenizers`
            reads; or such a file itself.

    Raises:
        NotFound: when there is neither. InvalidInput: when a file is none of these.
        DataUnavailable: when `tokenizers` is needed and not installed, or the file may not be read.
    """
    path = (
        folder
        if folder.is_file()
        else next((folder / name for name in FILES if (folder / name).is_file()), None)
    )
    if path is None:
        raise NotFound(
            f"Folder {str(folder)[:200]} holds neither {FILES[0]} nor {FILES[1]}. Name the folder of the "
            "tokenizer that the features were made with."
        )
    try:
        check(
            path.stat().st_size <= MAX_BYTES,
            f"File `{path.name}` must have at most {MAX_BYTES // 10**6} MB, but is larger. Name a tokenizer's "
            "folder.",
        )
        words = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"File `{path.name}` must be UTF-8, but is not. Name a tokenizer's folder."
        ) from error
    except OSError as error:
        raise DataUnavailable(
            f"File {str(path)[:200]} cannot be read ({error.strerror}). Correct its permissions."
        ) from error
    found = (
        _library(words, path.name)
        if path.suffix == ".json"
        else dict(enumerate(words.splitlines()))
    )
    check(
        len(set(found.values())) == len(found) > 1,
        f"File `{path.name}` must hold every token once, but holds {len(found):,} lines of "
        f"{len(set(found.values())):,} tokens. Name a tokenizer's folder.",
    )
    return found


def _library(words: str, name: str) -> dict[int, str]:
    try:
        library: Any = importlib.import_module("tokenizers")
    except ImportError:
        raise DataUnavailable(
            f"File `{name}` is read by the library `tokenizers`, which is not installed. Run "
            "`pip install tokenizers`, or put the tokenizer's vocab.txt beside it."
        ) from None
    try:
        return {
            number: token for token, number in library.Tokenizer.from_str(words).get_vocab().items()
        }
    except Exception as error:  # the library raises nothing narrower
        raise InvalidInput(
            f"File `{name}` is no tokenizer ({str(error)[:120]}). Name a tokenizer's folder."
        ) from error


def at_hand() -> tuple[dict[int, str] | None, str]:
    """The vocabulary that the variable QFUSION_VOCABULARY names, and why there is none, in words, where it is named
    and cannot be read."""
    place = os.environ.get(VARIABLE, "")
    if not place:
        return None, ""
    try:
        return _kept(place, *_stamp(Path(place))), ""
    except (NotFound, InvalidInput, DataUnavailable) as error:
        return None, str(error)


def _stamp(place: Path) -> tuple[int, ...]:
    return tuple(
        path.stat().st_mtime_ns if path.is_file() else 0
        for path in (place, *(place / name for name in FILES))
    )


@lru_cache(maxsize=4)
def _kept(place: str, *_: int) -> dict[int, str]:
    return read(Path(place))


def tokens(numbers: Sequence[int], known: Mapping[int, str]) -> tuple[str, ...] | None:
    """The tokens of a sample; None where the vocabulary has not all of them, so that it is another tokenizer's."""
    found = [known.get(int(number)) for number in numbers]
    return None if None in found else tuple(map(str, found))


def words(tokens: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Which tokens make a word each, by their places: one that begins with "##" goes on with the one before."""
    found: list[tuple[int, ...]] = []
    for place, token in enumerate(tokens):
        if found and token.startswith(CONTINUES) and len(token) > len(CONTINUES):
            found[-1] = (*found[-1], place)
        else:
            found.append((place,))
    return tuple(found)


def joined(pieces: Sequence[str]) -> str:
    """The word of its tokens."""
    return pieces[0] + "".join(piece.removeprefix(CONTINUES) for piece in pieces[1:])
