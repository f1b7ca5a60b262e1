"""A sentence, a figure or a page takes one file, a control of the bar two: pages, commands, reports and notebooks
follow. A copy of the package shows so; panels, settings and formats of files have tests of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.copied_package import copy_package, edit, run_program

SENTENCE = {
    "qfusion/views/decision.py": {
        "the exact sum baseline + single": "no more than the sum baseline + single"
    }
}
FIGURE = {
    "qfusion/figures/decision_charts.py": {"    hues.append(INK)\n": '    hues.append("#123456")\n'}
}
PAGE = '''
"""Sums: what adds up to a decision."""

from qfusion.plugin import Page, Plugin

PLUGIN = Plugin(
    "sums",
    pages=(Page("Sums", "What adds up to this decision?", group="Explore"),),
    views={"sums": ("qfusion.views.decision:waterfall", "qfusion.plugins.sums:joint_terms")},
)


def joint_terms(sample):
    """The joint terms of the decision."""
    import plotly.graph_objects as go

    from qfusion.views.view import View

    joint = {name: term for name, term in sample.dividends.items() if "+" in name}
    figure = go.Figure(go.Bar(x=[*joint], y=[*joint.values()], name="joint terms (nats)"))
    return View(figure, "Joint terms alone", "the joint terms.", "Single modalities are left out.")
'''
CONTROL = {
    "qfusion/views/pages/address.py": {
        "PICKERS = (MODEL, ": """DIGITS = SelectParam(
    "digits", "Digits", "Two digits are shown.", "Of the prediction.", ("two", "three", "four")
)
PICKERS = (DIGITS, MODEL, """,
        "rules((BACKGROUND, CONTRAST, ROWS)": "rules((BACKGROUND, CONTRAST, ROWS, DIGITS)",
    },
    "qfusion/app/context_bar.py": {
        "        output = _output(study)\n": """        output = _output(study)
        check(address.DIGITS)
        digits = ("two", "three", "four").index(draw(address.DIGITS)) + 2
        st.caption(f"Predicted: {study.scores[row].max():.{digits}f}")
""",
        "        address.OUTPUT.key: str(output),\n": """        address.OUTPUT.key: str(output),
        address.DIGITS.key: str(state.get(address.DIGITS.key)),
""",
    },
}
PROGRAM = """
import base64, json, re
from pathlib import Path
from qfusion import cli, report
from qfusion.study import open_sample
from qfusion.views.pages import catalogue, rendering
from tests.support import app as pages, charts

def command(*words):
    try:
        cli.main(list(words))
    except SystemExit as end:
        assert not end.code

def refused(page, **address):
    try:
        catalogue.open_page(page, sample | address)
    except Exception as error:
        return str(error)

def with_pictures(page):
    pictures = re.findall(r"svg\\+xml;base64,([\\w+/=]+)", page)
    return page + "".join(base64.b64decode(picture).decode() for picture in pictures)

sample = {"model": "qj-planted", "data": "planted", "sample": "p0031"}
opened = open_sample("qj-planted", "p0031")
command("figure", "--model", "qj-planted", "--sample", "p0031", "--caption", "--out", "of-command.html")
command("figure", "--link", "http://localhost:8501/plugin?name=Sums&model=qj-planted&sample=p0031",
        "--panel", "joint-terms", "--out", "joint.json")
app = pages.visit("Samples", whole=False, **sample, digits="three")
surfaces = {
    "page": pages.said(app) + charts.figures(app)["figure-waterfall"],
    "command": Path("of-command.html").read_text(),
    "report": with_pictures(report.sample(opened).render(".html").decode()),
    "notebook": with_pictures(opened.show()._repr_html_()),
}
controls = [app.selectbox(key="digits").value]
digits = [caption.value for caption in app.caption if caption.value.startswith("Predicted: ")]
app.switch_page("pages/cohorts.py").run()
controls.append(app.selectbox(key="digits").value)
added = pages.visit("Sums", **sample, name="Sums")
print(json.dumps({
    "surfaces": surfaces,
    "drawn": [*charts.figures(added)],
    "words": pages.said(added),
    "pages": [link.proto.label for link in added.get("page_link")],
    "errors": [problem.value for kind in ("exception", "error", "warning")
               for one in (app, added) for problem in getattr(one, kind)],
    "joint": json.loads(Path("joint.json").read_text())["data"][0]["name"],
    "program": rendering.program("Sums", "joint-terms", sample),
    "controls": controls,
    "digits": digits,
    "accepted": refused("samples", digits="four"),
    "refused": refused("samples", digits="nine"),
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a copy with all changes shows."""
    folder = tmp_path_factory.mktemp("newcomer")
    copy_package(folder, "tests/support")
    for changes in (SENTENCE, FIGURE, CONTROL):
        for file, passages in changes.items():
            edit(folder / file, passages)
    place = folder / "qfusion/plugins/sums"
    place.mkdir(parents=True)
    (place.parent / "__init__.py").touch()
    (place / "__init__.py").write_text(PAGE.lstrip())
    result, _ = run_program(folder, PROGRAM)
    assert result["errors"] == []
    return dict(result)


@pytest.mark.parametrize("surface", ["page", "command", "report", "notebook"])
def test_a_sentence_and_a_figure_take_one_file_each(surface: str, found: dict[str, Any]) -> None:
    assert len(SENTENCE) == len(FIGURE) == 1
    shown = found["surfaces"][surface]
    assert "no more than the sum baseline + single" in shown
    assert "#123456" in shown


def test_a_page_takes_one_file(found: dict[str, Any]) -> None:
    assert "Sums" in found["pages"]
    assert found["drawn"] == ["figure-waterfall", "figure-joint-terms"]
    assert "What adds up to this decision?" in found["words"]
    assert "Single modalities are left out." in found["words"]
    assert found["joint"] == "joint terms (nats)"
    assert "joint_terms(sample)" in found["program"]


def test_a_control_of_the_bar_takes_two_files(found: dict[str, Any]) -> None:
    assert len(CONTROL) == 2
    assert found["controls"] == ["three", "three"]
    assert [len(words.split(".")[1]) for words in found["digits"]] == [3]
    assert found["accepted"] is None
    assert "`digits`" in found["refused"]
    assert "Two digits" not in found["refused"]
