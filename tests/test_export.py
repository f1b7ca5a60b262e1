"""Exported files: readable in every format, reproducible in a fresh process, literal texts, hostile files refused."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import json
import os
import re
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from qfusion.errors import InvalidInput
from qfusion.figures import style
from qfusion.figures.files import export, export_style
from qfusion.figures.files.export_style import ExportStyle
from tests.support import exporting
from tests.support.exported_figures import RECIPE, WORDS, lines, texts, waterfall
from tests.support.figure_examples import TERMS, M

ROOT = Path(__file__).resolve().parent.parent
BY_KIND = {
    "svg": "</metadata>",
    "pdf": "/Keywords",
    "png": "IEND",
    "html": "</script>",
    "tikz": "\n%qfusion-size",
}


@pytest.mark.parametrize("kind", export_style.FORMATS)
@pytest.mark.parametrize("size", ["single", "slide"])
def test_file_has_size_texts_legend_and_recipe(kind: export_style.Format, size: str) -> None:
    look = ExportStyle(format=kind, size=size, title=True, caption=True, hidden=("audio",))
    data = export.save(
        lines(), look, title="What the model did", caption="Over 600 samples.", recipe=RECIPE
    )
    assert json.loads(export.read_recipe(data)) == json.loads(RECIPE)
    if kind != "html":
        width, height = exporting.size_mm(data)
        assert width == pytest.approx(export_style.SIZES[size].width, abs=0.1)
        assert size == "single" or height == pytest.approx(190.5, abs=0.1)
    if kind != "png":
        written = " ".join(texts(data, kind).split())
        assert all(
            words in written
            for words in (
                "What the model did",
                "Over 600 samples.",
                "entropy (nats)",
                "text + audio",
            )
        )
        assert kind == "html" or "audio" not in written.replace("text + audio", ""), (
            "it was to be left out"
        )
    if kind == "svg":
        assert style.BLUE.lower() in data.decode().lower()
        assert style.DARK[style.PAPER].lower() not in data.decode().lower(), (
            "the light theme was asked for"
        )
    if kind == "png":
        assert Image.open(io.BytesIO(data)).info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_fonts_have_the_requested_size() -> None:
    for font in (7.0, 9.0):
        data = export.save(lines(), ExportStyle(font=font))
        root = ET.fromstring(data)
        unit = (
            float(root.get("width", "").removesuffix("mm"))
            / float(root.get("viewBox", "").split()[2])
            / export_style.MM_PER_PT
        )
        sizes = [
            float(found) * unit
            for found in re.findall(r"font(?:-size)?: ?(?:\w+ )*?([\d.]+)px", data.decode())
        ]
        assert max(sizes) == pytest.approx(font, rel=0.01)
        assert min(sizes) >= 4.9


def test_fresh_process_writes_the_same_bytes_without_other_programs() -> None:
    code = (
        "import json, sys; from tests.support import exporting; "
        "print(json.dumps(exporting.in_every_format(*json.loads(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([TERMS, M, RECIPE])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env={**os.environ, "PATH": "", "PYTHONHASHSEED": "7"},
    )
    assert json.loads(done.stdout) == exporting.in_every_format(TERMS, M, RECIPE)


def test_html_needs_no_network_and_runs_only_plotly() -> None:
    look = ExportStyle(format="html", theme="dark", title=True, caption=True)
    text = export.save(lines(), look, title=WORDS, caption=WORDS, recipe=RECIPE).decode()
    head, _, drawing = text.partition("<script>")
    assert '<html lang="en">' in head
    assert 'id="qfusion-figure" role="img" aria-label="&lt;img src=x' in head
    assert html.escape(WORDS) in head
    assert "<img" not in head
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', head)[1]  # type: ignore[index]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert [
        f"sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}"
        for each in scripts
    ] == re.findall(r"'(sha256-[^']+)'", policy)
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", text.replace(scripts[0], ""))
    assert "</script" not in drawing.split("</script>")[1].removeprefix("\n<script>")
    figure = json.loads(scripts[1].rpartition("})(")[2].removesuffix(");"))
    assert figure["layout"]["paper_bgcolor"] == style.DARK[style.PAPER]
    assert (figure["layout"]["width"], figure["layout"]["height"]) == (469, lines().layout.height)


@pytest.mark.parametrize("kind", ["svg", "pdf", "html"])
def test_titles_and_captions_are_shown_as_typed(kind: str) -> None:
    typed = "1 < 2 & <b>bold</b> $x_1^2$ &lt; \\alpha"
    data = export.save(
        lines(),
        ExportStyle(format=kind, title=True, caption=True, size="double"),
        title=typed,
        caption=f"note {typed}",
    )
    assert "".join(typed.split()) in "".join(texts(data, kind).split())
    plain = export.save(
        lines(), ExportStyle(format=kind), title="unasked for", caption="unasked for"
    ).decode("latin-1")
    assert f">{'unasked for'}</text>" not in plain
    assert "<h1>" not in plain


def test_texts_are_cleaned_and_limited() -> None:
    assert (
        export.clean_text(
            "title", "a\0b\x1b[31m\n\tc\u202egnp.exe\u2066x\ud800\uffff\ufeff  d\u200dé", 99
        )
        == "ab[31m cgnp.exex d\u200dé"
    )
    for name, limit in (("title", "300"), ("caption", "2,000")):
        with pytest.raises(
            InvalidInput, match=rf"`{name}`.*at most {limit} characters.*1,000,000.*Shorten"
        ):
            export.save(lines(), ExportStyle(format="html"), **{name: "x" * 10**6})
    with pytest.raises(InvalidInput, match=r"title.*NoneType"):
        export.save(lines(), ExportStyle(format="html"), title=None)  # type: ignore[arg-type]
    for bad, named in (
        ("{", "not"),
        ("[" * 100_000, "not"),
        ('"\ufffe"', "U\\+FFFE"),
        ('"' + "x" * 300_000 + '"', "256,000"),
    ):
        with pytest.raises(InvalidInput, match=f"recipe.*{named}"):
            export.save(lines(), ExportStyle(format="html"), recipe=bad)


def test_a_title_of_one_long_word_stays_within_its_figure() -> None:
    data = export.save(
        lines(), ExportStyle(title=True, caption=True), title="W" * 300, caption="漢" * 500
    )
    assert texts(data, "svg").count("W") == 300
    assert export.size_mm(data)[0] == 89


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A picture of one pixel with more chunks."""
    head = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    rest = ((b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (head, *chunks, *rest)
    )


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;">' % (c + 1, c, c, c) for c in range(ord("a"), ord("y")))
    + b"]><svg>&y;</svg>"
)
HOSTILE: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "zeros": bytes(10**6),
    "no recipe": b'{"a": [}',
    "list": b"[1]",
    "deep": b"[" * 10**6,
    "png": b"\x89PNG\r\n\x1a\n",
    "png cut": png()[:20],
    "png large": b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0)
    + b"\0\0\0\0",
    "png long": b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffiTXtqfusion\0",
    # made when they are asked for, not in every process that reads this file
    "png bomb": lambda: png((b"zTXt", b"qfusion\0\0" + zlib.compress(b"[" * 10**8, 1))),
    "png bomb 2": lambda: png(
        (b"iTXt", b"qfusion\0\1\0\0\0" + zlib.compress(b"{" + b" " * 10**8 + b"}", 1))
    ),
    "png damaged": png((b"zTXt", b"qfusion\0\0xyz")),
    "png empty": png((b"tEXt", b"qfusion\0")),
    "svg": b"<svg></svg>",
    "svg bomb": BOMB,
    "svg bomb inside": BOMB.replace(b"&y;</svg>", b'<metadata id="qfusion">&y;</metadata></svg>'),
    "svg open": b"<svg>" + b'<metadata id="qfusion">' * 200_000,
    "svg file": b'<svg><metadata id="qfusion">/etc/passwd</metadata></svg>',
    "pdf": b"%PDF-1.7\n",
    "pdf open": b"%PDF-1.7 " + b"/Keywords (((" * 200_000,
    "pdf hex": b"%PDF-1.7 /Keywords <" + b"zz" * 10**6,
    "pdf loop": b"%PDF-1.7\n1 0 obj<</Kids[1 0 R]/Keywords 1 0 R/Prev 9>>endobj\ntrailer<</Root 1 0 R/Info 1 0 R/Prev "
    b"9>>\nstartxref\n9",
    "html": b"<!DOCTYPE html>",
    "html open": b'<!DOCTYPE html><script type="application/json" id="qfusion-recipe">'
    + b"{" * 10**6,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused(name: str) -> None:
    data = made() if callable(made := HOSTILE[name]) else made
    began = time.perf_counter()
    with pytest.raises(InvalidInput, match="holds no recipe"):
        export.read_recipe(data)
    assert time.perf_counter() - began < 2
    with pytest.raises(InvalidInput, match="size"):
        export.size_mm(data)


def test_oversized_and_missing_files_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 100,000,000"):
        export.read_recipe(bytes(10**8 + 1))
    with pytest.raises(InvalidInput, match=r"bytes of a file.*str"):
        export.read_recipe("{}")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", export_style.FORMATS)
def test_damaged_file_gives_a_recipe_or_an_error(kind: str) -> None:
    data = export.save(waterfall(), ExportStyle(format=kind), recipe=RECIPE)
    place = data.find(BY_KIND[kind].encode())
    for end in {*range(0, len(data), len(data) // 40), place, place - 1, place + 9}:
        for damaged in (data[:end], data[:end] + b"\xff\0<(" + data[end:]):
            with contextlib.suppress(InvalidInput):
                assert isinstance(json.loads(export.read_recipe(damaged)), dict)


def test_recipes_survive_other_programs() -> None:
    assert export.read_recipe(b'\xef\xbb\xbf {"a": 1}') == '\ufeff {"a": 1}'.lstrip("\ufeff")
    assert export.read_recipe(png((b"tEXt", b'qfusion\0{"a": 1}'))) == '{"a": 1}'
    assert (
        export.read_recipe(png((b"zTXt", b"qfusion\0\0" + zlib.compress(b'{"a": 1}'))))
        == '{"a": 1}'
    )
    assert export.read_recipe(b"%PDF-1.4 /Keywords <7b2261223a20317d>") == '{"a": 1}'
    assert (
        export.read_recipe(b'%PDF-1.4 /Keywords (\\173"a": \\\n "\\(\\\\\\\\\\)"})')
        == '{"a":  "(\\\\)"}'
    )
    assert (
        export.read_recipe(b"%PDF-1.4 /Keywords (" + '{"a": "é"}'.encode("utf-16") + b")")
        == '{"a": "é"}'
    )
