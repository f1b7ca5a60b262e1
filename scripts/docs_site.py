"""What mkdocs does not do by itself for docs/ (named in mkdocs.yml): formulas, pages made from the code, what GitHub
reads differently.

Formulas stand in the pages as `$...$` and `$$...$$`, which GitHub draws; here they become MathML, which browsers draw
without a script.
"""

from __future__ import annotations

import ast
import html
import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from fontTools import subset
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # mkdocs loads this file by its path
from scripts import docs_reference  # noqa: E402

# Packages in the order in which they are read.
FIRST = (
    "data",
    "models",
    "quantum",
    "explain",
    "simulate",
    "training",
    "runs",
    "study",
    "figures",
    "views",
)
PACKAGES = (
    *FIRST,
    *sorted(
        {path.parent.name for path in (ROOT / "qfusion").glob("*/__init__.py")}
        - {*FIRST, "commands", "plugins", "app"}
    ),
)
CHANGES = "changelog.md"  # the page that CHANGELOG.md becomes
_FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>([.,;:!?)]*)', re.DOTALL
)
# What browsers draw that does not stand in a formula's text: the sign of a root, slanted letters in the place of plain
# ones.
_LETTERS = {0x221A, 0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)}
_drawn: set[int] = set(_LETTERS)  # the characters of all formulas
_NO_HEAD = re.compile(r"<thead>\s*<tr>(?:\s*<th[^>]*></th>)+\s*</tr>\s*</thead>\s*")
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)


def modules(package: str) -> list[str]:
    """The public modules of a package of qfusion and of the packages inside it, by their full names."""
    folder = ROOT / "qfusion" / package
    parts = [
        path.relative_to(ROOT).with_suffix("").parts
        for path in folder.rglob("*.py")
        if path != folder / "__init__.py"
    ]
    names = {".".join(each).removesuffix(".__init__") for each in parts}
    return sorted(name for name in names if "._" not in name)


def mathml(tex: str, block: bool = False) -> str:
    """A formula as MathML; one that stands by itself can be scrolled where it is wider than the page."""
    made = convert(tex.strip(), display="block" if block else "inline")
    _drawn.update(map(ord, html.unescape(re.sub(r"<[^>]*>", "", made))))
    return f'<div class="formula" tabindex="0">{made}</div>' if block else made


def linked(text: str, folder: str = "api/") -> str:
    """Return Markdown in which names of modules in backticks link to their reference; code blocks do not change.

    Args:
        text: Markdown.
        folder: path from the page to the references of packages.
    """
    known = {name: f"[{name}]" for package in PACKAGES for name in modules(package)}
    known |= {f"qfusion.{package}": f"({folder}{package}.md)" for package in PACKAGES}

    def lead(found: re.Match[str]) -> str:
        return f"[{found[0]}]{known[found[1]]}" if found[1] in known else found[0]

    parts = _FENCE.split(text)
    parts[::2] = [re.sub(r"(?<!\[)`(qfusion(?:\.\w+)+)`", lead, part) for part in parts[::2]]
    return "".join(parts)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the packages to the navigation."""
    sections = {name: pages for each in config.nav or [] for name, pages in each.items()}
    sections["Reference"] += [{f"qfusion.{package}": f"api/{package}.md"} for package in PACKAGES]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from the code, and the changelog."""
    for package in PACKAGES:
        body = "\n\n".join(f"::: {name}" for name in modules(package))
        about = (
            ast.get_docstring(ast.parse((ROOT / "qfusion" / package / "__init__.py").read_text()))
            or ""
        )
        files.append(
            File.generated(
                config, f"api/{package}.md", content=f"# qfusion.{package}\n\n{about}\n\n{body}\n"
            )
        )
    files.append(File.generated(config, CHANGES, content=(ROOT / "CHANGELOG.md").read_text()))
    return files


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Inserts what is made from the code, and leads links of top-level pages to where these are in the site. A bar in
    code within a table needs no backslash here."""
    text = docs_reference.insert(text)
    if page.file.src_uri == CHANGES:
        text = text.replace("](docs/", "](")
    else:
        text = text.replace("](../CHANGELOG.md", f"]({CHANGES}")
        text = linked(text, "" if page.file.src_uri.startswith("api/") else "api/")
    return re.sub(
        r"(?m)^\|.*`.*$",
        lambda row: re.sub(r"`[^`]*`", lambda code: code[0].replace(r"\|", "|"), row[0]),
        text,
    )


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Sets the formulas, and takes away the heads of tables without headings."""
    return _NO_HEAD.sub("", _FORMULA.sub(_drawn_formula, content))


def _drawn_formula(found: re.Match[str]) -> str:
    """A formula that arithmatex has found; what follows it, such as a comma, stays on its line."""
    made = mathml(html.unescape(found[2]), found[1] == "div")
    return f'<span class="held">{made}{found[3]}</span>' if found[3] else made


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Names the search box for screen readers."""
    return output.replace(
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    )


def on_post_build(config: MkDocsConfig) -> None:
    """Adds the letters of the formulas, since few systems have such a font: STIX Two Math (SIL Open Font License), cut
    to what is used."""
    options = subset.Options(
        flavor="woff", layout_features=["*"], name_IDs=["*"], notdef_outline=True
    )
    path = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
    font = subset.load_font(str(path), options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=_drawn)
    cut.subset(font)
    subset.save_font(font, str(Path(config.site_dir) / "assets" / "formulas.woff"), options)
