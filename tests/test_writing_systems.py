"""Texts of every script in figures, reports and LaTeX, with and without fonts."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
import pypdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from plotly_print import Style, fonts, latex, render, words
from plotly_print.values import rgba
from plotly_print.words import TextStyle
from qfusion.figures.style import base_figure, label
from qfusion.report import blocks
from qfusion.report.document import Report

SENTENCE = "我觉得这部电影非常好看，但是很难"
CHINESE = SENTENCE + "多言語文本声音视频正面负面电影图表题"
HINDI, HEBREW, ARABIC, THAI = "हिन्दी", "שלום עולם", "مرحبا بالعالم", "ไทย"
EVERY = (
    SENTENCE,
    "Привет мир",
    HEBREW,
    ARABIC,
    HINDI,
    "日本語かな",
    "한국어",
    "😀👍🏽👨\u200d👩\u200d👧",
    "e\u0301a\u0308",
    THAI,
    "ꙮ𓀀",
    "\U0010fffd",
    "a\u0300" * 30,
    "\u200d",
    "\ufe0f",
    "\u0301x",
    "🇨🇳🇨",
)
PLAIN = TextStyle(10, rgba("#000"))


def made(path: Path, letters: str, family: str, curves: str = "glyf") -> Path:
    """A font whose letters are squares of their own sizes, and .notdef a triangle."""
    names = [".notdef", *(f"u{ord(letter):05X}" for letter in dict.fromkeys(letters))]
    build = FontBuilder(1000, isTTF=curves == "glyf")
    build.setupGlyphOrder(names)
    build.setupCharacterMap({ord(letter): f"u{ord(letter):05X}" for letter in letters})
    outlines = {}
    for place, name in enumerate(names):
        pen = TTGlyphPen(None) if curves == "glyf" else T2CharStringPen(1000, None)
        size = 300 + 7 * place
        pen.moveTo((50, 0))
        for point in ((50, size), (size, size), (size, 0))[: 2 if name == ".notdef" else 3]:
            pen.lineTo(point)
        pen.closePath()
        outlines[name] = pen.glyph() if isinstance(pen, TTGlyphPen) else pen.getCharString()
    if curves == "glyf":
        build.setupGlyf(outlines)
    else:
        build.setupCFF(family.replace(" ", ""), {}, outlines, {})
    build.setupHorizontalMetrics(dict.fromkeys(names, (1000, 50)))
    build.setupHorizontalHeader(ascent=800, descent=-200)
    build.setupNameTable(
        {"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "")}
    )
    build.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    build.setupPost()
    build.save(path)
    return path


def forget() -> None:
    """What is known of installed fonts is read anew."""
    for known in (fonts.installed, fonts.face, words.covering_style):
        getattr(known, "cache_clear", int)()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Path]]:
    """The fonts of this machine, none at first: add paths, then `forget()`."""
    found: list[Path] = []
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(path) for path in found])
    forget()
    yield found
    forget()


@pytest.fixture(params=["glyf", "CFF"])
def chinese(request: pytest.FixtureRequest, installed: list[Path], tmp_path: Path) -> str:
    """A machine with one font, of Chinese; how its outlines are written."""
    installed.append(made(tmp_path / "one.ttf", CHINESE, "Probe Han", request.param))
    forget()
    return str(request.param)


def bars(*texts: str) -> go.Figure:
    return base_figure(400).add_trace(
        go.Bar(
            x=list(range(1, len(texts) + 1)),
            y=[label(text) for text in texts],
            orientation="h",
            name=label(texts[0]),
        )
    )


def read(pdf: bytes) -> str:
    return "\n".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def embedded(pdf: bytes) -> dict[str, pypdf.generic.DictionaryObject]:
    """The fonts of a PDF's pages by their names."""
    return {
        str(font["/BaseFont"] if "/BaseFont" in font else font["/Name"]).split("+")[-1]: font
        for each in pypdf.PdfReader(io.BytesIO(pdf)).pages
        for font in (value.get_object() for value in each["/Resources"]["/Font"].values())
    }


def boxes(pdf: bytes) -> list[str]:
    """Glyphs of embedded TrueType fonts that letters of the page are drawn with and that look like the font's own
    .notdef, or like the white square."""
    found = []
    for name, font in embedded(pdf).items():
        if font["/Subtype"] != "/Type0":
            continue
        inner = font["/DescendantFonts"][0].get_object()
        file = TTFont(io.BytesIO(inner["/FontDescriptor"]["/FontFile2"].get_object().get_data()))
        places = inner["/CIDToGIDMap"].get_object().get_data()
        codes: list[int] = []
        said = font["/ToUnicode"].get_object().get_data()
        for start, end in re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]{4})> \[", said):
            codes += range(int(start, 16), int(end, 16) + 1)
        none = file["glyf"][".notdef"]
        for code in codes:
            glyph = file.getGlyphName(int.from_bytes(places[2 * code : 2 * code + 2], "big"))
            if file["glyf"][glyph] == none and glyph != "space":
                found.append(f"{name} {code:04X}")
    return found


def test_chinese_in_figures_uses_an_installed_font_and_is_extractable(
    chinese: str,
) -> None:
    pdf = render(
        bars(SENTENCE, "文本"), "pdf", Style(160, 90, 8), title="标题 文本", caption=SENTENCE
    )
    assert read(pdf).count(SENTENCE) == 2
    assert "□题 文本" in read(pdf)  # the font does not have the first letter
    assert any("ProbeHan" in name or "Probe" in name for name in embedded(pdf))
    assert not boxes(pdf)
    assert pdf == render(
        bars(SENTENCE, "文本"), "pdf", Style(160, 90, 8), title="标题 文本", caption=SENTENCE
    )
    svg = render(bars(SENTENCE), "svg", Style(160, 90, 8), title="多言語").decode()
    assert f">{SENTENCE}<" in svg
    assert "Probe Han" in svg
    png = render(bars(SENTENCE), "png", Style(160, 90, 8))
    assert png != render(bars("文" * len(SENTENCE)), "png", Style(160, 90, 8))


def test_glyphs_are_those_of_the_font(chinese: str) -> None:
    font = words.get_font(fonts.installed()[0].file)
    shapes = []
    for place in (0, *(font.get_char_index(ord(letter)) for letter in dict.fromkeys(SENTENCE))):
        font.load_glyph(place)
        shapes.append(font.get_path()[0].tobytes())
    assert len(set(shapes)) == len(shapes)
    face = words.runs(SENTENCE, PLAIN)[0].style.face
    assert face is not None
    assert face.family == "Probe Han"
    assert face.curves == chinese


def test_latin_texts_need_no_font(monkeypatch: pytest.MonkeyPatch, installed: list[Path]) -> None:
    monkeypatch.setattr(fonts, "face", lambda *_, **__: pytest.fail("fonts were read"))
    for kind in ("pdf", "svg", "png", "tikz"):
        render(bars("Łódź ρ → ⊗ −0.3", "naïve Ω²", "Привет"), kind, Style(160, 90, 8))


def test_font_choice_is_reproducible_and_ignores_invalid_files(
    installed: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.ttf").write_bytes(b"no font")
    late = made(tmp_path / "a.ttf", "我", "Aaa Serif")
    good = made(tmp_path / "b.ttf", "我", "Noto Sans SC")
    curves = made(tmp_path / "c.ttf", "我", "Noto Sans", "CFF")
    for order in ([late, good, curves], [curves, good, late]):
        installed[:] = [tmp_path / "bad.ttf", tmp_path / "gone.ttf", *order]
        forget()
        face = fonts.face("我")
        assert face is not None
        assert face.family == "Noto Sans SC"


@pytest.mark.parametrize("kind", ["pdf", "svg", "png", "tikz"])
def test_texts_of_every_script_are_drawn(kind: str) -> None:
    """All at once; in a PDF, where a font of one letter is made, also those alone that are no plain letters."""
    every = " ".join(EVERY)
    assert render(bars(*EVERY), kind, Style(160, 120, 8), title=every, caption=every)
    for text in EVERY[7:] if kind == "pdf" else ():
        assert render(bars(text), kind, Style(160, 120, 8))


def test_texts_of_every_script_are_drawn_without_fonts(installed: list[Path]) -> None:
    for kind in ("pdf", "svg", "png", "tikz"):
        assert render(
            bars(*EVERY), kind, Style(160, 120, 8), title=" ".join(EVERY), caption=EVERY[-1]
        )


def test_right_to_left_texts_are_shaped_and_keep_their_place() -> None:
    line = words.read(f"a: {label(HEBREW)}: +0.12", PLAIN).lines[0]
    assert [run.text for run in line] == ["a: ", HEBREW, ": +0.12"]
    assert words.visual(line) == line
    first, second = words.Run("שלום", PLAIN), words.Run("עולם", TextStyle(10, rgba("#f00")))
    assert words.visual((words.Run("a ", PLAIN), first, second)) == (
        words.Run("a ", PLAIN),
        second,
        first,
    )
    assert words.Run(ARABIC, PLAIN).width < sum(
        words.Run(each, PLAIN).width for each in ARABIC
    )  # letters join
    assert words.Run("e\u0301", PLAIN).width == pytest.approx(words.Run("é", PLAIN).width, abs=0.01)
    assert label("plain") == "plain"


def test_clusters_stay_whole() -> None:
    assert fonts.clusters("e\u0301x👨\u200d👩👍🏽🇨🇳🇨") == [
        "e\u0301",
        "x",
        "👨\u200d👩",
        "👍🏽",
        "🇨🇳",
        "🇨",
    ]
    lines = words.wrapped(words.plain("e\u0301" * 60, PLAIN), 40).lines
    assert len(lines) > 5
    assert all(not line[0].text.startswith("\u0301") for line in lines)


def test_chinese_lines_do_not_break_before_closing_marks(chinese: str) -> None:
    block = words.plain(SENTENCE * 3, PLAIN)
    assert words.longest_word(block) < 3 * 10
    lines = words.wrapped(block, 75).text.splitlines()
    assert "".join(lines) == SENTENCE * 3
    assert not any(line.startswith("，") for line in lines)


def test_latex_keeps_letters_for_unicode_engines() -> None:
    tex = latex.escape("我觉 x e\u0301 50%")
    assert tex == rf"{{\ifdefined\Umathcode 我觉\else {latex.MISSING * 2}\fi}} x é 50\%"
    tikz = render(bars("我觉"), "tikz", Style(89, None, 7)).decode()
    assert "XeLaTeX" in tikz
    assert "XeLaTeX" not in render(bars("abc"), "tikz", Style(89, None, 7)).decode()


def report_of(*texts: str) -> Report:
    return Report(
        texts[0],
        texts[-1],
        "about",
        blocks.fill_template(
            """<h1>{{ texts[0] }}</h1>
            <p>{{ texts | join }}</p>
            <blockquote title="an id">{{ sentence }}</blockquote>
            <table title="{{ texts[0] }}"><tr><th>题</th><th>b</th></tr>
            {% for text in texts %}<tr><td>{{ text }}</td><td>1</td></tr>{% endfor %}</table>
            <pre title="command">{{ texts[0] }}</pre>
            <figure title="{{ texts[0] }}" alt="{{ texts[0] }}">{{ figure(bars) }}</figure>""",
            texts=texts,
            sentence=SENTENCE * 8,
            bars=bars(*texts),
        ),
    )


def test_reports_use_an_installed_font_and_are_extractable(chinese: str) -> None:
    found = report_of(SENTENCE, "文本")
    pdf = found.pdf()
    assert pdf == found.pdf()
    text = re.sub(r"\s", "", read(pdf))
    assert SENTENCE * 8 in text
    assert text.count(SENTENCE) >= 8 + 6
    names = embedded(pdf)
    assert any("Probe" in name for name in names)
    assert not any("LastResort" in name for name in names)
    assert "□" not in text
    assert SENTENCE in found.html().decode()


def test_letters_without_a_font_are_boxes_in_reports(installed: list[Path]) -> None:
    pdf = report_of(SENTENCE, "👍🏽", HINDI).pdf()
    assert "□" in read(pdf)
    assert "我" not in read(pdf)
    assert not any("LastResort" in name for name in embedded(pdf))


def test_reports_of_every_script_are_typeset() -> None:
    for text in (EVERY, *((each,) for each in EVERY[7:])):
        assert report_of(*text).pdf().startswith(b"%PDF")


def test_right_to_left_quote_is_set_right_to_left() -> None:
    for said, turned in ((HEBREW, True), (SENTENCE, False)):
        html = (
            Report(
                "t",
                "",
                "",
                blocks.fill_template(
                    '<blockquote title="an id">{{ said }}</blockquote>', said=said
                ),
            )
            .html()
            .decode()
        )
        assert ('<p dir="auto">' in html) == turned


def test_long_words_break_and_chinese_is_unchanged() -> None:
    assert blocks.break_long_words("x" * 61) == "x" * 30 + "\u200b" + "x" * 30 + "\u200b" + "x"
    assert blocks.break_long_words(SENTENCE * 8) == SENTENCE * 8
    assert blocks.clean("क\u200dष \u202e") == "क\u200dष \ufffd"
