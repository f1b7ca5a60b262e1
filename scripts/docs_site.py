"""What mkdocs does not do by itself for docs/ (named in mkdocs.yml): formulas, pages made from the code, what GitHub reads differently.

Formulas stand in the pages as `$...$` and `$$...$$`, which GitHub draws; here they become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import html
import re
from importlib import resources
from pathlib import Path

from fontTools import subset
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("data", "models", "quantum", "explain", "track", "training", "runs", "figures")
CHANGES = "changelog.md"  # the page that CHANGELOG.md becomes
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', re.DOTALL)
_LETTERS = {0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}  # the slanted ones, which browsers put in the place of plain ones
_drawn: set[int] = set(_LETTERS)  # the characters of all formulas
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)


def modules(package: str) -> list[str]:
    """The public modules of a package of qfusion, by their full names."""
    folder = ROOT / "qfusion" / package
    return [f"qfusion.{package}.{path.stem}" for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")]


def mathml(tex: str, block: bool = False) -> str:
    """A formula as MathML; one that stands by itself can be scrolled where it is wider than the page."""
    made = convert(tex.strip(), display="block" if block else "inline")
    _drawn.update(map(ord, html.unescape(re.sub(r"<[^>]*>", "", made))))
    return f'<div class="formula" tabindex="0">{made}</div>' if block else made


def linked(text: str) -> str:
    """Markdown in which the names of our modules, in backticks, lead to their reference; code blocks are left alone."""
    known = {name for package in PACKAGES for name in modules(package)}

    def lead(found: re.Match[str]) -> str:
        return f"[{found[0]}][{found[1]}]" if found[1] in known else found[0]

    parts = _FENCE.split(text)
    parts[::2] = [re.sub(r"(?<!\[)`(qfusion(?:\.\w+)+)`", lead, part) for part in parts[::2]]
    return "".join(parts)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from the code, and the changelog."""
    for package in PACKAGES:
        body = "\n\n".join(f"::: {name}" for name in modules(package))
        files.append(File.generated(config, f"api/{package}.md", content=f"# qfusion.{package}\n\n{body}\n"))
    files.append(File.generated(config, CHANGES, content=(ROOT / "CHANGELOG.md").read_text()))
    return files


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links of top-level pages to where these are in the site; a bar in code within a table needs no backslash here."""
    if page.file.src_uri == CHANGES:
        text = text.replace("](docs/", "](")
    else:
        text = text.replace("](../CHANGELOG.md", f"]({CHANGES}")
        text = linked(text)
    return re.sub(r"(?m)^\|.*`.*$", lambda row: re.sub(r"`[^`]*`", lambda code: code[0].replace(r"\|", "|"), row[0]), text)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Sets the formulas."""
    return _FORMULA.sub(lambda found: mathml(html.unescape(found[2]), found[1] == "div"), content)


def on_post_build(config: MkDocsConfig) -> None:
    """Adds the letters of the formulas: STIX Two Math (SIL Open Font License), cut down to what is used, since few systems have such a font."""
    options = subset.Options(flavor="woff", layout_features=["*"], name_IDs=["*"], notdef_outline=True)
    with resources.as_file(resources.files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf") as path:
        font = subset.load_font(str(path), options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=_drawn)
    cut.subset(font)
    subset.save_font(font, str(Path(config.site_dir) / "assets" / "formulas.woff"), options)
