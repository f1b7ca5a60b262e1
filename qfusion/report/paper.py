"""A report as PDF, typeset by typst: no network, the fonts that come with typst and matplotlib, and installed ones for
letters that these do not have. The same bytes every time, on a machine with the same fonts.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from qfusion.errors import QFusionError
from qfusion.report import blocks
from qfusion.report.blocks import Document

_FOREIGN = re.compile("[^\x00-\x7f]+")
SOURCE = Path(__file__).with_name("paper.typ").read_text(encoding="utf-8")


def as_pdf(document: Document) -> bytes:
    """Returns the whole file. Its foot says which letters no font of this machine has: empty boxes stand for them.

    Raises:
        QFusionError: when typst refuses the document, which is a defect here.
    """
    import typst

    text, missing, faces = _letters_of(document)
    words = {
        "document": text,
        "families": json.dumps([*dict.fromkeys(face.family for face in faces)]),
        "foot": _foot(missing),
    }
    try:
        with (
            tempfile.TemporaryDirectory() as folder
        ):  # the document can read no file but this empty folder's
            nowhere, fonts = Path(folder, "empty"), Path(folder, "fonts")
            nowhere.mkdir()
            fonts.mkdir()
            for file in [
                *_own().glob("[!L]*.ttf"),
                *dict.fromkeys(Path(face.path) for face in faces),
            ]:
                _put(file, fonts / file.name)
            options: dict[str, Any] = {
                "root": str(nowhere),
                "font_paths": [str(fonts)],
                "ignore_system_fonts": True,
                "timestamp": 0,
                "sys_inputs": words,
            }
            source = f"{blocks.SOURCE}\n{SOURCE}".encode()
            try:
                compiled: Any = typst.compile(source, pdf_standards=["ua-1"], **options)
            except typst.TypstError as error:
                # Letters of several shapes in a figure, as of Devanagari, which typst draws and does not name.
                if "missing codepoints" not in str(error):
                    raise
                compiled = typst.compile(source, **options)
    except typst.TypstError as error:
        raise QFusionError(
            f"The report could not be typeset: {str(error)[:300]}. Write it as HTML and tell us."
        ) from error
    return bytes(compiled)


def notice(document: Document) -> str:
    """Returns a line on the letters of a report that no font of this machine has; empty where each has one."""
    return _foot(_letters_of(document)[1])


def _foot(missing: list[str]) -> str:
    if not missing:
        return ""
    from qfusion.figures.export import notice

    line = notice(missing, "empty boxes stand for them.")
    return line.translate({ord(letter): f"U+{ord(letter):04X}" for letter in missing})


def _letters_of(document: Document) -> tuple[str, list[str], list[Any]]:
    """A document's text with a box for each letter that no font has, these letters, and the installed faces that the
    others need."""
    text = json.dumps(document.data(), ensure_ascii=False)
    if all(map(_ours, set(text))):
        return text, [], []
    from plotly_print import fonts

    foreign = [
        words for words in dict.fromkeys(_FOREIGN.findall(text)) if not all(map(_ours, words))
    ]
    every = dict.fromkeys(letters for words in foreign for letters in fonts.clusters(words))
    east, missing, faces = fonts.east("".join(foreign)), dict[str, None](), dict[Any, None]()
    for letters in sorted(every, key=len, reverse=True):
        if all(_ours(letter) or fonts.IGNORED.match(letter) for letter in letters):
            continue
        result = [fonts.face(letters, bold, outlines=False, east=east) for bold in (False, True)]
        if result[0] is None:  # typst sets a letter and its marks in one font
            stored = fonts.face(letters[0], outlines=False, east=east) if len(letters) > 1 else None
            missing |= dict.fromkeys(letters if stored is None else letters[1:])
            text = text.replace(letters, fonts.BOX if stored is None else letters[0] + fonts.BOX)
            result = [stored]
        faces |= dict.fromkeys(face for face in result if face is not None)
    return text, [letter for letter in missing if not fonts.IGNORED.match(letter)], [*faces]


def _ours(letter: str) -> bool:
    return ord(letter) < 0x250 or ord(letter) in _letters()


def _put(file: Path, place: Path) -> None:
    """The file at another place: a link where the system has them."""
    try:
        os.symlink(file, place)
    except (OSError, NotImplementedError):
        shutil.copy(file, place)


def _own() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_own() / "DejaVuSans.ttf")).get_charmap())


# A report as one HTML file: no script, nothing loaded, figures and equations as drawings inside the file.

TEMPLATE, STYLE = (
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("page.html", "page.css")
)


def as_html(document: Document) -> bytes:
    """Returns the whole file, UTF-8. All texts are escaped; nothing in them is markup."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    # browsers break long words by themselves
    environment.filters |= {
        "data": _data,
        "turned": _turned,
        "whole": lambda text: text.replace("\u200b", ""),
    }
    result = environment.from_string(TEMPLATE).render(
        document.data(), style=STYLE, drawing=blocks.drawing
    )
    return result.encode()


def _turned(text: str) -> bool:
    """Whether some of it is written from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
