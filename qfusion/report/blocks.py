"""Blocks of a report: from a filled template, and with the figures, pictures, recordings and numbers in them."""

import base64
import io
import json
import re
import unicodedata
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import do_mark_safe
from PIL import Image, ImageOps
from scipy.io import wavfile

from qfusion._memory_cache import memo
from qfusion.data import media_files, media_films
from qfusion.data.sample_content import Audio, Clip, Film
from qfusion.errors import QFusionError
from qfusion.figures.files.export_style import CREATOR, plotly_print, printing
from qfusion.models import protocols
from qfusion.study import recording_strip
from qfusion.study.sample import Sample
from qfusion.views.view import View, end_sentence

Block = dict[str, Any]

FULL, HALF = 160.0, 110.0  # mm, widths of figures
MAX_MEDIA = 8_000_000  # bytes of a recording that a page embeds


def figure(drawn: go.Figure, width: float = FULL, height: float | None = None) -> Block:
    """Return a figure as vector drawing, `width` and `height` in mm. The template adds caption and alternative text."""
    style = plotly_print.Style(width, height, 8.0, creator=CREATOR)
    with printing():
        svg = plotly_print.render(drawn, "svg", style).decode()
    return {"kind": "figure", "svg": svg, "width": width}


def drawn(view: View, width: float = FULL) -> Block:
    """Return the figure of a view with its title, caption and limits below, and its alternative text."""
    assert view.figure is not None
    caption = clean(f"{end_sentence(view.headline)} {view.description}")
    return figure(view.figure, width) | {"alt": clean(view.alt), "caption": caption}


def picture(pixels: np.ndarray, width: float = 40.0) -> Block:
    """Return a picture of a sample, uint8 (h, w) or (h, w, 3), as a drawing with square pixels."""
    image = Image.fromarray(np.asarray(pixels))
    larger = ImageOps.scale(image, max(1, 320 // max(image.size)), Image.Resampling.NEAREST)
    w, h = larger.size
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
        f'<image width="{w}" height="{h}" href="{png_address(larger)}"/></svg>'
    )
    return {"kind": "figure", "svg": svg, "width": width}


def recording(
    kind: str, media: str, content: bytes, poster: np.ndarray | None = None, part: str = ""
) -> Block:
    """Return a recording that a page plays from data embedded in it. The PDF shows its poster, or nothing for sound.

    Args:
        kind: "video" or "audio".
        media: media type, such as "video/mp4".
        content: bytes of the file. A file larger than MAX_MEDIA is left out.
        poster: uint8 (h, w, 3).
        part: a media fragment, the seconds that are played: "#t=1,2.5"; the whole file where it is empty.
    """
    svg = "" if poster is None else picture(poster)["svg"]
    address = data_address(media, content) + part if len(content) <= MAX_MEDIA else ""
    return {"kind": "figure", "svg": svg, "width": 60.0, "plays": kind, "media": address}


def data_address(kind: str, data: bytes) -> str:
    """Return a data URL that holds a file's bytes."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png_address(picture: Image.Image) -> str:
    """Return a data URL that holds a PIL image as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_address("image/png", buffer.getvalue())


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign and a typographic minus. A value that rounds to zero gets a plus."""
    return f"{_round(value, digits):+.{digits}f}".replace("-", "−")


def format_number(value: Any, digits: int = 3) -> str:
    """Return a number as text, or "–" if there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{_round(value, digits):.{digits}f}".replace("-", "−")


def _round(value: float, digits: int) -> float:
    """Return a rounded number. Adding 0.0 turns -0.0 into 0.0."""
    return round(float(value), digits) + 0.0


def format_power(value: float) -> str:
    """Return a small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


MAX_TEXT = 20_000  # characters of a text
MAX_TITLE = 240  # characters of a title
# Persian, the languages of India and emoji need the two joiners.
ALLOWED = "\n\u200c\u200d"
# Control, format (such as those that turn the direction), surrogate, private, not assigned.
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn")
# Lines end within Chinese, Japanese and Korean anyway.
LONG_WORD = re.compile("[^ \n\u2e80-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{41,}")


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text that can be printed. Line breaks stay, control and direction characters become U+FFFD, and texts
    longer than `limit` are cut.
    """
    words = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if len(words) > limit:
        words = words[: limit - 1] + "…"
    odd = [
        letter
        for letter in set(words)
        if letter not in ALLOWED and unicodedata.category(letter) in UNPRINTABLE
    ]
    return words.translate(dict.fromkeys(map(ord, odd), "\ufffd"))


def break_long_words(text: object) -> str:
    """Return a cleaned text whose very long words can break across lines. A zero-width space is inserted after every
    30 letters of such a word.
    """

    def break_word(match: re.Match[str]) -> str:
        word = match[0]
        return "\u200b".join(word[start : start + 30] for start in range(0, len(word), 30))

    return LONG_WORD.sub(break_word, clean(text))


FOLDER = Path(__file__).parent


@memo(1)
def environment() -> Environment:
    """Return the environment of the templates. All texts are escaped; nothing in them is markup."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        loader=FileSystemLoader(FOLDER),
    )
    environment.filters |= {
        "data": _svg_address,
        "turned": _is_right_to_left,
        "whole": _join_words,
        "signed": format_signed,
        "number": format_number,
        "power": format_power,
    }
    environment.globals |= {
        "protocols": protocols,
        "figure": figure,
        "drawn": drawn,
        "picture": picture,
        "HALF": HALF,
    }
    return environment


def _svg_address(svg: str) -> str:
    return data_address("image/svg+xml", svg.encode())


def _is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _join_words(text: str) -> str:
    """Return a text without zero-width spaces, since browsers break long words by themselves."""
    return text.replace("\u200b", "")


WIDE = 26  # letters of a cell from which its column of words takes the free width


def fill_template(source: str, **names: Any) -> list[Block]:
    """Return the blocks of a template with `names` filled in. Filled-in values are treated as text, never as markup.

    Args:
        source: source of the template, such as `{% include "sample.html" %}`. It consists of `<h1>`, `<h2>`, `<p>`
            and `<ul>`, with `<strong>` and `<cite>` (keys of `qfusion.citations`) in them; `<blockquote>`; `<pre>`;
            `<dl>` (one row for each name and its value); `<table>` (the first column and those with a head of class
            "words" are aligned left); `<equation>` (its name in `equations.typ`); and `<figure>` (the block from
            `drawn`, `figure` or `picture`). The attribute `title` holds the caption or the source.
    """
    words = environment().overlay(finalize=_escape).from_string(source).render(names)
    lines = re.sub(r"\s*\n\s*", " ", words)
    return [_block(entry) for entry in ElementTree.fromstring(f"<r>{lines}</r>")]


def _escape(value: Any) -> Any:
    """Return the text that replaces a value in a template: text without markup, or JSON for a drawing."""
    if hasattr(value, "__html__"):
        return value
    words = json.dumps(value) if isinstance(value, dict) else clean(value)
    return do_mark_safe(escape(words).replace("\n", "&#10;"))


def _block(element: ElementTree.Element) -> Block:
    """Return the block for an element of a filled template, see `fill_template`."""
    kind = element.tag
    title = clean(element.get("title", ""))
    words = clean(_text(element))
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
            block: Block = json.loads(_text(element))
            alternative = clean(element.get("alt", ""))
            block["alt"] = alternative or block.get("alt", "")
            block["caption"] = title or block.get("caption", "")
            return block
        case "dl":
            return {"kind": "facts", "rows": _cells(element), "caption": title}
    return _table(element, title)


def _cells(element: ElementTree.Element) -> list[list[str]]:
    """Return the texts of a table's cells by row."""
    return [[break_long_words(_text(cell)) for cell in row] for row in element]


def _table(element: ElementTree.Element, caption: str) -> Block:
    """Return the block of a table. Columns of words are aligned left; those with long texts share the free width."""
    head, *rows = _cells(element)
    align, columns = [], []
    for column, cell in enumerate(element[0]):
        has_words = column == 0 or cell.get("class") == "words"
        is_wide = has_words and any(len(row[column]) > WIDE for row in rows)
        align.append("left" if has_words else "right")
        columns.append("wide" if is_wide else "")
    return {
        "kind": "table",
        "head": head,
        "rows": rows,
        "caption": caption,
        "align": align,
        "columns": columns,
    }


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def _parts(element: ElementTree.Element) -> list[Block]:
    """Return the parts of a paragraph: plain text, emphasised text, and references to sources."""
    pieces = [("text", element.text)]
    for child in element:
        pieces += [(child.tag, child.text), ("text", child.tail)]
    return [_part(kind, text) for kind, text in pieces if text]


def _part(kind: str, text: str) -> Block:
    if kind == "cite":
        return {"kind": kind, "sources": text.split()}
    return {"kind": kind, "text": break_long_words(text) if kind == "text" else clean(text)}


def recording_context(sample: Sample) -> dict[str, Any]:
    """Return the template variables of the recording of a sample, and of its timeline."""
    source = recording_strip.source(sample.dataset, sample.row)
    names: dict[str, Any] = {
        "recorded": None,
        "problem": source.problem,
        "timeline": None,
        "film": film_block,
        "audio": audio_block,
    }
    try:
        if source.clip is not None:
            names["recorded"] = _clip_context(source.clip)
        if source.is_timed:
            names["timeline"] = sample.show("strip")
    except QFusionError as error:
        names["problem"] = str(error)
    return names


def _clip_context(clip: Clip) -> dict[str, Any]:
    """Return the block of a recording, and a sentence about it."""
    preview = clip.preview()
    if clip.kind == "image":
        return {"says": "The picture of the sample.", "block": picture(preview.poster, 80.0)}  # type: ignore[arg-type]
    block = recording(
        clip.kind,
        media_files.TYPES[clip.path.suffix.lower()],
        clip.path.read_bytes(),
        preview.poster,
        f"#t={clip.start:g},{clip.start + preview.seconds:g}",
    )
    says = f"The recording of the sample: {preview.seconds:.1f} s."
    if not block["media"]:
        says += f" Its file is larger than the {MAX_MEDIA // 10**6} MB that a report holds."
    return {"says": says, "block": block}


def film_block(piece: Film) -> Block:
    """Return the block of a film that the data set stores itself."""
    frames = np.asarray(piece.frames)
    return recording("video", "video/mp4", media_films.encode_film(piece), frames[len(frames) // 2])


def audio_block(piece: Audio) -> Block:
    """Return the block of a sound that the data set stores itself."""
    samples = np.round(32767 * np.clip(piece.samples, -1, 1)).astype("<i2")
    buffer = io.BytesIO()
    wavfile.write(buffer, piece.rate, samples)
    return recording("audio", "audio/wav", buffer.getvalue())
