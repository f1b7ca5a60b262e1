"""Journal presets and TikZ figures: sizes, fonts and lines, structure against the SVG, compiled by LaTeX where
available."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import plotly.graph_objects as go
import pytest
from pypdf import PdfReader

from plotly_print import PrintError, Style, latex, render
from qfusion.figures.files import export, export_style
from qfusion.figures.files.export_style import ExportStyle
from tests.support import exporting, typesetting
from tests.support.exported_figures import RECIPE, WORDS, lines, texts, waterfall

# What the journals say, in mm: Physical Review, Nature, IEEE, acl.sty and neurips.sty.
WIDTHS = {
    "aps-single": 86,
    "aps-double": 178,
    "nature-single": 89,
    "nature-double": 183,
    "ieee-single": 88.9,
    "ieee-double": 181,
    "acl-single": 77,
    "acl-double": 160,
    "neurips": 139.7,
}
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = r"\input{/etc/passwd} $x_1$ 50% #1 ~a^b {c} & \end{document} <b>é</b> ⟨X⟩ Ω₁² 漢 “q” | `"


@pytest.mark.parametrize("size", WIDTHS)
def test_a_preset_has_the_width_letters_and_lines_of_its_journal(size: str) -> None:
    wanted, usual = export_style.SIZES[size], export_style.SIZES["single"]
    found = {
        kind: export.save(waterfall(), ExportStyle(format=kind, size=size))
        for kind in ("svg", "pdf")
    }
    assert exporting.size_mm(found["svg"])[0] == pytest.approx(WIDTHS[size], abs=0.05)
    assert exporting.size_mm(found["pdf"])[0] == pytest.approx(WIDTHS[size], abs=0.05)
    fonts = {
        str(font.get_object()["/BaseFont"])
        for font in PdfReader(io.BytesIO(found["pdf"])).pages[0]["/Resources"]["/Font"].values()
    }
    assert all(("STIX" if wanted.serif else "Arimo") in name for name in fonts), fonts
    root = ET.fromstring(found["svg"])
    unit = WIDTHS[size] / float(root.attrib["viewBox"].split()[2]) / export_style.MM_PER_PT
    sizes = [
        float(each) * unit
        for each in re.findall(r"font(?:-size)?: ?(?:\w+ )*?([\d.]+)px", found["svg"].decode())
    ]
    assert max(sizes) == pytest.approx(wanted.font, rel=0.01)
    assert min(sizes) >= 4.9
    thick, base = (
        max(
            float(each)
            for each in re.findall(
                rb"stroke-width: ([\d.]+)",
                export.save(lines(), ExportStyle(format="svg", size=name, font=wanted.font)),
            )
        )
        for name in (size, "single")
    )
    assert thick == pytest.approx(base * wanted.lines / usual.lines, rel=0.02)


def test_panels_have_the_letters_of_their_journal() -> None:
    assert [export_style.SIZES["aps-single"].letter(n) for n in (0, 1, 25, 26)] == [
        "(a)",
        "(b)",
        "(z)",
        "(aa)",
    ]
    assert export_style.SIZES["nature-double"].letter(2) == "c"
    assert export_style.SIZES["nature-double"].says.endswith("panels a, b in bold")
    assert {name for name, size in export_style.SIZES.items() if size.bare} == {
        "nature-single",
        "nature-double",
    }


@pytest.mark.parametrize(
    ("serif", "title", "font", "other"),
    [(True, "10⁻⁷ of ⟨X⟩", "STIX", "Arimo"), (False, "10⁻⁷ of ⟨X ⊗ Y⟩", "Arimo", "DejaVu")],
)
def test_glyphs_missing_in_a_font_use_the_next(
    serif: bool, title: str, font: str, other: str
) -> None:
    drawn = go.Figure(
        go.Scatter(x=[0, 1], y=[0, 1]),
        layout={"xaxis": {"title": {"text": title}}, "template": go.layout.Template()},
    )
    pdf = PdfReader(io.BytesIO(render(drawn, "pdf", Style(80, 60, 8, serif=serif))))
    assert title in pdf.pages[0].extract_text().replace("\n", "")
    names = "".join(
        str(font.get_object()["/BaseFont"]) for font in pdf.pages[0]["/Resources"]["/Font"].values()
    )
    assert font in names
    assert other in names


@pytest.mark.parametrize("make", [lines, waterfall], ids=["lines", "bars"])
def test_tikzpicture_has_the_marks_of_the_svg(make: object) -> None:
    drawn = make()  # type: ignore[operator]
    tikz, svg = (
        export.save(drawn, ExportStyle(format=kind, size="aps-single"), title="t", recipe=RECIPE)
        for kind in ("tikz", "svg")
    )
    said = tikz.decode()
    assert typesetting.balanced(said)
    for name in ("tikzpicture", "pgfscope"):
        assert said.count(rf"\begin{{{name}}}") == said.count(rf"\end{{{name}}}") > 0
    assert json.loads(export.read_recipe(tikz)) == json.loads(RECIPE)
    assert exporting.size_mm(tikz) == pytest.approx(exporting.size_mm(svg), abs=0.01)
    root = ET.fromstring(svg)
    words = [" ".join("".join(each.itertext()).split()) for each in root.iter(f"{SVG}text")]
    assert said.count(r"\node[") == len([each for each in words if each])
    strokes = [
        each
        for each in root.iter(f"{SVG}path")
        if "stroke" in each.get("style", "") and "stroke: none" not in each.get("style", "")
    ]
    assert said.count("stroke}") == len(strokes) - said.count(
        "text opacity=1"
    )  # rims of letters are filled there
    points = [
        float(each)
        for pair in re.findall(r"\\pgfqpoint\{(-?[\d.]+)bp\}\{(-?[\d.]+)bp\}", said)
        for each in pair
        if "16000" not in each
    ]  # of a clip that is open on two sides
    w, h = (side / 25.4 * 72 for side in exporting.size_mm(tikz))
    assert min(points) > -0.5 * h
    assert max(points) < 1.5 * max(w, h)


def test_texts_of_a_tikzpicture_are_escaped() -> None:
    look = ExportStyle(format="tikz", title=True, caption=True)
    said = export.save(lines(), look, title=HOSTILE, caption=WORDS, recipe=RECIPE)
    assert typesetting.balanced(said.decode())
    body = said.decode().split(r"\begin{tikzpicture}")[1]
    assert r"\input" not in body
    assert r"\end{document}" not in body
    assert r"\textbackslash{}input\{/etc/passwd\}" in texts(said, "tikz")
    assert latex.escape("a\nb\x00") == latex.escape("a b\ufffd")


def test_a_picture_of_too_many_cells_is_refused() -> None:
    drawn = go.Figure(
        go.Heatmap(
            z=[[float(i * j) for i in range(200)] for j in range(200)], colorscale="Viridis"
        ),
        layout={"template": go.layout.Template()},
    )
    with pytest.raises(PrintError, match="at most 20,000"):
        render(drawn, "tikz", Style(80, 80, 8))


def test_latex_compiles_tikzpictures_at_their_size(tmp_path: Path) -> None:
    sizes = []
    for number, (size, make) in enumerate((("aps-single", lines), ("nature-single", waterfall))):
        data = export.save(
            make(),
            ExportStyle(format="tikz", size=size, title=True, caption=True),
            title=HOSTILE,
            caption=WORDS,
            recipe=RECIPE,
        )
        (tmp_path / f"{number}.tikz").write_bytes(data)
        sizes.append(exporting.size_mm(data))
    body = "".join(
        rf"\sbox0{{\input{{{n}.tikz}}}}\typeout{{SIZE \the\wd0 \the\ht0}}\usebox0\par" + "\n"
        for n in range(2)
    )
    pdf = typesetting.compiled(body, tmp_path)
    log = (tmp_path / "page.log").read_text(encoding="utf-8", errors="replace")
    for (w, h), seen in zip(sizes, re.findall(r"SIZE ([\d.]+)pt([\d.]+)pt", log), strict=True):
        assert [float(each) / 72.27 * 25.4 for each in seen] == pytest.approx([w, h], abs=0.2)
    assert "time t" in PdfReader(pdf).pages[0].extract_text()
