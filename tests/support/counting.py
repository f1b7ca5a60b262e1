"""Stands for a training in a process of its own: it counts, and writes its result at the end."""

import time
from pathlib import Path


def count_in_process(steps: str, place: str) -> None:
    """Print the steps, and write their number to a file; another beside it tells that the first is done."""
    for step in range(1, int(steps) + 1):
        print(step, flush=True)
        time.sleep(0.05)
        Path(place).with_suffix(".begun").touch()
    if not int(steps):
        raise SystemExit("There is nothing to count.")
    Path(place).write_text(steps)
