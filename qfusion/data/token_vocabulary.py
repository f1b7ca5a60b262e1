"""A tokenizer's vocabulary, from a folder of the user's: the token of each number."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from qfusion._checks import check
from qfusion._lazy import load
from qfusion.errors import DataUnavailable, InvalidInput, NotFound, translate_errors

VOCABULARY = "QFUSION_VOCABULARY"
VOCABULARY_FILES = ("vocab.txt", "tokenizer.json")
MAX_VOCABULARY_BYTES = 64_000_000
CONTINUES = "##"  # begins a token that goes on with the word before it (WordPiece)


def read_vocabulary(folder: Path) -> dict[int, str]:
    """Return the tokens by their numbers.

    Args:
        folder: that holds `vocab.txt` (a token a line, from 0) or `tokenizer.json`, which the library `tokenizers`
            reads; or such a file itself.

    Raises:
        NotFound: when there is neither. InvalidInput: when a file is none of these.
        DataUnavailable: when `tokenizers` is needed and not installed, or the file may not be read.
    """
    path = next(filter(Path.is_file, [folder, *map(folder.joinpath, VOCABULARY_FILES)]), folder)
    check(
        path.is_file(),
        f"Folder `{folder.resolve().name}` holds neither {VOCABULARY_FILES[0]} nor {VOCABULARY_FILES[1]}. Name the "
        "folder of the tokenizer that the features were made with.",
        NotFound,
    )
    with (
        translate_errors(
            f"File `{path.name}` must be UTF-8, but is not",
            "Name a tokenizer's folder.",
            UnicodeDecodeError,
            why="{words:.80}",
        ),
        translate_errors(
            f"File `{path.name}` cannot be read",
            "Correct its permissions.",
            error=DataUnavailable,
        ),
    ):
        check(
            path.stat().st_size <= MAX_VOCABULARY_BYTES,
            f"File `{path.name}` must have at most {MAX_VOCABULARY_BYTES // 10**6} MB, but is larger. Name a "
            "tokenizer's folder.",
        )
        words = path.read_text(encoding="utf-8")
    tokens = (
        _read_tokenizer(words, path.name)
        if path.suffix == ".json"
        else dict(enumerate(words.splitlines()))
    )
    check(
        len(set(tokens.values())) == len(tokens) > 1,
        f"File `{path.name}` must hold every token once, but holds {len(tokens):,} lines of "
        f"{len(set(tokens.values())):,} tokens. Name a tokenizer's folder.",
    )
    return tokens


def _read_tokenizer(words: str, name: str) -> dict[int, str]:
    library = load("tokenizers")
    with translate_errors(
        f"File `{name}` is no tokenizer",
        "Name a tokenizer's folder.",
        Exception,  # the library raises nothing narrower
        why="{words:.120}",
    ):
        return {
            number: token for token, number in library.Tokenizer.from_str(words).get_vocab().items()
        }


def find_vocabulary() -> tuple[dict[int, str] | None, str]:
    """Return the vocabulary that the variable QFUSION_VOCABULARY names, and a message that explains why it cannot be
    read. The message is empty if the vocabulary was read or the variable is not set.
    """
    if not os.environ.get(VOCABULARY):
        return None, ""
    place = Path(os.environ[VOCABULARY])
    changed = [
        path.stat().st_mtime_ns if path.is_file() else 0
        for path in (place, *(place / name for name in VOCABULARY_FILES))
    ]
    try:
        return _cached_vocabulary(place, *changed), ""
    except (NotFound, InvalidInput, DataUnavailable) as error:
        return None, str(error)


@lru_cache(maxsize=4)
def _cached_vocabulary(place: Path, *changed: int) -> dict[int, str]:
    return read_vocabulary(place)


def lookup_tokens(numbers: Sequence[int], known: Mapping[int, str]) -> tuple[str, ...] | None:
    """The tokens of a sample; None where the vocabulary has not all of them, so that it is another tokenizer's."""
    values = [known.get(int(number)) for number in numbers]
    return None if None in values else tuple(map(str, values))


def word_groups(tokens: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the places of the tokens of each word; a token that begins with "##" continues the one before."""
    begins = [
        place
        for place, token in enumerate(tokens)
        if place == 0 or not token.startswith(CONTINUES) or token == CONTINUES
    ]
    return tuple(tuple(range(*ends)) for ends in pairwise([*begins, len(tokens)]))


def join_pieces(pieces: Sequence[str]) -> str:
    """The word of its tokens."""
    return pieces[0] + "".join(piece.removeprefix(CONTINUES) for piece in pieces[1:])
