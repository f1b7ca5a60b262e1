"""Plugins of others: sixty lines outside the repository add a data set, a model, a view, a page and a command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from qfusion import plugin
from qfusion.plugin import Plugin

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "tests" / "support" / "plugin_of_others" / "acme"
VISIT = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from qfusion.app import panels

def visit(file, **query):
    app = AppTest.from_file("app.py", default_timeout=90)
    app.session_state["_near"] = [panels.EVERYTHING]
    app.switch_page(file)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    assert not app.error, app.error
    return [element.value for kind in (app.title, app.markdown, app.warning) for element in kind]

ids = {"model": "mine", "sample": "sample-0055"}
print(visit("pages/samples.py", **ids, **{"terms.by": "2"}))
print(visit("pages/plugin.py", **ids, name="Acme scales"))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the plugin is installed, with a folder of its own for models."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(PLUGIN, folder / "acme")
    about = folder / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[qfusion.plugins]\nacme = acme:PLUGIN\n")
    own = {f"QFUSION_{name}": str(folder / name.lower()) for name in ("MODELS", "RUNS", "CACHE")}
    own |= {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "QFUSION_OPENED": str(folder / "mine")}
    return {**os.environ, **own}


def run(installed: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=installed, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_a_plugin_of_others_adds_all_that_it_names(installed: dict[str, str]) -> None:
    """At most sixty lines; what they add is used as what is in the core."""
    lines = [line for path in PLUGIN.glob("*.py") for line in path.read_text().splitlines()]
    assert len(lines) <= 60
    assert "weighs nothing" in run(installed, "-m", "qfusion", "weigh", "qj-planted")
    assert "weights" in run(installed, "-m", "qfusion", "data", "list")
    words = [
        "--data",
        "weights",
        "--model",
        "scales",
        "--out",
        installed["QFUSION_OPENED"],
        "--set",
        "epochs=2",
    ]
    run(installed, "-m", "qfusion", "train", *words)
    samples, page = run(installed, "-c", VISIT).splitlines()
    assert "Weights of the terms" in samples
    assert "On the scales: sample-0055." in page


def test_a_plugin_without_what_it_requires_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def __init__(self, name: str, *requires: str):
            self.name, self.plugin = name, Plugin(name, requires)

        def load(self) -> Plugin:
            if self.name == "broken":
                raise ImportError("no module")
            return self.plugin

    points = [Point("upper", "lower"), Point("lower"), Point("alone", "missing"), Point("broken")]
    monkeypatch.setattr(plugin, "entry_points", lambda group: points)
    plugin.plugins.cache_clear()
    with pytest.warns(UserWarning, match="Plugin broken cannot be imported"):
        names = [one.name for one in plugin.plugins()]
    plugin.plugins.cache_clear()
    assert names.index("lower") < names.index("upper")
    assert not {"alone", "broken"} & {*names}


def test_a_link_to_a_page_that_is_not_installed_is_left_out() -> None:
    def page() -> None:
        from qfusion.app import navigation

        navigation.link("pages/nowhere.py", "Nowhere", ":material/link:")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert not app.get("page_link")
