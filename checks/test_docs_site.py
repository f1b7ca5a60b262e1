"""The site that docs/ becomes, with the sections that are made from the code."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from qfusion import citations, models, training
from qfusion.figures.files import export, recipe
from qfusion.views.pages import catalogue
from scripts import docs_reference, docs_site, gallery

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MAX_SIZE = 64 * 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that mkdocs builds; a warning, such as a link that leads nowhere, is an error. `.ci/run` has it built
    already where that went well, beside the installation, and with what its search reads."""
    if (made := os.environ.get("QFUSION_SITE")) and Path(made).is_dir():
        return Path(made)
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "QFUSION_SITE_SEARCH": "false"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert made.returncode == 0, made.stderr[-4000:]
    return folder


def test_site_contains_every_page_and_module(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert [str(page) for page in pages if not (site / page.with_suffix(".html")).exists()] == []
    for package in docs_site.PACKAGES:
        text = (site / "api" / f"{package}.html").read_text()
        assert [name for name in docs_site.modules(package) if f'id="{name}"' not in text] == []


def test_site_describes_every_setting(site: Path) -> None:
    text = html.unescape((site / "settings.html").read_text())
    fields = [
        *training.Options.model_fields.items(),
        *(
            entry
            for kind in models.names()
            for entry in models.registry.settings_type(kind).model_fields.items()
        ),
    ]
    assert {key for key, field in fields if f"<code>{key}</code>" not in text} == set()
    assert {key for key, field in fields if field.description not in text} == set()


def test_formulas_of_the_site_are_drawn_without_a_script(site: Path) -> None:
    pages = {path: path.read_text() for path in site.rglob("*.html")}
    assert [
        str(path)
        for path, text in pages.items()
        if 'class="arithmatex"' in text or "<merror" in text
    ] == []
    assert pages[site / "quantum-jump.html"].count("<math") > 60
    assert r"\langle" not in re.sub(
        r"(?s)<(code|annotation).*?</\1>", "", pages[site / "quantum-jump.html"]
    )


def test_the_letters_of_the_formulas_are_all_there(site: Path) -> None:
    pages = "".join(path.read_text() for path in site.rglob("*.html"))
    drawn = re.sub("<[^>]*>", "", "".join(re.findall("(?s)<math.*?</math>", pages)))
    font = TTFont(site / "assets" / "formulas.woff")
    assert {
        letter
        for letter in html.unescape(drawn)
        if not letter.isspace() and ord(letter) not in font.getBestCmap()
    } == set()
    assert 0x221A in font.getBestCmap(), "roots"
    assert "MATH" in font


def test_site_loads_no_external_files(site: Path) -> None:
    loaded = (
        r'<(?:script|img|iframe|source)[^>]+src="(?:https?:)?//|'
        r'<link[^>]+rel="(?:stylesheet|preconnect|icon)"[^>]+="(?:https?:)?//'
    )
    assert [str(path) for path in site.rglob("*.html") if re.search(loaded, path.read_text())] == []
    assert [
        str(path)
        for path in site.rglob("*.css")
        if re.search(r"url\(['\"]?(https?:)?//|@import", path.read_text())
    ] == []


def headings(page: Path) -> list[str]:
    """Returns the headings of a page of the site, without the signs of their links."""
    found = re.findall(r"(?s)<h[23] id=[^>]*>(.*?)</h[23]>", page.read_text())
    return [
        html.unescape(re.sub(r"(?s)<a class=\"headerlink.*?</a>|<[^>]*>", "", one)) for one in found
    ]


def test_site_defines_every_term(site: Path) -> None:
    assert headings(site / "glossary.html") == [one["term"] for one in docs_reference.entries()]


def test_site_describes_every_panel(site: Path) -> None:
    names = headings(site / "panels.html")
    for page in catalogue.QUESTIONS:
        parts = catalogue.page_parts(page)
        shown = [docs_reference.name_of(name) for name in [*parts.panels, *parts.families]]
        assert not shown or page.capitalize() in names
        assert set(shown) <= set(names)


def test_site_describes_every_command_and_option(site: Path) -> None:
    text = html.unescape((site / "cli.html").read_text())
    commands = dict(docs_reference.every_command())
    assert set(commands) <= set(headings(site / "cli.html"))
    for words, command in commands.items():
        assert f"python -m qfusion {words}" in (command.epilog or ""), "the command shows no call"
        assert command.help
        assert all(one.help for one in command.params)
        assert all(one in text for each in command.params for one in each.opts if one[:2] == "--")


def test_site_shows_the_notebook(site: Path) -> None:
    shown = html.unescape(re.sub(r"<[^>]*>", "", (site / "hugging-face.html").read_text()))
    cells = json.loads(docs_reference.NOTEBOOK.read_text())["cells"]
    code = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
    assert [line for line in code if line.strip() not in shown] == []


def test_gallery_contains_figures_with_recipes() -> None:
    assert sorted(path.stem for path in gallery.FOLDER.iterdir()) == sorted(
        one.name for one in gallery.PICTURES
    )
    for one in gallery.PICTURES:
        content = (gallery.FOLDER / f"{one.name}.svg").read_bytes()
        assert len(content) < MAX_SIZE
        assert recipe.parse(export.read_recipe(content)).panel == one.panel


def test_gallery_figures_are_reproducible() -> None:
    picture = next(one for one in gallery.PICTURES if one.name == "contributions")
    kept = (gallery.FOLDER / "contributions.svg").read_bytes()
    again = gallery.draw(picture)
    assert gallery.draw(picture) == again
    # Another processor may move the last of the ten digits that the recipe's digest is made from; the drawing has
    # fewer.
    assert without_recipe(again) == without_recipe(kept), "run python scripts/gallery.py"


def without_recipe(svg: bytes) -> str:
    """An SVG without what it says of its making, and without the names of its clips, which hash every digit of their
    corners."""
    return re.sub(
        r'(?<=url\(#)p[0-9a-f]+|(?<=id=")p[0-9a-f]+',
        "",
        re.sub(r"(?s)<metadata.*?</metadata>", "", svg.decode()),
    )


def test_sources_are_cited_as_in_reports(site: Path) -> None:
    text = (DOCS / "cite.md").read_text()
    assert citations.bibtex(("qinnqj2025", "fusionqcnn2026")) in text
    shown = html.unescape(re.sub(r"<[^>]*>", "", (site / "cite.html").read_text()))
    assert [key for key in citations.SOURCES if citations.text(key) not in shown] == []


@pytest.mark.parametrize("name", ["api.md", "figures.md"])
def test_programs_of_the_docs_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"(?s)```python\n(.*?)```", (DOCS / name).read_text())
    assert programs
    for program in programs:
        exec(program, {})
