"""The benchmarks, one entry for all.

    python -m benchmarks                     lists them
    python -m benchmarks steps tracking      runs some, one after the other, with their own defaults
    python -m benchmarks --time              runs all that measure time and memory

Each prints its rivals and us from one run and writes its tables into docs/. What they need beside qfusion's
own requirements is in `requirements-bench.txt`. Options of one are those of its script: `python benchmarks/NAME.py -h`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
TIME = (
    "steps",
    "large",
    "qcnn_steps",
    "explainers",
    "tracking",
    "loss",
    "scaling",
    "browser",
)


def known() -> dict[str, str]:
    """What each benchmark measures, by its name: the first sentence of its script."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.name != Path(__file__).name and '__name__ == "__main__"' in text:
            said = ast.get_docstring(ast.parse(text)) or ""
            found[path.stem] = " ".join(said.split("\n\n")[0].split())
    return found


def main(asked: list[str]) -> int:
    """Lists, or runs what is asked for; returns how many of them failed."""
    scripts = known()
    names = list(TIME) if asked == ["--time"] else asked
    if wrong := [name for name in names if name not in scripts]:
        print(
            f"There is no benchmark {', '.join(wrong)}. There are: {', '.join(scripts)}.",
            file=sys.stderr,
        )
        return 2
    if not names:
        wide = max(map(len, scripts))
        print("\n".join(f"{name:{wide}}  {said}" for name, said in scripts.items()))
        return 0
    failed = 0
    for name in names:
        print(f"== {name}: {scripts[name]}", flush=True)
        began = time.monotonic()
        code = subprocess.call([sys.executable, str(FOLDER / f"{name}.py")], cwd=FOLDER.parent)
        said = f"failed ({code})" if code else "done"
        print(f"== {name}: {said} in {time.monotonic() - began:.0f} s", flush=True)
        failed += code != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
