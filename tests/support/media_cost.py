"""What it takes to read files of media: seconds of the processor and memory, in a process of its own.

python -m tests.support.media_cost FILES.json     prints a line of JSON for each file: answer, seconds, MiB
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from qfusion.data import decoder_pool, media_probe, timed_words
from qfusion.errors import QFusionError

READERS = {
    "probe": lambda path: str(media_probe.probe(path)),
    "words": lambda path: str(len(timed_words.read_words(path))),
}
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What the reading of a file took.

    Attributes:
        answer: what was read, or the name and the message of the error.
        seconds: of the processor, of the process and its children. mib: memory that one of them had at most.
    """

    answer: str
    seconds: float
    mib: float


def measure(readers: Mapping[Path, str], folder: Path) -> dict[Path, Cost]:
    """Reads files one after the other in another process.

    Args:
        readers: a key of `READERS` for each file. folder: for what is written meanwhile.
    """
    usual = folder / "usual.png"
    Image.new("RGB", (8, 8)).save(usual)
    files = folder / "files.json"
    files.write_text(json.dumps([[str(path), reader] for path, reader in readers.items()]))
    result = subprocess.run(
        [sys.executable, "-m", __name__, str(files), str(usual)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    costs = [Cost(*json.loads(line)) for line in result.stdout.splitlines()]
    return dict(zip(readers, costs, strict=True))


def read(path: Path, reader: str) -> Cost:
    """Reads a file in this process and its decoders."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    before = processor_seconds()
    try:
        answer = READERS[reader](path)
    except QFusionError as error:
        answer = f"{type(error).__name__} {error}"
    return Cost(answer, processor_seconds() - before, peak_memory())


def decoders() -> list[int]:
    """The decoders that wait for the next file."""
    return [waiting.process.pid for waiting in decoder_pool.IDLE_DECODERS]


def processor_seconds() -> float:
    """Of this process, its children that have ended, and its decoders."""
    ended = sum(sum(resource.getrusage(who)[:2]) for who in (0, -1))
    fields = [
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in decoders()
    ]
    return ended + sum(int(values[11]) + int(values[12]) for values in fields) / TICKS


def peak_memory() -> float:
    """MiB that this process, a decoder or a child that has ended had at most."""
    peaks = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
    for pid in ("self", *decoders()):
        status = Path(f"/proc/{pid}/status").read_text()
        peaks.append(int(status.partition("VmHWM:")[2].split()[0]))
    return max(peaks) / 1024


if __name__ == "__main__":
    media_probe.probe(Path(sys.argv[2]))  # what is loaded for the first file counts for none
    for name, kind in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps(read(Path(name), kind)), flush=True)
