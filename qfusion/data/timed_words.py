"""Words with times, from a subtitle or TextGrid file beside a recording."""

import itertools
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import spoken
from qfusion.data.media_files import check_file
from qfusion.data.media_types import SPOKEN
from qfusion.data.sample_content import Word
from qfusion.errors import InvalidInput, translate_errors

MAX_WORDS, MAX_TEXT = 20_000, 4_000_000  # words of one file, and its bytes


def read_words(path: Path) -> tuple[Word, ...]:
    """Return the words of a .srt, .vtt or .TextGrid file with their times.

    The words of a subtitle are spread over its seconds by their letters. Of a TextGrid the tier called "words" is read,
    else the first one of intervals.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it is something else, or holds more than MAX_WORDS words.
    """
    check(
        check_file(path, SPOKEN) <= MAX_TEXT,
        f"File `{path.name}` must have at most {MAX_TEXT // 10**6} MB. Shorten it.",
    )
    raw = path.read_bytes()
    code = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with translate_errors(
        f"File `{path.name}` must be UTF-8, but is not", "Save it so.", UnicodeDecodeError
    ):
        text = raw.decode(code).replace("\r\n", "\n").replace("\r", "\n")
    with translate_errors(
        f"File `{path.name}` is not laid out as {path.suffix} files are",
        "Write it again.",
        *(ValueError, OverflowError),
        why="{words:.60}",
        passing=(InvalidInput,),
    ):
        read = spoken.tier if path.suffix.lower() == ".textgrid" else spoken.cues
        some = itertools.islice(read(text, MAX_WORDS), MAX_WORDS + 1)
        result = tuple(sorted(word for word in some if word.text))
    check(
        0 < len(result) <= MAX_WORDS,
        f"File `{path.name}` must hold 1 to {MAX_WORDS:,} words, but holds {'more' if result else 'none'}. Check the "
        "file.",
    )
    check(
        all(np.isfinite(word[:2]).all() and 0 <= word.start <= word.end for word in result),
        f"File `{path.name}` holds words that end before they begin, or begin before 0. Correct it.",
    )
    return result


def spread_words(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Return the words of a text spread over a time by their letters: where nothing says when each was said."""
    return spoken.spread(text, start, end, MAX_WORDS)
