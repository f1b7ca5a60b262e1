"""Writes the features of the planted opinions that ship with the package; after every change of the code that makes
them.

    python scripts/ship_planted.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from qfusion.data.sources import planted  # noqa: E402

if __name__ == "__main__":
    planted.ship()
    print(f"{planted.SHIPPED}: {planted.SHIPPED.stat().st_size:,} bytes")
