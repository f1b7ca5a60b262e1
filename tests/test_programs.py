"""The Python program of every panel reproduces its CSV, and values of addresses stay quoted."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion._sentences import true_minus
from qfusion.app import figure
from qfusion.errors import InvalidInput, NotFound
from qfusion.study import opening
from qfusion.training import checkpoint
from qfusion.views.pages import catalogue, rendering
from tests.support.app import visit
from tests.support.runs import JUMP, make, record_of

ROOT = Path(__file__).resolve().parent.parent
PLANTED = {"model": "qj-planted", "data": "planted", "sample": "p0031"}
DIGITS = {
    "model": "qcnn-digits",
    "data": "digits",
    "sample": "digit-0004",
}  # ten classes, and pictures
PARITY = {
    "model": "qcnn-parity",
    "data": "parity",
    "sample": "pair-0003",
}  # a network of few elements
OF_CLASSES = {"model": "qj-parity", "data": "parity", "sample": "pair-0003"}
TURNED = {
    "H.text-audio": "0.5",
    "D.text": "2.0",
    "T": "1.2",
    "background": "nothing known",
}
EDITED = {"phi": "all:and,2.01=1.57", "background": "reference state"}
ZERO = {"background": "reference state"}  # a network against one state is quick on all samples
# Page, address, panels that are left out because an agreeing one beside them takes the same seconds. Steady states (six
# seconds each, at every step) are left out.
CASES: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
    ("Overview", PLANTED, ()),
    (
        "Samples",
        {
            **PLANTED,
            "inside": "true",
            "background": "one other sample",
            "contrast": "p0004",
            "find": "good",
            "split": "all",
        },
        (),
    ),
    ("Samples", {**PARITY, **ZERO, "output": "odd"}, ("scatter", "masses")),
    *(
        ("Dynamics", {**PLANTED, **TURNED, "view": view, "above": "entanglement"}, ())
        for view in ("Decision", "Correlations", "Trajectories", "State", "Sensitivity", "H and L")
    ),
    ("Circuit", {**PLANTED, "gate": "5", "steps": "10"}, ()),
    ("Circuit", {**PARITY, **EDITED, "part": "Walk", "gate": "40"}, ("qubits", "matrix-after")),
    ("Circuit", {**PARITY, **EDITED, "part": "Fusion rules"}, ("probabilities",)),
    (
        "Circuit",
        {**PARITY, **EDITED, "part": "Noise and shots", "noise.damping": "0.02", "shots": "500"},
        ("noisy-scores",),
    ),
    (
        "Circuit",
        {**PARITY, **EDITED, "part": "Entropies"},
        ("entropy-gates", "cuts", "mutual", "poolings"),
    ),
    (
        "What if",
        {
            **PLANTED,
            "do.text": "another sample's",
            "with.text": "p0004",
            "do.audio": "leave it out",
            "do.vision": "edit its state",
            "set.vision.1": "0.4",
        },
        (),
    ),
    (
        "What if",
        {**PARITY, **ZERO, "do.left": "another sample's", "knobs": "true"},
        ("flips", "what-if-as-it-is", "what-if-differences"),
    ),
    ("Decision operators", {**PLANTED, "votes": "text + audio", "among": "valid"}, ()),
    ("Decision operators", {**PARITY, **ZERO}, ("along",)),
    ("Cohorts", {**PLANTED, "filter": "relation=conflict; error>0.5", "by": "relation"}, ()),
    ("Cohorts", {**PLANTED, "filter": "relation=conflict", "strength": "joint_share"}, ()),
    ("Cohorts", {**PLANTED, "filter": "error>0.5", "cohorts.view": "Errors"}, ("sample-map",)),
    ("Cohorts", {**OF_CLASSES, "cohorts.view": "Quality"}, ("sample-map",)),
    (
        "Compare",
        {**PLANTED, "pin": "qj-planted/planted/p0007/H.text=0.5,T=1.2", "H.text-audio": "0.5"},
        (),
    ),
    (
        "Compare",
        {**PARITY, **ZERO, "pin": "qcnn-parity/parity/pair-0003/all:and", "phi": "all:or"},
        (),
    ),
    (
        "Faithfulness",
        {**OF_CLASSES, "proof": "Deletion", "proof.rank": "integrated gradients"},
        ("insertion-features-left",),
    ),
    ("Faithfulness", {**PLANTED, "proof": "Truth"}, ("cautions",)),
    ("Faithfulness", {**PLANTED, "proof": "Training seeds", "as": "Shapley values"}, ("cautions",)),
    ("Data", {"set": "digits"}, ()),
    ("Data", {"set": "planted"}, ()),
]
FLOOR = {"train-results"}  # a table of settings: no figure stands behind it


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    """Programs share what they load: a hundred of them would load the same again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "load", functools.lru_cache(checkpoint.load))
        made: dict[Any, Any] = {}
        build = opening.build_study

        def once(name: str, card: Any, model: Any, dataset: Any, *place: Any) -> Any:
            key = (name, id(model), dataset.digest)
            if key not in made:
                made[key] = build(name, card, model, dataset, *place)
            return made[key]

        patch.setattr(opening, "build_study", once)
        yield


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The tables of the panels that a page draws, by name."""
    found: dict[str, pd.DataFrame] = {}
    footer, small = figure.footer, figure.draw_thumbnail

    def told(draw: Any) -> Any:
        def drawn(picture: Any, *others: Any) -> None:
            found[picture.name] = picture.numbers
            draw(picture, *others)

        return drawn

    monkeypatch.setattr(figure, "footer", told(footer))
    monkeypatch.setattr(figure, "draw_thumbnail", told(small))
    return found


def numbers_of(program: str) -> pd.DataFrame:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(program, "snippet", "exec"), names)
    return names["numbers"]


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    found, expected = found.reset_index(drop=True), expected.reset_index(drop=True)
    assert [str(c) for c in found.columns] == [str(c) for c in expected.columns]
    assert len(found) == len(expected) > 0
    for column in expected.columns:
        if pd.api.types.is_float_dtype(expected[column]):
            ours = found[column].to_numpy(dtype=float)
            np.testing.assert_allclose(
                ours, expected[column].to_numpy(), rtol=1e-9, atol=1e-10, err_msg=column
            )
        else:
            assert found[column].astype(str).tolist() == expected[column].astype(str).tolist(), (
                column
            )


@pytest.mark.parametrize(
    ("title", "query", "left_out"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_programs_reproduce_the_panels(
    title: str, query: dict[str, str], left_out: tuple[str, ...], shown: Any
) -> None:
    checked(title, query, shown, left_out)


def checked(
    title: str,
    query: dict[str, Any],
    shown: dict[str, pd.DataFrame],
    left_out: tuple[str, ...] = (),
) -> None:
    """Opens a page and runs the program of every panel that it shows."""
    app = visit(title, **query)
    assert not app.error
    assert shown
    address = {**app.session_state.get("_kept", {}), **query}
    assert set(shown) == set(catalogue.visible_panels(catalogue.open_page(title, address).view))
    for name, table in dict(shown).items():
        if name not in left_out and name not in FLOOR:
            same(numbers_of(rendering.program(title, name, address)), table)


@pytest.mark.parametrize(
    "query",
    [
        {"run": ["a", "b"]},
        {"run": ["a"], "train.metric": "corr"},
        {},
        {"train.view": "Inside the model"},
    ],
)
def test_programs_read_the_records_of_runs(
    query: dict[str, Any], shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path))
    make("a", record_of(4, watched=JUMP, best_epoch=4))
    make("b", record_of(6, watched=JUMP, best_epoch=5), seed=1)
    checked("Train", query, shown)


def test_copied_program_runs_alone(tmp_path: Path) -> None:
    program = rendering.program(
        "Samples", "waterfall", {**PLANTED, "background": "contrast", "contrast": "p0004"}
    )
    file = tmp_path / "copied.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, str(file)],
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=True,
    )
    assert "true_dividend" in done.stdout
    assert "text+audio+vision" in done.stdout
    assert "streamlit" not in program


@pytest.mark.parametrize(
    ("page", "panel", "address"),
    [
        (
            "Samples",
            "waterfall",
            {**PLANTED, "background": "a saved cohort", "cohort": "hard:error>0.5"},
        ),
        (
            "Dynamics",
            "decision-over-time",
            {**PLANTED, **TURNED, "t": "0.4", "above": "entanglement"},
        ),
        ("Cohorts", "dividends", {**PLANTED, "filter": "relation=conflict", "by": "relation"}),
        ("Compare", "differences", {**PLANTED, "pin": "qj-planted/planted/p0007/H.text=0.5"}),
        ("What if", "what-if-state-text", {**PLANTED, "do.text": "leave it out"}),
        ("Data", "data-target", {"set": "planted"}),
        ("Samples", "content-main-3-profile", {**DIGITS, **ZERO, "output": "7"}),
    ],
)
def test_program_builds_the_same_panel(page: str, panel: str, address: dict[str, str]) -> None:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(rendering.program(page, panel, address), names)
    built = catalogue.build_panel(page, panel, address)
    assert built.name == panel
    assert built.title == true_minus(names["picture"].title)
    again, shown = (json.loads(one.figure.to_json()) for one in (names["picture"], built))
    assert again == shown
    pd.testing.assert_frame_equal(built.numbers, names["numbers"])
    assert built.in_theme("dark").figure.to_json() != built.figure.to_json()


@pytest.mark.parametrize("page", catalogue.PAGES)
def test_first_argument_determines_the_panel_input(page: str) -> None:
    parts = catalogue.page_parts(page)
    for panel in (*parts.panels.values(), *parts.families.values()):
        build = inspect.unwrap(panel.build)
        function = build.keywords["view"] if isinstance(build, functools.partial) else build
        assert panel.scope == next(iter(inspect.signature(function).parameters))


HOSTILE = (
    "x'); import os; os.system('true') #",
    '"""\nraise SystemExit\n"""',
    "\\",
    "a\r\nimport os\n",
    "\u202eexec",
    "{sample}",
    "$model",
    "#\n1/0",
)


@pytest.mark.parametrize("word", HOSTILE)
def test_values_in_programs_are_quoted(word: str) -> None:
    for page in catalogue.PAGES:
        parts = catalogue.page_parts(page)
        names = parts.panels
        starts = [
            start for start in parts.families if not start.startswith(("content-", "telling-"))
        ]
        for panel in [*names, *(f"{start}{word}" for start in starts)]:
            found = [rendering.program(page, panel, address(said)) for said in (word, "plain")]
            trees = [ast.dump(Blank().visit(ast.parse(program))) for program in found]
            if panel in names:
                assert trees[0] == trees[1], f"{page}, {panel}: another program"
            assert word.splitlines()[0] not in [
                line for line in found[0].splitlines() if line.startswith("import")
            ]


class Blank(ast.NodeTransformer):
    """Takes the words out of a program, so that only its form is left."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node


def address(word: str) -> dict[str, Any]:
    """Every word of an address is the reader's, but for those of which the page's own code chooses."""
    keys = (
        "sample",
        "data",
        "contrast",
        "find",
        "x",
        "y",
        "filter",
        "by",
        "strength",
        "quantity",
        "of",
        "votes",
        "among",
        "effect",
        "term",
        "say",
        "with.text",
        "inside.of",
        "inside.other",
        "set",
        "board",
        "board.by",
        "proof.rank",
        "as",
        "train.metric",
    )
    return {
        "model": "qj-planted",
        "background": "contrast",
        "inside.from": "another sample",
        "do.text": "another sample's",
        "pin": "qj-planted/a/b",
        "run": [word],
        "relation": [word],
        "class": [word],
        "output": word,
        **dict.fromkeys(keys, word),
    }


def test_invalid_addresses_are_refused() -> None:
    with pytest.raises(NotFound, match="Page 'nowhere'"):
        rendering.program("nowhere", "waterfall", PLANTED)
    with pytest.raises(NotFound, match="Did you mean 'waterfall'"):
        rendering.program("Samples", "waterfal", PLANTED)
    with pytest.raises(NotFound, match="Model 'gone'"):
        rendering.program("Samples", "waterfall", {**PLANTED, "model": "gone"})
    with pytest.raises(InvalidInput, match="does not say which sample"):
        rendering.program("Samples", "waterfall", {"model": "qj-planted", "data": "planted"})
    with pytest.raises(InvalidInput, match="shots"):
        rendering.program("Circuit", "noisy-terms", {**DIGITS, "shots": "many"})
    with pytest.raises(InvalidInput, match="is of no modality"):
        rendering.program("Samples", "content-main-x-text", PLANTED)
    with pytest.raises(InvalidInput, match="longer than any"):
        rendering.program("Samples", "waterfall", {**PLANTED, "sample": "p" * 30_000})
