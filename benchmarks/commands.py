"""Processor time of commands, most of which is imports: python -m benchmarks.commands [--other CHECKOUT]

Each command runs several times in processes of its own, in turn with the bare interpreter, with an import of torch,
and with the same command of a second checkout. Times are seconds of a processor, user and system.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QFUSION = ("-m", "qfusion")
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": (*QFUSION, "--help"),
    "models": (*QFUSION, "models"),
    "explain": (*QFUSION, "explain", "--model", "qj-planted", "--sample", "p0000"),
}
FLOORS = {"python -c pass": ("-c", "pass"), "python -c 'import torch'": ("-c", "import torch")}


def main() -> None:
    """Print median, minimum and maximum of each command's processor time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", type=Path, help="a second checkout to compare with")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    plan = {(name, "floor"): (words, ROOT) for name, words in FLOORS.items()}
    for name, words in COMMANDS.items():
        plan[name, "this"] = (words, ROOT)
        if options.other is not None:
            plan[name, "other"] = (words, options.other)
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in plan}
    for turn in range(options.runs + 1):  # the first fills the disk cache
        for key, (words, folder) in plan.items():
            used = processor_seconds(words, folder)
            if turn:
                seconds[key].append(used)
    for (name, checkout), used_times in seconds.items():
        print(
            f"{name:26} {checkout:6} {statistics.median(used_times):6.2f} s "
            f"({min(used_times):.2f} to {max(used_times):.2f})"
        )


def processor_seconds(words: tuple[str, ...], folder: Path) -> float:
    """Return the user and system time of a Python process in a checkout, seconds."""
    before = os.times()
    subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder.resolve())},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    return (
        after.children_user - before.children_user + after.children_system - before.children_system
    )


if __name__ == "__main__":
    main()
