"""Addresses: widget values round trip, hostile parts are ignored, session files. Every figure is in a panel with
its captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from qfusion.app import state
from qfusion.views.pages import dynamics, page_state
from tests.support import charts, exporting, page_visits
from tests.support.app import option_id, plain, said, visit
from tests.support.charts import figures, key_of
from tests.support.runs import JUMP, make, record_of

QJ, QCNN = "qj-planted", "qcnn-digits"
# Of two modalities and on eight qubits: what is worked out behind a widget takes a tenth of the time.
PAIR, SMALL = "qj-parity", "qcnn-parity"
# Of a page, the addresses that together show all its widgets, and all its figures.
VIEWS: list[tuple[str, dict[str, Any]]] = [
    ("Overview", {"model": QJ}),
    ("Samples", {"model": QJ, "inside": "true", "inside.from": "another sample"}),
    ("Samples", {"model": QCNN}),
    *(("Dynamics", {"model": QJ, "view": view, "runs": "4"}) for view in dynamics.VIEW.values),
    ("Dynamics", {"model": SMALL}),
    ("Circuit", {"model": PAIR}),
    *(
        ("Circuit", {"model": SMALL, "part": part, "phi": "0.11=3"})
        for part in ("Walk", "Fusion rules", "Noise and shots", "Entropies", "Sensitivity")
    ),
    (
        "What if",
        {
            "model": QJ,
            "do.text": "edit the raw input",
            "do.audio": "edit the raw input",
            "do.vision": "edit its state",
        },
    ),
    ("What if", {"model": SMALL, "do.left": "another sample's"}),
    ("Decision operators", {"model": QJ}),
    ("Decision operators", {"model": SMALL}),
    ("Cohorts", {"model": PAIR, "cohort": ["hard:error>0.3"], "background": "a saved cohort"}),
    ("Compare", {"model": QJ, "pin": "qj-planted/planted/p0031"}),
    ("Compare", {"model": SMALL, "pin": "qcnn-parity/parity/pair-0004"}),
    ("Faithfulness", {"model": SMALL, "proof": "Deletion"}),
    ("Faithfulness", {"model": QJ, "proof": "Truth"}),
    ("Faithfulness", {"model": QJ, "proof": "Training seeds"}),
    ("Data", {}),
    ("Train", {"new.kind": "quantum-jump"}),
    ("Guided tour", {}),
    ("Glossary", {}),
]
# Widgets that are not in the address, by the beginnings of their keys, and why.
EXEMPT = {
    "_import": "of a file that is brought",
    "_new.": "a run's name, and its event files: a form that is not sent",
    "_cohort_name": "a name that is not saved yet",
    "_chips": "follows the filter",
    "_saved_choice": "follows the filter",
    "_phi.": "writes the edits",
    "_number.": "writes the edits",
    "_session": "a session file",
    "_repair": "of a file that is brought",
}


@pytest.fixture(scope="module", autouse=True)
def few_rows() -> Iterator[None]:
    """What a set needs and which piece does it, where a widget asks for it: how precisely, is not asked here."""
    with pytest.MonkeyPatch.context() as patch:
        exporting.few_rows(patch)
        yield


# what a sample holds, and the small figures of the Overview, which say theirs below
RAW = re.compile(r"figure-(content|telling)-")
SPLIT_UP = re.compile(
    "waterfall|shapley|dividend|decision|shares|differences|spectrum|effects|panel-state-|patterns|noisy-terms"
)


def elements(block: Any, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Every element below a block with the key of the panel or box around it."""
    for child in block.children.values():
        found = re.search(r"-((panel|box)-[^$]+)$", str(getattr(child.proto, "id", "")))
        here = found.group(1) if found else inside
        if hasattr(child, "children"):
            yield from elements(child, here)
        else:
            yield here, child


def check_panels(app: AppTest, title: str) -> None:
    """Every panel says what it shows, what it does not, and of which samples."""
    drawn, words = {}, {}
    for panel, element in elements(app.main):
        if key_of(element) and not RAW.search(key_of(element)):
            drawn[key_of(element)] = panel
            words.setdefault(panel, plain(charts.words(element).replace("*", "")))
        if element.type == "caption" and "**Shows**" in element.value:
            words[panel] = plain(element.value.replace("*", ""))
    assert all(drawn.values()), "a figure without a panel"
    assert drawn or title == "Overview"
    for panel in {*drawn.values(), *words}:
        told = re.search(
            r"^Shows (\S.+?\.)\s*\n([A-Z0-9⟨]\S*.+?\.)$",
            words.get(panel, ""),
            re.DOTALL | re.MULTILINE,
        )
        assert told, f"{panel} says {words.get(panel)!r}"
        assert "sample" in told.group(1), f"{panel} does not name its samples: {told.group(1)}"
        # a panel of the model alone has no background
        if SPLIT_UP.search(panel) and "The same for every sample." not in told.group(1):
            assert re.search(
                r"(Baseline: the mean over|Compared with) the [\d,]+ (training|samples of the cohort)",
                told.group(1),
            ), panel


def widgets(app: AppTest) -> list[Any]:
    """Everything on the page that a reader can set and that keeps what is set."""
    kinds = (
        "selectbox",
        "slider",
        "select_slider",
        "multiselect",
        "text_input",
        "number_input",
        "checkbox",
        "toggle",
        "radio",
    )
    return [each for kind in kinds for each in getattr(app, kind)] + list(app.get("button_group"))


def parameter(widget: Any) -> str:
    """Name of its parameter in the address; empty when it has none."""
    key = str(widget.key or "")
    return "" if key.startswith("_") else key


# others hang on them
SET_BEFORE = {
    "model",
    "data",
    "pin",
    "cohort",
    "background",
    "set",
    "board",
    "new.data",
    "new.kind",
    "compare.view",
}
tried: set[tuple[str, str]] = set()


@pytest.mark.parametrize(
    ("title", "query"),
    VIEWS,
    ids=[f"{title}-{'-'.join(map(str, query.values()))}" for title, query in VIEWS],
)
def test_widget_values_round_trip_through_the_address(title: str, query: dict[str, Any]) -> None:
    app = visit(title, **query)
    assert not app.warning, [plain(each.value) for each in app.warning]
    assert not app.error, [plain(each.value) for each in app.error]
    if "model" in query:
        check_panels(app, title)
    strange = [
        each.key
        for each in widgets(app)
        if not parameter(each) and not str(each.key).startswith(tuple(EXEMPT))
    ]
    assert not strange
    fresh = [
        each
        for each in widgets(app)
        if parameter(each) not in {"", *query, *SET_BEFORE}
        and (title, parameter(each)) not in tried
    ]
    other = {parameter(each): value for each in fresh if (value := another(each)) is not None}
    tried.update((title, key) for key in other)
    if not other:
        return
    again = visit(title, **(query | other))
    assert not again.warning, [plain(each.value) for each in again.warning]
    found = {parameter(each): each for each in widgets(again)}
    shown = {
        key: value for key, value in other.items() if key in found
    }  # a control may make room for another
    assert len(shown) >= len(other) - 2
    assert {key: as_address(found[key]) for key in shown} == shown
    assert {key: again.query_params.get(key) for key in shown} == shown


def options(widget: Any) -> list[str]:
    known = widget.options if hasattr(widget, "options") else []
    if widget.type == "selectbox":
        return [option_id(widget, words) for words in known]
    return [str(getattr(each, "content", each)) for each in known]


def another(widget: Any) -> Any:
    """Another value that the widget could have, as an address says it; None when there is none, or any would be an edit
    of its own kind."""
    kind = widget.type
    if kind in ("selectbox", "select_slider"):
        rest = [each for each in options(widget) if each not in (str(widget.value), "UMAP")]
        return rest[len(rest) // 2] if rest else None
    if kind == "button_group":
        chosen = widget.value if isinstance(widget.value, list) else [widget.value]
        # numba compiles UMAP for longer than all other values together take
        rest = [each for each in options(widget) if each not in [*map(str, chosen), "UMAP"]]
        return rest[-1] if rest else None
    if kind == "multiselect":
        rest = [each for each in options(widget) if each not in map(str, widget.value)] or options(
            widget
        )
        return rest[0] if rest and rest != widget.value else None
    if kind in ("slider", "number_input"):
        low, high, step = float(widget.min), float(widget.max), float(widget.step or 1)
        value = low + step * max(1, int((high - low) / step * 0.4))
        value = value if abs(value - float(widget.value)) > step / 2 else value + step
        return written(float(f"{value:.6g}")) if low <= value <= high else None
    if kind in ("checkbox", "toggle"):
        return str(not widget.value).lower()
    if kind == "text_input":
        return {"find": "p00", "filter": "error>0.5", "phi": "0.011=2", "new.dims": "2, 2, 2"}.get(
            parameter(widget)
        )
    raise AssertionError(kind)


def written(value: Any) -> str:
    return page_state.format_value(value)[0]


def as_address(widget: Any) -> Any:
    value = widget.value
    if isinstance(value, list):
        return [written(each) for each in value] if len(value) != 1 else written(value[0])
    return written(float(f"{value:.6g}") if isinstance(value, float) else value)


Step = Callable[[AppTest], Any]


def the(app: AppTest, key: str) -> Any:
    return next(each for each in widgets(app) if each.key == key)


def radio(name: str) -> Step:
    """Chooses one of a row of buttons."""

    def step(app: AppTest) -> None:
        group = next(each for each in app.get("button_group") if name in options(each))
        group.set_value([name] if isinstance(group.value, list) else name)

    return step


def press(name: str) -> Step:
    return lambda app: next(each for each in app.button if each.label.startswith(name)).click()


def place(key: str, value: Any) -> Step:
    """Opens a tab: Streamlit's test runner does not click on one."""
    return lambda app: app.session_state.__setitem__(key, value)


def move(key: str, times: int) -> Step:
    """Moves a slider by some of its steps."""

    def step(app: AppTest) -> None:
        parameter = the(app, key)
        if parameter.type == "select_slider":
            parameter.set_value(
                parameter.options[parameter.options.index(str(parameter.value)) + times]
            )
        else:
            parameter.set_value(
                type(parameter.value)(round(parameter.value + times * parameter.step, 10))
            )

    return step


def pick(key: str, value: str) -> Step:
    return lambda app: the(app, key).select(value)


def say(key: str, value: str) -> Step:
    return lambda app: app.text_input(key=key).input(value)


# Four more, with the clipboard, tabs and folded parts, in Chromium: tests/test_browser_navigation.py.
STATES: dict[str, tuple[str, list[Step]]] = {
    "overview": ("/?model=qj-parity&sample=pair-7600", [pick("background", "one other sample")]),
    "decision": (
        "/dynamics?model=qj-parity&background=mixed",
        [move("T", -8), radio("Shapley values"), move("t", -6)],
    ),
    "rules": (
        "/circuit?model=qcnn-parity&part=Fusion+rules",
        [radio("all elements"), press("AND"), pick("element", "element 3")],
    ),
    "noise": (
        "/circuit?model=qcnn-parity&part=Noise+and+shots&phi=all:mean",
        [press("Typical device noise"), move("shots", 1)],
    ),
    "what if": (
        "/what_if?model=qj-parity",
        [press("Take left of"), pick("do.right", "leave it out")],
    ),
    "cohorts": (
        "/cohorts?model=qcnn-parity&by=relation",
        [
            say("filter", "error>0.3"),
            say("_cohort_name", "torn"),
            press("Save in the link"),
            pick("background", "a saved cohort"),
        ],
    ),
    "train": ("/train", [pick("run", "second"), place("train.view", "Settings and results")]),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs; no models or imported sets of others."""
    folder = tmp_path_factory.mktemp("links")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNS", "MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        make("first", record_of(6, watched=JUMP))
        make("second", record_of(4, state="stopped"), rate=0.02)
        yield folder


def seen(app: AppTest) -> dict[str, Any]:
    """What a reader sees of a page: its words, what is set, and the numbers behind every figure and in every table."""
    words = [
        re.sub(r"\d+(\.\d+)? (ms|s)\b", "TIME", said(app)),
        *(f"{each.label}: {each.value} {each.delta}" for each in app.metric),
    ]
    return {
        "set": {each.key: each.value for each in widgets(app) if parameter(each)},
        "words": words,
        "figures": list(figures(app).values()),
        "tables": [each.value.to_csv() for each in app.dataframe],
    }


def link_of(app: AppTest, path: str) -> dict[str, Any]:
    """The address that the page has written."""
    return parse_qs(urlsplit(page_visits.copied_link(app, path)).query, keep_blank_values=True)


@pytest.mark.parametrize("name", STATES)
def test_copied_link_shows_the_same_page(runs: Path, name: str) -> None:
    address, steps = STATES[name]
    path = urlsplit(address).path
    app = page_visits.opened(address).run()
    page_visits.refuses_nothing(app)
    before = seen(app)
    for step in steps[:-1]:
        step(app)
        app.run()
        page_visits.refuses_nothing(app)
    steps[-1](app)
    here = page_visits.read(app, path)
    wanted, link = seen(app), link_of(app, path)
    assert wanted != before
    elsewhere = page_visits.visit(f"{path}?{urlencode(link, doseq=True)}")
    found = seen(elsewhere.app)
    for part in wanted:
        assert found[part] == wanted[part], part
    assert elsewhere.tables == here.tables
    assert link_of(elsewhere.app, path) == link


HOSTILE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("Dynamics", {"T": "1e308"}, "`T` must lie between 0 and 3", {"T": 1.0}),
    ("Dynamics", {"T": "nan", "H.text": "0.5"}, "`T` must lie between", {"T": 1.0, "H.text": 0.5}),
    (
        "Dynamics",
        {"D.text": ["1.5", "2"]},
        "`D.text` occurs 2 times; the last one is used.",
        {"D.text": 2.0},
    ),
    ("Dynamics", {"D.text": ["2", "<b>"]}, "`D.text` occurs 2 times", {"D.text": 1.0}),
    ("Dynamics", {"half": "perhaps"}, "'perhaps' does not exist", {}),
    (
        "Samples",
        {"find": "=1+1" * 1000},
        "Search ids and words has at most 100 characters, but this one has 4,000",
        {"find": ""},
    ),
    (
        "Samples",
        {"smell": "<script>", "noise.damping": "1", "k" * 3000: "1"},
        "this page has no such settings, or not for this model",
        {},
    ),
    ("Samples", {"`b` **x** $y$ :smile:": "1"}, "this page has no such setting", {}),
    ("Circuit", {"gate": "-5"}, "`Step through gates` must lie between", {}),
    (
        "Train",
        {"new.quantum-jump.planted.epochs": "1e99", "run": ["<b>", "../x"]},
        "`run`: Run '<b>' does not exist",
        {},
    ),
]


@pytest.mark.parametrize(("title", "query", "words", "left"), HOSTILE)
def test_hostile_link_part_is_ignored_with_a_short_notice(
    title: str, query: dict[str, Any], words: str, left: dict[str, Any]
) -> None:
    app = visit(title, whole=False, **query)
    shown = [plain(each.value) for each in app.warning]
    assert any(words in each for each in shown), shown
    assert all(len(each.value) < 600 for each in app.warning)
    assert all("<script>" not in each.value for each in app.warning)
    assert not app.error
    found = {parameter(each): each.value for each in widgets(app)}
    assert {key: found[key] for key in left} == left
    app.run()
    assert [plain(each.value) for each in app.warning] == shown


def test_notices_about_invalid_parts_are_limited() -> None:
    app = visit("Dynamics", whole=False, **{f"H.k{i}": "1" for i in range(300)})
    assert len(app.warning) <= state.MAX_NOTICES + 1
    assert "Further parts of the link are invalid" in plain(app.warning[-1].value)
