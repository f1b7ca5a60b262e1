"""Where the libraries come from: the lock, its hashes, the list of licences, and what the wheel asks for."""

from __future__ import annotations

import csv
import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from qfusion import _extras
from scripts import lock

ROOT = Path(__file__).resolve().parents[1]


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def read_requirements(file: str) -> list[Requirement]:
    """The requirements that a file lists itself."""
    lines = (ROOT / file).read_text().splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def read_pins(*files: str) -> dict[str, str]:
    """Version of each package that some files pin."""
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for file in files
        for requirement in read_requirements(file)
    }


def direct_requirements(lines: list[str]) -> list[Requirement]:
    """The packages of an extra or of the core, without other extras that it includes."""
    return [wanted for wanted in map(Requirement, lines) if wanted.name != PROJECT["name"]]


def test_lock_has_hashes_for_every_pin_and_no_address() -> None:
    text = lock.LOCK.read_text()
    assert "://" not in text
    assert "--" not in text.replace("--hash=sha256:", ""), (
        "no option but hashes: no index, no trusted host"
    )
    locked = lock.packages(text)
    assert len(locked) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) >= 120
    assert all(package.hashes for package in locked)
    for_cards = [package for package in locked if lock.FOR_CARDS.match(package.name)]
    assert len(for_cards) >= 15
    assert all("linux" in package.marker for package in for_cards)
    versions = {package.name: package.version for package in locked}
    assert read_pins("requirements.txt").items() <= versions.items()


def test_the_container_leaves_out_packages_for_cards_with_a_cpu_build(tmp_path: Path) -> None:
    """By the sed command of the Containerfile."""
    [command] = re.findall(r"sed -E '([^']+)'", (ROOT / "Containerfile").read_text())
    text = subprocess.run(
        ["sed", "-E", command, str(lock.LOCK)], capture_output=True, text=True, check=True
    ).stdout
    assert lock.packages(text) == [
        package
        for package in lock.packages(lock.LOCK.read_text())
        if not lock.FOR_CARDS.match(package.name)
    ]


def test_requirements_of_locked_packages_are_locked() -> None:
    """Of those that are installed here in the locked version."""
    versions = {package.name: package.version for package in lock.packages(lock.LOCK.read_text())}
    checked = 0
    for name, version in versions.items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if distribution.version.split("+")[0] != version:
            continue
        needed = {
            canonicalize_name(wanted.name)
            for wanted in map(Requirement, distribution.requires or [])
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        }
        assert needed <= set(versions), name
        checked += 1
    assert checked >= 30


def test_list_of_licences_covers_the_lock() -> None:
    _, *rows = csv.reader(lock.LICENCES.read_text().splitlines())
    assert [tuple(row[:2]) for row in rows] == [
        (package.name, package.version) for package in lock.packages(lock.LOCK.read_text())
    ]
    assert all(asks == lock.asks(name, licence) for name, _, licence, asks in rows)
    assert {name for name, _, licence, _ in rows if "not declared" in licence} <= {"cuda-toolkit"}
    assert {name for name, _, _, asks in rows if asks.startswith("copyleft")} == {
        "certifi",
        "soxr",
        "tqdm",
    }
    assert {lock.kind(licence) for _, _, licence, _ in rows} == {
        "",
        "copyleft of the library",
        "copyleft within its files",
        "proprietary",
    }
    assert (
        lock.kind("GPL-3.0-only") == lock.kind("GNU Affero General Public License v3") == "copyleft"
    )
    assert lock.kind("LGPL-2.1") == "copyleft of the library"
    assert lock.kind("MPL-2.0") == "copyleft within its files"


# Libraries under the GPL or LGPL that wheels are known to bundle, by how their files begin.
COPYLEFT = {
    "GPL": ("libx264", "libx265", "libpostproc", "libfftw"),
    "LGPL": (
        "libavcodec",
        "libmp3lame",
        "libgnutls",
        "libgmp",
        "libunistring",
        "libsndfile",
        "libmpg123",
    ),
}


def test_bundled_libraries_of_wheels_are_listed() -> None:
    """Of those that are installed here: no wheel holds a library that the page does not tell of."""
    asked = {row[0]: row[3] for row in csv.reader(lock.LICENCES.read_text().splitlines())}
    found: set[tuple[str, str]] = set()
    for name in {each.name for each in lock.packages(lock.LOCK.read_text())}:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for terms, starts in COPYLEFT.items():
            if any(file.name.startswith(starts) for file in files):
                assert f"({terms})" in lock.BUNDLED.get(name, ""), (name, terms)
                found.add((name, terms))
    assert found <= {("av", "GPL"), ("av", "LGPL"), ("soundfile", "LGPL")}
    for name, words in lock.BUNDLED.items():
        assert words in asked[name]
    assert "copyleft of the library" in asked["soxr"]


def test_the_wheel_asks_for_ranges_around_the_pins() -> None:
    pins = read_pins("requirements.txt", "requirements-dev.txt")
    lists = [PROJECT["dependencies"], *EXTRAS.values()]
    for wanted in (requirement for lines in lists for requirement in direct_requirements(lines)):
        version = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version), wanted
        assert {part.operator for part in wanted.specifier} == {">=", "<"}, wanted
        assert not wanted.specifier.contains(f"{int(version.split('.')[0]) + 1}.0"), wanted


def test_requirements_txt_pins_the_core_and_the_extras_of_the_app() -> None:
    lists = [PROJECT["dependencies"]]
    lists += [EXTRAS[name] for name in ("figures", "app", "media", "track", "agents")]
    wanted = {
        canonicalize_name(requirement.name)
        for lines in lists
        for requirement in direct_requirements(lines)
    }
    assert set(read_pins("requirements.txt")) == wanted


def test_missing_package_message_names_its_extra() -> None:
    listed = {
        (canonicalize_name(requirement.name), extra)
        for extra, lines in EXTRAS.items()
        for requirement in direct_requirements(lines)
    }
    named = {
        (canonicalize_name(_extras.PACKAGES.get(module, module)), need.extra)
        for module, need in _extras.NEEDS.items()
    }
    assert named == listed
    assert _extras.describe_missing("qutip.core") == (
        "Evolution with QuTiP needs the extra `track`: pip install 'qfusion[track]'."
    )


def test_all_is_every_extra() -> None:
    [everything] = map(Requirement, EXTRAS["all"])
    included = {
        name
        for line in EXTRAS["app"]
        for name in Requirement(line).extras
        if Requirement(line).name == PROJECT["name"]
    }
    assert everything.extras | included == set(EXTRAS) - {"all"}


def test_onnx_runtime_is_at_least_1_24_1() -> None:
    """Before 1.24.1 ONNX Runtime reads files that a model names wherever they lie."""
    ranges = {wanted.name: wanted.specifier for wanted in map(Requirement, EXTRAS["onnx"])}
    assert set(ranges) == {"onnx", "onnxruntime"}
    assert "1.23.2" not in ranges["onnxruntime"]
    assert "1.24.1" in ranges["onnxruntime"]
    assert "2.0" not in ranges["onnx"]
