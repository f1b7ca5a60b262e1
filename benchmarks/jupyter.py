"""A PennyLane model opened from a real Jupyter server: the first figure of the dashboard, and the next samples.

    python benchmarks/jupyter.py [--samples 8]

Starts JupyterLab, runs a notebook in Chromium by its menu, follows the link that `qfusion.show` prints, and counts the
seconds from the start of that cell to the first figure, and from a click on "next sample" to the new waterfall.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CELLS = (
    """import numpy as np, pennylane as qml, torch
from torch import nn

torch.manual_seed(0)

@qml.qnode(qml.device("default.qubit", wires=4), interface="torch")
def circuit(inputs, weights):
    qml.AngleEmbedding(inputs, wires=range(4))
    qml.StronglyEntanglingLayers(weights, wires=range(4))
    return [qml.expval(qml.PauliZ(i)) for i in range(4)]

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 2), nn.Linear(8, 2)
        self.q, self.out = qml.qnn.TorchLayer(circuit, {"weights": (2, 4, 3)}), nn.Linear(4, 2)
    def forward(self, left, right):
        return self.out(self.q(torch.cat([self.a(left), self.b(right)], 1)))

random = np.random.default_rng(0)
data = {"left": random.normal(size=(300, 8)), "right": random.normal(size=(300, 8)),
        "y": random.integers(0, 2, 300)}""",
    """import time
began = time.time()
import qfusion
dashboard = qfusion.show(Net(), data, sample="sample-0001", browser=False)
print("began", began)
dashboard""",
)
CHART = ".js-plotly-plot .main-svg"
NEXT_IS_DRAWN = """before => {
  const heads = [...document.querySelectorAll('h3')].filter(h => h.innerText.startsWith('Sample sample-'));
  return heads.length && heads[0].innerText !== before && !document.querySelector('[data-stale=true] .js-plotly-plot');
}"""


def notebook(folder: Path) -> Path:
    """Writes the notebook, and returns its path."""
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": text,
        }
        for text in CELLS
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    path = folder / "model.ipynb"
    path.write_text(json.dumps(content))
    return path


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """Context manager that runs JupyterLab on a folder, and yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--IdentityProvider.token=", "--ServerApp.password=", f"--notebook-dir={folder}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "jupyter.log").open("w") as log:
        process = subprocess.Popen(command + options, stdout=log, stderr=log, env=environment)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2),
            ):
                break
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def measure(address: str, count: int, executable: str | None) -> tuple[float, list[float]]:
    """Returns the seconds to the first figure, and those to each next sample."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        lab = browser.new_page(viewport={"width": 1440, "height": 900})
        lab.goto(f"{address}/lab/tree/model.ipynb")
        lab.wait_for_selector(".jp-CodeCell", timeout=60_000)
        lab.wait_for_timeout(3000)
        lab.get_by_role("menuitem", name="Run", exact=True).click()
        lab.get_by_text("Run All Cells", exact=True).click()
        link = lab.locator(".jp-OutputArea a", has_text="qfusion:")
        link.wait_for(timeout=120_000)
        began = float(
            lab.locator(".jp-OutputArea-output", has_text="began").inner_text().split()[1]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(link.get_attribute("href") or "")
        page.wait_for_selector(CHART, timeout=60_000)
        first = time.time() - began
        page.wait_for_timeout(8000)
        return first, [next_sample(page) for _ in range(count)]


def next_sample(page: Any) -> float:
    """Returns the seconds from a click on "next sample" until the page names and draws the next one."""
    heading = page.locator("h3", has_text="Sample sample-").first
    before = heading.inner_text()
    began = time.perf_counter()
    page.get_by_role("button", name="Next sample").click()
    page.wait_for_function(
        NEXT_IS_DRAWN,
        arg=before,
        polling=20,
        timeout=30_000,
    )
    seconds = time.perf_counter() - began
    page.wait_for_timeout(1500)
    return seconds


def main() -> None:
    """Prints the seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--browser", default=os.environ.get("QFUSION_BROWSER"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qfusion-jupyter-") as name:
        folder = Path(name)
        notebook(folder)
        with jupyter(folder) as address:
            first, following = measure(address, given.samples, given.browser)
    print(f"first figure: {first:.1f} s after the start of the cell")
    print(
        f"next sample: median {statistics.median(following):.2f} s, "
        f"{min(following):.2f} to {max(following):.2f} s over {len(following)}"
    )


if __name__ == "__main__":
    main()
