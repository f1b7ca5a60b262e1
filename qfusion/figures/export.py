"""Figures as files, one or several as panels of one: vectors, pixels or a page, with the recipe inside, the same bytes
for the same input in any process; drawn by `plotly_print`, or by plotly itself in a Chrome."""

import asyncio
import atexit
import base64
import contextlib
import html
import importlib.util
import io
import itertools
import json
import logging
import math
import os
import re
import shutil
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go
from fontTools import unicodedata as scripts

from qfusion._checks import check, read_json
from qfusion._lazy import Library
from qfusion.errors import DataUnavailable, InvalidInput, QFusionError
from qfusion.figures.embedded_recipes import (
    MAX_RECIPE,
    embed_in_png,
    embed_in_svg,
    read_recipe,
    size_mm,
)
from qfusion.figures.export_style import (
    MM_PER_PT,
    SIZES,
    ExportStyle,
    canvas,
    fonts,
    pixel,
    plotly_print,
    print_style,
    printing,
)
from qfusion.figures.guards import check_finite
from qfusion.figures.html_page import render_page
from qfusion.figures.recipe import Recipe, parse as parse_recipe, read_record
from qfusion.figures.style import FONT, INK, PAPER, QUIET, Theme
from qfusion.figures.themes import apply_theme, theme_of
from qfusion.figures.visible_range import hide_series

__all__ = [
    "MAX_CAPTION",
    "MAX_TITLE",
    "ExportStyle",
    "chrome",
    "noticed",
    "read_recipe",
    "save",
    "size_mm",
    "text",
]

kaleido: Any = Library("kaleido")


COMPOSITION, COMPOSITION_VERSION = "qfusion composition", 1
MAX_PANELS, MAX_COLUMNS = 12, 4
FORMATS = ("svg", "pdf", "png", "tikz")


@dataclass(frozen=True)
class Composition:
    """A figure of several panels.

    Attributes:
        panels: recipes, in the order of reading; of their styles only the series left out hold.
        columns: panels in a row. style: of the whole; its title and caption stand for those of the panels.

    Raises:
        InvalidInput: when there are no or too many panels or columns, or the style is one of a single figure.
    """

    panels: tuple[Recipe, ...]
    columns: int = 2
    style: ExportStyle = field(default_factory=lambda: ExportStyle(size="double"))

    def __post_init__(self) -> None:
        check(
            1 <= len(self.panels) <= MAX_PANELS,
            f"A composition has 1 to {MAX_PANELS} panels, but this one has {len(self.panels)}. "
            f"{'Leave some out.' if self.panels else 'Choose panels.'}",
        )
        check(
            isinstance(self.columns, int)
            and not isinstance(self.columns, bool)
            and 1 <= self.columns <= MAX_COLUMNS,
            f"Argument `columns` must be a whole number from 1 to {MAX_COLUMNS}, but is {str(self.columns)[:20]!r}.",
        )
        check(
            self.style.format in FORMATS,
            f"A composition is written as {', '.join(FORMATS)}, but the format is {self.style.format}. Choose one of "
            "these.",
        )
        check(
            self.style.engine == "qfusion",
            "A composition is drawn by qfusion itself, not by Chrome. Leave `engine` out.",
        )

    def text(self) -> str:
        """The composition as JSON, the same for the same composition."""
        return json.dumps(
            {
                "kind": COMPOSITION,
                "version": COMPOSITION_VERSION,
                "columns": self.columns,
                "look": self.style.as_dict(),
                "panels": [json.loads(panel.text()) for panel in self.panels],
            },
            indent=1,
            sort_keys=True,
        )


def is_composition(text: str) -> bool:
    """Whether a JSON text is a composition's, and not a recipe's of one panel."""
    record = read_json(text)
    return isinstance(record, dict) and record.get("kind") == COMPOSITION


def parse_composition(text: str) -> Composition:
    """Returns a composition from its JSON.

    Raises:
        InvalidInput: when it is none, of another version, or one of its recipes cannot be read.
    """
    record = read_record(text, "composition", COMPOSITION, COMPOSITION_VERSION, MAX_RECIPE)
    panels: Any = record.get("panels")
    check(
        isinstance(panels, list) and len(panels) <= MAX_PANELS,
        f"Part `panels` of the composition must list at most {MAX_PANELS} recipes.",
    )
    return Composition(
        tuple(parse_recipe(json.dumps(panel)) for panel in panels),
        record.get("columns", 2),
        ExportStyle.parse(record.get("look", {})),
    )


def save_composition(
    figures: Sequence[go.Figure], titles: Sequence[str], captions: Sequence[str], whole: Composition
) -> bytes:
    """The composed figure as a file, its recipe inside.

    Args:
        figures, titles, captions: of the panels, in their order. whole: how they are composed.

    Raises:
        InvalidInput: when they do not fit on the page.
    """
    style, size = whole.style, SIZES[whole.style.size]
    with printing():
        return plotly_print.render_grid(
            [
                plotly_print.Part(
                    apply_theme(hide_series(figure, panel.style.hidden), style.theme),
                    size.letter(place),
                    text("title", title, MAX_TITLE) if style.title else "",
                )
                for place, (figure, title, panel) in enumerate(
                    zip(figures, titles, whole.panels, strict=True)
                )
            ],
            style.format,
            print_style(style, size.width, size.height),
            whole.columns,
            most_mm=size.most,
            caption=join_captions(captions, size) if style.caption else "",
            metadata=whole.text(),
        )


def join_captions(captions: Sequence[str], size: Any) -> str:
    """One caption of several, each behind the letter of its panel, as plain text."""

    most = (4_000 - 8 * len(captions)) // max(1, len(captions))
    return " ".join(
        f"{size.letter(place)} {text('caption', entry, 4_000)}"
        for place, entry in enumerate(
            caption if len(caption) <= most else caption[: most - 1].rstrip() + "…"
            for caption in captions
        )
    )


def to_panel(panel: Recipe, style: ExportStyle) -> Recipe:
    """A panel's recipe as part of a composition: in its style, with its own series left out."""
    return replace(panel, style=replace(style, hidden=panel.style.hidden), title="", caption="")


# A Chrome or Chromium for figures: found, started through kaleido when the first figure asks for it, kept a while,
# bounded in time.

BROWSERS = ("google-chrome", "google-chrome-stable", "chrome", "chromium", "chromium-browser")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# seconds to wait for the browser and for a figure; how long it is kept for the next one
CHROME_START, CHROME_DRAW, CHROME_IDLE = 40.0, 30.0, 120.0
CHROME_FRESH = (
    200  # drawings on one page before it is loaded again, so that what it keeps is bounded
)
# a proxy that refuses: without it, a browser waits long for its maker's hosts where the network is closed
_NOWHERE = "127.0.0.1:9"


def chrome() -> str | None:
    """The path of Chrome or Chromium; None where there is none or kaleido is not installed, and figures are drawn by
    qfusion alone."""
    if importlib.util.find_spec("kaleido") is None:
        return None
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    return browser or next(
        (place for place in _MAC if sys.platform == "darwin" and os.access(place, os.X_OK)), None
    )


def _keeping() -> type[Any]:
    """kaleido's browser, that keeps its page from figure to figure: to load plotly's script again costs thrice as much
    as to draw. A drawing that fails ends the browser, see `export`."""

    class Keeping(kaleido.Kaleido):
        drawn = 0

        async def _return_kaleido_tab(self, tab: Any) -> None:
            self.drawn += 1
            if self.drawn % CHROME_FRESH:
                await self.tabs_ready.put(tab)
            else:
                await super()._return_kaleido_tab(tab)

    return Keeping


class _Browser:
    """A Chrome in a thread of its own."""

    def __init__(self, path: str) -> None:
        # it writes a traceback for the browser's last word
        logging.getLogger("choreographer").setLevel(logging.CRITICAL)
        self.path = path
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="qfusion-chrome").start()
        self.kaleido: Any = None

        # A page without margins: to Chrome's own, kaleido's PDF would be shrunk.
        bare = kaleido.PageGenerator(mathjax=False)
        bare.header = bare.header.replace("<head>", "<head><style>@page { margin: 0 }</style>")

        async def start() -> None:
            self.kaleido = _keeping()(
                path=path,
                page_generator=bare,
                timeout=CHROME_DRAW,
                proxy_server=_NOWHERE,
                enable_extensions=False,
            )
            await self.kaleido.open()

        try:
            self.call(start(), CHROME_START)
        except BaseException:
            self.stop()
            raise

    def call(self, study: Any, limit: float) -> Any:
        """What a coroutine returns in the browser's thread, within so many seconds."""
        return asyncio.run_coroutine_threadsafe(study, self.loop).result(limit)

    def stop(self) -> None:
        """Ends it, kindly if it answers."""
        process = getattr(self.kaleido, "subprocess", None)
        with contextlib.suppress(Exception):
            self.call(self.kaleido.close(), 5)
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError, AttributeError):
                os.killpg(process.pid, signal.SIGKILL)
        self.loop.call_soon_threadsafe(self.loop.stop)


_LOCK = threading.Lock()
_browser: _Browser | None = None
_timer: threading.Timer | None = None


def kaleido_file(figure: go.Figure, kind: str, scale: float) -> bytes:
    """The figure as kaleido gives it: an SVG, PDF or PNG.

    Raises:
        DataUnavailable: when there is no Chrome or no kaleido; names what was looked for.
        QFusionError: when Chrome does not answer, or cannot draw the figure.
    """
    global _browser, _timer
    path = chrome()
    if path is None:
        reason = (
            "kaleido is not installed"
            if importlib.util.find_spec("kaleido") is None
            else f"no Chrome or Chromium was found (looked for {', '.join(BROWSERS)})"
        )
        raise DataUnavailable(
            f"The engine 'chrome' cannot draw: {reason}. Install Debian's package `chromium` or Google Chrome and "
            "`pip install kaleido`, or choose the engine 'qfusion', which needs neither."
        )
    with _LOCK:
        if _timer is not None:
            _timer.cancel()
        try:
            if _browser is None or _browser.path != path:
                _browser = _Browser(path)
            options = {"format": kind, "width": figure.layout.width, "height": figure.layout.height}
            drawing = _browser.kaleido.calc_fig(figure.to_dict(), opts=options | {"scale": scale})
            result = bytes(_browser.call(drawing, CHROME_DRAW + 5))
        except Exception as error:
            _stop()
            words = (
                "did not answer in time"
                if isinstance(error, TimeoutError)
                else f"failed ({str(error)[:200]})"
            )
            raise QFusionError(
                f"{path} {words} while it drew the figure. Try again, or choose the engine 'qfusion', which needs no "
                "browser."
            ) from error
        _timer = threading.Timer(CHROME_IDLE, stop_chrome)
        _timer.daemon = True
        _timer.start()
    return result


def _stop() -> None:
    global _browser
    if _browser is not None:
        _browser.stop()
        _browser = None


@atexit.register
def stop_chrome() -> None:
    """Ends the browser that waits for the next figure, if there is one."""
    with _LOCK:
        _stop()


# Figures as files: vectors, pixels or a page, with the recipe inside, the same bytes for the same input in any
# process.

MAX_TITLE, MAX_CAPTION = 300, 2_000  # characters
# would write what follows from right to left; a mark of byte order
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF}


def save(
    drawn: go.Figure, style: ExportStyle, *, title: str = "", caption: str = "", recipe: str = "{}"
) -> bytes:
    """The figure as a file.

    Args:
        drawn: by a function of qfusion.figures, in either theme.
        title, caption: any text; it is written as it is, where the style asks for it.
        recipe: JSON that is kept in the file; see `read_recipe`.

    Raises:
        InvalidInput: when a text is too long or the recipe is not JSON, or a number of the figure is NaN or infinite;
            or there is no Chrome for the engine "chrome".
    """
    title, caption = text("title", title, MAX_TITLE), text("caption", caption, MAX_CAPTION)
    recipe = _checked(recipe)
    shown = apply_theme(hide_series(check_finite(drawn), style.hidden), style.theme)
    if style.format == "html":
        return render_page(shown, style, title=title, caption=caption, recipe=recipe)
    if style.engine == "chrome" and style.format != "tikz":
        return chrome_file(shown, style, title=title, caption=caption, recipe=recipe)
    width, natural = canvas(shown, style)
    size = SIZES[style.size]
    # else title and caption come on top of the figure's own
    height = size.height or (size.most if natural >= size.most else None)
    with printing():
        return plotly_print.render(
            shown,
            style.format,
            print_style(style, width, height),
            title=title if style.title else "",
            caption=caption if style.caption else "",
            metadata=recipe,
        )


def image(drawn: go.Figure, alt: str) -> str:
    """The figure as an HTML image that needs no script: for notebooks; errors as of `save`.

    Args:
        drawn: by a function of qfusion.figures. alt: what a reader who does not see it is told.
    """
    content = base64.b64encode(save(drawn, ExportStyle())).decode()
    return (
        f'<img alt="{html.escape(alt)}" style="width: 480px; max-width: 100%" '
        f'src="data:image/svg+xml;base64,{content}">'
    )


def noticed(make: Callable[[], bytes], kind: str) -> tuple[bytes, str]:
    """A file that `make` draws, with a line on the letters in it that no font of this machine has and the package to
    install; the line is empty where each has one.

    Args:
        kind: the format of the file that the line is about.
    """
    with fonts.missed() as letters:
        content = make()
    return content, remark(letters, kind)


def text(name: str, given: str, most: int) -> str:
    """A text that a person typed, on one line, without control characters and without those that turn the direction of
    writing.

    Raises:
        InvalidInput: when it is longer than `most` characters.
    """
    check(
        isinstance(given, str),
        f"Argument `{name}` must be a text, but is {type(given).__name__}. Give words, or leave it empty.",
    )
    check(
        len(given) <= most,
        f"Argument `{name}` must have at most {most:,} characters, but has {len(given):,}. Shorten it.",
    )
    return " ".join(
        "".join(letter for letter in given if letter.isspace() or not _left_out(letter)).split()
    )


def _left_out(letter: str) -> bool:
    code = ord(letter)
    return (
        unicodedata.category(letter) in ("Cc", "Cs")
        or code in _TURNING
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
    )


def _checked(recipe: str) -> str:
    check(
        isinstance(recipe, str) and len(recipe) <= MAX_RECIPE,
        f"Argument `recipe` must be JSON of at most {MAX_RECIPE:,} characters, but is "
        f"{f'{len(recipe):,} characters long' if isinstance(recipe, str) else type(recipe).__name__}. Give the "
        "recipe of one figure.",
    )
    try:
        json.loads(recipe)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"Argument `recipe` must be JSON, but is not ({str(error)[:80]}). Give the text of a recipe."
        ) from error
    bad = next((letter for letter in recipe if letter not in "\n\t" and _left_out(letter)), None)
    check(
        bad is None,
        f"Argument `recipe` must not hold the character U+{ord(bad or ' '):04X}, which files cannot keep. "
        "Write it as an escape.",
    )
    return recipe


# What is said of letters that no font of this machine has: which they are, what stands for them in a file, and which
# package to install.

# Packages of Debian and Ubuntu with the family they bring, the small one first.
_PACKAGES = {
    "east": (("fonts-wqy-microhei", "WenQuanYi Micro Hei"), ("fonts-noto-cjk", "Noto Sans CJK")),
    "symbols": (("fonts-symbola", "Symbola"), ("fonts-noto-core", "Noto Sans Symbols")),
    "Deva": (("fonts-lohit-deva", "Lohit Devanagari"), ("fonts-noto-core", "Noto Sans Devanagari")),
    "": (("fonts-noto-core", "Noto Sans"),),
}
_SHOWN = 12  # letters that a sentence names


def unknown(text: str) -> list[str]:
    """The letters of a text that no installed font has, be it one of coloured pictures: what a browser here lacks."""
    return [
        letter
        for letter in dict.fromkeys(text)
        if ord(letter) >= 0x250
        and not fonts.IGNORED.match(letter)
        and fonts.face(letter, outlines=False) is None
    ]


def remark(letters: Mapping[str, str], kind: str) -> str:
    """The line that goes with a file of a format, on the letters that were `fonts.missed` when it was drawn; empty
    where there is nothing to say."""
    rare = [letter for letter, where in letters.items() if where == "latex"]
    if kind == "tikz" and rare:
        return (
            f"pdfLaTeX has no font for {_named(rare)}: XeLaTeX and LuaLaTeX set them in the document's font, "
            "where it has them; pdfLaTeX shows empty boxes."
        )
    if kind == "svg":  # readers take any font, of coloured pictures too
        return notice(
            (letter for letter in letters if fonts.face(letter, outlines=False) is None),
            "the file keeps them as text, for readers whose machine has one.",
        )
    return notice(letters, "empty boxes stand for them.") if kind in ("pdf", "png") else ""


def notice(letters: Iterable[str], then: str) -> str:
    """A line that names letters which no font of this machine has, `then` what becomes of them, and which package to
    install; empty without any letter."""
    every = [*dict.fromkeys(letters)]
    if not every:
        return ""
    kinds = ", ".join(
        dict.fromkeys(
            scripts.script_name(_script(letter)) if _script(letter) != "Zyyy" else "symbols"
            for letter in every
        )
    )
    wanted = [pair for pair in dict.fromkeys(map(_package, every)) if pair is not None]
    install = (
        f"Install {' and '.join(package for package, _ in wanted)} (Debian, Ubuntu; elsewhere "
        f"{' and '.join(family for _, family in wanted)})"
        if wanted
        else "Install a font that has them"
    )
    return f"No font on this machine has {_named(every)} ({kinds}): {then} {install} and start qfusion again."


def _named(letters: list[str]) -> str:
    return " ".join(letters[:_SHOWN]) + (
        "" if len(letters) <= _SHOWN else f" and {len(letters) - _SHOWN} more"
    )


def _script(letter: str) -> str:
    script = scripts.script(letter)
    east_asian = (
        script == "Zyyy" and unicodedata.east_asian_width(letter) in "WF" and ord(letter) < 0x1F000
    )
    return "Hani" if east_asian else "Zyyy" if script in ("Zyyy", "Zinh", "Zzzz") else script


def _package(letter: str) -> tuple[str, str] | None:
    """What brings a font with a letter, of what is not installed, and the font's family."""
    script = _script(letter)
    kind = (
        "east"
        if script in ("Hani", "Hira", "Kana", "Hang", "Bopo")
        else "symbols"
        if script == "Zyyy"
        else script
        if script in _PACKAGES
        else ""
    )
    families = {face.family for face in fonts.installed() if face.scales}
    return next(
        (
            pair
            for pair in _PACKAGES[kind]
            if not any(name.startswith(pair[1]) if kind else name == pair[1] for name in families)
        ),
        None,
    )


# plotly's own drawing in Chrome or Chromium as SVG, PDF and PNG, with title and caption, the same bytes every time.

_SERIF = '"STIX Two Text", STIXGeneral, "Times New Roman", Times, serif'
_TITLE, _CAPTION, _PAD, _LEADING = (
    15,
    12,
    8,
    1.3,
)  # letters in pixels, the space around, from line to line in letters


def chrome_file(
    drawn: go.Figure, style: ExportStyle, *, title: str, caption: str, recipe: str
) -> bytes:
    """The figure as SVG, PDF or PNG.

    Raises:
        DataUnavailable: when there is no Chrome; names what was looked for.
        QFusionError: when Chrome does not answer or cannot draw the figure.
    """
    width_mm, height_mm = canvas(drawn, style)
    width = round(width_mm / pixel(style))
    heads = (
        _block(title, _TITLE, width) if style.title else [],
        _block(caption, _CAPTION, width) if style.caption else [],
    )
    above, below = (
        round(len(lines) * size * _LEADING + _PAD) if lines else 0
        for lines, size in zip(heads, (_TITLE, _CAPTION), strict=True)
    )
    height = round(height_mm / pixel(style))
    if style.size == "slide":
        height -= above + below
    else:
        height_mm += (above + below) * pixel(style)
    face = _SERIF if SIZES[style.size].serif else FONT
    sized = go.Figure(drawn).update_layout(
        width=width, height=max(height, 40), autosize=False, font={"family": face}
    )
    theme = theme_of(drawn)
    drawing = kaleido_file(sized, "svg", 1).decode()
    fonts.miss(unknown(html.unescape(" ".join(re.findall(r">([^<>]+)<", drawing)))))
    svg = _framed(_renumbered(drawing), theme, width, max(height, 40), heads, above, below, face)
    total = max(height, 40) + above + below
    if style.format == "svg":
        sides = (
            f'width="{width_mm:.6g}mm" height="{height_mm:.6g}mm" viewBox="0 0 {width} {total}" '
            'preserveAspectRatio="none"'
        )
        return embed_in_svg(svg.replace("<svg ", f"<svg {sides} ", 1), recipe, title)
    whole = svg.replace(
        "<svg ", f'<svg width="{width}" height="{total}" viewBox="0 0 {width} {total}" ', 1
    )
    if style.format == "png":
        return embed_in_png(
            kaleido_file(
                _as_figure(whole, width, total, theme),
                "png",
                (round(width_mm / 25.4 * style.dpi) + 0.25) / width,
            ),
            recipe,
            title,
            style.dpi,
        )
    # Chrome's pages are whole points: this one is larger than wanted, and cut to size.
    return _as_printed(
        kaleido_file(
            _as_figure(hatched_by_lines(whole), width, total, theme, rim=8),
            "pdf",
            pixel(style) / 25.4 * 96,
        ),
        width_mm / MM_PER_PT,
        height_mm / MM_PER_PT,
        recipe,
        title,
    )


def _block(words: str, size: float, width: float) -> list[str]:
    """Lines of a text; measured with letters that are wider than those of most browsers, so that none runs out of the
    page."""
    return (
        plotly_print.words.wrapped(
            plotly_print.words.plain(
                words, plotly_print.words.TextStyle(size, plotly_print.values.rgba(INK["light"]))
            ),
            width - 2 * _PAD,
        ).text.splitlines()
        if words
        else []
    )


def _framed(
    svg: str,
    theme: Theme,
    width: int,
    height: int,
    heads: tuple[list[str], list[str]],
    above: int,
    below: int,
    face: str,
) -> str:
    """The drawing between title and caption, without a size of its own."""
    lines = [
        *(
            (_PAD + (n + 0.8) * _TITLE * _LEADING, _TITLE, INK, "bold", line)
            for n, line in enumerate(heads[0])
        ),
        *(
            (above + height + (n + 0.8) * _CAPTION * _LEADING, _CAPTION, QUIET, "normal", line)
            for n, line in enumerate(heads[1])
        ),
    ]
    written = "".join(
        f'<text x="{_PAD}" y="{y:.2f}" font-family="{html.escape(face)}" font-size="{size}px" font-weight="{weight}" '
        f'fill="{hue[theme]}" xml:space="preserve">{html.escape(line, quote=False)}</text>'
        for y, size, hue, weight, line in lines
    )
    # A rim of paper around letters: a stroke below them, as shadows would be turned into pixels in a PDF, and left out
    # by readers of SVG.
    rim = f"paint-order: stroke; stroke: {PAPER[theme]}; stroke-width: 3px; stroke-linejoin: round;"
    svg = re.sub(r'text-shadow:[^;"]*;', rim, svg)
    inner = re.sub(
        r'<svg class="main-svg"[^>]*>',
        f'<svg class="main-svg" x="0" y="{above}" width="{width}" height="{height}" viewBox="0 0 {width} '
        f'{height}">',
        svg,
        count=1,
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" role="img">'
        f'<rect width="{width}" height="{height + above + below}" fill="{PAPER[theme]}"/>{written}{inner}</svg>'
    )


_ID = re.compile(r'\sid="([^"]+)"')


def _renumbered(svg: str) -> str:
    """The drawing with ids that are counted, where plotly draws them by lot, and without classes drawn so.

    A style is the last of an element's attributes: Chrome puts it where a script has first asked for it.
    """
    known: dict[str, str] = {}
    for tag in re.findall(r"<[^<>]+>", svg):
        for name in _ID.findall(tag):
            known.setdefault(name, f"q{len(known)}")

    def tag_of(match: re.Match[str]) -> str:
        tag = re.sub(r'(\sstyle="[^"]*")(.*?)(\s*/?>)$', r"\2\1\3", match[0], flags=re.DOTALL)
        tag = _ID.sub(lambda entry: f' id="{known[entry[1]]}"', tag)
        tag = re.sub(r' trace[0-9a-f]{6}(?=[ "])', "", tag)
        tag = re.sub(
            r'(?<=[ "xy]cb)[0-9a-f]{6}(?=tick|title|[ "])', "", tag
        )  # a colour bar, its ticks and title
        tag = re.sub(
            r"url\((&quot;|')?#([^)&']+)(?:&quot;|')?\)",
            lambda entry: f"url(#{known.get(entry[2], entry[2])})",
            tag,
        )
        return re.sub(
            r'(\s(?:xlink:)?href=")#([^"]+)"',
            lambda entry: f'{entry[1]}#{known.get(entry[2], entry[2])}"',
            tag,
        )

    return re.sub(r"<[^<>]+>", tag_of, svg)


_PATTERN = re.compile(
    r'<pattern id="([^"]+)" width="([\d.]+)px" height="([\d.]+)px"[^>]*patternTransform="">(.*?)</pattern>',
    re.DOTALL,
)
_FILLED = re.compile(r'<path ([^>]*?)d="([MLHVZ\d.,\s-]+)"([^>]*?)fill: url\(#([^)]+)\)([^>]*)/>')
MAX_TILES = 4000


def hatched_by_lines(svg: str) -> str:
    """The drawing with hatching as lines, cut to the shapes they fill: Chrome's PDF would hold it as coarse pixels."""
    patterns = {name: (float(w), float(h), inner) for name, w, h, inner in _PATTERN.findall(svg)}
    count = itertools.count()

    def lines_of(match: re.Match[str]) -> str:
        before, path, between, name, after = match.groups()
        x0, x1, y0, y1 = _bounds(path)
        w, h, inner = patterns.get(name, (1.0, 1.0, ""))
        columns, rows = (
            range(math.floor(low / step) - 1, math.ceil(high / step) + 1)
            for low, high, step in ((x0, x1, w), (y0, y1, h))
        )
        if not inner or len(columns) * len(rows) > MAX_TILES:
            return match[0]
        clip = re.search(r'clip-path="[^"]+"', before + between + after)
        opacity = re.search(r'\sopacity="([\d.]+)"', inner)
        own, tile = f"hatch{next(count)}", re.sub(r'\sopacity="[\d.]+"', "", inner)
        tiles = "".join(
            f'<use xlink:href="#{own}t" x="{c * w:.3f}" y="{r * h:.3f}"/>'
            for r in rows
            for c in columns
        )
        return (
            f'<g {clip[0] if clip else ""}><clipPath id="{own}"><path d="{path}"/></clipPath><defs><g '
            f'id="{own}t">{tile}</g></defs><g clip-path="url(#{own})"><g '
            f'opacity="{opacity[1] if opacity else 1}">{tiles}</g></g></g><path {before}d="{path}"{between}fill: '
            f"none{after}/>"
        )

    return _FILLED.sub(lines_of, svg)


def _bounds(path: str) -> tuple[float, float, float, float]:
    """Least and largest x and y of a path of straight lines."""
    xs: list[float] = []
    ys: list[float] = []
    for command, numbers in re.findall(r"([MLHV])([\d.,\s-]+)", path):
        values = [float(value) for value in re.findall(r"-?[\d.]+", numbers)]
        xs += {"H": values, "V": []}.get(command, values[::2])
        ys += {"V": values, "H": []}.get(command, values[1::2])
    return min(xs), max(xs), min(ys), max(ys)


def _as_figure(svg: str, width: int, height: int, theme: Theme, rim: int = 0) -> go.Figure:
    """A figure that is nothing but this drawing, with a rim of paper on the right and below."""
    bare = {"visible": False, "fixedrange": True}
    return go.Figure(
        layout={
            "template": go.layout.Template(),
            "width": width + rim,
            "height": height + rim,
            "xaxis": bare,
            "yaxis": bare,
            "margin": {"l": 0, "r": rim, "t": 0, "b": rim, "pad": 0},
            "paper_bgcolor": PAPER[theme],
            "plot_bgcolor": PAPER[theme],
            "images": [
                {
                    "source": "data:image/svg+xml;base64,"
                    + base64.b64encode(svg.encode()).decode(),
                    "xref": "paper",
                    "yref": "paper",
                    "x": 0,
                    "y": 1,
                    "sizex": 1,
                    "sizey": 1,
                    "xanchor": "left",
                    "yanchor": "top",
                    "sizing": "stretch",
                    "layer": "above",
                }
            ],
        }
    )


def _as_printed(pdf: bytes, width: float, height: float, recipe: str, title: str) -> bytes:
    """The page at its size in points, with the recipe among its keywords and without dates."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, RectangleObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    page = writer.pages[0]
    top = float(page.mediabox.top)
    page[NameObject("/MediaBox")] = RectangleObject(
        (0, round(top - height, 4), round(width, 4), top)
    )
    for name in ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox"):
        page.pop(NameObject(name), None)
    writer.metadata = {
        "/Creator": "qfusion",
        "/Producer": "Chrome and pypdf",
        "/Keywords": recipe,
        **({"/Title": title} if title else {}),
    }
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
