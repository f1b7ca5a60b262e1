"""The package as others install it: a wheel, in an empty environment, with no checkout beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from qfusion import _files
from scripts import serving

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "qfusion",
    "plotly_print",
    ".streamlit",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
MAX_SIZE = 9_000_000  # bytes of a wheel


class Installed(NamedTuple):
    """An environment that has the wheel: its folder, an empty folder to work in, and the wheel."""

    environment: Path
    place: Path
    wheel: Path

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.environment / ("Scripts" if os.name == "nt" else "bin") / name)

    def run(self, *words: str) -> str:
        """Runs one of its programs in the empty folder and returns what it prints."""
        done = subprocess.run(
            [self.program(words[0]), *words[1:]],
            cwd=self.place,
            env=clean(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def clean() -> dict[str, str]:
    """The present variables but those that lead Python to a checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME")
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel in an environment of its own, which borrows the libraries of the present one and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in (
        SOURCES
    ):  # a copy: building leaves its traces beside the sources, and finds those of the last time
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source,
                folder / "source" / name,
                ignore=shutil.ignore_patterns("__pycache__"),
                symlinks=True,
            )
        else:
            shutil.copy(source, folder / "source" / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [
            *pip,
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--wheel-dir",
            str(folder),
            str(folder / "source"),
        ],
        check=True,
        env=clean(),
    )
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(folder / "source")
    found = Installed(folder / "environment", folder / "place", wheel)
    found.place.mkdir()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(found.environment)], check=True
    )
    asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    own = Path(
        subprocess.run(
            [found.program("python"), "-c", asked], check=True, capture_output=True, text=True
        ).stdout.strip()
    )
    paths = sysconfig.get_paths()
    (own / "borrowed.pth").write_text(
        "\n".join(dict.fromkeys([paths["purelib"], paths["platlib"]])) + "\n"
    )
    subprocess.run(
        [
            *pip,
            "--python",
            found.program("python"),
            "install",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        check=True,
        env=clean(),
    )
    yield found
    shutil.rmtree(folder)


def test_the_wheel_holds_what_is_read_and_nothing_else(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < MAX_SIZE
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
        assert (
            archive.read("qfusion/ui/.streamlit/config.toml")
            == (ROOT / ".streamlit" / "config.toml").read_bytes()
        )
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "qfusion").rglob("*"), *(ROOT / "plotly_print").glob("*.py")]
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == wanted
    assert not [
        name for name in names if not name.startswith(("qfusion/", "qfusion-", "plotly_print/"))
    ]


def test_pages_of_the_checkout_are_those_of_the_package() -> None:
    own = ROOT / "qfusion" / "ui"
    assert {path.name for path in (ROOT / "pages").glob("*.py")} == {
        path.name for path in (own / "pages").glob("*.py")
    } - {"__init__.py"}

    def code(path: Path) -> str:
        return re.sub(r'^""".*?"""\n\n', "", path.read_text(), flags=re.DOTALL)

    assert code(ROOT / "app.py") == code(own / "app.py")
    for path in (ROOT / "pages").glob("*.py"):
        assert code(path) == "from qfusion.ui import frame\n\nframe.run(__file__)\n"


def test_the_five_lines_and_a_command_work_as_printed(installed: Installed) -> None:
    """In one process: the libraries are loaded once. The leaderboard, drawn without a server, reads a packaged file,
    and its frame a packaged model."""
    lines = re.search(
        r"## In five lines\n\n```python\n(.*?)```",
        (ROOT / "docs" / "api.md").read_text(),
        re.DOTALL,
    )
    assert lines is not None
    assert len([line for line in lines[1].splitlines() if line.strip()]) == 6, (
        "the import and five lines"
    )
    asked = """
import json, sys
print(json.dumps({"where": qfusion.__file__, "path": sys.path, "score": sample.score,
                  "sum": sum(sample.dividends.values()),
                  "measures": list(qfusion.track.to_frame(tracked)), "times": len(tracked.times),
                  "traces": len(figure.data), "name": mine.card["name"]}))
import runpy
sys.argv += ["figure", "--link", "http://localhost/leaderboard?model=qj-planted", "--panel", "board"]
sys.argv += ["--out", "board.json", "--json"]
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""
    (installed.place / "lines.py").write_text(lines[1] + asked)
    said, board = map(
        json.loads,
        installed.run("python", "lines.py", installed.program("qfusion")).split("\n", 1),
    )
    assert Path(said["where"]).is_relative_to(installed.environment)
    assert not [path for path in said["path"] if path and Path(path).resolve().is_relative_to(ROOT)]
    assert said["sum"] == pytest.approx(said["score"], abs=1e-9)
    assert "entropy[text]" in said["measures"]
    assert said["times"] == 41
    assert said["traces"] >= 1
    assert said["name"] == "mine"
    assert board["panel"] == "board"


def test_the_front_says_the_same_five_lines() -> None:
    import qfusion

    words = re.sub(r" +#.*", "", (ROOT / "docs" / "api.md").read_text())
    said = [line.strip() for line in str(qfusion.__doc__).splitlines() if line.startswith("    ")]
    assert len(said) == 6
    assert [line for line in said if line not in words.splitlines()] == []


def test_the_app_starts_without_a_checkout(installed: Installed) -> None:
    with serving.serve(
        installed.place, command=[installed.program("qfusion"), "app"], place=installed.place
    ) as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_assets_are_found_in_one_place() -> None:
    elsewhere = [
        path
        for path in (ROOT / "qfusion").rglob("*.py")
        if re.search(r"parents?\b.*assets", path.read_text())
    ]
    assert elsewhere == []
    assert _files.asset_path() == ROOT / "qfusion" / "assets"
    assert _files.asset_text("tour.toml") == (ROOT / "qfusion" / "assets" / "tour.toml").read_text()
