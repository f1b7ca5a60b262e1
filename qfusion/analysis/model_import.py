"""Import an untrusted program in a separate process with limits of memory and time. The browser uses this.

An ONNX model runs no foreign code (see `qfusion.models.imported`), but may be slow or ask for much memory on purpose. A
program of torch.export is taken only from who is trusted with it. The child has a process of its own load it, checks
it, measures it on all rows, explains a first sample, and keeps it; this process never runs it. On Windows only the time
is limited, and on macOS no memory.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from qfusion import _files, data as sources, explain
from qfusion._checks import check
from qfusion.errors import InvalidInput, QFusionError
from qfusion.models import program, program_card
from qfusion.training import checkpoint_cards, imports

MEMORY = 3 << 30  # bytes beyond what Python and torch take themselves
SECONDS = 60  # of the processor
PATIENCE = 300.0  # seconds of the clock
SUFFIXES = (".onnx", ".pt2")


class Import:
    """An import that is under way; `cancel` it, or look again and again whether it is `done`."""

    def __init__(
        self,
        file: Path,
        data: str,
        name: str,
        card: str = "",
        title: str = "",
        replace: bool = False,
        only_onnx: bool = False,
    ):
        """Start it and return at once.

        Args:
            file: an .onnx or .pt2 file. data: name of the data set whose modalities go in.
            name: that the model is to go by. title: what a person calls it.
            card: as TOML, what was corrected; a guess is made unless given.
            replace: whether an imported model of that name gives way.
            only_onnx: whether a program of torch.export, whose loading runs what it holds, is refused.

        Raises:
            InvalidInput: when the file is neither, or the name is none or taken.
        """
        check(
            file.suffix.lower() in SUFFIXES,
            f"Program `{file.name}` must be an .onnx or .pt2 file. Export it to "
            "ONNX, or by `torch.export.save`.",
        )
        imports.check_name(name, None, replace)
        self.file = file
        self.folder = tempfile.TemporaryDirectory(
            prefix="qfusion-import-", ignore_cleanup_errors=True
        )
        self._found, order = (
            Path(self.folder.name) / name for name in ("found.json", "order.json")
        )
        order.write_text(
            json.dumps(
                {
                    "file": str(file.absolute()),
                    "data": data,
                    "name": name,
                    "card": card,
                    "title": title,
                    "replace": replace,
                    "only_onnx": only_onnx,
                    "memory": MEMORY,
                    "seconds": SECONDS,
                    "found": str(self._found),
                }
            )
        )
        self._began = time.monotonic()
        with (Path(self.folder.name) / "said").open("wb") as opened:
            self.process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(order)],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    # threads of a library for matrices would take address space each
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=opened,
            )

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def done(self) -> bool:
        """Whether it has ended, also by having taken more than PATIENCE."""
        return self.process.poll() is not None or self.seconds > PATIENCE

    def cancel(self) -> None:
        """End the import, whatever its state. Nothing of it is saved."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with suppress(OSError):
            self.folder.cleanup()

    def result(self) -> dict[str, Any]:
        """Return the result of an ended import: the entries of `imports.summary`, its card as "toml", and "first":
        seconds and rows of a first explanation, of test row "sample".

        Raises:
            Unfit: when a guessed card does not pass, with the card.
            InvalidInput: when the program or the card that was given does not, or it took too much memory or time.
        """
        status, of_processor = self.process.poll(), f"{SECONDS} seconds of the processor"
        try:
            if status is None:
                raise self._refused(f"it takes more than {PATIENCE:.0f} seconds")
            if status == -getattr(signal, "SIGXCPU", 24):
                raise self._refused(f"it takes more than {of_processor}")
            try:
                record: Mapping[str, Any] = json.loads(self._found.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                output = (Path(self.folder.name) / "said").read_text(errors="replace")
                last = output.strip().rpartition("\n")[2][:160]
                raise self._refused(
                    f"its checks ended with signal {-status}"
                    if status < 0
                    else f"its checks fail ({last or 'no reason is given'})"
                ) from None
            match record:
                case {"exhausted": "memory"}:
                    raise self._refused(f"it takes more than {MEMORY / 2**30:.0f} GiB of memory")
                case {"exhausted": _}:
                    raise self._refused(f"it takes more than {of_processor}")
                case {"problem": problem, "card": card} if card:
                    raise imports.Unfit(problem, program_card.read(card, "card"))
                case {"problem": problem}:
                    raise InvalidInput(problem)
                case _:
                    return dict(record)
        finally:
            self.cancel()

    def _refused(self, why: str) -> InvalidInput:
        return InvalidInput(
            f"Program `{self.file.name}` is not imported here: {why}. On the command line it is not "
            f"limited: `python -m qfusion model import {self.file.name} --data NAME --name NAME`."
        )


def first(taken: imports.Taken, dataset: sources.DataSet) -> dict[str, float]:
    """Explain one sample as the pages do, and return how many seconds that took against how many rows: as many as
    pages fuse at once."""
    rows = explain.background(
        taken.model, dataset.inputs(dataset.rows("train")[:2048], torch.float64)
    )
    sample = dataset.inputs(dataset.rows("test")[:1], torch.float64)
    began = time.perf_counter()
    explain.explain(taken.model, sample, rows)
    return {"seconds": round(time.perf_counter() - began, 4), "rows": rows.size}


def run_order(order: Mapping[str, Any]) -> dict[str, Any]:
    """Run an order and return its result, or the error."""
    card = program_card.read(order["card"], "card") if order["card"] else None
    dataset = sources.load(order["data"])
    taken = imports.take(order["file"], dataset, card, only_onnx=order["only_onnx"])
    speed = first(taken, dataset)
    place = imports.keep(taken, dataset, order["name"], None, order["title"], order["replace"])
    measured = checkpoint_cards.load_card(place)["this_seed"].get("test", {})
    return {
        **imports.summary(taken, {"name": order["name"], "path": str(place), "metrics": measured}),
        "toml": taken.model.card.text(),
        "first": speed,
        "sample": str(dataset.ids[dataset.rows("test")[0]]),
    }


def main() -> None:
    """Import one program in the separate process that `Import` starts with this file and an order. The order is a
    JSON file that states what to import, under which limits, and where to write the findings.
    """
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    try:
        outcome = run_order(order)
    except program.Exhausted as error:
        outcome = {"exhausted": error.of}
    except QFusionError as error:
        outcome = {
            "problem": str(error),
            "card": error.card.text() if isinstance(error, imports.Unfit) else "",
        }
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        outcome = {"exhausted": "memory"}
    with _files.atomic(Path(order["found"])) as part:
        part.write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
