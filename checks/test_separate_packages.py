"""`plotly_live` and `plotly_print` are installed by themselves: their wheels, built without a network."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.mark.parametrize("name", ["plotly_live", "plotly_print"])
def test_a_separate_package_is_built_by_itself(name: str, tmp_path: Path) -> None:
    """From a copy, as building leaves files beside the sources. It needs what qfusion needs, in the same versions."""
    ignored = shutil.ignore_patterns("__pycache__")
    sources = shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path)]
    subprocess.run([*PIP, "wheel", *options, str(sources)], check=True)
    [path] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        [metadata] = [entry for entry in names if entry.endswith(".dist-info/METADATA")]
        headers = email.message_from_bytes(archive.read(metadata))
    patterns = ("*.py", "*.js", "arimo/*")
    wanted = {
        file.relative_to(ROOT).as_posix()
        for pattern in patterns
        for file in (ROOT / name).glob(pattern)
    }
    assert {entry for entry in names if entry.startswith(f"{name}/")} == wanted
    assert headers["Version"] == PROJECT["version"]
    extras = PROJECT["optional-dependencies"]
    ranges = [*PROJECT["dependencies"], *extras["figures"], *extras["app"]]
    needed = {Requirement(line) for line in headers.get_all("Requires-Dist", [])}
    assert needed
    assert needed <= set(map(Requirement, ranges))
