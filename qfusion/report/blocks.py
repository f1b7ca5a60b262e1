"""What a report is made of, and how it is written: blocks of text, tables, figures and equations, as one HTML file and
as a PDF that typst sets. Neither needs a network, and both have the same bytes each time, on a machine with the same
fonts.

All texts are shown as they are. Nothing in them is markup, wherever it comes from.
"""

import base64
import io
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import do_mark_safe
from PIL import Image, ImageOps

from qfusion import citations
from qfusion._checks import choose
from qfusion._lazy import Library
from qfusion.analysis.shown_terms import select_shown_terms
from qfusion.errors import QFusionError
from qfusion.figures import decision_charts
from qfusion.figures.export_style import CREATOR, fonts, plotly_print, printing
from qfusion.models.abilities import can

typst: Any = Library("typst")

MAX_TEXT, MAX_TITLE = 20_000, 240  # characters


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text that can be printed: line breaks stay, control and direction characters become U+FFFD, too long
    ones are cut."""
    words = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    short = words if len(words) <= limit else words[: limit - 1] + "…"
    odd = [
        letter
        for letter in set(short)
        # the joiners: letters of Persian, of India and emoji are written with them
        # not: control, format (such as those that turn the direction), surrogates, private, not assigned
        if letter not in "\n\u200c\u200d"
        and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn")
    ]
    return short.translate(dict.fromkeys(map(ord, odd), "\ufffd"))


def broken(text: object) -> str:
    """Return a cleaned text whose very long words can break across lines. A zero-width space is inserted after every
    30 letters of such a word.
    """
    return re.sub(
        # lines end within Chinese anyway
        "[^ \n\u2e80-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{41,}",
        lambda word: "\u200b".join(word[0][i : i + 30] for i in range(0, len(word[0]), 30)),
        clean(text),
    )


# Blocks, as JSON and the templates of the page and of the paper know them. What a report says stands in templates, too.

Block = dict[str, Any]


def filled(source: str, **names: Any) -> list[Block]:
    """Return the blocks of a template with `names` filled in. Filled-in values are treated as text, never as markup.

    Args:
        source: of the template, such as `{% include "sample.html" %}`. It is made of `<h1>`, `<h2>`, `<p>` and `<ul>`
            with `<strong>` and `<cite>` (keys of `qfusion.citations`) in them, `<blockquote>`, `<pre>`, `<dl>` (names
            with what they are, a row each), `<table>` (a head of class "words" stands to the left, as the first does),
            `<equation>` (its name in `equations.typ`), and `<figure>` (what `figure` or `picture` returns); what each
            is, or is from, is its `title`.
    """
    words = environment().overlay(finalize=_escaped).from_string(source).render(names)
    lines = re.sub(r"\s*\n\s*", " ", words)
    return [_block(entry) for entry in ElementTree.fromstring(f"<r>{lines}</r>")]


def _escaped(value: Any) -> Any:
    """Return the text that replaces a value in a template: text without markup, or JSON for a drawing."""
    if hasattr(value, "__html__"):
        return value
    words = json.dumps(value) if isinstance(value, dict) else clean(value)
    return do_mark_safe(escape(words).replace("\n", "&#10;"))


def _block(element: ElementTree.Element) -> Block:
    """Return the block for an element of a filled template, see `filled`."""
    kind, title, words = element.tag, clean(element.get("title", "")), clean(_text(element))
    rows = [[broken(_text(cell)) for cell in row] for row in element]
    match kind:
        case "h1" | "h2":
            return {"kind": "heading", "text": words, "level": int(kind[1])}
        case "p":
            return {"kind": "paragraph", "parts": _parts(element)}
        case "ul":
            return {"kind": "points", "points": [_parts(point) for point in element]}
        case "equation":
            return {"kind": kind, "name": words}
        case "blockquote":
            return {"kind": "quote", "text": words, "source": title}
        case "pre":
            return {"kind": "listing", "text": words, "name": title}
        case "figure":
            drawn: Block = json.loads(_text(element))
            return drawn | {"alt": clean(element.get("alt", "")), "caption": title}
        case "dl":
            return {"kind": "facts", "rows": rows, "caption": title}
    left = [n == 0 or cell.get("class") == "words" for n, cell in enumerate(element[0])]
    return {
        "kind": "table",
        "head": rows[0],
        "rows": rows[1:],
        "caption": title,
        "align": ["left" if is_words else "right" for is_words in left],
        "columns": [
            # a column of words that are longer takes what room is left
            "wide" if is_words and any(len(row[column]) > 26 for row in rows[1:]) else ""
            for column, is_words in enumerate(left)
        ],
    }


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def _parts(element: ElementTree.Element) -> list[Block]:
    """Texts, words that matter, and references to sources."""
    inside = [
        piece for child in element for piece in ((child.tag, child.text), ("text", child.tail))
    ]
    return [
        {"kind": kind, "sources": text.split()}
        if kind == "cite"
        else {"kind": kind, "text": broken(text) if kind == "text" else clean(text)}
        for kind, text in [("text", element.text), *inside]
        if text
    ]


# Figures: plotly's as vector drawings, pictures of a sample as they are.

FULL, HALF = 160.0, 110.0  # mm


def figure(drawn: go.Figure, width: float = FULL, height: float | None = None) -> Block:
    """Return a figure as a drawing, `width` and `height` in mm. The template adds the rest."""
    with printing():
        svg = plotly_print.render(
            drawn, "svg", plotly_print.Style(width, height, 8.0, creator=CREATOR)
        ).decode()
    return {"kind": "figure", "svg": svg, "width": width}


def picture(pixels: np.ndarray, width: float = 40.0) -> Block:
    """Return a picture of a sample, uint8 (h, w) or (h, w, 3), as a drawing, its pixels as squares."""
    image = Image.fromarray(np.asarray(pixels))
    larger = ImageOps.scale(image, max(1, 320 // max(image.size)), Image.Resampling.NEAREST)
    w, h = larger.size
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
        f'<image width="{w}" height="{h}" href="{png_address(larger)}"/></svg>'
    )
    return {"kind": "figure", "svg": svg, "width": width}


MAX_MEDIA = 8_000_000  # bytes of a recording that a page holds


def recording(kind: str, media: str, content: bytes, poster: np.ndarray | None = None) -> Block:
    """Return a recording that a page plays from data embedded in it. On paper it is its poster, or nothing for sound.

    Args:
        kind: "video" or "audio". media: its type, such as "video/mp4". content: the file.
        poster: uint8 (h, w, 3).
    """
    return ({"svg": ""} if poster is None else picture(poster, 60.0)) | {
        "kind": "figure",
        "width": 60.0,
        "plays": kind,
        "media": data_address(media, content) if len(content) <= MAX_MEDIA else "",
    }


def data_address(kind: str, data: bytes) -> str:
    """Return the address that holds a file's bytes itself."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png_address(picture: Image.Image) -> str:
    """Return the address that holds a picture of PIL itself."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_address("image/png", buffer.getvalue())


def spelled(numbers: Mapping[str, float], form: str = "+.2f") -> str:
    """Return names with their numbers: "text +0.41, baseline -0.69". The empty name is the baseline, and the
    smallest of many joint terms are summed.
    """
    shown, rest = select_shown_terms([numbers])
    listed = {name: value for name, value in numbers.items() if name in {"", *shown}}
    if rest:
        listed[decision_charts.rest_title(len(rest))] = sum(numbers[name] for name in rest)
    return ", ".join(f"{name or 'baseline'} {value:{form}}" for name, value in listed.items())


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign; none that rounds to zero is negative. The minus is a minus."""
    return f"{round(float(value), digits) + 0.0:+.{digits}f}".replace("-", "−")


def number(value: Any, digits: int = 3) -> str:
    """Return a number as text, or "–" if there is none."""
    return (
        "–"
        if value is None or not np.isfinite(value)
        else f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
    )


def power(value: float) -> str:
    """A small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return (
        f"{digit} · 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    )


# Equations: written once and typeset by typst, in the PDF as such, for browsers as drawings with their words beside
# them.

FOLDER = Path(__file__).parent
SOURCE, PAPER = (
    (FOLDER / name).read_text(encoding="utf-8") for name in ("equations.typ", "paper.typ")
)
WORDS = dict(
    re.findall(r'^  (\w+): \(\n.*?\$,\n\s*"([^"]*)"\)', SOURCE, flags=re.MULTILINE | re.DOTALL)
)
SIZE = 10.0  # points of the letters
_ALONE = f"""
#set page(width: auto, height: auto, margin: 1pt, fill: none)
#set text(size: {SIZE}pt, fill: rgb("#17202b"))
#equations.at(sys.inputs.name).at(0)
"""


@cache
def drawing(name: str) -> dict[str, Any]:
    """Return one equation as an SVG, its letters as outlines: it looks the same in every browser, with or without
    fonts for mathematics; its width and height in units of the letters' size; and its words.

    Raises:
        NotFound: when there is none of that name.
    """
    words = WORDS[choose("Equation", name, WORDS)]
    compiled: Any = typst.compile(
        f"{SOURCE}{_ALONE}".encode(),
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"name": name},
    )
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', bytes(compiled))
    assert size is not None
    return {
        "svg": bytes(compiled),
        "width": float(size[1]) / SIZE,
        "height": float(size[2]) / SIZE,
        "words": words,
    }


# The report as a page and as a paper.


@cache
def environment() -> Environment:
    """Return the templates of this folder. All texts are escaped; nothing in them is markup."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        loader=FileSystemLoader(FOLDER),
    )
    environment.filters |= {
        "data": lambda svg: data_address("image/svg+xml", svg.encode()),
        "turned": lambda text: any(
            unicodedata.bidirectional(letter) in ("R", "AL") for letter in text
        ),
        # browsers break long words by themselves
        "whole": lambda text: text.replace("\u200b", ""),
        "signed": signed,
        "number": number,
        "power": power,
        "spelled": spelled,
    }
    environment.globals |= {"can": can, "figure": figure, "picture": picture, "HALF": HALF}
    return environment


@dataclass(frozen=True, eq=False)
class Report:
    """A report, ready to be written.

    Attributes:
        title, subtitle: on top. description: a sentence for search and screen readers.
        blocks: without the references, which follow from what is cited.
    """

    title: str
    subtitle: str
    description: str
    blocks: list[Block]

    def cited(self) -> list[str]:
        """Return the keys of the sources that are cited, in the order of their first mention."""
        parts = (
            part
            for block in self.blocks
            for part in chain(block.get("parts", ()), *block.get("points", ()))
        )
        return list(dict.fromkeys(key for part in parts for key in part.get("sources", ())))

    def data(self) -> dict[str, Any]:
        """Return the whole report as data for JSON, for the templates of the page and of the paper."""
        keys = self.cited()
        return {
            "title": clean(self.title, MAX_TITLE),
            "subtitle": clean(self.subtitle, MAX_TITLE),
            "description": clean(self.description, MAX_TITLE),
            "blocks": self.blocks,
            "places": {key: place for place, key in enumerate(keys, 1)},
            "bibtex": citations.bibtex(keys),
            "references": [
                {"text": citations.text(key), "url": citations.url(key)} for key in keys
            ],
        }

    def html(self) -> bytes:
        """Return it as one self-contained HTML file, UTF-8: no script, nothing loaded, figures and equations as
        drawings inside. All texts are escaped; nothing in them is markup."""
        return environment().get_template("page.html").render(self.data(), drawing=drawing).encode()

    def pdf(self) -> bytes:
        """Return it as a PDF. Its foot says which letters no font of this machine has: empty boxes stand for them.

        Raises:
            QFusionError: when typst refuses the document, which is a defect here.
        """
        text, missing, faces = _letters_of(self)
        try:
            with tempfile.TemporaryDirectory() as folder:
                # the document can read no file but this empty folder's
                nowhere, fonts = Path(folder, "empty"), Path(folder, "fonts")
                nowhere.mkdir()
                fonts.mkdir()
                installed = dict.fromkeys(Path(face.path) for face in faces)
                for file in [*_own_fonts().glob("[!L]*.ttf"), *installed]:
                    shutil.copy(file, fonts)
                options: dict[str, Any] = {
                    "root": str(nowhere),
                    "font_paths": [str(fonts)],
                    "ignore_system_fonts": True,
                    "timestamp": 0,
                    "sys_inputs": {
                        "document": text,
                        "families": json.dumps([*dict.fromkeys(face.family for face in faces)]),
                        "foot": _foot(missing),
                    },
                }
                source = f"{SOURCE}\n{PAPER}".encode()
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

    def written(self, suffix: str) -> bytes:
        """Return it as the file of an ending, .html or .pdf."""
        return self.pdf() if suffix == ".pdf" else self.html()

    def unsaid(self) -> str:
        """Return a line on the letters that no font of this machine has, as the PDF says at its foot; empty where each
        has one."""
        return _foot(_letters_of(self)[1])


def _foot(missing: list[str]) -> str:
    if not missing:
        return ""
    from qfusion.figures.export import notice

    return notice(missing, "empty boxes stand for them.").translate(
        {ord(letter): f"U+{ord(letter):04X}" for letter in missing}
    )


def _letters_of(report: Report) -> tuple[str, list[str], list[Any]]:
    """Return a report's text with a box for each letter that no font has, these letters, and the installed faces
    that the others need.
    """
    paper = report.data()
    paper["blocks"] = [
        {key: value for key, value in block.items() if key != "media"} for block in paper["blocks"]
    ]
    text = json.dumps(paper, ensure_ascii=False)
    if all(map(_ours, set(text))):
        return text, [], []
    foreign = [
        words
        for words in dict.fromkeys(re.findall("[^\x00-\x7f]+", text))
        if not all(map(_ours, words))
    ]
    every = dict.fromkeys(letters for words in foreign for letters in fonts.clusters(words))
    east, missing, faces = (
        fonts.east("".join(foreign)),
        dict[str, None](),
        dict[Any, None](),
    )
    for letters in sorted(every, key=len, reverse=True):
        if all(_ours(letter) or fonts.IGNORED.match(letter) for letter in letters):
            continue
        shapes = [fonts.face(letters, bold, outlines=False, east=east) for bold in (False, True)]
        if shapes[0] is None:  # typst sets a letter and its marks in one font
            alone = fonts.face(letters[0], outlines=False, east=east) if len(letters) > 1 else None
            missing |= dict.fromkeys(letters if alone is None else letters[1:])
            text = text.replace(
                letters,
                fonts.BOX if alone is None else letters[0] + fonts.BOX,
            )
            shapes = [alone]
        faces |= dict.fromkeys(face for face in shapes if face is not None)
    return (
        text,
        [letter for letter in missing if not fonts.IGNORED.match(letter)],
        [*faces],
    )


def _ours(letter: str) -> bool:
    return ord(letter) < 0x250 or ord(letter) in _letters()


def _own_fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_own_fonts() / "DejaVuSans.ttf")).get_charmap())
