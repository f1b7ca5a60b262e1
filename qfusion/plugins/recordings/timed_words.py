"""Words with times, from a subtitle or TextGrid file beside a recording."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data.media_files import check_file
from qfusion.data.media_pictures import spread_words
from qfusion.data.sample_content import Word
from qfusion.errors import QFusionError, translate_errors, translate_import_errors

SPOKEN = (".srt", ".vtt", ".textgrid")


def read_words(path: Path) -> tuple[Word, ...]:
    """Return the words of a .srt, .vtt or .TextGrid file with their times.

    The words of a subtitle are spread over its seconds by their letters. Of a TextGrid the tier called "words" is read,
    else the first one of intervals.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it is something else, or holds no words.
        MissingPackage: when pysubs2 or praatio is not installed.
    """
    check_file(path, SPOKEN)
    read = _read_tier if path.suffix.lower() == ".textgrid" else _read_subtitles
    with (
        translate_errors(
            f"File `{path.name}` cannot be read as a {path.suffix} file in UTF-8 or UTF-16",
            "Write it again.",
            Exception,  # a damaged file raises whatever its bytes lead to
            why="{kind}: {words:.60}",
            passing=(QFusionError,),
        ),
        translate_import_errors(),
    ):
        words = tuple(sorted(word for word in read(path) if word.text))
    check(bool(words), f"File `{path.name}` must hold words, but holds none. Check the file.")
    check(
        all(0 <= word.start <= word.end < np.inf for word in words),
        f"File `{path.name}` holds words that end before they begin, or begin before 0. Correct it.",
    )
    return words


def _read_subtitles(path: Path) -> Iterator[Word]:
    import pysubs2

    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for cue in pysubs2.SSAFile.from_string(content.decode(encoding), path.suffix[1:].lower()):
        yield from spread_words(cue.plaintext, cue.start / 1000, cue.end / 1000)


def _read_tier(path: Path) -> Iterator[Word]:
    from praatio import textgrid
    from praatio.data_classes.interval_tier import IntervalTier

    grid = textgrid.openTextgrid(
        str(path), includeEmptyIntervals=False, duplicateNamesMode="rename"
    )
    tiers = [tier for tier in grid.tiers if isinstance(tier, IntervalTier)]
    named = [tier for tier in tiers if tier.name.lower().startswith("word")]
    check(bool(tiers), f"File `{path.name}` must have a tier of intervals, but has none. Add one.")
    for start, end, label in [*named, *tiers][0].entries:
        yield Word(start, end, label.strip())
