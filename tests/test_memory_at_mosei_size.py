"""The benchmark of MOSEI's size at a twentieth of it: memory of every command by the set's size.

    python -m tests.test_memory_at_mosei_size FOLDER PART ...

Every command runs in a process of its own, forked from one that has loaded what they need: nothing of an earlier one is
in its memory, and nothing is loaded anew.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PARTS = (
    0.002,
    0.05,
)  # the small one first, so that what the loaded process keeps of it hides nothing


def steps(folder: Path) -> list[dict[str, Any]]:
    """Bytes of the set and of anonymous memory by step, for every one of `PARTS`."""
    words = [sys.executable, "-m", "tests.test_memory_at_mosei_size", str(folder), *map(str, PARTS)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_memory_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    small, large = steps(tmp_path)
    assert large["bytes"] > 10 * small["bytes"]
    # An import reads the pickle whole and writes it in blocks of some 32 MiB: one copy, and never two. What is stored
    # is mapped, and training holds sets of up to 256 MB.
    for step, most in (("import", 1.3), ("train", 2.2), ("explain", 1.2), ("explain again", 0.3)):
        more = large[step] - small[step]
        assert more / large["bytes"] <= most, (step, more / large["bytes"])
    # what it holds is seen: a training does hold the set
    assert large["train"] - small["train"] > 0.5 * large["bytes"]


def main(folder: Path, parts: list[float]) -> None:
    """Takes sets of these parts through every command, and prints the bytes."""
    from benchmarks import mosei
    from qfusion import cli, models, study, training  # noqa: F401 - loaded for all that are forked

    importlib.import_module("torch._dynamo")  # optimisers load it

    def run(*words: str | Path) -> Any:
        began, printed = time.perf_counter(), folder / "printed"
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            try:
                os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
                cli.main([str(word) for word in words])
            except SystemExit as ended:
                sys.stdout.flush()
                os._exit(int(ended.code or 0))
            finally:
                os._exit(1)
        with mosei.watched(pid) as most:
            _, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(f"{' '.join(map(str, words))}: {printed.read_text()[-400:]}")
        return mosei.Measured(printed.read_text(), time.perf_counter() - began, most[0])

    mosei.run = run
    found = []
    for part in parts:
        for name in ("IMPORTED", "MODELS", "RUNS", "CACHE"):
            os.environ[f"QFUSION_{name}"] = str(folder / str(part) / name.lower())
        (folder / str(part)).mkdir()
        measured = mosei.steps(folder / str(part), part, ("mosei-qj",), epochs=1)
        names = ("import", "train", "explain", "explain again")
        found.append({"bytes": measured["bytes"]} | {name: measured[name].memory for name in names})
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [float(part) for part in sys.argv[2:]])
