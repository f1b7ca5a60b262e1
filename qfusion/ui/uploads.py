"""Files that a reader uploads."""

import re
from pathlib import Path
from typing import Any

from qfusion._checks import check


def save_upload(file: Any, folder: Path, otherwise: str) -> Path:
    """Write an upload into a folder, under a name that leads nowhere else, and return where it is; `otherwise` is it
    called where nothing is left of its name."""
    name = re.sub(r"[^\w.\- ]", "_", Path(file.name.replace("\\", "/")).name)[-100:].lstrip(".")
    path = folder / (name or otherwise)
    check(not path.exists(), f"Two files are called {path.name!r}. Rename one.")
    path.write_bytes(file.getbuffer())
    return path
