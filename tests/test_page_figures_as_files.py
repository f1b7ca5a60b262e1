"""Figures of every page as files: one of each trace type is opened and read, and a second process makes the same bytes
of it.

With QFUSION_EVERY_FORMAT=1 every figure is drawn and read in every format, and the second process makes every one
again.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader
from typer.testing import CliRunner

from qfusion.cli import app
from qfusion.figures.files import export, export_style, recipe
from qfusion.views.pages import catalogue, rendering
from tests.support import exporting, plugin_panels, sharing, typesetting
from tests.support.runs import JUMP, make, record_of

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("svg", "pdf", "png")  # what the second process draws again
EVERY = os.environ.get("QFUSION_EVERY_FORMAT") == "1"
# panels that are tables or words; the measures that none of ours is (tests/test_extending.py); of circuits of plain
# gates, which no model has that comes with the project
# the runs made here say nothing of how far rows differ, by which is told what came first
# the last is of circuits of a user's own
LEFT_OUT = {
    *rendering.TEXT_PANELS,
    "measure",
    "mutual-gates",
    "train-replay",
    "layer-shapley",
}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", autouse=True)
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three runs of the tests' own."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNS", "MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        for seed, name in enumerate(("first", "second")):
            make(name, record_of(4, watched=JUMP), seed=seed)
        make(
            "network",
            record_of(3, watched={"entanglement.fused": 0.1, "norm.tables": 0.2}),
            model="entangled-qcnn",
        )
        if (
            not EVERY
        ):  # half a minute on all rows, of which no figure here says how precise they are
            exporting.few_rows(patch)
        yield folder


@pytest.fixture(scope="module")
def panels(places: Path) -> dict[str, Any]:
    return dict(exporting.taken())


def test_every_page_provides_its_figures(panels: dict[str, Any]) -> None:
    """Every panel that has a figure comes up (names with a variable end count by their beginning)."""
    whole = [
        (name.rstrip("-"), one)
        for parts in map(catalogue.page_parts, catalogue.PAGES)
        for name, one in (*parts.panels.items(), *parts.families.items())
    ]
    known = {name for name, one in whole if not plugin_panels.is_of_plugin(one)}
    taken = {name.split(" ", 1)[1] for name in panels}
    assert len(known) > 60
    assert {
        name for name in known if not any(each.startswith(name) for each in taken)
    } == LEFT_OUT & known
    for name, panel in panels.items():
        assert panel.title, name
        assert panel.caption, name
        assert len(panel.title) <= export.MAX_TITLE, name
        assert len(panel.caption) <= export.MAX_CAPTION, name
        assert "**" not in panel.title + panel.caption, name
        assert "\\" not in panel.title + panel.caption, name
        assert len(panel.numbers), name


def test_every_figure_is_a_valid_file(panels: dict[str, Any]) -> None:
    """One figure of each trace type, as an SVG and in another format."""
    others = [kind for kind in READERS if kind != "svg"]
    for number, job in enumerate(exporting.jobs(panels, KINDS, EVERY)):
        panel = panels[f"{job.address} {job.panel}"]
        for kind in READERS if EVERY else ("svg", others[number % len(others)]):
            wanted = replace(panel.recipe, style=exporting.style(number, kind))
            content = rendering.save_panel(panel, wanted)
            assert recipe.parse(export.read_recipe(content)) == wanted, job.name
            READERS[kind](content, panel, wanted.style)


def test_second_process_writes_the_same_bytes(panels: dict[str, Any], places: Path) -> None:
    """One figure of each trace type, themes and formats by turns, from pages that the other process opens anew."""
    jobs = exporting.jobs(panels, KINDS, EVERY)
    assert {job.theme for job in jobs} == set(export_style.THEMES)
    wanted, out = places / "jobs.json", places / "again.json"
    wanted.write_text(json.dumps(jobs), encoding="utf-8")
    other = subprocess.Popen(
        [sys.executable, "-m", "tests.support.exporting", str(wanted), str(out)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), sharing.FOLDER: ""},  # all anew, in its order
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    made = exporting.digests(jobs, panels)
    output = other.communicate(timeout=600)[0].decode()
    assert other.returncode == 0, output[-2000:]
    assert json.loads(out.read_text(encoding="utf-8")) == made


def read_svg(content: bytes, panel: Any, style: export_style.ExportStyle) -> None:
    root = ET.fromstring(content)
    width, height = (
        float(re.fullmatch(r"([\d.]+)(pt|mm)", root.attrib[side]).group(1))
        for side in ("width", "height")
    )
    scale = 25.4 / 72 if root.attrib["width"].endswith("pt") else 1.0
    assert width * scale == pytest.approx(export_style.SIZES[style.size].width, abs=0.3)
    assert height > 0
    words = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    squeezed = re.sub(r"\s+", "", words)
    for entry in recipe.legend_entries(recipe.hide_series(panel.figure, style.hidden)):
        said = re.sub(r"\s+", "", recipe.plain_legend_entry(entry))
        assert said in squeezed or said.rstrip("…")[:12] in squeezed, (entry, words[:400])
    if style.title:
        assert re.sub(r"\s+", "", panel.title)[:20] in squeezed
    sizes = [
        float(size)
        for size in re.findall(rb"font-size: ?([\d.]+)px", content)
        + re.findall(rb"font: [\w ]*?([\d.]+)px", content)
    ]
    assert sizes
    assert min(sizes) >= 3.2, (
        "letters that nobody can read, where an index of a symbol may be smaller than 5 pt"
    )
    assert (b"STIXGeneral" if export_style.SIZES[style.size].serif else b"Arimo") in content
    assert b"<script" not in content


def read_pdf(content: bytes, panel: Any, style: export_style.ExportStyle) -> None:
    reader = PdfReader(io.BytesIO(content))
    page = reader.pages[0]
    assert len(reader.pages) == 1
    assert float(page.mediabox.width) * 25.4 / 72 == pytest.approx(
        export_style.SIZES[style.size].width, abs=0.3
    )
    fonts = page["/Resources"].get("/Font", {})
    assert fonts
    for font in fonts.values():
        about = font.get_object()
        inner = about["/DescendantFonts"][0].get_object() if "/DescendantFonts" in about else about
        assert any(
            key in inner["/FontDescriptor"] for key in ("/FontFile2", "/FontFile3", "/FontFile")
        ), "a font that is not embedded"
    assert not {"/CreationDate", "/ModDate"} & set(reader.metadata or {})


def read_png(content: bytes, panel: Any, style: export_style.ExportStyle) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        dots = picture.info["dpi"][0]
        assert dots == pytest.approx(style.dpi, abs=0.1)
        assert picture.size[0] / dots * 25.4 == pytest.approx(
            export_style.SIZES[style.size].width, abs=0.5
        )
        assert len(picture.convert("L").resize((64, 64)).getcolors()) > 1, "an empty picture"


def read_html(content: bytes, panel: Any, style: export_style.ExportStyle) -> None:
    said = content.decode()
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", said)
    assert said.count('id="qfusion-recipe"') == 1


def read_tikz(content: bytes, panel: Any, style: export_style.ExportStyle) -> None:
    assert exporting.size_mm(content)[0] == pytest.approx(
        export_style.SIZES[style.size].width, abs=0.1
    )
    said = content.decode()
    assert typesetting.balanced(said)
    assert said.count(r"\begin{pgfscope}") == said.count(r"\end{pgfscope}") > 1
    assert r"\node[" in said


READERS = {"svg": read_svg, "pdf": read_pdf, "png": read_png, "html": read_html, "tikz": read_tikz}


def test_hidden_series_and_ranges_are_exported_as_displayed(
    panels: dict[str, Any],
) -> None:
    name = next(
        name for name in panels if "&fig.decision" in name and name.endswith("decision-over-time")
    )
    shown, whole = panels[name], panels["/dynamics?model=qj-planted decision-over-time"]
    entries, all_entries = (
        recipe.legend_entries(shown.figure),
        recipe.legend_entries(whole.figure),
    )
    assert set(all_entries) - set(entries) == {"text"}
    assert list(shown.figure.layout.xaxis.range) == [0, 0.6]
    svg = rendering.save_panel(
        shown, replace(shown.recipe, style=export_style.ExportStyle(size="double"))
    )
    assert (
        recipe.parse(export.read_recipe(svg)).address["fig.decision-over-time"]
        == ["hide=text&x=0,0.6"]
        or "hide=text" in recipe.parse(export.read_recipe(svg)).address["fig.decision-over-time"][0]
    )


def test_command_line_reproduces_a_figure_from_its_file(
    panels: dict[str, Any], tmp_path: Path
) -> None:
    panel = panels["/dynamics?model=qj-planted decision-over-time"]
    first = tmp_path / "first.pdf"
    first.write_bytes(
        rendering.save_panel(
            panel,
            replace(
                panel.recipe,
                style=export_style.ExportStyle(format="pdf", size="double", caption=True),
            ),
        )
    )
    started = time.perf_counter()
    words = ["figure", "--recipe", str(first), "--out", str(tmp_path / "second.pdf"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "second.pdf").read_bytes() == first.read_bytes()
    assert json.loads(done.stdout)["numbers"] == panel.recipe.numbers
    assert time.perf_counter() - started < 120


def test_outdated_recipes_are_refused(panels: dict[str, Any]) -> None:
    found = panels["/dynamics?model=qj-planted decision-over-time"].recipe
    other = replace(
        found, made_from={**found.made_from, "model": {"name": "qj-planted", "digest": "0" * 64}}
    )
    with pytest.raises(Exception, match=r"not the one the recipe was made from.*--anyway"):
        rendering.reproduce(other)
    assert rendering.reproduce(other, anyway=True).recipe.numbers == found.numbers
    with pytest.raises(Exception, match="nowhere"):
        rendering.reproduce(replace(found, address={"data": ["nowhere"]}))
    with pytest.raises(Exception, match="does not exist"):
        rendering.reproduce(replace(found, panel="entropies of nothing"))
    with pytest.raises(Exception, match="Page 'nowhere' does not exist"):
        rendering.reproduce(replace(found, page="nowhere"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "not a qfusion recipe"),
        (
            '{"kind": "qfusion recipe", "version": 99, "software": {"qfusion": "9.9"}}',
            "9.9: install",
        ),
        ('{"kind": "qfusion recipe", "version": 1}', "`page`"),
        ("[" * 10_000, "not JSON"),
        ("x" * 100_000, "100,000 characters"),
        (
            '{"kind": "qfusion recipe", "version": 1, "page": "dynamics", "panel": "<script>"}',
            "`panel`",
        ),
        (
            '{"kind": "qfusion recipe", "version": 1, "page": "dynamics", "panel": "x", "address": {"a": [1]}}',
            "`address`",
        ),
        (
            '{"kind": "qfusion recipe", "version": 1, "page": "dynamics", "panel": "x", "look": {"format": "exe"}}',
            "`format`",
        ),
    ],
)
def test_invalid_recipes_are_refused(text: str, said: str) -> None:
    with pytest.raises(Exception, match=re.escape(said)):
        recipe.parse(text)
