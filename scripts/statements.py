"""How large the packages are: statements as `ast` counts them, docstrings apart, files, and lines of the median file.

    python scripts/statements.py

CI prints it, with what it was when issue 33 began beside it. Statements are the budget; no test counts lines or files.
"""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("qfusion", "plotly_print")
BEFORE = "35,751 statements in 523 files"  # of `qfusion` at 0.1.0, the print engine included


def statements(source: str) -> int:
    """Returns the statements of a program, docstrings and other bare strings apart."""
    return sum(
        isinstance(node, ast.stmt) and not is_text(node) for node in ast.walk(ast.parse(source))
    )


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string that nothing is done with."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def main() -> None:
    """Prints a line for each package."""
    for package in PACKAGES:
        sources = [
            path.read_text() for path in (ROOT / package).rglob("*.py") if "tests" not in path.parts
        ]
        if sources:
            print(
                f"{package}: {sum(map(statements, sources)):,} statements in {len(sources)} files, "
                f"{statistics.median(source.count(chr(10)) for source in sources):.0f} lines in the median"
            )
    print(f"qfusion at the last release: {BEFORE}")


if __name__ == "__main__":
    main()
