"""A report as one HTML file or one PDF.

Neither needs a network. Both have the same bytes each time, on a machine with the same fonts.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qfusion import citations
from qfusion._checks import choose
from qfusion._lazy import Library
from qfusion._memory_cache import memo
from qfusion.errors import QFusionError
from qfusion.figures.files.export_style import fonts, plotly_print
from qfusion.report.blocks import FOLDER, MAX_TITLE, Block, clean, environment

typst: Any = Library("typst")


@dataclass(frozen=True, eq=False)
class Report:
    """A report on a sample or a paper.

    Attributes:
        title: its heading.
        subtitle: the line below the title.
        description: a sentence for search and screen readers.
        blocks: its content without the references, which follow from the citations.
        compact: whether the PDF has small margins and letters, for a report of one page.
    """

    title: str
    subtitle: str
    description: str
    blocks: list[Block]
    compact: bool = False

    def render(self, suffix: str) -> bytes:
        """Return the report as a file with the suffix ".html" or ".pdf"."""
        return self.pdf() if suffix == ".pdf" else self.html()

    def html(self) -> bytes:
        """Return the report as one self-contained HTML file, UTF-8, without scripts. Figures and equations are
        drawings inside it. All texts are escaped; nothing in them is markup.
        """
        page = environment().get_template("page.html")
        return page.render(self.data(), draw_equation=draw_equation).encode()

    def pdf(self) -> bytes:
        """Return the report as a PDF. Letters that no font of this machine has are printed as empty boxes.

        Raises:
            QFusionError: when typst rejects the document, which is a defect of this library.
        """
        return typeset(self.data())

    def source_keys(self) -> list[str]:
        """Return the keys of the cited sources, in the order of their first mention."""
        keys: dict[str, None] = {}
        for part in self._parts():
            keys.update(dict.fromkeys(part.get("sources", ())))
        return list(keys)

    def _parts(self) -> Iterator[Block]:
        """Yield the parts of all paragraphs and bullet points."""
        for block in self.blocks:
            yield from block.get("parts", ())
            for point in block.get("points", ()):
                yield from point

    def data(self) -> dict[str, Any]:
        """Return the report as JSON data for the templates of the HTML file and of the PDF."""
        keys = self.source_keys()
        return {
            "title": clean(self.title, MAX_TITLE),
            "subtitle": clean(self.subtitle, MAX_TITLE),
            "description": clean(self.description, MAX_TITLE),
            "blocks": self.blocks,
            "compact": self.compact,
            "places": {key: place for place, key in enumerate(keys, 1)},
            "bibtex": citations.bibtex(keys),
            "references": [
                {"text": citations.text(key), "url": citations.url(key)} for key in keys
            ],
        }


SOURCE = (Path(__file__).parent / "equations.typ").read_text(encoding="utf-8")
WORDS = dict(
    re.findall(r'^  (\w+): \(\n.*?\$,\n\s*"([^"]*)"\)', SOURCE, flags=re.MULTILINE | re.DOTALL)
)
SIZE = 10.0  # points of the letters
_ALONE = f"""
#set page(width: auto, height: auto, margin: 1pt, fill: none)
#set text(size: {SIZE}pt, fill: rgb("#17202b"))
#equations.at(sys.inputs.name).at(0)
"""


@memo(64)
def draw_equation(name: str) -> dict[str, Any]:
    """Return an equation as an SVG, with its width and height in units of the letters' size, and its words.

    The letters are outlines: the SVG looks the same in every browser, with or without fonts for mathematics.

    Raises:
        NotFound: when no equation has that name.
    """
    words = WORDS[choose("Equation", name, WORDS)]
    compiled: Any = typst.compile(
        f"{SOURCE}{_ALONE}".encode(),
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"name": name},
    )
    svg = bytes(compiled)
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert size is not None
    return {
        "svg": svg,
        "width": float(size[1]) / SIZE,
        "height": float(size[2]) / SIZE,
        "words": words,
    }


PAPER = (FOLDER / "paper.typ").read_text(encoding="utf-8")


def typeset(report: Mapping[str, Any]) -> bytes:
    """Return a report as PDF.

    Args:
        report: data of the report, see `Report.data`.

    Raises:
        QFusionError: when typst rejects the document, which is a defect of this library.
    """
    lettering = _find_fonts(report)
    families = dict.fromkeys(face.family for face in lettering.faces)
    try:
        with tempfile.TemporaryDirectory() as folder:
            # The document can read files of this empty folder only.
            root = Path(folder, "empty")
            font_folder = Path(folder, "fonts")
            root.mkdir()
            font_folder.mkdir()
            _copy_fonts(lettering.faces, font_folder)
            options: dict[str, Any] = {
                "root": str(root),
                "font_paths": [str(font_folder)],
                "ignore_system_fonts": True,
                "timestamp": 0,
                "sys_inputs": {
                    "document": lettering.text,
                    "families": json.dumps(list(families)),
                },
            }
            return bytes(_compile(f"{SOURCE}\n{PAPER}".encode(), options))
    except typst.TypstError as error:
        raise QFusionError(
            f"The report could not be typeset: {str(error)[:300]}. Write it as HTML and tell us."
        ) from error


def _compile(source: bytes, options: dict[str, Any]) -> Any:
    try:
        return typst.compile(source, pdf_standards=["ua-1"], **options)
    except typst.TypstError as error:
        # Letters of several shapes in a figure, as of Devanagari, which typst draws and does not name.
        if "missing codepoints" not in str(error):
            raise
        return typst.compile(source, **options)


def _copy_fonts(faces: list[Any], folder: Path) -> None:
    """Copy the fonts of figures, matplotlib's fonts and the installed ones that a report needs into a folder."""
    installed = dict.fromkeys(Path(face.path) for face in faces)
    of_figures = plotly_print.words.ARIMO.glob("*.ttf")
    for file in [*of_figures, *_own_fonts().glob("[!L]*.ttf"), *installed]:
        shutil.copy(file, folder)


@dataclass(frozen=True)
class _Lettering:
    """The text of a report and its fonts.

    Attributes:
        text: the report as JSON, with a box for each letter that no font has.
        faces: the installed font faces that the other letters need.
    """

    text: str
    faces: list[Any]


def _find_fonts(report: Mapping[str, Any]) -> _Lettering:
    """Return the text of a report with the fonts for its letters."""
    blocks = [
        {key: value for key, value in block.items() if key != "media"} for block in report["blocks"]
    ]
    text = json.dumps({**report, "blocks": blocks}, ensure_ascii=False)
    if all(map(_is_in_own_fonts, set(text))):
        return _Lettering(text, [])
    words = dict.fromkeys(re.findall("[^\x00-\x7f]+", text))
    foreign = [word for word in words if not all(map(_is_in_own_fonts, word))]
    east = fonts.east("".join(foreign))
    clusters = dict.fromkeys(letters for word in foreign for letters in fonts.clusters(word))
    faces: dict[Any, None] = {}
    for letters in sorted(clusters, key=len, reverse=True):
        if all(_is_in_own_fonts(letter) or fonts.IGNORED.match(letter) for letter in letters):
            continue
        regular = fonts.face(letters, False, outlines=False, east=east)
        shapes = [regular, fonts.face(letters, True, outlines=False, east=east)]
        if regular is None:
            # typst sets a letter and its marks in one font.
            base = None
            if len(letters) > 1:
                base = fonts.face(letters[0], outlines=False, east=east)
            drawn = "" if base is None else letters[0]
            text = text.replace(letters, drawn + fonts.BOX)
            shapes = [base]
        faces.update(dict.fromkeys(face for face in shapes if face is not None))
    return _Lettering(text, list(faces))


def _is_in_own_fonts(letter: str) -> bool:
    return ord(letter) < 0x250 or ord(letter) in _own_letters()


def _own_fonts() -> Path:
    """Return the folder of the fonts that matplotlib brings."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@memo(1)
def _own_letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_own_fonts() / "DejaVuSans.ttf")).get_charmap())
