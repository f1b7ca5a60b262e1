"""Asks for everything in tests/kept again and writes the numbers that come back: links, sessions, recipes, checkpoints,
commands, programs.

    python scripts/keep.py [links] [sessions] [recipes] [checkpoints] [commands] [names]

tests/test_kept_links.py and tests/test_kept_files.py compare with these numbers. They are of the commit before the
redesign of issue 13 and are written anew only when numbers are to change: when shipped models are trained again, or
data are drawn anew. QFUSION_DATA must name the real data. What is asked for stands in the record itself, and stays as
it is: links, session files, exported figures, checkpoints, words of commands. To ask for more, add an entry without its
numbers. How it is asked stands in tests/doors.py; what is kept of the answers, in tests/keeping.py.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("STREAMLIT_LOGGER_LEVEL", "error")
os.environ["OMP_NUM_THREADS"] = "1"

from tests import doors, keeping  # noqa: E402
from tests.keeping import KEPT, RENAMED  # noqa: E402


def _shown(kept: dict[str, Any], page: doors.Page) -> dict[str, Any]:
    """What a page shows, of that what was kept: lists of what is on this machine, and benchmarks, which are run now and
    then, are not. Figures that the page does not show any more are left out."""
    wanted = (RENAMED.get(name, name) for name in kept.get("tables", page.tables))
    tables = {name: page.tables[name] for name in wanted if name in page.tables}
    return kept | {"titles": page.titles if kept.get("titles", True) else [], "tables": tables}


def links(found: Any, out: Path) -> Any:
    """What every page shows that a link opens."""
    return [_shown(kept, doors.visit(kept["link"])) for kept in found]


def sessions(found: Any, out: Path) -> Any:
    """What the pages show that are opened from session files."""
    for name, pages in found.items():
        page = None
        for path, kept in pages.items():
            page = (
                doors.turn(page.app, path)
                if page
                else doors.load_session((KEPT / "sessions" / f"{name}.json").read_bytes())
            )
            pages[path] = _shown(kept, page)
    return found


def recipes(found: Any, out: Path) -> Any:
    """The numbers of the figures that recipes make."""
    for name, kept in found.items():
        kept["figure"] = doors.run(
            ["figure", "--recipe", f"{{kept}}/recipes/{name}", "--out", "{out}/again.json"], out
        )["written"]
    return found


def checkpoints(found: Any, out: Path) -> Any:
    """Scores of five samples by every checkpoint."""
    for name, kept in found.items():
        samples = kept.get("samples") or doors.few(kept["data"])
        scores = doors.scores(KEPT / "checkpoints" / f"{name}.json", kept["data"], samples)
        found[name] = kept | {
            "samples": samples,
            "scores": [[keeping.told(each) for each in row] for row in scores],
        }
    return found


def commands(found: Any, out: Path) -> Any:
    """Digests of what commands print and write."""
    return {name: kept | doors.run(kept["words"], out) for name, kept in found.items()}


def names(found: Any, out: Path) -> Any:
    """What the programs of the documentation give."""
    os.chdir(out)
    for kept in found["programs"].values():
        kept["gives"] = doors.program(
            "\n".join(kept["code"]).replace("RECIPE", str(KEPT / "recipes" / "waterfall.svg"))
        )
    os.chdir(ROOT)
    return found


def main() -> None:
    """Writes the parts that are named, or all."""
    import plotly.io  # noqa: F401 - before pages are run, or its first import counts as theirs
    import torch

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # that no server runs
    for ask in (checkpoints, links, sessions, recipes, commands, names):
        if ask.__name__ in sys.argv[1:] or len(sys.argv) == 1:
            with tempfile.TemporaryDirectory() as place:
                shutil.copytree(KEPT / "runs", f"{place}/runs")
                os.environ |= {
                    f"QFUSION_{name}": f"{place}/{name.lower()}"
                    for name in ("RUNS", "MODELS", "IMPORTED")
                }
                keeping.write(
                    f"{ask.__name__}.json", ask(keeping.read(f"{ask.__name__}.json"), Path(place))
                )
            print(ask.__name__, flush=True)


if __name__ == "__main__":
    main()
