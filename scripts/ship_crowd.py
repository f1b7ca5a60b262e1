"""Write the model of the simulated crowd that ships with the package: python scripts/ship_crowd.py"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qfusion.plugins import people
from qfusion.training import checkpoint

NAME = "crowd"


def main() -> None:
    """Write the card and the votes."""
    print(checkpoint.store_source_game(NAME, people.PLUGIN.assets / "games"))


if __name__ == "__main__":
    main()
