"""Several panels as one figure, LaTeX snippets and zips of figures: reproducible bytes, safe names, complete files."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from plotly_print import Part, PrintError, Style, render_grid
from qfusion.cli import main
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures import composed_figure, export, export_style, latex_snippet, line_labels
from qfusion.figures.composed_figure import Composition
from qfusion.figures.export_style import ExportStyle
from qfusion.figures.recipe import Recipe
from qfusion.panels import archives, compositions, pages, rendering, reproduction, scopes
from tests.support import exporting, typesetting
from tests.support.app import visit
from tests.support.exported_figures import lines, waterfall

LINK = "http://here/dynamics?model=qj-planted&sample=p2924"
NAMES = ("decision-over-time", "waterfall-now", "cut")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "../../etc/passwd",
    "/abs/x",
    "..\\..\\x",
    "a\x00b",
    "CON",
    "",
    "...",
    "é漢<b>",
    "x" * 500,
    ".hidden",
    "-rf",
)


def whole(
    kind: str = "svg", size: str = "aps-double", columns: int = 2, **style: Any
) -> Composition:
    page, address = rendering.parse_link(LINK)
    return Composition(
        tuple(Recipe(page, name, address) for name in NAMES),
        columns,
        ExportStyle(format=kind, size=size, **style),
    )


@pytest.fixture(scope="module")
def taken() -> list[Any]:
    return compositions.reproduce_composition(whole())


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("svg", "aps-double"),
        ("pdf", "nature-double"),
        ("png", "ieee-double"),
        ("tikz", "acl-double"),
    ],
)
def test_composed_file_has_size_letters_and_recipes(kind: str, size: str, taken: list[Any]) -> None:
    wanted = whole(kind, size, theme="grey")
    data = compositions.save_composition(taken, wanted)
    assert exporting.size_mm(data)[0] == pytest.approx(export_style.SIZES[size].width, abs=0.1)
    found = composed_figure.parse_composition(export.read_recipe(data))
    assert [panel.panel for panel in found.panels] == list(NAMES)
    assert [panel.numbers for panel in found.panels] == [each.recipe.numbers for each in taken]
    assert found.style == wanted.style
    letters = [export_style.SIZES[size].letter(place) for place in range(3)]
    if kind == "svg":
        words = ["".join(each.itertext()) for each in ET.fromstring(data).iter(f"{SVG}text")]
        assert [each for each in words if each in letters] == letters
    elif kind == "pdf":
        words = PdfReader(io.BytesIO(data)).pages[0].extract_text().split()
        assert [each for each in words if each in letters] == letters
    elif kind == "png":
        assert Image.open(io.BytesIO(data)).info["dpi"][0] == pytest.approx(300, abs=0.1)
    else:
        assert typesetting.balanced(data.decode())
        assert all(f"{{{letter}}}" in data.decode() for letter in letters)
    assert compositions.save_composition(compositions.reproduce_composition(found), found) == data


def test_panels_are_arranged_in_rows_of_one_height(taken: list[Any]) -> None:
    """Letters stand at the left of their panel: two in the first row, the third in the second, over the whole width."""
    root = ET.fromstring(compositions.save_composition(taken, whole()))
    w, h = (float(each) for each in root.attrib["viewBox"].split()[2:])
    places = {}
    for each in root.iter(f"{SVG}text"):
        if (said := "".join(each.itertext())) in ("(a)", "(b)", "(c)"):
            place = re.search(r"translate\(([\d.]+) ([\d.]+)\)", each.get("transform", "")) or [
                0,
                each.get("x"),
                each.get("y"),
            ]
            places[said] = (float(place[1]), float(place[2]))
    assert places["(a)"][0] == pytest.approx(0, abs=0.5) == pytest.approx(places["(c)"][0], abs=0.5)
    assert places["(b)"][0] == pytest.approx((w + 1.4 * 8) / 2, abs=0.5)
    assert places["(a)"][1] == pytest.approx(places["(b)"][1], abs=0.1)
    assert places["(c)"][1] > 0.3 * h
    axes = [float(x) for x in re.findall(r"M ([\d.]+) [\d.]+", ET.tostring(root).decode())]
    assert max(axes) <= w


def test_single_figure_is_unchanged() -> None:
    """A grid of one figure has the marks of the figure, below its letter."""
    drawn = line_labels.keep_legend(lines())
    alone = render_grid([Part(drawn, "(a)")], "svg", Style(89), 1)
    usual = export.save(drawn, ExportStyle())
    words = [
        sorted("".join(each.itertext()) for each in ET.fromstring(data).iter(f"{SVG}text"))
        for data in (alone, usual)
    ]
    assert words[0] == sorted([*words[1], "(a)"])
    assert alone.count(b"<path") == usual.count(b"<path")
    assert exporting.size_mm(alone)[1] - exporting.size_mm(usual)[1] == pytest.approx(
        7 * 1.3 / 72 * 25.4, abs=0.1
    )


def test_invalid_compositions_are_refused() -> None:
    good = json.loads(whole().text())
    for change, said in (
        ({"kind": "x"}, "not a qfusion composition"),
        ({"version": 9}, "version '9'"),
        ({"panels": []}, "has 0"),
        ({"panels": [1]}, "not a qfusion recipe"),
        ({"panels": "x"}, "at most 12"),
        ({"columns": 9}, "from 1 to 4"),
        ({"columns": True}, "from 1 to 4"),
        ({"look": {"format": "html"}}, "svg, pdf, png, tikz"),
        ({"look": {"size": "wall"}}, "`size`"),
    ):
        with pytest.raises(InvalidInput, match=re.escape(said)):
            composed_figure.parse_composition(json.dumps(good | change))
    with pytest.raises(InvalidInput, match="composition is not JSON"):
        composed_figure.parse_composition("[" * 9999)
    with pytest.raises(InvalidInput, match="260,000"):
        composed_figure.parse_composition("x" * 260_000)
    with pytest.raises(PrintError, match="do not fit"):
        render_grid([Part(waterfall(), "a")] * 12, "svg", Style(89), 1, most_mm=100)
    broken = replace(
        whole(), panels=(whole().panels[0], replace(whole().panels[1], panel="nothing"))
    )
    with pytest.raises(NotFound, match=r"Panel \(b\)"):
        compositions.reproduce_composition(broken)


def test_titles_and_captions_of_panels_are_written(taken: list[Any]) -> None:
    data = compositions.save_composition(taken, whole(size="double", title=True, caption=True))
    words = re.sub(
        r"\s+",
        "",
        " ".join("".join(each.itertext()) for each in ET.fromstring(data).iter(f"{SVG}text")),
    )
    for place, each in enumerate(taken):
        assert re.sub(r"\s+", "", each.title)[:30] in words
        assert re.sub(r"\s+", "", f"({'abc'[place]}) {each.caption}")[:30] in words


@pytest.mark.parametrize("kind", export_style.FORMATS)
def test_snippet_includes_file_caption_and_label(kind: Any) -> None:
    said = latex_snippet.latex_figure(
        "qfusion-a-b",
        ExportStyle(format=kind, size="aps-double"),
        title="50% of $x_1$",
        caption=r"Shows \input{x} & 漢.",
        name="a/../b c",
        made_from={
            "model": {"name": "qj_m", "digest": "0123456789"},
            "data": {"name": "d#"},
            "sample": "p{1}",
        },
    )
    assert typesetting.balanced(said)
    assert said.count(r"\begin{figure*}") == said.count(r"\end{figure*}") == 1
    assert r"\label{fig:a-b-c}" in said
    assert r"\textbf{50\% of \$x\_1\$.}" in said
    assert r"\textbackslash{}input\{x\}" in said
    assert r"Model qj\_m (SHA-256 01234567\ldots{}), data set d\#, sample p\{1\}." in said
    ending = {"tikz": r"\input{qfusion-a-b.tikz}", "png": "{qfusion-a-b.png}"}.get(
        kind, "{qfusion-a-b.pdf}"
    )
    assert ending in said


def test_latex_compiles_a_snippet(tmp_path: Path, taken: list[Any]) -> None:
    made = compositions.save_composition(taken, whole("tikz", "acl-double"))
    (tmp_path / "c.tikz").write_bytes(made)
    (tmp_path / "d.pdf").write_bytes(
        compositions.save_composition(taken, whole("pdf", "acl-single", 1))
    )
    body = "".join(
        latex_snippet.latex_figure(
            name,
            ExportStyle(format=kind, size=size),
            title=HOSTILE[7],
            caption="; ".join(HOSTILE) + taken[0].caption,
            made_from=taken[0].recipe.made_from,
            name=name,
        )
        for name, kind, size in (("c", "tikz", "acl-double"), ("d", "pdf", "acl-single"))
    )
    pdf = typesetting.compiled(body, tmp_path, r"\usepackage{graphicx}")
    words = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    assert "qj-planted" in words
    assert "sample p2924" in words


@pytest.mark.parametrize("name", HOSTILE)
def test_file_names_are_safe(name: str) -> None:
    found = archives.file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}", found)
    assert ".." not in found


def test_all_figures_of_a_page_are_in_the_zip() -> None:
    page, address = rendering.parse_link("http://here/dynamics?model=qj-parity")
    style, told = ExportStyle(size="aps-single"), []
    made, again = io.BytesIO(), io.BytesIO()
    manifest = archives.write_zip(
        archives.jobs_of_page(page, address), style, made, lambda *said: told.append(said)
    )
    names = rendering.figure_names(page, address)
    assert [entry["panel"] for entry in manifest["figures"]] == names
    assert told == [(place, len(names), name) for place, name in enumerate(names)]
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("manifest.json")) == manifest
        for entry in manifest["figures"]:
            data = archive.read(entry["file"])
            assert json.loads(export.read_recipe(data)) == entry["recipe"]
            assert archive.read(entry["numbers"]).count(b"\n") > 1
            one = rendering.render_panel(page, entry["panel"], address)
            assert data == reproduction.save_panel(one, replace(one.recipe, style=style))
    archives.write_zip(archives.jobs_of_page(page, address), style, again)
    assert again.getvalue() == made.getvalue()


def test_one_figure_for_every_sample_of_a_cohort() -> None:
    page, address = rendering.parse_link("http://here/dynamics?model=qj-planted")
    jobs = archives.jobs_of_cohort(page, "waterfall-now", address, "relation=conflict", 3)
    study = scopes.open_scope(pages.open_page(page, address).view, "study")
    table = study.frame(None)
    wanted = table.index[(table["split"] == "test") & (table["relation"] == "conflict")][:3]
    assert [job.sample for job in jobs] == list(wanted)
    out = io.BytesIO()
    manifest = archives.write_zip(jobs, ExportStyle(), out)
    assert [entry["recipe"]["made_from"]["sample"] for entry in manifest["figures"]] == list(wanted)
    with zipfile.ZipFile(out) as archive:
        assert {name for name in archive.namelist() if name.endswith(".svg")} == {
            f"{job.name}.svg" for job in jobs
        }
    with pytest.raises(InvalidInput, match="No sample passes"):
        archives.jobs_of_cohort(page, "cut", address, "truth>1000")
    with pytest.raises(InvalidInput, match="not of a sample"):
        archives.jobs_of_cohort("leaderboard", "board", {}, "")
    with pytest.raises(InvalidInput, match="from 1 to 200"):
        archives.jobs_of_cohort(page, "cut", address, "", 500)


def test_failed_figures_are_listed_and_the_batch_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, address = rendering.parse_link(LINK)
    good = archives.jobs_of_page(page, address, ["cut"])
    bad = replace(good[0], name="002-x", panel="nothing")
    manifest = archives.write_zip([*good, bad], ExportStyle(), io.BytesIO())
    assert "does not exist" in manifest["figures"][1]["error"]
    with pytest.raises(InvalidInput, match="None of the figures"):
        archives.write_zip([bad], ExportStyle(), io.BytesIO())
    with pytest.raises(InvalidInput, match="0 figures"):
        archives.write_zip([], ExportStyle(), io.BytesIO())

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archives.write_zip(good, ExportStyle(), io.BytesIO(), stop)
    monkeypatch.setattr(archives, "MAX_BYTES", 100)
    with pytest.raises(InvalidInput, match="more than"):
        archives.write_zip(good, ExportStyle(), io.BytesIO())


def run(words: list[str], capsys: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, error = capsys.readouterr()
    return int(ended.value.code or 0), out, error


def test_command_line_composes_and_reproduces(
    tmp_path: Path, capsys: Any, taken: list[Any]
) -> None:
    parts = []
    for each, kind in zip(taken[:2], ("svg", "pdf"), strict=True):
        parts.append(tmp_path / f"part.{kind}")
        parts[-1].write_bytes(
            reproduction.save_panel(each, replace(each.recipe, style=ExportStyle(format=kind)))
        )
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    code, said, error = run(
        [
            "compose",
            *map(str, parts),
            "--link",
            LINK,
            "--panel",
            "cut",
            "--columns",
            "3",
            "--size",
            "aps-double",
            "--out",
            str(first),
            "--json",
        ],
        capsys,
    )
    assert code == 0, error
    assert [each["panel"] for each in json.loads(said)["panels"]] == list(NAMES)
    assert run(["figure", "--recipe", str(first), "--out", str(second)], capsys)[0] == 0
    assert second.read_bytes() == first.read_bytes()
    svg = tmp_path / "third.svg"
    assert (
        run(
            ["figure", "--recipe", str(first), "--out", str(svg), "--size", "nature-double"], capsys
        )[0]
        == 0
    )
    assert composed_figure.parse_composition(export.read_recipe(svg.read_bytes())).style.font == 7.0
    for words, wrong in (
        (["figure", "--recipe", str(first), "--out", "x.html"], "svg, pdf, png, tikz"),
        (["compose", "--out", "x.pdf"], "Choose panels"),
        (["compose", "--link", LINK, "--out", "x.pdf"], "--panel"),
        (["compose", str(parts[0]), "--out", "x.html"], "must end in"),
        (["figures", "--link", LINK, "--out", "x.tar"], ".zip"),
        (["figures", "--link", LINK, "--panel", "nothing", "--out", "x.zip"], "nothing"),
        (["figures", "--link", LINK, "--cohort", "", "--out", "x.zip"], "one `--panel`"),
    ):
        code, _, error = run(words, capsys)
        assert code == 1
        assert wrong in error, error


def test_the_command_line_writes_a_zip(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "all.zip"
    code, said, error = run(
        [
            "figures",
            "--link",
            LINK,
            "--panel",
            "waterfall-now",
            "--cohort",
            "relation=conflict",
            "--most",
            "2",
            "--format",
            "tikz",
            "--size",
            "ieee-single",
            "--out",
            str(out),
            "--json",
        ],
        capsys,
    )
    assert code == 0, error
    assert len(json.loads(said)["figures"]) == 2
    with zipfile.ZipFile(out) as archive:
        assert sum(name.endswith(".tikz") for name in archive.namelist()) == 2


def test_figure_drawer_composes_and_writes_zips() -> None:
    app = visit("Dynamics", whole=False, model="qj-planted", sample="p2924")
    app.session_state["_drawer"] = "waterfall-now"
    app.run()
    latex = next(each.value for each in app.code if r"\begin{figure}" in each.value)
    assert r"\includegraphics[width=89mm]" in latex
    size = re.compile(r"SVG: 89 × \d+ mm in print, font size [\d.]+ pt\.")
    assert any(size.fullmatch(each.value) for each in app.caption)
    app.button(key="drawer-add").click().run()
    app.segmented_control(key="_drawer.what").set_value("Several panels in one").run()
    assert not app.exception
    assert not app.error
    assert app.multiselect(key="_compose.panels").value == ["waterfall now"]
    app.multiselect(key="_compose.panels").set_value(["waterfall now", "cut"]).run()
    assert not app.error
    code = next(each.value for each in app.code if "figure --recipe" in each.value)
    assert "qfusion-composition-recipe.json" in code
    app.segmented_control(key="_drawer.what").set_value("Several as a zip file").run()
    app.radio(key="_batch.which").set_value("This figure for every sample of a cohort").run()
    app.text_input(key="_batch.filter").set_value("relation=conflict").run()
    app.number_input(key="_batch.most").set_value(2).run()
    app.button(key="batch-make").click().run()
    assert not app.exception
    assert not app.error
    _, content, figures = app.session_state["_batch.done"]
    assert len(figures) == 2
    assert not any("error" in figure for figure in figures)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == 5
    app.text_input(key="_batch.filter").set_value("nothing=1").run()
    app.button(key="batch-make").click().run()
    assert "nothing" in app.error[0].value
