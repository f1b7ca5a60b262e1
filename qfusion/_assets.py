"""Files that ship with the package besides code, in `qfusion/assets`: trained models, measured results, texts, scripts
and page styles.
"""

from importlib import resources
from pathlib import Path


def asset_path(*names: str) -> Path:
    """Return the path of a packaged file or folder.

    Args:
        names: names of the subfolders of `qfusion/assets` and of the file; none for `qfusion/assets` itself.
    """
    return Path(str(resources.files("qfusion"))).joinpath("assets", *names)


def asset_text(*names: str) -> str:
    """Return the text of a packaged file.

    Args:
        names: as for `asset_path`.
    """
    return asset_path(*names).read_text(encoding="utf-8")
