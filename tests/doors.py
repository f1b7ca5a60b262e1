"""The doors through which the record in tests/kept is asked for again: those that a reader has.

Addresses of pages, the CSV under a panel, session files, the command line, exported files, checkpoints, the modules
that the documentation imports. Where a door leads elsewhere one day, it is led there here, in a few lines; the record
stays as it is.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import html
import importlib
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pandas as pd

from qfusion.panels import cohorts
from tests.charts import figures
from tests.keeping import KEPT, flat, numbers_in, plain, series, table, tree, words

ROOT = Path(__file__).resolve().parents[1]
# Imports and dotted names of the documentation that are written otherwise since the record was made.
MOVED: dict[str, str] = {
    "from qfusion.explain.case import case": "from qfusion.analysis.sample import open_sample as case",
    "from qfusion.explain.operators import operator, states_of": "from qfusion.explain.operators import "
    "operator, states_of",
    'one = figures.case("qj-planted", "p2924", background="mixed", tweak="H.text-audio=0.5")   '
    "# opened once, for several figures": 'one = figures.open_sample("qj-planted", "p2924", background="mixed", '
    'tweak="H.text-audio=0.5")',
    "from qfusion.figures.looks import Look": "from qfusion.figures.recipe import ExportStyle as Look",
    "from qfusion.ui import headless": "from qfusion.panels import pages as headless",
    "qfusion.explain.attribution.attribute": "qfusion.explain.attribution.attribute",
    "qfusion.explain.counterfactual": "qfusion.explain.counterfactual",
    "qfusion.explain.cut_metrics.cut_metrics": "qfusion.explain.cuts.cut_metrics",
    "qfusion.explain.cuts.cuts": "qfusion.explain.cuts.cuts",
    "qfusion.explain.sensitivity": "qfusion.explain.sensitivity",
    "qfusion.release.make": "qfusion.model_export.make",
    "qfusion.track.fusion_circuit": "qfusion.track.circuit",
    "qfusion.ui.snippets.snippet": "qfusion.panels.pages.program",
}


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        app: Streamlit's.
        link: that it copies, without the host.
        tables: under each panel, by its name; of a small figure without a table, what it draws; and what else stands on
            the page in tables (`frame 1`, ...) and in boxes of single numbers (`boxes`).
        titles: of the panels.
    """

    app: Any
    link: str
    tables: dict[str, Any]
    titles: list[str]

    @property
    def numbers(self) -> list[float]:
        """The numbers that the titles tell."""
        return [number for title in self.titles for number in numbers_in(title)]


def visit(link: str, look: Callable[[Any, str], Page] | None = None) -> Page:
    """Opens a link, `/dynamics?model=...`, cold; nothing of it may be refused. It is looked at as `shown` does unless
    told."""
    return (look or shown)(opened(link), urlsplit(link).path)


def opened(link: str) -> Any:
    """The whole page under a link, which has not run yet."""
    from streamlit.testing.v1 import AppTest

    parts = urlsplit(link)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.session_state["_near"] = ["*"]
    if parts.path.strip("/"):
        app.switch_page(_file(parts.path))
    for key, values in parse_qs(parts.query, keep_blank_values=True).items():
        app.query_params[key] = values if len(values) != 1 else values[0]
    return app


def turn(app: Any, path: str) -> Page:
    """Goes on to another page in the same session."""
    app.switch_page(_file(path))
    return shown(app, path)


def _file(path: str) -> str:
    return f"pages/{path.strip('/')}.py" if path.strip("/") else "app.py"


def shown(app: Any, path: str) -> Page:
    """Runs the page that is open and reads what it shows, by what was chosen unless told when the record was made."""
    if path.strip("/") == "samples":
        whole, app.session_state["_near"] = app.session_state["_near"], []
        app.run()
        app.session_state["_near"] = whole
        if app.session_state["x"] == "rank":
            known = app.selectbox(key="y").options
            app.session_state["x"] = "error"
            app.session_state["y"] = "disagreement" if "disagreement" in known else "certainty"
    page = read(app, path)
    parts = cohorts.VIEW.options() if path.strip("/") == "cohorts" else []
    if parts:  # all stood below each other
        parts = [part for part in parts if part != app.session_state[cohorts.VIEW.key]]
    for part in parts:
        app.query_params[cohorts.VIEW.key] = app.session_state[cohorts.VIEW.key] = part
        other = read(app, path)
        page = replace(
            page,
            tables=other.tables | page.tables,
            titles=page.titles + other.titles,
        )
    return page


def read(app: Any, path: str) -> Page:
    """Runs the page that is open and reads it."""
    with downloads() as offered:
        app.run()
    refused(app)
    tables: dict[str, Any] = {
        name.removeprefix("qfusion-").removesuffix(".csv"): table(pd.read_csv(io.BytesIO(content)))
        for name, content in offered.items()
        if name.endswith(".csv")
    }
    drawn = {key.removeprefix("figure-"): spec for key, spec in figures(app).items()}
    tables |= {name: traces(spec) for name, spec in drawn.items() if name and name not in tables}
    tables |= {
        f"frame {number}": table(pd.DataFrame(each.value))
        for number, each in enumerate(app.dataframe, 1)
    }
    if app.metric:
        tables["boxes"] = series(
            [number for each in app.metric for number in numbers_in(f"{each.value} {each.delta}")]
        )
    titles = [
        plain(each.value.removeprefix("#### "))
        for each in app.markdown
        if each.value.startswith("#### ")
    ]
    return Page(app, copied(app, path), tables, titles)


def refused(app: Any) -> None:
    """Fails when the page names something that it could not do."""
    for found in (app.exception, app.error, app.warning):
        assert not found, [each.value for each in found]


@contextlib.contextmanager
def downloads() -> Iterator[dict[str, bytes]]:
    """The tables and texts that pages run meanwhile offer to download, by the name of the file."""
    import streamlit as st

    from qfusion.analysis import text
    from qfusion.ui import panels

    offered: dict[str, bytes] = {}
    button = st.download_button

    def seen(
        label: str, data: Any, file_name: Any = None, mime: Any = None, *rest: Any, **others: Any
    ) -> Any:
        if mime in ("text/csv", "application/json"):
            content = data() if callable(data) else data
            offered[str(file_name)] = content.encode() if isinstance(content, str) else content
        return button(label, data, file_name, mime, *rest, **others)

    drawn = panels.chart

    def charted(*rest: Any, picture: Any = None, small: bool = False, **others: Any) -> None:
        if picture is not None and not small:
            offered[f"qfusion-{picture.name}.csv"] = text.csv(picture.table())
        drawn(*rest, picture=picture, small=small, **others)

    st.download_button, panels.chart = seen, charted
    try:
        yield offered
    finally:
        st.download_button, panels.chart = button, drawn


def copied(app: Any, path: str) -> str:
    """The link that "Copy link" gives: the address, with the names of model, data and sample also where they are the
    usual ones."""
    about = _html(app, r'data-link="(.*?)"')
    found = {
        key: [value] for key, value in json.loads(html.unescape(about.group(1)))["always"].items()
    }
    found |= {
        key: value if isinstance(value, list) else [value]
        for key in app.query_params
        for value in [app.query_params[key]]
    }
    return f"/{path.strip('/')}?" + urlencode(
        [(key, value) for key in sorted(found) for value in found[key]]
    )


def _html(app: Any, pattern: str) -> re.Match[str]:
    """The first piece of the page's own HTML that fits a pattern."""
    return next(found for each in app.get("html") if (found := re.search(pattern, each.proto.body)))


def save_session(app: Any) -> bytes:
    """The file that "Save session" writes."""
    next(each for each in app.button if each.label == "Session").click()
    with downloads() as offered:
        app.run()
    return next(content for name, content in offered.items() if name.startswith("qfusion-session"))


def load_session(content: bytes) -> Page:
    """Loads a session file as a reader does, in the dialog of a page that shows no model, and opens it; nothing of it
    may be refused."""
    app = visit("/glossary").app
    for _ in range(2):  # the dialog stays open only while its button is pressed
        next(each for each in app.button if each.label == "Session").click()
        for place in app.file_uploader:
            place.upload("session.json", content, "application/json")
        app.run()
        refused(app)
    way = _html(app, r'href="\./(\w*\?load=[\w-]+)"')
    return visit(f"/{way.group(1)}")


def available(name: str) -> bool:
    """Whether a data set is on this machine."""
    from qfusion import data

    return any(source.name == name and source.available for source in data.available())


def run(said: Sequence[str], out: Path) -> dict[str, Any]:
    """Runs a command in this process; digests of what it printed, and of what it wrote.

    Args:
        said: its words; `{out}` and `{kept}` in them are the folder to write to and that of the record.
        out: the folder to write to.
    """
    from qfusion import cli

    folders = {"{out}": str(out), "{kept}": str(KEPT)}
    said = [_replaced(word, folders) for word in said]
    output, remarks, code = io.StringIO(), io.StringIO(), 0
    with _columns("200"), contextlib.redirect_stdout(output), contextlib.redirect_stderr(remarks):
        try:
            cli.main(said)
        except SystemExit as ended:
            code = int(ended.code or 0)
    assert code == 0, f"{' '.join(said)}: {remarks.getvalue()}"
    printed = _replaced(output.getvalue(), {place: name for name, place in folders.items()})
    found: dict[str, Any] = {}
    if printed:
        found["printed"] = (
            tree(json.loads(printed)) if "--json" in said else series(numbers_in(printed))
        )
    if "--out" in said:
        found["written"] = digest(Path(said[said.index("--out") + 1]))
    return found


def _replaced(text: str, names: Mapping[str, str]) -> str:
    for name, place in names.items():
        text = text.replace(name, place)
    return text


@contextlib.contextmanager
def _columns(width: str) -> Iterator[None]:
    """A terminal of a width of its own, so that no number is cut off."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = width
    try:
        yield
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)


def digest(path: Path) -> Any:
    """A digest of a file that qfusion wrote, by its ending; of a folder with a model, of the model."""
    return _card(path / "model.json") if path.is_dir() else _READERS[path.suffix](path)


_DRAWN = (
    "x",
    "y",
    "z",
    "base",
    "value",
    "values",
    "source",
    "target",
    "array",
    "arrayminus",
    "lowerfence",
    "upperfence",
)
_WITHIN = ("error_x", "error_y", "link")


def traces(content: str) -> list[dict[str, Any]]:
    """The numbers of every trace of a figure in plotly's JSON."""
    return [
        {"type": trace.get("type", "scatter"), **_arrays(trace)}
        for trace in json.loads(content)["data"]
    ]


def _arrays(found: Mapping[str, Any]) -> dict[str, Any]:
    parts = {"": found} | {f"{within}.": found[within] for within in _WITHIN if within in found}
    return {
        start + key: _array(value)
        for start, part in parts.items()
        for key, value in part.items()
        if key in _DRAWN and isinstance(value, list | dict) and value
    }


def _array(value: Any) -> Any:
    if isinstance(value, dict):
        return series(np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"]))
    parts = list(flat(value))
    return (
        series(parts)
        if all(isinstance(each, int | float | None) for each in parts)
        else words(parts)
    )


def recipe(path: Path) -> dict[str, Any]:
    """The recipe in an exported figure, or in a recipe's own file."""
    from qfusion.figures import export

    return json.loads(export.read_recipe(path.read_bytes()))


def scores(model: str | Path, source: str, samples: Sequence[str]) -> Any:
    """The scores that a checkpoint, by name or the path of its card, gives some samples."""
    import torch

    from qfusion import data
    from qfusion.training import checkpoint

    dataset = data.load(source)
    with torch.no_grad():
        return (
            checkpoint.load(model)
            .model(dataset.inputs([dataset.row(each) for each in samples], dtype=torch.float64))
            .numpy()
        )


def few(source: str) -> list[str]:
    """Five samples of the test rows of a data set."""
    from qfusion import data

    dataset = data.load(source)
    return [str(dataset.ids[row]) for row in dataset.rows("test")[:5]]


def _card(path: Path) -> Any:
    """The scores of five samples by a checkpoint; they stand for its weights and settings."""
    source = json.loads(path.read_text())["data"]["name"]
    return series(scores(path, source, few(source)))


def _either(path: Path) -> Any:
    """A `.json` file is a figure or a card."""
    return traces(path.read_text()) if "layout" in json.loads(path.read_text()) else _card(path)


def _zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.with_suffix(""))
    return [_card(each) for each in sorted(path.with_suffix("").rglob("*.json"))]


def _program(path: Path) -> Any:
    """The scores that a torch program gives three rows of numbers from a formula."""
    import torch

    about = {"qfusion.json": ""}
    found = torch.export.load(path, extra_files=about).module()
    shapes = [
        (
            [each if isinstance(each, int) else 3 for each in one["shape"]],
            one["dtype"].removeprefix("torch."),
        )
        for one in json.loads(about["qfusion.json"])["inputs"]
    ]
    given = [
        torch.arange(math.prod(shape), dtype=torch.float64)
        .sin()
        .reshape(shape)
        .to(getattr(torch, kind))
        for shape, kind in shapes
    ]
    with torch.no_grad():
        return series(found(*given).double().numpy())


def _objects(path: Path) -> Any:
    """Matrices and vectors of a QuTiP file of our own."""
    import qutip

    def inner(value: Any) -> Any:
        if isinstance(value, qutip.Qobj):
            return series(value.full())
        if isinstance(value, Mapping):
            return {str(key): inner(each) for key, each in value.items() if key != "made_from"}
        return [inner(each) for each in value] if isinstance(value, list) else float(value)

    return inner(qutip.qload(str(path.with_suffix(""))))


def _archive(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as found:
        return {
            name: {"shape": list(found[name].shape), "values": series(found[name])}
            for name in found.files
            if found[name].dtype.kind in "fcib"
        }


class _Tables(HTMLParser):
    """The words in the tables of a page, but for those that say what it was made with."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.tables: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table" and ("class", "facts") not in attrs:
            self.inside = True
            self.tables.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "table"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.tables[-1] += f" {data} "


def _report(path: Path) -> Any:
    reader = _Tables()
    reader.feed(path.read_text(encoding="utf-8"))
    return [series(numbers_in(said)) for said in reader.tables]


def _picture(path: Path) -> Any:
    return {key: value for key, value in recipe(path).items() if key in ("page", "panel")}


def _qasm(path: Path) -> Any:
    said = path.read_text()
    return {
        "lines": len(said.splitlines()),
        "numbers": series([float(each) for each in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", said)]),
    }


_READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": lambda path: table(pd.read_csv(path)),
    ".parquet": lambda path: table(pd.read_parquet(path)),
    ".json": _either,
    ".zip": _zip,
    ".pt2": _program,
    ".qu": _objects,
    ".npz": _archive,
    ".html": _report,
    ".qasm": _qasm,
    ".svg": _picture,
    ".pdf": _picture,
    ".png": _picture,
}


def imported(line: str) -> None:
    """Runs an import as the documentation writes it."""
    exec(compile(MOVED.get(line, line), "import", "exec"), {})


def named(path: str) -> Any:
    """What a dotted name of the documentation stands for."""
    parts = MOVED.get(path, path).split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(path)


def program(code: str) -> list[Any]:
    """Runs a program of the documentation; digests of what its expressions are worth."""
    names: dict[str, Any] = {}
    found = []
    moved = "\n".join(MOVED.get(line.strip(), line) for line in code.splitlines())
    for statement in ast.parse(moved).body:
        if isinstance(statement, ast.Expr):
            found.append(
                _worth(eval(compile(ast.Expression(statement.value), "program", "eval"), names))
            )
        else:
            exec(compile(ast.Module([statement], []), "program", "exec"), names)
    return found


def _worth(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_worth(each) for each in value]
    if isinstance(value, pd.DataFrame):
        return table(value)
    if isinstance(value, dict):
        return tree(value)
    return traces(value.to_json()) if hasattr(value, "to_plotly_json") else None
