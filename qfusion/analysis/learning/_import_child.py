"""Imports one program, in the process of its own that `model_import` starts: `_import_child.py ORDER`, a JSON file that
says what is to be imported, under which limits, and where what was found goes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from qfusion import data as sources
from qfusion import explain
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.data._mat_child import limit
from qfusion.errors import QFusionError
from qfusion.explain.backgrounds import SampleBackground
from qfusion.models.programs import card as cards
from qfusion.models.programs.program import Exhausted
from qfusion.training import checkpoint, imports
from qfusion.training.imports import Taken, Unfit

ROWS = 2048  # background rows of the first explanation, as many as pages fuse at once


def taken_memory() -> int:
    """Returns the bytes of address space that this process has already, 0 where that is not told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    except (OSError, ValueError):
        return 0


def first(taken: Taken, dataset: DataSet) -> dict[str, float]:
    """Explains one sample as the pages do, and returns how many seconds that took against how many rows."""
    inputs = dataset.inputs(dataset.rows("train")[:ROWS], torch.float64)
    rows = explain.background(taken.model, inputs)
    assert isinstance(rows, SampleBackground)
    sample = dataset.inputs(dataset.rows("test")[:1], torch.float64)
    began = time.perf_counter()
    explain.explain(taken.model, sample, rows)
    return {"seconds": round(time.perf_counter() - began, 4), "rows": rows.size}


def imported(order: Mapping[str, Any]) -> dict[str, Any]:
    """Does what an order says and returns what was found, or what is wrong."""
    said = cards.read(order["card"], "card") if order["card"] else None
    dataset = sources.load(order["data"])
    taken = imports.take(order["file"], dataset, said, only_onnx=order["only_onnx"])
    speed = first(taken, dataset)
    place = imports.keep(taken, dataset, order["name"], None, order["title"], order["replace"])
    measured = checkpoint.card(place)["this_seed"].get("test", {})
    return {
        **imports.told(taken, {"name": order["name"], "path": str(place), "metrics": measured}),
        "toml": taken.model.card.text(),
        "first": speed,
        "sample": str(dataset.ids[dataset.rows("test")[0]]),
    }


def main() -> None:
    """Reads the order, takes on its limits, and writes what was found."""
    order = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(1)
    before = taken_memory()
    limit(before + order["memory"] if before else 1 << 62, order["seconds"])
    try:
        found = imported(order)
    except Exhausted as error:
        found = {"exhausted": error.of}
    except QFusionError as error:
        found = {
            "problem": str(error),
            "card": error.card.text() if isinstance(error, Unfit) else "",
        }
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        found = {"exhausted": "memory"}
    with atomic(Path(order["found"])) as part:
        part.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
