"""A read-only server writes nothing that outlives a visit, and every response has security headers."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from qfusion import _read_only, data, model_export, runs
from qfusion.data import downloads, import_formats, imported_sets, importing
from qfusion.errors import InvalidInput
from qfusion.runs import plans, run_process, sweeps
from qfusion.training import checkpoint_store, imports
from qfusion.ui import gate, server as guard
from scripts import serving
from scripts.visitor import Visitor
from tests.support import sharing


@pytest.fixture
def switched() -> Iterator[None]:
    _read_only.begin_read_only()
    yield
    _read_only.begin_read_only(False)


WRITES: dict[str, Callable[[], Any]] = {
    "train a model": lambda: runs.create_run(
        plans.make_plan("planted", "concatenation", {}), name="visitor"
    ),
    "train models": lambda: plans.start_runs(
        {"visitor": plans.make_plan("planted", "concatenation", {})}
    ),
    "stop a training": lambda: runs.Run(Path("x")).send_request("stop"),
    "delete a run": lambda: runs.Run(Path("x")).delete(),
    "start a process": lambda: run_process.start_process(["models"], Path("x.txt")),
    "begin a sweep": lambda: sweeps.begin("visitor", Any, 2),
    "stop a sweep": lambda: sweeps.stop(Any),
    "resume a sweep": lambda: sweeps.resume(Any),
    "read data": lambda: import_formats.read_files([Path("x.csv")], Path("x")),
    "import data": lambda: importing.import_set([Path("x.csv")], "x"),
    "remove data": lambda: imported_sets.remove_imported("x"),
    "download data": lambda: downloads.download("digits"),
    "keep a model": lambda: model_export.add_to_own_models(Any, "", Any, "x"),
    "import a model": lambda: imports.take("x.pt2", Any),
    "keep a program": lambda: imports.keep(Any, Any, "x"),
    "remove a program": lambda: imports.remove("x"),
    "remove a model": lambda: checkpoint_store.remove("x"),
}


@pytest.mark.usefixtures("switched")
@pytest.mark.parametrize("what", WRITES)
def test_every_function_that_writes_refuses(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNS", "MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name))
    with pytest.raises(InvalidInput, match="This server is read-only: it does not "):
        WRITES[what]()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("said", "on"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_read_only_is_an_environment_variable(
    said: str, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_read_only.READ_ONLY, said)
    assert _read_only.wants_read_only() is on
    monkeypatch.setenv(_read_only.READ_ONLY, "perhaps")
    with pytest.raises(InvalidInput, match="must be 1 or 0, but is 'perhaps'"):
        _read_only.wants_read_only()


def test_content_policy_lists_every_inline_script() -> None:
    root = Path(guard.__file__).parents[1]
    inline = [
        path for path in root.rglob("*.py") if "unsafe_allow_javascript=True" in path.read_text()
    ]
    assert {path.name for path in inline} == {"frame.py", "sharing.py"}  # as `inline_scripts` knows
    assert len(gate.inline_scripts()) == 5
    said = gate.policy(True)
    assert said.count("'sha256-") == 5
    assert "unsafe-eval" not in said
    assert "script-src 'self' blob: 'sha256-" in said
    assert "'unsafe-inline'" not in re.findall("script-src[^;]*", said)[0]


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[serving.Server, Path]]:
    """A read-only server and the folder of all that it could write."""
    folder = tmp_path_factory.mktemp("visitors")
    own = serving.own_places(folder)
    with serving.serve(
        folder, {**own, _read_only.READ_ONLY: "1"}, limit=240, command=sharing.APP
    ) as running:
        yield running, folder


def written(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and "cache" not in path.parts and path.suffix != ".log"
    ]


def test_pages_offer_no_writing_controls(visited: tuple[serving.Server, Path]) -> None:
    server, folder = visited
    for page, words in (
        ("train", "does not train, stop or delete"),
        ("sweeps", "does not start, stop or resume"),
        ("data", "does not import data"),
    ):
        with Visitor(server.url) as visitor:
            seen = visitor.open(page)
            assert not seen.exceptions
            assert words in seen.words()
            assert not seen.of("file_uploader")
    assert not written(folder)


def test_message_for_a_missing_button_is_ignored(
    visited: tuple[serving.Server, Path],
) -> None:
    """Widget states of a page that is not read-only: a reader may send what they like."""
    server, folder = visited
    with Visitor(server.url) as visitor:
        visitor.open("train")
        for key in (
            "_start",
            "_delete",
            "_stop",
            "_resume",
            "_sweep_start",
            "_keep_model",
            "_model.remove",
        ):
            name = f"$$ID-0123456789abcdef0123456789abcdef-{key}"
            visitor.widget_states[name] = WidgetState(id=name, trigger_value=True)
        seen = visitor.run()
        assert not seen.exceptions
    assert not written(folder)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_uploads_are_refused(method: str, visited: tuple[serving.Server, Path]) -> None:
    server, folder = visited
    for address in ("/_stcore/upload_file/some/thing", "/", "/_stcore/health"):
        asked = urllib.request.Request(server.url + address, data=b"x" * 1000, method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        assert refused.value.code == 403
        assert b"read-only" in refused.value.read()
    assert not written(folder)


@pytest.mark.parametrize(
    "address", ["/", "/samples", "/_stcore/health", "/plotly-7.1.0.min.js", "/nothing/here"]
)
def test_every_response_has_security_headers(
    address: str, visited: tuple[serving.Server, Path]
) -> None:
    try:
        with urllib.request.urlopen(visited[0].url + address, timeout=10) as answer:
            found = answer.headers
    except urllib.error.HTTPError as error:
        found = error.headers
    for name, value in gate.headers().items():
        if name != "Content-Security-Policy":
            assert found.get_all(name) == [value]
    assert found.get_all("Content-Security-Policy") == [gate.policy(True)]


def test_pages_show_the_numbers_of_the_library(visited: tuple[serving.Server, Path]) -> None:
    with Visitor(visited[0].url) as visitor:
        seen = visitor.open("samples", model="qj-parity", sample=str(data.load("parity").ids[0]))
        assert not seen.exceptions
        assert seen.of("component") or len(seen.elements) > 50
