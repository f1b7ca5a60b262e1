"""A new format of files is one module in `readers`: an import, a path, the command line and the form of the Data page
know it. A copy of the package shows so."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.copied_package import copy_package, run_program

READER = '''
"""Sets in JSON: `{"x": [[...], ...], "z": [[...], ...], "y": [...], "split": [...]}`."""

import json
from pathlib import Path

import numpy as np

from qfusion.data.array_chunks import numbered_ids
from qfusion.data.parsing import numbered_features
from qfusion.data.raw import Raw, whole_array
from qfusion.data.readers import FileFormat


def read_json(path: Path, target: str = "auto", _: None = None) -> Raw:
    """Return the samples in a JSON file."""
    content = json.loads(path.read_text())
    views = {name: np.array(content[name], float) for name in ("x", "z")}
    parts = [
        whole_array(name, view, numbered_features(name, view.shape[1])) for name, view in views.items()
    ]
    return Raw(
        title=path.name,
        kind="JSON file",
        modalities=parts,
        ids=numbered_ids("sample", len(content["y"])),
        labels=content["y"],
        split=content["split"],
    )


FORMAT = FileFormat("JSON of two views", (".json",), read_json)
'''
PROGRAM = """
import json, warnings
from qfusion import cli, data
from qfusion.app.forms import data_import

warnings.simplefilter("ignore")
try:
    cli.main(["data", "import", "set.json", "--name", "mine"])
except SystemExit as end:
    assert not end.code
by_path, imported = data.load("set.json"), data.load("mine")
print(json.dumps({
    "names": imported.names,
    "classes": imported.target.classes,
    "sizes": [len(imported.rows(part)) for part in ("train", "valid", "test")],
    "same": by_path.digest == imported.digest,
    "form": "json" in [ending[1:] for ending in data_import.formats.SUFFIXES],
}))
"""


def test_a_format_takes_one_module(tmp_path: Path) -> None:
    copy_package(tmp_path)
    (tmp_path / "qfusion" / "data" / "readers" / "json_views.py").write_text(READER.lstrip())
    rows = [[0.5 * row, (-1.0) ** row] for row in range(30)]
    content = {
        "x": rows,
        "z": [[row % 7, row % 5] for row in range(30)],
        "y": ["no", "yes", "yes"] * 10,
        "split": ["train"] * 20 + ["valid"] * 5 + ["test"] * 5,
    }
    (tmp_path / "set.json").write_text(json.dumps(content))
    found, _ = run_program(tmp_path, PROGRAM)
    assert found == {
        "names": ["x", "z"],
        "classes": ["no", "yes"],
        "sizes": [20, 5, 5],
        "same": True,
        "form": True,
    }
