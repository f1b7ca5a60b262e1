"""Processor time of commands: python -m benchmarks.commands [--other CHECKOUT] [--runs 5] [--only NAME ...]

Each command runs several times in processes of its own, in turn with the bare interpreter, with an import of torch,
and with the same command of a second checkout. Times are seconds of a processor, user and system; the ratio is that of
the medians, this checkout to the other. Files that are imported are made of random numbers: a table of 20,000 rows and
30 features, and a pickle of a fiftieth of CMU-MOSEI's size as MMSA publishes them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
QFUSION = ("-m", "qfusion")
IMPORT = (*QFUSION, "data", "import", "--name", "mine", "--replace", "--repair", "make-split")
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": (*QFUSION, "--help"),
    "models": (*QFUSION, "models"),
    "explain": (*QFUSION, "explain", "--model", "qj-planted", "--sample", "p0000"),
    "explain a split": (
        *QFUSION,
        "explain",
        "--model",
        "qj-planted",
        "--split",
        "test",
        "--out",
        "{folder}/test.csv",
    ),
    "train": (
        *QFUSION,
        "train",
        "--data",
        "planted",
        "--set",
        "epochs=2",
        "--out",
        "{own}/model-{turn}",
    ),
    "import a table": (*IMPORT, "{folder}/table.csv"),
    "import a pickle": (*IMPORT, "{folder}/mosei.pkl"),
}
FLOORS = {"python -c pass": ("-c", "pass"), "python -c 'import torch'": ("-c", "import torch")}


def main() -> None:
    """Print median, minimum and maximum of each command's processor time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", type=Path, help="a second checkout to compare with")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(COMMANDS), help="names of commands")
    options = parser.parse_args()
    checkouts = {"this": ROOT} | ({} if options.other is None else {"other": options.other})
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        plan = {(name, "floor"): (words, ROOT) for name, words in FLOORS.items()}
        for name in options.only:
            for checkout, place in checkouts.items():
                plan[name, checkout] = (COMMANDS[name], place)
        seconds: dict[tuple[str, str], list[float]] = {key: [] for key in plan}
        for turn in range(options.runs + 1):  # the first fills the disk cache
            for key, (words, place) in plan.items():
                used = processor_seconds(words, place, Path(folder), turn)
                if turn:
                    seconds[key].append(used)
    for (name, checkout), used_times in seconds.items():
        print(
            f"{name:26} {checkout:6} {statistics.median(used_times):6.2f} s "
            f"({min(used_times):.2f} to {max(used_times):.2f})"
        )
    for name in options.only if options.other is not None else ():
        ratio = statistics.median(seconds[name, "this"]) / statistics.median(seconds[name, "other"])
        print(f"{name:26} ratio {ratio:6.2f}")


def write_files(folder: Path) -> None:
    """Write the files that are imported."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.normal(size=(20_000, 30)),
        columns=[f"{part}_{number}" for part in ("text", "voice", "face") for number in range(10)],
    )
    table.insert(0, "id", [f"clip{row}" for row in range(len(table))])
    table["label"] = rng.integers(0, 2, len(table))
    table.to_csv(folder / "table.csv", index=False)
    made = [sys.executable, str(ROOT / "benchmarks" / "mosei.py"), "--part", "0.02", "--write"]
    subprocess.run([*made, str(folder / "mosei.pkl")], check=True)


def processor_seconds(words: tuple[str, ...], checkout: Path, folder: Path, turn: int) -> float:
    """Return the user and system time of a Python process of a checkout, seconds. What it keeps is put into a folder
    of this checkout in `folder`.
    """
    own = folder / str(abs(hash(checkout)))
    own.mkdir(exist_ok=True)
    before = os.times()
    subprocess.run(
        [sys.executable, *(word.format(folder=folder, own=own, turn=turn) for word in words)],
        cwd=checkout,
        env={
            **os.environ,
            **{
                f"QFUSION_{name}": str(own / name.lower()) for name in ("CACHE", "IMPORTED", "RUNS")
            },
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(checkout.resolve()),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    return (
        after.children_user - before.children_user + after.children_system - before.children_system
    )


if __name__ == "__main__":
    main()
