"""A million rows: imported, trained and explained within 2 GB of memory per process; one process beside two.

    python benchmarks/scale.py [--rows 1000000] [--folder DIR] [--batch 8192]

Three modalities of 16 features each are drawn, and a score that holds a product of two of them. Every step is a call of
the command line in processes of its own; memory is the largest resident size of any of them. Writes the table `scale`
of docs/scale-out.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import tables  # noqa: E402

NAMES, FEATURES, CHUNK = ("text", "audio", "vision"), 16, 50_000
LIMIT = 2_000  # megabytes


def make(folder: Path, rows: int) -> None:
    """Writes a Parquet table for every modality and one of labels, chunk by chunk."""
    rng = np.random.default_rng(0)
    columns = [f"f{k}" for k in range(FEATURES)]
    schema = pa.schema([("id", pa.string()), *((name, pa.float32()) for name in columns)])
    writers = {name: pq.ParquetWriter(folder / f"{name}.parquet", schema) for name in NAMES}
    labels = []
    for start in range(0, rows, CHUNK):
        ids = [f"row{n:07d}" for n in range(start, min(start + CHUNK, rows))]
        x = {name: rng.normal(size=(len(ids), FEATURES)).astype(np.float32) for name in NAMES}
        score = (
            np.tanh(x["text"][:, 0])
            + 0.8 * np.tanh(x["text"][:, 1]) * np.tanh(x["audio"][:, 0])
            + 0.4 * np.tanh(x["vision"][:, 0])
        )
        labels.append(
            pd.DataFrame({"id": ids, "score": score + rng.normal(scale=0.1, size=len(ids))})
        )
        for name, writer in writers.items():
            writer.write_table(
                pa.Table.from_pandas(
                    pd.DataFrame(x[name], columns=columns).assign(id=ids),
                    schema,
                    preserve_index=False,
                )
            )
    for writer in writers.values():
        writer.close()
    table = pd.concat(labels, ignore_index=True)
    table["split"] = rng.choice(["train", "valid", "test"], len(table), p=[0.8, 0.1, 0.1])
    table.to_parquet(folder / "labels.parquet", index=False)


def measured(words: list[str], processes: int = 1) -> tuple[str, float, float]:
    """Runs a command and returns what it printed, seconds, and the megabytes of its largest process."""
    start = (
        [sys.executable, "-m", "qfusion"]
        if processes == 1
        else [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nproc-per-node={processes}",
            "--standalone",
            "-m",
            "qfusion",
        ]
    )
    code = (
        "import json, resource, subprocess, sys; done = subprocess.run(json.loads(sys.argv[1]), capture_output=True, "
        "text=True);largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
        "print(json.dumps([done.returncode, done.stdout, done.stderr[-3000:], largest]))"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([*start, *words])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    status, out, error, kilobytes = json.loads(done.stdout)
    if status:
        raise SystemExit(f"{' '.join(words)}: {error}")
    return out, time.perf_counter() - began, kilobytes / 1000


def main() -> None:
    """Runs every step and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument(
        "--folder", type=Path, help="where to work; a temporary folder unless given"
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    os.environ["QFUSION_IMPORTED"] = str(folder / "imported")
    try:
        (folder / "tables").mkdir()
        make(folder / "tables", options.rows)
        print(f"made {options.rows:,} rows", flush=True)
        setting = [
            "--set",
            "epochs=1",
            "--set",
            "patience=0",
            "--set",
            f"batch={options.batch}",
            "--set",
            "rate=0.01",
        ]
        everyone = ["--split", "train+valid+test", "--json"]
        steps = [
            (
                "import from Parquet",
                ["data", "import", str(folder / "tables"), "--name", "million", "--json"],
                1,
            )
        ]
        for size in (1, 2):
            out = folder / f"model-{size}"
            steps += [
                (
                    "train, one epoch",
                    ["train", "--data", "million", "--out", str(out), *setting, "--json"],
                    size,
                ),
                (
                    "explain all rows against all training rows",
                    [
                        "explain",
                        "--model",
                        str(out),
                        *everyone,
                        "--out",
                        str(folder / f"explained-{size}.parquet"),
                    ],
                    size,
                ),
            ]
        rows = []
        for title, words, size in steps:
            out, seconds, megabytes = measured(words, size)
            print(f"{title}, {size} processes: {seconds:.0f} s, {megabytes:.0f} MB", flush=True)
            assert megabytes < LIMIT, f"{title} took {megabytes:.0f} MB"
            rows.append([title, str(size), f"{seconds:.0f}", f"{megabytes:.0f}"])
        one, two = (
            pq.ParquetFile(folder / f"explained-{size}.parquet").metadata.num_rows
            for size in (1, 2)
        )
        assert one == two == options.rows
        said = json.loads(measured(["evaluate", "--model", str(folder / "model-1"), "--json"])[0])
        lines = [
            tables.markdown(["Step", "Processes", "Seconds", "Largest process, MB"], rows),
            "",
            f"{options.rows:,} rows of 3 x {FEATURES} features; correlation on test rows after one epoch "
            f"{said['metrics']['corr']:.3f}. " + tables.provenance("scale.py"),
        ]
        print("\n".join(lines))
        tables.write("scale", "\n".join(lines), ROOT / "docs" / "scale-out.md")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
