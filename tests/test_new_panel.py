"""A new panel is one function in one file: its page, links, `figure --link`, its table and its alternative text have
it. A copy of the package shows so."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.copied_package import copy_package, edit, run_program

VIEW = '''

@on_page("Dynamics", tab="Decision", fits=TIMED)
def joint_over_time(
    sample: Sample, *, kind: Literal["signed", "size"] = "signed", t: Cursor = 1.0
) -> View:
    """The sum of the joint terms over time."""
    terms = [term for name, term in sample.path_dividends.items() if "+" in name]
    total = np.sum(terms, axis=0)
    values = np.abs(total) if kind == "size" else total
    figure = go.Figure(go.Scatter(x=sample.places, y=values, name=f"{kind} sum (nats)"))
    return View(figure, f"Joint terms until {t:.2f} T", "their sum.", "Does not show each term.")
'''
IMPORTS = """import plotly.graph_objects as go

from qfusion.views.pages.panel import on_page
"""
PROGRAM = """
import json
from streamlit.testing.v1 import AppTest
from qfusion import cli
from qfusion.views.pages import catalogue, rendering

address = {"model": "qj-planted", "data": "planted", "sample": "p0031"}
link = "http://localhost:8501/dynamics?model=qj-planted&data=planted&sample=p0031"
name = "joint-over-time"
picture = catalogue.build_panel("Dynamics", name, {**address, f"{name}.kind": "size", "t": "0.5"})
opened = catalogue.open_page("dynamics", {**address, f"{name}.kind": "size"}).view
elsewhere = catalogue.open_page("dynamics", {**address, "view": "State"}).view
try:
    catalogue.open_page("dynamics", {**address, f"{name}.kind": "large"})
    refused = ""
except Exception as error:
    refused = str(error)
try:
    cli.main(["figure", "--link", f"{link}&{name}.kind=size", "--panel", name, "--out", "joint.json"])
except SystemExit as end:
    assert not end.code
app = AppTest.from_file("app.py", default_timeout=150)
app.session_state["_near"] = ["*"]  # every panel is on the screen
app.switch_page("pages/dynamics.py")
for key, value in {**address, f"{name}.kind": "size"}.items():
    app.query_params[key] = value
app.run()
[control] = [button for button in app.button_group if button.key == f"{name}.kind"]
print(json.dumps({
    "shown": [name in catalogue.visible_panels(view) for view in (opened, elsewhere)],
    "title": picture.title,
    "columns": list(picture.numbers.columns),
    "alternative": picture.alt,
    "refused": refused,
    "program": rendering.program("Dynamics", name, {**address, f"{name}.kind": "size"}),
    "control": [control.label, control.value],
    "errors": [error.value for error in app.exception],
}))
"""


def test_a_panel_takes_one_function(tmp_path: Path) -> None:
    copy_package(tmp_path)
    file = tmp_path / "qfusion/views/decision.py"
    edit(file, {"import pandas as pd\n": f"import pandas as pd\n{IMPORTS}"})
    file.write_text(file.read_text() + VIEW)
    found, _ = run_program(tmp_path, PROGRAM)
    assert found["shown"] == [True, False]
    assert found["title"] == "Joint terms until 0.50 T"
    assert found["columns"] == ["x", "size sum (nats)"]
    assert found["alternative"].startswith("Joint terms until 0.50 T. ")
    assert "size sum (nats)" in found["alternative"]
    assert "`joint-over-time.kind`" in found["refused"]
    assert "joint_over_time(sample, kind='size')" in found["program"]
    assert found["control"] == ["Kind", "size"]
    assert found["errors"] == []
    drawn = json.loads((tmp_path / "joint.json").read_text())
    assert drawn["data"][0]["name"] == "size sum (nats)"
