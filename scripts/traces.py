"""Counts the functions of qfusion that one task runs, and the modules that they are in.

    python scripts/traces.py [import] [train] [release] [waterfall] [--json]

import     a CSV file of 300 rows with two modalities, an id, a label and a split becomes a stored data set
train      a quantum-jump model is trained for one epoch on these rows, and saved
release    a slider of the Dynamics page is let go, and the page follows
waterfall  the contributions of a sample of an opened model are computed from its features and drawn

Every task runs in a process of its own: the import as `import_set`, the training as the command line, the page in
Streamlit's test runner. It runs twice, on other numbers, and the second time is counted, so that nothing is imported
then. Counted by `sys.setprofile` in all
threads are distinct code objects under qfusion/ and pages/: functions, methods, lambdas and generator expressions.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = tuple(f"{ROOT / folder}{os.sep}" for folder in ("qfusion", "pages"))


def main() -> None:
    """Trace the chosen tasks, each in a process of its own, and print their numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--run", choices=TASKS, help=argparse.SUPPRESS)
    words = parser.parse_args()
    sys.path[:0] = [str(ROOT)]
    if words.run:
        print(json.dumps(TASKS[words.run]()))
        return
    counts = {task: _run_apart(task) for task in words.tasks or TASKS}
    if words.json:
        print(json.dumps(counts))
        return
    for task, numbers in counts.items():
        print(f"{task:9} {numbers['functions']:4} functions of {numbers['modules']:3} modules")


def _run_apart(task: str) -> dict[str, int]:
    """Run a task in a new process whose folders of data and models are temporary."""
    with tempfile.TemporaryDirectory() as folder:
        places = {
            f"QFUSION_{key}": f"{folder}/{key.lower()}"
            for key in ("CACHE", "RUNS", "IMPORTED", "MODELS")
        }
        done = subprocess.run(
            [sys.executable, __file__, "--run", task],
            env={**os.environ, **places},
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def trace(call: Callable[[], Any]) -> dict[str, int]:
    """Return how many functions of qfusion a call runs, and how many modules they are in."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    own = [code for code in seen if code.co_filename.startswith(FOLDERS)]
    return {"functions": len(own), "modules": len({code.co_filename for code in own})}


def trace_import() -> dict[str, int]:
    """Trace how a CSV file becomes a stored data set."""
    _import("first", seed=1)
    return trace(lambda: _import("second"))


def trace_training() -> dict[str, int]:
    """Trace a training of one epoch on a stored data set."""
    _import("first", seed=1)
    _import("second")
    _train("first")
    return trace(lambda: _train("second"))


def trace_release() -> dict[str, int]:
    """Trace the run of the Dynamics page after a slider was let go."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page("pages/dynamics.py")
    app.query_params["model"] = "qj-planted"
    app.run()
    app.slider(key="H.text").set_value(0.5).run()
    counted = trace(lambda: app.slider(key="H.text").set_value(0.3).run())
    assert not app.exception
    return counted


def trace_waterfall() -> dict[str, int]:
    """Trace how the features of a sample become contributions and their waterfall."""
    from qfusion.study import opening
    from qfusion.views import decision

    study = opening.open_study("qj-planted")
    first, second = (str(study.dataset.ids[row]) for row in study.dataset.rows("test")[:2])
    decision.waterfall(study.sample(first))
    return trace(lambda: decision.waterfall(study.sample(second)))


def _import(name: str, seed: int = 0) -> None:
    from qfusion.data import importing

    importing.import_set([write_table(Path(f"{name}.csv"), seed)], name)


def _train(name: str) -> None:
    from qfusion import cli

    words = f"train --data {name} --model quantum-jump --set epochs=1 --out {name}"
    try:
        cli.main(words.split())
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"The training ended with status {end.code}.") from end


def write_table(path: Path, seed: int, rows: int = 300) -> Path:
    """Write a table of two modalities whose label is a sign of their product."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        rng.normal(size=(rows, 6)),
        columns=[f"{m}_{i}" for m in ("voice", "face") for i in range(3)],
    )
    frame.insert(0, "segment", [f"s{row}" for row in range(rows)])
    frame["sentiment"] = (frame["voice_0"] * frame["face_0"] > 0).astype(int)
    frame["mode"] = np.repeat(["train", "valid", "test"], [rows - 100, 50, 50])
    frame.to_csv(path, index=False)
    return path


TASKS = {
    "import": trace_import,
    "train": trace_training,
    "release": trace_release,
    "waterfall": trace_waterfall,
}

if __name__ == "__main__":
    main()
