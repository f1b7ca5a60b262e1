"""Words with times of speech, from subtitles and Praat TextGrids.

The texts are anybody's: each is read once from its begin to its end, and no more words are made of it than are asked
for.
"""

import itertools
import re
from collections.abc import Iterator

import numpy as np

from qfusion.data.sample_content import Word

_TIME = r"(?<!\d)(?:(\d{1,6}):)?(\d{1,6}):(\d{1,6})[.,](\d{1,9})"
_CUE = re.compile(rf"{_TIME}[ \t]{{0,80}}-->[ \t]{{0,80}}{_TIME}")
_MARKS = re.compile(r"<[^<>]*>|\{[^{}]*\}")  # of letters that lean, and of places
_PRAAT = re.compile(
    r'"((?:[^"]|"")*)"|(?<![\w.])(-?\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,4})?)(?!\d|\.\d)|\[\d{0,9}\]'
)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


def spread(text: str, start: float, end: float, most: int) -> tuple[Word, ...]:
    """Return the words of a text, the first `most` of them, spread over a time by their letters: where nothing says
    when each was said."""
    spoken = text.split()[:most]
    if not spoken or end <= start:
        return ()
    edges = np.cumsum([0, *(len(word) + 1 for word in spoken)])
    places = (start + (end - start) * edges / edges[-1]).tolist()
    return tuple(map(Word, places[:-1], places[1:], spoken))


def cues(text: str, most: int) -> Iterator[Word]:
    """Yield the words of subtitles, which are blocks between empty lines with a line of times in each. The words of a
    block are spread over its seconds.

    Args:
        text: of a .srt or .vtt file. most: words of one cue.
    """
    times: tuple[float, float] | None = None
    lines = list[str]()
    for line in itertools.chain(text.split("\n"), [""]):
        if not line.strip():
            if times is not None:
                yield from spread(_MARKS.sub("", "\n".join(lines)), *times, most)
            times = None
            lines.clear()
        elif times is not None:
            lines.append(line)
        elif "-->" in line:
            times = _times(line)


def _times(line: str) -> tuple[float, float] | None:
    """Begin and end that a line of a cue names, in seconds."""
    arrow = line.find("-->")
    match = _CUE.search(line, max(0, arrow - 120), arrow + 240)
    if match is None:
        return None
    begin, end = match.groups()[:4], match.groups()[4:]
    return _seconds(*begin), _seconds(*end)


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(f"{seconds}.{parts}")


def tier(text: str, most: int) -> list[Word]:
    """Return the words of a TextGrid. They are from the tier whose name begins with "word", or else from the first tier
    of intervals. At most one more than `most` is returned.

    Its long and its short form hold the same strings and numbers in the same order.

    Raises:
        ValueError: when it has no such tier, or is not laid out so.
    """
    tokens = _tokens(text)
    first: list[Word] | None = None
    for token in tokens:
        if token not in (_INTERVALS, _POINTS):
            continue
        name = str(next(tokens, "")).casefold()
        size, wanted = _size(tokens), name.startswith("word")
        if token == _POINTS:
            _skip(tokens, 2 * size)
        elif wanted or first is None:
            first = _intervals(tokens, size, most)
            if wanted:
                break
        else:
            _skip(tokens, 3 * size)
    if first is None:
        raise ValueError("no tier of intervals")
    return first


def _tokens(text: str) -> Iterator[str | float]:
    """The strings and numbers of a TextGrid."""
    for match in _PRAAT.finditer(text):
        if match[1] is not None:
            yield match[1].replace('""', '"')
        elif match[2] is not None:
            yield float(match[2])
        # "intervals [3]:" is how the long form counts


def _size(tokens: Iterator[str | float]) -> int:
    """Return the number of entries that a tier declares after its begin and its end."""
    _, _, size = (_number(tokens) for _ in range(3))
    if not 0 <= size < 1e9 or size != int(size):
        raise ValueError("a tier of no size")
    return int(size)


def _intervals(tokens: Iterator[str | float], size: int, most: int) -> list[Word]:
    """The words of the next intervals, one more than `most` at most; intervals without any are left out."""
    words = list[Word]()
    for _ in range(size):
        start = _number(tokens)
        end = _number(tokens)
        text = _string(tokens).strip()
        if text and len(words) <= most:
            words.append(Word(start, end, text))
    return words


def _skip(tokens: Iterator[str | float], count: int) -> None:
    if sum(1 for _ in itertools.islice(tokens, count)) < count:
        raise ValueError("a tier that ends early")


def _number(tokens: Iterator[str | float]) -> float:
    token = next(tokens, None)
    if not isinstance(token, float):
        raise ValueError("no number where one is due")
    return token


def _string(tokens: Iterator[str | float]) -> str:
    token = next(tokens, None)
    if not isinstance(token, str):
        raise ValueError("no text where one is due")
    return token
