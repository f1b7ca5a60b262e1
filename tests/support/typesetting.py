"""LaTeX for tests: documents compiled where there is a pdflatex, skipped with a reason where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import accumulate
from pathlib import Path

import pytest

_HEAD = (
    "\\documentclass{article}\n\\usepackage[margin=5mm]{geometry}\n\\usepackage[T1]{fontenc}\n"
    "\\usepackage{lmodern}\n\\usepackage{tikz}\n%PREAMBLE\n\\begin{document}\n\\pagestyle{empty}\n\\noindent\n"
)


def compiled(body: str, folder: Path, preamble: str = "") -> Path:
    """The PDF that pdflatex makes of a document's body, without one error."""
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex on this machine: documents are checked by their structure only")
    (folder / "page.tex").write_text(
        _HEAD.replace("%PREAMBLE", preamble) + body + "\n\\end{document}\n", encoding="utf-8"
    )
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-no-shell-escape", "page.tex"],
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    if "File `" in said and "not found" in said:
        pytest.skip("this LaTeX lacks a package: " + said[said.index("File `") :][:60])
    assert "\n!" not in said, said[said.index("\n!") :][:600]
    assert done.returncode == 0, said[-600:]
    return folder / "page.pdf"


def balanced(tex: str) -> bool:
    """Whether every brace that is not escaped has its partner, comments aside."""
    braces = re.findall("[{}]", re.sub(r"\\.|%.*", "", tex))
    depths = list(accumulate(1 if brace == "{" else -1 for brace in braces))
    return min(depths, default=0) >= 0 and depths[-1:] in ([], [0])
