"""Features from a folder of recordings: seconds of work a second of clip, and anonymous memory of all processes.

    python benchmarks/extract.py [--clips 60] [--processes 2] [--dry]

Clips of 10 s are written (640 x 360 pixels at 25 a second with noise, H.264; a voice at 16 kHz, AAC; a sentence) and
extracted by the command line with its defaults: log-mel, MFCC, pitch and energy 20 times a second, gradients and
colours 5 times a second, hashed words. Few files are written, and stand under many names. Writes the table `extract`
of docs/plugins/recordings.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402
from mosei import run  # noqa: E402

from tests.support import recordings  # noqa: E402

SECONDS, RATE, SIZE = 10.0, 25, (360, 640)
KINDS = 4  # files that are written
PAGE = ROOT / "docs" / "plugins" / "recordings.md"


def pictures(rng: np.random.Generator) -> np.ndarray:
    """Pictures (T, h, w, 3) of a noisy pattern that drifts."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] / 40
    noise = rng.normal(0, 6, (8, *SIZE, 3))
    shown = np.empty((round(SECONDS * RATE), *SIZE, 3), np.uint8)
    for number, picture in enumerate(shown):
        wave = 40 * np.sin(x + number / 9) + 40 * np.cos(y - number / 13)
        picture[:] = np.clip(128 + wave[..., None] * (1, 0.7, -0.5) + noise[number % 8], 0, 255)
    return shown


def write(folder: Path, count: int) -> int:
    """Fills a folder with clips and their table, and returns the bytes of a clip."""
    for kind in range(KINDS):
        rng = np.random.default_rng(kind)
        voice = recordings.voice(rng, SECONDS, 4.0, 1)
        recordings.write(folder / f"{kind}.mp4", pictures(rng), voice, RATE)
    lines = ["id,label,text"]
    for number in range(count):
        os.link(folder / f"{number % KINDS}.mp4", folder / f"clip-{number}.mp4")
        said = " ".join(np.random.default_rng(number).choice(recordings.FILLERS, 25))
        lines.append(f"clip-{number},{number / 7:.3f},{said}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return (folder / "0.mp4").stat().st_size


def main() -> None:
    """Measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print the table and write no page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, os.environ["QFUSION_IMPORTED"] = Path(place, "clips"), f"{place}/imported"
        folder.mkdir()
        size = write(folder, options.clips)
        words = ["data", "extract", folder, "--name", "clips", "--processes", options.processes]
        began = os.times()
        measured = run(*words, "--repair", "drop-leaking", "--repair", "drop-duplicates", "--json")
        ended = os.times()
    processor = sum(ended[2:4]) - sum(began[2:4])
    clip, total = measured.seconds / options.clips, SECONDS * options.clips
    row = [
        f"{options.clips} clips of {SECONDS:g} s, {size / 1e6:.1f} MB each",
        str(options.processes),
        f"{measured.seconds:.1f} s",
        f"{clip:.2f} s",
        f"{measured.seconds / total:.3f}",
        f"{processor / total:.3f}",
        f"{1000 * clip / 60:.0f} min of {1000 * SECONDS / 60:.0f}",
        f"{measured.memory / 1e6:,.0f} MB",
    ]
    header = [
        *("Folder", "Processes", "All of it, with the start", "A clip", "Seconds a second of clip"),
        *("Of the processor", "1,000 clips would take", "Anonymous memory, most"),
    ]
    text = tables.markdown(header, [row]) + "\n\n" + tables.provenance("extract.py")
    if options.dry:
        print(text)
    else:
        tables.write("extract", text, PAGE)


if __name__ == "__main__":
    main()
