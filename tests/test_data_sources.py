"""Named data sets are declared in one file each, and a new one needs no other change."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfusion import data
from qfusion._memory_cache import CACHE
from qfusion.cli import main
from qfusion.data import importing, registry, sources
from qfusion.errors import InvalidInput, NotFound
from tests.support import importable

ROOT = Path(__file__).resolve().parent.parent


def test_each_is_declared_once_and_listed_in_order() -> None:
    found = registry.sources()
    text = "\n".join(path.read_text() for path in Path(sources.__path__[0]).rglob("*.py"))
    declared = re.findall(r'(?m)^SOURCE = Source\(\s*"(\w+)"', text)
    assert len(declared) == len(set(declared)) > 0
    assert set(declared) <= set(found)
    assert list(found)[:5] == ["scenes", "planted", "digits", "parity", "parity3"]
    for source in found.values():
        assert bool(source.made) != bool(source.files), f"{source.name} is made, or read from files"
        assert bool(source.by_hand) == (
            bool(source.files)
            and source.fetch is None
            and not all(file.url for file in source.files)
        )


@pytest.fixture
def moons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example of docs/contributing.md as one more file among the sources."""
    text = (ROOT / "docs" / "contributing.md").read_text()
    path = tmp_path / "sources" / "moons.py"
    path.parent.mkdir()
    path.write_text(re.search(r"## Add a data set\n.*?```python\n(.*?)```", text, re.DOTALL)[1])  # type: ignore[index]
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(path.parent)])
    CACHE.clear(registry.sources.__wrapped__)  # type: ignore[attr-defined]
    yield path
    CACHE.clear(registry.sources.__wrapped__)  # type: ignore[attr-defined]
    sys.modules.pop("qfusion.data.sources.moons", None)


def run(*words: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    return int(ended.value.code or 0)


def test_a_data_set_is_added_by_one_file(
    moons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "moons" in data.names()
    found = data.load("moons")
    assert data.load("moons") is found
    assert {split: len(found.rows(split)) for split in ("train", "valid", "test")} == {
        "train": 180,
        "valid": 30,
        "test": 90,
    }
    assert [source.title for source in data.available() if source.name == "moons"] == ["Two moons"]
    with pytest.raises(NotFound, match="'moons' is made by scikit-learn and needs no download"):
        registry.download("moons")
    with pytest.raises(InvalidInput, match="must not be a built-in data set's"):
        importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "Moons")
    capsys.readouterr()
    assert run("data", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {
        "name": "moons",
        "title": "Two moons",
        "origin": "included",
        "available": True,
        "reason": "",
        "remedy": "",
    } in listed
    assert run("train", "--data", "moons", "--out", tmp_path / "model", "--set", "epochs=1") == 0
    assert run("explain", "--model", tmp_path / "model", "--sample", "point-0001", "--json") == 0


def test_other_code_does_not_name_data_sets(moons: Path) -> None:
    """The law behind it: outside their own files, sources are called by name nowhere in the data package. A convention
    of metrics has the name of the first set that was measured so, in one place."""
    package = Path(registry.__file__).parent
    others = [
        path for path in package.rglob("*.py") if "sources" not in path.relative_to(package).parts
    ]
    named = re.compile("|".join(rf"[\"']{name}[\"']" for name in registry.sources()))
    texts = {path: path.read_text().replace('MOSI_CONVENTION = "mosi"', "") for path in others}
    assert [str(path) for path, text in texts.items() if named.search(text)] == []
