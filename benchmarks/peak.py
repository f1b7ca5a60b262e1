"""Peak memory of one step, in a process that does nothing else: shared by benchmarks (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def elsewhere(script: str, *words: object) -> float:
    """Bytes that a step adds at its peak, as `script --memory WORDS` prints them by `here`."""
    said = subprocess.run(
        [sys.executable, script, "--memory", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "0"},
    )
    return float(said.stdout.splitlines()[-1])


def here(step: Callable[[], Any]) -> None:
    """Prints the bytes that a step adds at its peak to what this process holds."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _kilobytes("VmRSS")
    step()
    print(1e3 * (_kilobytes("VmHWM") - before))


def _kilobytes(name: str) -> int:
    line = next(
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(name)
    )
    return int(line.split()[1])
