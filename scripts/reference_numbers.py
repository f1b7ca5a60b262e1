"""Writes the numbers of all shipped models to a folder, and compares them with those of another commit.

    python scripts/reference_numbers.py FOLDER
    python scripts/reference_numbers.py FOLDER --against OTHER

For each shipped model: the rows of `explain --split test`, the record of `evaluate`, and where the model evolves in
time, `explain --physics`. A change that should not change numbers compares the commit before it with the commit after
it, on one machine. Models whose data are not there are left out. FOLDER lies outside the repository.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from qfusion.models.protocols import Evolution  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402

VOLATILE = ("seconds", "out")  # of a record: they differ from run to run


def main() -> None:
    """Write the numbers of all shipped models, and compare them if another folder is given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument(
        "--model", action="append", help="only this model; may be given several times"
    )
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    for name in words.model or sorted(checkpoint_cards.available()):
        write_numbers(name, words.folder)
    if words.against is not None:
        sys.exit(print_differences(words.folder, words.against))


def write_numbers(name: str, folder: Path) -> None:
    """Write the numbers of one model; those that are there already stay."""
    rows, metrics, physics = (
        folder / f"{name}.{end}" for end in ("csv", "metrics.json", "physics.json")
    )
    if not metrics.exists() and not _write_record(metrics, "evaluate", "--model", name):
        return
    if not rows.exists():
        _run("explain", "--model", name, "--split", "test", "--out", str(rows))
    if checkpoint.load(name).model.part(Evolution) and not physics.exists():
        _write_record(physics, "explain", "--model", name, "--split", "test", "--physics")


def print_differences(folder: Path, other: Path) -> int:
    """Print the largest difference of each file of two folders, and return how many files differ."""
    names = sorted({path.name for path in (*folder.iterdir(), *other.iterdir())})
    differing = 0
    for name in names:
        difference = largest_difference(folder / name, other / name)
        differing += difference != "0"
        print(f"{name:32} {difference}")
    return differing


def largest_difference(file: Path, other: Path) -> str:
    """Return the largest difference of the numbers of two files, or what else differs."""
    if not (file.exists() and other.exists()):
        return "missing in one folder"
    if file.suffix == ".csv":
        return _frame_difference(pd.read_csv(file), pd.read_csv(other))
    numbers, words = _split_record(json.loads(file.read_text()))
    other_numbers, other_words = _split_record(json.loads(other.read_text()))
    if words != other_words or numbers.keys() != other_numbers.keys():
        return "other words"
    return _size(max((abs(numbers[key] - other_numbers[key]) for key in numbers), default=0.0))


def _frame_difference(frame: pd.DataFrame, other: pd.DataFrame) -> str:
    shared = [column for column in frame if column in other]
    if len(frame) != len(other) or not shared:
        return "other rows"
    numeric = frame[shared].select_dtypes("number").columns
    remaining = [column for column in shared if column not in numeric]
    if not frame[remaining].equals(other[remaining]):
        return "other words"
    gaps = np.abs(frame[numeric].to_numpy(float) - other[numeric].to_numpy(float))
    columns = sorted({*frame} ^ {*other})
    difference = _size(float(np.nanmax(gaps, initial=0.0)))
    return difference + (f" (other columns: {', '.join(columns)})" if columns else "")


def _size(difference: float) -> str:
    return f"{difference:.3g}"


def _split_record(record: Any, place: str = "") -> tuple[dict[str, float], dict[str, Any]]:
    """Return the numbers and the other values of a JSON record, by their place in it."""
    if isinstance(record, dict):
        items = [(str(key), value) for key, value in record.items() if key not in VOLATILE]
    elif isinstance(record, list):
        items = [(str(number), value) for number, value in enumerate(record)]
    elif isinstance(record, int | float) and not isinstance(record, bool):
        return {place: float(record)}, {}
    else:
        return {}, {place: record}
    numbers: dict[str, float] = {}
    words: dict[str, Any] = {}
    for key, value in items:
        more_numbers, more_words = _split_record(value, f"{place}/{key}")
        numbers |= more_numbers
        words |= more_words
    return numbers, words


def _write_record(file: Path, *words: str) -> bool:
    """Write what a command prints as JSON, and return whether the command succeeded."""
    printed = _run(*words, "--json")
    if printed is not None:
        file.write_text(printed)
    return printed is not None


def _run(*words: str) -> str | None:
    """Run a command of qfusion and return what it prints, or None where it fails."""
    command = [sys.executable, "-m", "qfusion", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        print(" ".join(words), ended.stderr.strip(), sep=": ")
        return None
    return ended.stdout


if __name__ == "__main__":
    main()
