"""Checks that the core stands alone, and that every plugin can be deleted.

    python scripts/without_plugins.py --core        the first tier of tests and every page, without any plugin
    python scripts/without_plugins.py [NAME ...]    Overview, once without each of these plugins; default: all

Each check runs in a copy of the files that git knows, without the folders of plugins, their tests and their pages.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from qfusion import plugin  # noqa: E402

VISIT = """
import sys
from streamlit.testing.v1 import AppTest
from qfusion.app import panels
from qfusion.app import navigation

for title in sys.argv[1:] or navigation.FILES:
    app = AppTest.from_file("app.py", default_timeout=120)
    app.session_state["_near"] = [panels.EVERYTHING]
    if title != "Overview":
        app.switch_page(navigation.FILES[title])
    app.query_params["model"] = "qj-planted"
    app.run()
    assert not app.exception, (title, app.exception)
    print(f"  {title} opens")
"""


def main() -> None:
    """Run the checks that the command line names, and end with 1 if one of them fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--core", action="store_true")
    words = parser.parse_args()
    own = {one.name: one for one in plugin.plugins() if own_folder(one.name).is_dir()}
    if words.core:
        sys.exit(check_core(own.values()))
    failed = [name for name in words.names or own if check_without(own[name])]
    sys.exit(f"The app does not start without: {', '.join(failed)}" if failed else 0)


def own_folder(name: str) -> Path:
    """Return the folder of a plugin of this repository."""
    return ROOT / "qfusion" / "plugins" / name


def check_core(own: Iterable[plugin.Plugin]) -> int:
    """Open every page and run the first tier without any plugin; return whether one of them fails."""
    print("Without any plugin:", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = copy_files(Path(name) / "copy", own)
        for kind in ("qfusion", "tests"):
            shutil.rmtree(folder / kind / "plugins")
        return run(folder, "-c", VISIT) or run(folder, "-m", "pytest", "-q")


def check_without(one: plugin.Plugin) -> int:
    """Open Overview without one plugin; return whether it fails."""
    print(f"Without {one.name}:", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = copy_files(Path(name) / "copy", [one])
        return run(folder, "-c", VISIT, "Overview")


def copy_files(folder: Path, without: Iterable[plugin.Plugin]) -> Path:
    """Copy the files that git knows to a new folder, without some plugins, and return the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    for one in without:
        for kind in ("qfusion", "tests"):
            shutil.rmtree(folder / kind / "plugins" / one.name, ignore_errors=True)
        for page in filter(None, (page.file for page in one.pages)):
            (folder / page).unlink()
    return folder


def run(folder: Path, *words: str) -> int:
    """Run Python in a copy of the repository, and return its exit status."""
    variables = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=variables, check=False
    ).returncode


if __name__ == "__main__":
    main()
