"""A million rows on the pages: seconds until a page stands still, first and again, and memory of the server.

    python benchmarks/large_pages.py [--rows 1000000]

The set of `scale.py` is made, imported and a QiNN-QJ trained on it for one epoch; then a browser opens
pages of a server that has just started, each twice. Figures of docs/scale-out.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import scale  # noqa: E402
import tables  # noqa: E402

from scripts import serving, visits  # noqa: E402

PAGES = ("", "samples", "cohorts", "dynamics", "what_if", "operators", "compare", "faithfulness")


def main() -> None:
    """Makes, serves, measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    own = serving.own_places(folder)
    os.environ |= own
    try:
        for name in ("tables", "models"):
            (folder / name).mkdir()
        scale.make(folder / "tables", asked.rows)
        scale.measured(["data", "import", str(folder / "tables"), "--name", "million", "--json"])
        made = folder / "trained"
        scale.measured(
            [
                "train",
                "--data",
                "million",
                "--out",
                str(made),
                "--set",
                "epochs=1",
                "--set",
                "patience=0",
                "--set",
                "batch=8192",
                "--set",
                "rate=0.01",
                "--json",
            ]
        )
        card = (made / "model.json").read_text().replace("model.safetensors", "big.safetensors")
        (folder / "models" / "big.json").write_text(card)
        shutil.copy(made / "model.safetensors", folder / "models" / "big.safetensors")
        rows = []
        with visits.browsing(folder) as (server, browser):
            for name in PAGES:
                page = browser.new_page()
                seconds = []
                for _ in range(2):
                    began = time.perf_counter()
                    address = f"{server.url}/{name}?model=big&data=million"
                    visits.open_page(page, address, 400_000)
                    seconds.append(time.perf_counter() - began)
                page.close()
                rows.append(
                    [
                        name.replace("_", " ").capitalize() or "Overview",
                        *(f"{each:.1f}" for each in seconds),
                        f"{serving.resident(server.pid) / 1e6:,.0f}",
                    ]
                )
                print(rows[-1], flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = tables.markdown(["Page", "First, seconds", "Again", "Server, MB"], rows) + (
        f"\n\n{asked.rows:,} rows of 3 x {scale.FEATURES} features, D = 64, pages in this order. "
        + tables.provenance("large_pages.py")
    )
    print(text)


if __name__ == "__main__":
    main()
