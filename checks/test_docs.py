"""What is public is documented: docstrings, links, README."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SEPARATE = ("plotly_live", "plotly_print")  # which can be released by themselves
MODULES = sorted(
    [
        *(ROOT / "qfusion").rglob("*.py"),
        *(path for name in SEPARATE for path in (ROOT / name).glob("*.py")),
    ]
)
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
Definition = ast.FunctionDef | ast.ClassDef


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Yields the public functions and classes of a module or class, and those inside its public classes."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def is_setter(node: Definition) -> bool:
    """Whether a function is the setter of a property, which its getter documents."""
    return any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list)


def is_overload(node: Definition) -> bool:
    """Whether a function only says which types belong together; what follows it is documented."""
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)


def documented_by_class(owner: ast.ClassDef) -> set[str]:
    """Returns the names of members that a base class may document, or that a protocol declares without a body."""
    members = [node for node in owner.body if isinstance(node, Definition)]
    if any(ast.unparse(base) == "Protocol" for base in owner.bases):
        members = [node for node in members if ast.unparse(node.body[-1]) == "..."]
    return {node.name for node in members} if owner.bases else set()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, "the module has no docstring"
    documented = set()
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            names = documented_by_class(owner)
            documented |= {node for node in owner.body if getattr(node, "name", "") in names}
    bare = [
        node.name
        for node in public(tree)
        if not ast.get_docstring(node)
        and not is_setter(node)
        and not is_overload(node)
        and node not in documented
    ]
    assert bare == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())
    targets += re.findall(r'<img src="([^"]+)"', page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "pip install -r requirements.txt && streamlit run app.py" in text
    assert "pip install -r requirements-dev.txt && pytest" in text


def test_readme_can_be_read_in_three_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1_500


def test_the_program_of_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(
        "plotly.graph_objects.Figure.show", lambda figure, **_: shown.append(figure)
    )
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    values: dict[str, Any] = {}
    exec(program, values)
    sample = values["sample"]
    assert abs(sum(sample.dividends.values()) - sample.score) < 1e-9
    assert values["weaker"].score != sample.score
    assert "entropy[text]" in values["table"]
    assert len(shown) == 1


def test_readmes_figures_come_from_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    front = importlib.import_module("front")
    readme = (ROOT / "README.md").read_text()
    board = json.loads(front.BOARD.read_text())
    assert f"<!-- table:front-results -->\n{front.results(board, front.read_claims())}\n" in readme
    assert f"<!-- table:front-cost -->\n{front.cost(front.RESULTS.read_text())}\n" in readme


def test_readme_shows_the_app() -> None:
    pictures = re.findall(r'<img src="(docs/images/[^"]+)"', (ROOT / "README.md").read_text())
    [moving] = pictures
    assert (ROOT / moving).stat().st_size < 1_200_000
    with Image.open(ROOT / moving) as picture:
        assert picture.n_frames > 10
