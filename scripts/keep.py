"""Writes tests/kept: links, session files, recipes, checkpoints, commands and names of today, with the numbers that they give.

    python scripts/keep.py [links] [sessions] [recipes] [checkpoints] [commands] [names]

tests/test_kept_links.py and tests/test_kept_files.py ask for all of it again. The record is of the commit before the redesign of issue 13,
and is made anew only when numbers are to change: when shipped models are trained again, or data are drawn anew. QFUSION_DATA must name
the real data. What is asked for stands in scripts/kept_list.py; how, in tests/doors.py; what is kept of the answers, in tests/keeping.py.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("STREAMLIT_LOGGER_LEVEL", "error")
os.environ["OMP_NUM_THREADS"] = "1"

from scripts import serving, visits  # noqa: E402
from scripts.kept_list import (  # noqa: E402
    AFTER,
    ANEW,
    CHECKPOINTS,
    COMMANDS,
    DATA,
    DRAWN,
    FIGURES,
    LATER,
    LINKS,
    LOOSE,
    RETRAINED,
    SESSIONS,
    SMALL,
)
from tests import doors, keeping  # noqa: E402
from tests.keeping import KEPT  # noqa: E402

LINK = "http://localhost:8501"

def link_of(asked: tuple[str, Mapping[str, Any]] | str) -> str:
    """A page and its address as a link."""
    if isinstance(asked, str):
        return asked
    return f"/{asked[0]}?{urlencode(asked[1], doseq=True)}"


def needs(*said: str) -> str:
    """The real data that a link or command needs; empty for those that are always here."""
    return next((source for model, source in DATA.items() if any(model in each for each in said)), "")


def links() -> None:
    """links.json: every link as the app copies it, what its panels' tables hold, what their titles say."""
    found = []
    for asked in LINKS:
        raw = link_of(asked)
        first = doors.visit(raw)
        link = raw if isinstance(asked, str) else first.link
        page = doors.visit(link)
        assert not keeping.differences(first.tables, page.tables), raw
        loose = {"relative": DRAWN} if "Other+methods" in link else {}
        found.append({"link": link, "needs": needs(link)} | loose | _lasting(link, page))
        print(f"{link}: {', '.join(page.tables)}", flush=True)
    keeping.write("links.json", found)


def _lasting(link: str, page: doors.Page) -> dict[str, Any]:
    """What a page shows, but for lists of what there is on this machine, and for benchmarks, which are run again now and then."""
    if link.startswith("/leaderboard"):
        return {"titles": [], "tables": {}}
    lists = "frame" if link.startswith(("/data", "/train")) else "-"
    return {"titles": page.titles, "tables": {name: found for name, found in page.tables.items() if not name.startswith(lists)}}


def sessions() -> None:
    """sessions: the files that "Save session" writes in a browser, and what every page shows that is opened from them."""
    from playwright.sync_api import sync_playwright

    found = {}
    (KEPT / "sessions").mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory() as place, serving.serve(Path(place)) as server, sync_playwright() as playwright:
        browser = serving.launch(playwright)
        for name, (pages, settings) in SESSIONS.items():
            content = _saved(browser.new_page(), server.url, pages, settings)
            (KEPT / "sessions" / f"{name}.json").write_bytes(content)
            *others, last = pages
            page = doors.load_session(content)
            found[name] = {_path(last): {"titles": page.titles, "tables": page.tables}}
            for title in others:
                page = doors.turn(page.app, _path(title))
                found[name][_path(title)] = {"titles": page.titles, "tables": page.tables}
            print(f"session {name}: {', '.join(found[name])}", flush=True)
        browser.close()
    keeping.write("sessions.json", found)


def _saved(page: Any, url: str, pages: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> bytes:
    """Loads a session that is written by hand, looks at its pages, and saves it."""
    *others, last = pages
    wanted = {"kind": "qfusion session", "version": 1, "page": last, "address": pages, "figure": settings}
    page.set_viewport_size({"width": 1440, "height": 900})
    visits.open_page(page, url)
    page.get_by_role("button", name="Session", exact=True).click()
    page.locator('input[type="file"]').set_input_files({"name": "session.json", "mimeType": "application/json",
                                                        "buffer": json.dumps(wanted).encode()})
    page.get_by_role("link", name="Open it instead").click()
    for title in (last, *others, last):
        page.locator('[data-testid="stSidebar"]').get_by_role("link", name=title, exact=True).last.click()
        page.wait_for_selector(f"h1:has-text('{title}')")
        visits.still(page)
    page.get_by_role("button", name="Session", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save session").click()
    return Path(download.value.path()).read_bytes()


def _path(title: str) -> str:
    return title.lower().replace(" ", "_")


def recipes() -> None:
    """recipes: figures of every format with their recipe inside, and the numbers of what they draw."""
    import plotly.io  # noqa: F401 - before the pages are run, or its first import counts as theirs

    folder = KEPT / "recipes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = {}
    for name, said in FIGURES.items():
        call = _call(said)
        with tempfile.TemporaryDirectory() as place:
            out = Path(place)
            ending = Path(name).suffix
            file = out / (name if ending != ".json" else f"{Path(name).stem}.svg")
            doors.run(["figure", *call, "--out", str(file)], out) if ending != ".html" else _figure(call, file)
            if ending == ".json":
                (folder / name).write_text(json.dumps(doors.recipe(file), indent=1, sort_keys=True) + "\n")
            elif ending == ".html":
                (folder / name).write_text(without_plotly(file.read_text(encoding="utf-8")), encoding="utf-8")
            else:
                (folder / name).write_bytes(file.read_bytes())
            found[name] = {"needs": needs(*call), "recipe": {key: value for key, value in doors.recipe(folder / name).items()
                                                             if key in ("page", "panel", "address", "look")},
                           "figure": again(folder / name, out)}
        print(f"figure {name}: {(folder / name).stat().st_size:,} bytes", flush=True)
    keeping.write("recipes.json", found)


def _figure(call: Sequence[str], file: Path) -> None:
    """A figure as a page, which `doors` does not read."""
    from qfusion import cli

    with contextlib.suppress(SystemExit):
        cli.main(["figure", *call, "--out", str(file)])


def _call(said: Sequence[Any]) -> list[str]:
    call: list[str] = []
    for word in said:
        if isinstance(word, dict):
            call[-1] = f"{LINK}{call[-1]}?{urlencode(word, doseq=True)}"
        else:
            call.append(word)
    return call


def again(file: Path, out: Path) -> Any:
    """The numbers of the figure that a recipe makes."""
    return doors.run(["figure", "--recipe", str(file), "--out", str(out / "again.json")], out)["written"]


def without_plotly(page: str) -> str:
    """An exported page without plotly's three megabytes; the recipe, a script block of data, stays."""
    return re.sub(r"<script(?![^>]*application/json).*?</script>", "", page, flags=re.DOTALL)


def checkpoints() -> None:
    """checkpoints: a small one of every kind, with its scores of five samples; and one as cards were once written."""
    folder = KEPT / "checkpoints"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = {}
    for name, (kind, source, settings) in CHECKPOINTS.items():
        small = [each for each in SMALL if kind != "linear" or each.startswith("epochs")]
        with tempfile.TemporaryDirectory() as place:
            words = [word for each in (*small, *settings) for word in ("--set", each)]
            doors.run(["train", "--data", source, "--model", kind, "--out", f"{place}/model", *words], Path(place))
            card = json.loads((Path(place) / "model" / "model.json").read_text())
            shutil.copy(Path(place) / "model" / "model.safetensors", folder / f"{name}.safetensors")
        card.pop("weights", None)
        (folder / f"{name}.json").write_text(json.dumps(card | {"name": name}, indent=1) + "\n")
        if card["settings"].get("dynamics") != "jumps":  # whose scores are sampled, so other ones each time
            found[name] = _kept(folder / f"{name}.json", source)
    card = json.loads((folder / "jump-joint.json").read_text())
    card["settings"] = {key: value for key, value in card["settings"].items() if key not in LATER}
    (folder / "jump-older.json").write_text(json.dumps(card | {"name": "jump-older"}, indent=1) + "\n")
    shutil.copy(folder / "jump-joint.safetensors", folder / "jump-older.safetensors")
    found["jump-older"] = _kept(folder / "jump-older.json", "planted")
    keeping.write("checkpoints.json", found)
    print(f"{len(found)} checkpoints: {sum(each.stat().st_size for each in folder.iterdir()):,} bytes", flush=True)


def _kept(card: Path, source: str) -> dict[str, Any]:
    samples = doors.few(source)
    found = doors.scores(card, source, samples)
    return {"data": source, "samples": samples, "scores": [[keeping.told(each) for each in row] for row in found]}


def runs() -> None:
    """runs, files: two runs and a sweep for the pages that show them, tables and a plan for the commands that read them."""
    import numpy as np
    import pandas as pd

    folder = KEPT / "runs"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {f"QFUSION_{name}": f"{place}/{name.lower()}" for name in ("RUNS", "MODELS")}
        small = ["--set", "epochs=2", "--set", "dims=2,2", "--set", "hidden=4"]
        for name, more in (("first", ()), ("older", ("--set", "readout=joint"))):
            doors.run(["train", "--data", "parity", "--model", "quantum-jump", "--name", name, *small, *more], Path(place))
        doors.run(["sweep", "--name", "search", "--data", "digits", "--model", "linear", "--trials", "6", "--set", "epochs=1", "--range",
                   "rate=1e-3:1e-1:log", "--choice", "schedule=cosine,constant"], Path(place))
        for path in sorted(Path(place, "runs").rglob("*")):
            if path.suffix in (".json", ".journal") and path.is_file():
                kept = folder / path.relative_to(Path(place, "runs"))
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(re.sub(r'"host": ?"[^"]*"', '"host": "here"', re.sub(r'"pid": ?\d+', '"pid": 1', path.read_text())))
    plan = json.loads((folder / "older" / "plan.json").read_text())
    plan["settings"].pop("readout")
    plan.pop("edition")  # as plans were written before read-outs were a setting
    (folder / "older" / "plan.json").write_text(json.dumps(plan, indent=1) + "\n")

    draw, files = np.random.default_rng(0), KEPT / "files"
    (files / "tables").mkdir(parents=True, exist_ok=True)
    ids, label = [f"s{row:02d}" for row in range(30)], np.arange(30) % 3
    for name, size in (("text", 3), ("audio", 2)):
        values = pd.DataFrame((draw.normal(size=(30, size)) + label[:, None]).round(3), columns=[f"{name} {n}" for n in range(size)])
        pd.concat([pd.Series(ids, name="id"), values], axis=1).to_csv(files / "tables" / f"{name}.csv", index=False)
    split = np.array(["train", "valid", "test"])[np.searchsorted([0.6, 0.8], np.arange(30) / 30, side="right")]
    pd.DataFrame({"id": ids, "label": (label + draw.normal(size=30) / 4).round(3), "split": split}).to_csv(files / "tables" / "labels.csv",
                                                                                                          index=False)
    np.savez(files / "views.npz", text=draw.normal(size=(30, 3)).round(2), audio=draw.normal(size=(30, 2)).round(2), y=label, ids=ids,
             split=split)
    (files / "train.toml").write_text('data = "digits"\nmodel = "linear"\nseed = 1\n\n[set]\nepochs = 1\nbatch = 256\n')


def commands() -> None:
    """commands.json: command lines with digests of what they print and write."""
    import shlex

    found = {}
    with tempfile.TemporaryDirectory() as place:
        for name, line in COMMANDS.items():
            words = shlex.split(line)
            said = doors.run(words, Path(place))
            for each in RETRAINED:
                said.get("printed", {}).pop(each, None) if isinstance(said.get("printed"), dict) else None
            found[name] = {"words": words, "needs": needs(line), **({"after": AFTER[name]} if name in AFTER else {}),
                           **({"relative": LOOSE} if ANEW.match(name) else {}), **said}
            print(name, flush=True)
    keeping.write("commands.json", found)


def names() -> None:
    """names.json: imports and names of modules in the documentation, and its programs with what they give."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    said = {page.name: page.read_text(encoding="utf-8") for page in pages if page.name not in ("claims.md", "CHANGELOG.md")}
    imports = sorted({line.strip() for text in said.values() for line in re.findall(r"^ *(?:from qfusion\S* import .*|import qfusion\S*)$",
                                                                                   text, flags=re.MULTILINE)})
    dotted = sorted({name for text in said.values() for name in re.findall(r"`(qfusion(?:\.\w+)+)", text)} - {"qfusion.json"})
    programs = {}
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for page in ("api.md", "figures.md"):
            for number, code in enumerate(re.findall(r"```python\n(.*?)```", said[page], flags=re.DOTALL), 1):
                code = re.sub(r"docs/gallery/\S+\.svg", "RECIPE", code)
                programs[f"{page} {number}"] = {"code": code.splitlines(), "gives": doors.program(
                    code.replace("RECIPE", str(KEPT / "recipes" / "waterfall.svg")))}
        os.chdir(ROOT)
    keeping.write("names.json", {"imports": imports, "names": dotted, "programs": programs})
    print(f"{len(imports)} imports, {len(dotted)} names, {len(programs)} programs", flush=True)


PARTS: dict[str, Callable[[], None]] = {"runs": runs, "checkpoints": checkpoints, "links": links, "sessions": sessions, "recipes": recipes,
                                        "commands": commands, "names": names}


def main() -> None:
    """Writes the parts that are named, or all."""
    import torch

    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # that no server runs
    with tempfile.TemporaryDirectory() as place:
        for part in [each for each in PARTS if each in sys.argv[1:] or len(sys.argv) == 1]:
            shutil.rmtree(place, ignore_errors=True)
            if (KEPT / "runs").is_dir():
                shutil.copytree(KEPT / "runs", f"{place}/runs")
            os.environ |= {f"QFUSION_{name}": f"{place}/{name.lower()}" for name in ("RUNS", "MODELS", "IMPORTED")}
            PARTS[part]()


if __name__ == "__main__":
    main()
