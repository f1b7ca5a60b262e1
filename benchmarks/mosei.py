"""A set of CMU-MOSEI's size from file to explained sample: seconds and anonymous memory of every step, beside a plain
PyTorch loop over the same features.

    python benchmarks/mosei.py [--part 0.05]

A stand-in is written: 22,856 samples of 50 steps with 768, 74 and 35 features as MMSA publishes them, 4.0 GB, with
made-up numbers (`--part` of the samples). Each step runs in a fresh process, whose anonymous memory, with that of its
children, is looked at twenty times a second. The loop is three GRUs of our width and batches of 64 from the same memory
map, on one thread. Pages are opened in Chromium, of a server that has just started. Figures of
docs/mmsa.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from scripts import serving  # noqa: E402

STEPS, SIZES = 50, {"text": 768, "audio": 74, "vision": 35}
COUNTS = {"train": 16326, "valid": 1871, "test": 4659}
WIDTH, BATCH = 32, 64  # of our encoders, of a training step
PULSE = 0.05  # seconds between two looks at memory


def split_of(drawn: np.random.Generator, count: int, first: int) -> dict[str, Any]:
    """One split as MMSA lays it out: the score adds one hidden number a modality, with a sarcastic term between text
    and voice."""
    hidden = drawn.normal(size=(count, 3))
    text, audio, vision = hidden.T
    score = np.clip(
        0.9 * text + 0.4 * audio + 0.4 * vision - np.maximum(text, 0) * np.maximum(-audio, 0), -3, 3
    )
    found: dict[str, Any] = {}
    for place, (name, size) in enumerate(SIZES.items()):
        along = np.random.default_rng(10 + place).normal(size=size) / np.sqrt(size)
        lengths = drawn.integers(10, STEPS + 1, size=count)
        values = drawn.standard_normal((count, STEPS, size), dtype="f4")
        values += (2 * hidden[:, place, None, None] * along).astype("f4")
        values[np.arange(STEPS)[None] >= lengths[:, None]] = 0
        found |= {name: values, f"{name}_lengths": lengths.tolist()}
    words = ["good", "bad", "movie", "plot", "actor", "really", "very", "not", "fun", "dull"]
    return found | {
        "raw_text": np.array([" ".join(drawn.choice(words, 8)) for _ in range(count)]),
        "id": np.array([f"video{(first + i) // 10:05d}$_${i % 10}" for i in range(count)]),
        "regression_labels": score.astype("f4"),
        "annotations": np.array(
            [("Negative", "Neutral", "Positive")[int(s) + 1] for s in np.sign(score)]
        ),
    }


def write(path: Path, part: float) -> None:
    """Writes the stand-in, or a part of it."""
    drawn = np.random.default_rng(0)
    found = {
        name: split_of(drawn, max(20, round(part * count)), 20_000 * place)
        for place, (name, count) in enumerate(COUNTS.items())
    }
    with path.open("wb") as file:
        pickle.dump(found, file, protocol=4)


@dataclass(frozen=True)
class Measured:
    """A step that has run: what it printed, seconds, and the most anonymous memory of it and its children in bytes."""

    said: str
    seconds: float
    memory: int


def anonymous(pid: int) -> int:
    """Returns the bytes of anonymous memory that a process and its children hold."""
    total = 0
    with contextlib.suppress(OSError, AttributeError, TypeError):
        status = Path(f"/proc/{pid}/status").read_text()
        total = 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])  # type: ignore[index]
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(anonymous(int(child)) for child in (task / "children").read_text().split())
    return total


@contextlib.contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Looks at the anonymous memory of a process as long as the block lasts; the most is in the list."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(PULSE):
            most[0] = max(most[0], anonymous(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def run(*words: str | Path) -> Measured:
    """Runs a command of qfusion in a process of its own.

    Raises:
        RuntimeError: when it fails, with what it said.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "qfusion", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with watched(process.pid) as most:
        said, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {wrong[-400:]}")
    return Measured(said, time.perf_counter() - began, most[0])


def plain_epoch(name: str) -> float:
    """Returns the seconds of one epoch of a plain PyTorch loop over an imported set."""
    import torch
    from torch import nn

    from qfusion import data

    torch.set_num_threads(1)
    dataset = data.load(name)
    grus = nn.ModuleDict(
        {m.name: nn.GRU(m.values.shape[2], WIDTH, batch_first=True) for m in dataset.modalities}
    )
    head = nn.Linear(len(grus) * WIDTH, 1)
    optimiser = torch.optim.Adam([*grus.parameters(), *head.parameters()])
    began = time.perf_counter()
    order = np.random.default_rng(0).permutation(dataset.rows("train"))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        last = []
        for m in dataset.modalities:
            states, _ = grus[m.name](torch.from_numpy(m.values[rows]))
            last.append(states[torch.arange(len(rows)), torch.from_numpy(m.lengths[rows]) - 1])
        scores = head(torch.cat(last, 1))[:, 0]
        loss = (scores - torch.from_numpy(dataset.y[rows]).float()).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return time.perf_counter() - began


def steps(folder: Path, part: float, runs: Sequence[str], epochs: int = 2) -> dict[str, Any]:
    """Makes the stand-in, takes it through every command, and returns what was measured, by step; of several runs of
    the training each begins with the plain loop."""
    file = folder / "mosei.pkl"
    subprocess.run(
        [sys.executable, __file__, "--write", str(file), "--part", str(part)], check=True
    )
    found: dict[str, Any] = {
        "bytes": file.stat().st_size,
        "import": run("data", "import", file, "--name", "mosei", "--json"),
    }
    file.unlink()
    plain = [sys.executable, __file__, "--plain", "mosei"]
    train = ["train", "--data", "mosei", "--set", f"epochs={epochs}", "--json", "--name"]
    found["epochs"], found["plain"] = [], []
    for name in runs:  # by turns, as the machine is not even
        if len(runs) > 1:
            loop = subprocess.run(plain, check=True, capture_output=True, text=True)
            found["plain"].append(float(loop.stdout))
        found["train"] = run(*train, name)
        record = json.loads((folder / "runs" / name / "record.json").read_text())
        found["epochs"].append([float(epoch["seconds"]) for epoch in record["history"]])
    sample = sample_of("mosei")
    shutil.rmtree(folder / "cache", ignore_errors=True)
    for step in ("explain", "explain again"):
        found[step] = run("explain", "--model", runs[-1], "--sample", sample, "--json")
    return found


def sample_of(name: str) -> str:
    """Returns the id of the first test sample."""
    from qfusion import data

    dataset = data.load(name)
    return str(dataset.ids[dataset.rows("test")[0]])


def pages(folder: Path) -> dict[str, Any]:
    """Opens the model in a browser, of a server that has just started: seconds until the first figure, until all is
    encoded, and until the first figure of the next server."""
    from playwright.sync_api import sync_playwright

    from scripts import visits

    shutil.rmtree(folder / "cache", ignore_errors=True)
    found: dict[str, Any] = {}
    for start in ("first", "next"):
        with (
            serving.serve(folder, {}, limit=300) as server,
            sync_playwright() as playwright,
            watched(server.pid) as most,
        ):
            browser = serving.launch(playwright)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            began = time.perf_counter()
            page.goto(f"{server.url}/?model=mosei-qj&data=mosei")
            page.wait_for_selector(".js-plotly-plot", timeout=600_000)
            found[start] = time.perf_counter() - began
            page.wait_for_timeout(1500)
            page.wait_for_selector(".st-key-encoding", state="detached", timeout=600_000)
            visits.still(page, 600_000, whole=True)
            found[f"{start} all"] = time.perf_counter() - began
            browser.close()
        found[f"{start} memory"] = most[0]
    return found


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", type=float, default=1.0, help="of the samples")
    parser.add_argument(
        "--commands",
        action="store_true",
        help="train once, leave the loop and the pages out, print JSON and write nothing",
    )
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        return write(asked.write, asked.part)
    if asked.plain:
        return print(plain_epoch(asked.plain))
    folder = Path(tempfile.mkdtemp())
    os.environ |= serving.own_places(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        runs = ("mosei-qj",) if asked.commands else ("before", "between", "mosei-qj")
        found = steps(folder, asked.part, runs)
        if asked.commands:
            return print(
                json.dumps(
                    found, default=lambda step: {"seconds": step.seconds, "memory": step.memory}
                )
            )
        opened = pages(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours, plain = np.array(found["epochs"]), np.array(found["plain"])
    ratios = ours / plain[:, None]
    lines = [
        ["Import", f"{found['import'].seconds:.0f} s", f"{found['import'].memory / 1e6:,.0f} MB"],
        [
            "Train: an epoch, validation included",
            f"{np.median(ours):.1f} s",
            f"{found['train'].memory / 1e6:,.0f} MB",
        ],
        [
            "— the plain loop, no validation",
            f"{np.median(plain):.1f} s (ours {np.median(ratios):.2f} times as long, {ratios.min():.2f} to "
            f"{ratios.max():.2f} by run)",
            "",
        ],
        *(
            [said, f"{found[step].seconds:.1f} s", f"{found[step].memory / 1e6:,.0f} MB"]
            for said, step in (
                ("Explain one sample, the first time", "explain"),
                ("Explain one sample, then", "explain again"),
            )
        ),
        *(
            [said, f"{opened[key]:.1f} s", f"{opened[memory] / 1e6:,.0f} MB"]
            for said, key, memory in (
                ("App: first figure", "first", "first memory"),
                ("App: all encoded", "first all", "first memory"),
                ("App, the next start of the server: first figure", "next", "next memory"),
                ("App, the next start: all figures", "next all", "next memory"),
            )
        ),
    ]
    table = tables.markdown(["Step", "Time", "Anonymous memory, most"], lines)
    samples = round(sum(COUNTS.values()) * asked.part)
    size = f"{samples:,} samples, {found['bytes'] / 1e9:.1f} GB."
    print(f"{table}\n\n{size} {tables.provenance('mosei.py')}")


if __name__ == "__main__":
    main()
