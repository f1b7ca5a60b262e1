"""Writes figures, words and tables of all panels of the shipped models, and compares them with those of another commit.

    python scripts/reference_views.py FOLDER [--model NAME ...] [--page TITLE ...] [--panel NAME ...]
    python scripts/reference_views.py FOLDER --against OTHER

Of each model and page one JSON file holds every panel that is shown by default, and another one for every option of a
choice: the figure in both themes, title, caption, limits, alternative text and table. A change that should not change
what is shown compares the commit before it with the commit after it, on one machine. FOLDER lies outside the
repository.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from qfusion.data import load  # noqa: E402
from qfusion.errors import QFusionError  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402
from qfusion.views.pages import catalogue  # noqa: E402
from qfusion.views.pages.params import SelectParam  # noqa: E402

WITHOUT_MODEL = ("data", "train", "leaderboard", "sweeps", "glossary", "guided tour")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")  # of an object in memory


def main() -> None:
    """Write the panels of all shipped models, and compare them if another folder is given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path)
    for name in ("model", "page", "panel"):
        parser.add_argument(f"--{name}", action="append", help="only this; may be repeated")
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    for model in words.model or sorted(checkpoint_cards.available()):
        for page in words.page or [
            title for title in catalogue.PAGES if title not in WITHOUT_MODEL
        ]:
            write_page(words.folder, model, page, words.panel)
    if words.against:
        sys.exit(compare(words.folder, words.against))


def write_page(folder: Path, model: str, page: str, panels: list[str] | None) -> None:
    """Write a file for the defaults of a page, and for every option of its choices."""
    for tab, address in addresses(model, page):
        try:
            view = catalogue.open_page(page, address).view
            names = list(catalogue.visible_panels(view))
        except QFusionError:  # a choice that this model does not have
            continue
        shown = {
            name: describe(page, name, view.address())
            for name in names
            if not panels or name in panels
        }
        file = (
            folder
            / f"{model}-{page}-{re.sub('[^A-Za-z0-9=]+', '_', tab) or 'default'}.json".replace(
                " ", "_"
            )
        )
        file.write_text(json.dumps(shown, sort_keys=True, indent=0))


def addresses(model: str, page: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the options of a page that differ from the defaults, and their addresses, of the first test sample."""
    try:
        data = str(checkpoint.load(model).card["data"]["name"])
        dataset = load(data)
    except QFusionError as error:
        print(f"{model}: {error}")
        return
    sample = str(dataset.ids[dataset.rows("test")[0]])
    base = {"model": model, "data": data, "sample": sample}
    if page == "compare":
        other = str(dataset.ids[dataset.rows("test")[1]])
        base["pin"] = f"{model}/{data}/{other}"
    yield "", base
    for param in catalogue.page_params(page):
        if isinstance(param, SelectParam) and not param.many and not callable(param.values):
            for option in param.options():
                if option != (param.default or param.options()[0]):
                    yield f"{param.key}={option}", {**base, param.key: option}


def describe(page: str, panel: str, address: dict[str, Any]) -> dict[str, Any]:
    """Return what a panel shows, or the error that it raises."""
    try:
        shown = catalogue.build_panel(page, panel, address)
        dark = shown.in_theme("dark")
        described = {
            "light": json.loads(shown.spec) if shown.figure is not None else None,
            "dark": json.loads(dark.spec) if dark.figure is not None else None,
            "table": shown.numbers.to_csv(),
            "shows": shown.caption,
            "not_shown": shown.limits.removeprefix("Does not show "),
            "alt": shown.alt,
            "called": shown.heading,
            **{name: getattr(shown, name) for name in ("name", "title", "lead", "usage")},
        }
    except QFusionError as error:
        return {"error": str(error)}
    return json.loads(ADDRESS.sub("0x", json.dumps(described)))


def compare(folder: Path, other: Path) -> int:
    """Print the panels that differ from those in another folder; return 1 if there are any."""
    differing = 0
    for file in sorted(folder.glob("*.json")):
        ours = json.loads(file.read_text())
        if not (other / file.name).exists():
            print(f"{file.name}: not in {other}")
            differing += 1
            continue
        theirs = json.loads((other / file.name).read_text())
        for name in sorted(ours.keys() | (theirs.keys() if len(ours) == len(theirs) else set())):
            if ours.get(name) == theirs.get(name):
                continue
            differing += 1
            mine, yours = ours.get(name) or {}, theirs.get(name) or {}
            parts = [part for part in {**yours, **mine} if mine.get(part) != yours.get(part)]
            print(f"{file.name}: {name} differs in {', '.join(parts)}")
    print(f"{differing} panels differ in {len(list(folder.glob('*.json')))} files")
    return int(differing > 0)


if __name__ == "__main__":
    main()
