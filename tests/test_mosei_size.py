"""The benchmark of MOSEI's size at a twentieth of it: every command in a fresh process, memory by the set's size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def steps(part: float) -> dict[str, Any]:
    """Seconds and bytes of anonymous memory by step."""
    words = [sys.executable, "benchmarks/mosei.py", "--part", str(part), "--commands"]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def test_memory_does_not_grow_with_the_set() -> None:
    large, small = steps(0.05), steps(0.002)
    assert large["bytes"] > 10 * small["bytes"]
    # training holds sets of up to 256 MB
    for step, most in (("import", 0.6), ("train", 2.2), ("explain", 1.2), ("explain again", 0.3)):
        more = large[step]["memory"] - small[step]["memory"]
        assert more / large["bytes"] <= most, (step, more / large["bytes"])
