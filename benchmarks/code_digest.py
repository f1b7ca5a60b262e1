"""The digest of the code that trains a model, which every record of a run carries."""

from __future__ import annotations

import ast
import hashlib
import os
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "qfusion"
PARTS = ("quantum", "models", "training", "data", "plugins/papers/models")


@lru_cache
def code_digest(*more: str) -> str:
    """Returns twelve hexadecimal digits of the SHA-256 of what decides a training: `PARTS` of the package.

    Comments, docstrings and the layout of lines do not count.

    Args:
        more: other files that decide it, from the root of the repository.
    """
    files = [path for part in PARTS for path in sorted((PACKAGE / part).rglob("*.py"))]
    files += [PACKAGE.parent / name for name in more]
    digest = hashlib.sha256()
    for path in files:
        digest.update(os.path.relpath(path, PACKAGE).encode())
        digest.update(_statements(path.read_text()).encode())
    return digest.hexdigest()[:12]


def _statements(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
