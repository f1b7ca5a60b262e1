"""The package as others install it: a wheel, in an empty environment, with no checkout beside it."""

from __future__ import annotations

import email
import importlib.metadata
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
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from qfusion import plugin
from scripts import serving

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "qfusion",
    "plotly_live",
    "plotly_print",
    ".streamlit",
    "pyproject.toml",
    "setup.py",
    "pages",
    "README.md",
    "LICENSE",
)
MAX_SIZE = 11_000_000  # bytes of a wheel


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


PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheel, built from a copy of the sources, as building leaves files beside them."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "source"
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, sources / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy(source, sources / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([*PIP, "wheel", *options, str(sources)], check=True, env=clean())
    shutil.rmtree(sources)
    [path] = folder.glob("*.whl")
    yield path
    shutil.rmtree(folder)


def create_environment(folder: Path, wheel: Path) -> tuple[Installed, Path]:
    """An environment that has the wheel and nothing else, and the folder of its libraries."""
    installed = Installed(folder / "environment", folder / "place", wheel)
    installed.place.mkdir()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(installed.environment)], check=True
    )
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    libraries = Path(installed.run("python", "-c", code).strip())
    options = ["--python", installed.program("python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*PIP, *options, str(wheel)], check=True, env=clean())
    return installed, libraries


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, which borrows all libraries of the present one."""
    environment, libraries = create_environment(tmp_path_factory.mktemp("installed"), wheel)
    paths = sysconfig.get_paths()
    places = dict.fromkeys([paths["purelib"], paths["platlib"]])
    (libraries / "borrowed.pth").write_text("\n".join(places) + "\n")
    return environment


def needed_packages(wheel: Path) -> set[str]:
    """Names of the packages that `pip install` of the wheel brings without extras."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    waiting = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    waiting = [wanted for wanted in waiting if "extra ==" not in str(wanted.marker)]
    names: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in names:
            continue
        names.add(name)
        extras = {"", *wanted.extras}
        for line in importlib.metadata.requires(name) or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(inner)
    return names


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment that has what `pip install` brings without extras, and nothing else."""
    environment, libraries = create_environment(tmp_path_factory.mktemp("core"), wheel)
    for name in needed_packages(wheel):
        distribution = importlib.metadata.distribution(name)
        for entry in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            place = libraries / entry
            if not place.exists():
                place.symlink_to(Path(str(distribution.locate_file(entry))))
    return environment


def test_wheel_contains_exactly_the_files_that_are_read(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < MAX_SIZE
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
        assert (
            archive.read("qfusion/app/.streamlit/config.toml")
            == (ROOT / ".streamlit" / "config.toml").read_bytes()
        )
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in [
            *(ROOT / "qfusion").rglob("*"),
            *(ROOT / "plotly_live").glob("*.py"),
            *(ROOT / "plotly_live").glob("*.js"),
            *(ROOT / "plotly_print").glob("*.py"),
            *(ROOT / "plotly_print" / "arimo").iterdir(),
        ]
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted |= {f"qfusion/app/pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == wanted
    roots = ("qfusion/", "qfusion-", "plotly_live/", "plotly_print/")
    assert not [name for name in names if not name.startswith(roots)]


def test_the_app_of_checkout_and_package_agree() -> None:
    def code(path: Path) -> str:
        return re.sub(r'^""".*?"""\n\n', "", path.read_text(), flags=re.DOTALL)

    assert code(ROOT / "app.py") == code(ROOT / "qfusion" / "app" / "app.py")


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
                  "measures": list(qfusion.simulate.to_frame(tracked)), "times": len(tracked.times),
                  "traces": len(view.figure.data), "name": mine.card["name"]}))
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


def test_package_docstring_agrees_with_the_api_page() -> None:
    import qfusion

    words = re.sub(r" +#.*", "", (ROOT / "docs" / "api.md").read_text())
    said = [line.strip() for line in str(qfusion.__doc__).splitlines() if line.startswith("    ")]
    assert len(said) == 6
    assert [line for line in said if line not in words.splitlines()] == []


def test_the_core_brings_no_package_of_an_extra(wheel: Path) -> None:
    heavy = {"streamlit", "plotly", "librosa", "av", "typst", "mcp", "pennylane", "qutip"}
    brought = needed_packages(wheel)
    assert brought & heavy == set()
    assert {"torch", "numpy", "scikit-learn", "typer"} <= brought


CORE = """
import torch
import qfusion
from qfusion.quantum.lindblad import evolve_states

H = torch.tensor([[0, 1], [1, 0]], dtype=torch.complex128)
L = torch.tensor([[[0, 0.3], [0, 0]]], dtype=torch.complex128)
rho = torch.tensor([[1, 0], [0, 0]], dtype=torch.complex128)
states = evolve_states(H, L, rho, torch.linspace(0, 1, 3, dtype=torch.float64))
print(states.diagonal(dim1=-2, dim2=-1).sum(-1).real.tolist())

planted = qfusion.load("planted")
trained = qfusion.train("quantum-jump", planted, options={"epochs": 2}).checkpoint("mine")
sample = qfusion.study.open_sample(trained, "p0031", planted)
print([sample.score, sum(sample.dividends.values())])
for name in ("simulate.step_circuit", "figures.style", "views.pages", "report", "app.server"):
    try:
        __import__(f"qfusion.{name}", fromlist=["_"])
    except ImportError as error:
        print(name, error)
"""


def test_the_core_evolves_trains_and_explains_in_python(core: Installed) -> None:
    (core.place / "core.py").write_text(CORE)
    traces, scores, *missing = core.run("python", "core.py").splitlines()
    assert json.loads(traces) == pytest.approx([1, 1, 1], abs=1e-12)
    score, total = json.loads(scores)
    assert total == pytest.approx(score, abs=1e-9)
    extras = dict(line.split(" ", 1) for line in missing)
    assert (
        "needs the extra `track`: pip install 'qfusion[track]'" in extras["simulate.step_circuit"]
    )
    assert "No module named 'plotly'" in extras["figures.style"]
    assert "needs the extra `figures`: pip install 'qfusion[figures]'" in extras["views.pages"]
    assert "needs the extra `figures`: pip install 'qfusion[figures]'" in extras["report"]
    assert "needs the extra `app`: pip install 'qfusion[app]'" in extras["app.server"]


def test_the_core_trains_and_explains_on_the_command_line(core: Installed) -> None:
    train = ["train", "--model", "quantum-jump", "--data", "planted", "--set", "epochs=2"]
    core.run("qfusion", *train, "--out", "folder")
    explanation = json.loads(
        core.run("qfusion", "explain", "--model", "folder", "--sample", "p0031", "--json")
    )
    assert explanation["sample"] == "p0031"
    assert "R2" in core.run("qfusion", "evaluate", "--model", "qj-planted")


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["app"], "app"),
        (["mcp"], "agents"),
        (["figure", "--sample", "p0031", "--view", "shapley", "--out", "x.pdf"], "figures"),
        (["report", "--sample", "p0031", "--out", "x.pdf"], "figures"),
        (["track", "--sample", "p0031", "--out", "x.csv"], "track"),
        (["evaluate", "--cluster", "tcp://127.0.0.1:1"], "cluster"),
    ],
)
def test_a_command_names_its_missing_extra_in_one_line(
    command: list[str], extra: str, core: Installed
) -> None:
    model = [] if command[0] in ("app", "mcp") else ["--model", "qj-planted"]
    done = subprocess.run(
        [core.program("qfusion"), *command, *model],
        cwd=core.place,
        env=clean(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("qfusion: error: ")
    assert f"needs the extra `{extra}`: pip install 'qfusion[{extra}]'." in last


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
        and not (path.name == "__init__.py" and path.parent.parent.name == "plugins")
    ]
    assert elsewhere == []
    assert plugin.asset_path() == ROOT / "qfusion" / "assets"
    assert plugin.asset_text("tour.toml") == (ROOT / "qfusion" / "assets" / "tour.toml").read_text()
