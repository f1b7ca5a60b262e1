"""The list of equivalent mutants follows the code."""

from __future__ import annotations

import tomllib
from pathlib import Path

from scripts import mutants

ROOT = Path(__file__).resolve().parent.parent


def test_equivalent_mutants_name_lines_that_exist() -> None:
    for line in tomllib.loads((ROOT / "scripts/mutants_equivalent.toml").read_text())["line"]:
        text = mutants.squeezed((ROOT / "qfusion" / line["module"]).read_text())
        assert mutants.squeezed(line["is"]) in text, line
        assert line["why"].strip()
        assert line["is"] not in line["becomes"]


def test_a_mutant_is_found_again_after_reformatting() -> None:
    text = b"def f(a, b=1):\n    x = g(\n        a,\n        b=[2, 3],\n    )\n    return x\n"
    begin, end = mutants.head(text, 4)
    assert mutants.squeezed(text[begin:end].decode()) == "x=ga,b=[2,3]"
    begin, end = mutants.head(text, 1)
    assert mutants.squeezed(text[begin:end].decode()) == "deffa,b=1:"
