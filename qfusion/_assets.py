"""What ships with the package besides code: trained models, what was measured of them, words, scripts, page styles.

The files are in `qfusion/assets`, in a checkout and in an installed package alike; nothing else says where they are.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def path(*names: str) -> Path:
    """Returns the path of a packaged file or folder.

    Args:
        names: of the folders on the way and of the file, from `qfusion/assets` on; none for that folder itself.
    """
    return Path(str(resources.files("qfusion"))).joinpath("assets", *names)


def text(*names: str) -> str:
    """Returns what is written in a packaged file.

    Args:
        names: as for `path`.
    """
    return path(*names).read_text(encoding="utf-8")
