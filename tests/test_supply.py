"""Where the libraries come from: the lock, its hashes, the list of licences, and what the wheel asks for."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import lock

ROOT = Path(__file__).resolve().parents[1]


def named(file: str) -> list[Requirement]:
    return [
        Requirement(line)
        for line in (ROOT / file).read_text().splitlines()
        if line and line[0] not in "#-"
    ]


def test_the_locks_hold_every_pin_with_hashes_and_no_address() -> None:
    for path, count in ((lock.LOCK, 100), (lock.CUDA, 15)):
        text = path.read_text()
        assert "://" not in text
        assert "--" not in text.replace("--hash=sha256:", ""), (
            "no option but hashes: no index, no trusted host"
        )
        found = lock.packages(text)
        assert len(found) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) >= count
        assert all(each.hashes for each in found)
        assert {bool(lock.FOR_CARDS.match(each.name)) for each in found} == {path == lock.CUDA}
        assert all("linux" in each.marker for each in found if path == lock.CUDA)
    found = lock.packages(lock.LOCK.read_text())
    wanted = [*named("requirements.txt"), *named("requirements-serve.txt")]
    pins = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in wanted}
    assert pins.items() <= {each.name: each.version for each in found}.items()


def test_what_locked_packages_ask_for_is_locked_too() -> None:
    """Of those that are installed here in the locked version."""
    known = {
        each.name: each.version
        for path in (lock.LOCK, lock.CUDA)
        for each in lock.packages(path.read_text())
    }
    seen = 0
    for name, version in known.items():
        try:
            about = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if about.version.split("+")[0] == version:
            asked = [Requirement(each) for each in about.requires or []]
            asked = [
                each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})
            ]
            assert {canonicalize_name(each.name) for each in asked} <= set(known), name
            seen += 1
    assert seen >= 30


def test_the_list_of_licences_is_that_of_the_locks() -> None:
    rows = re.findall(
        r"^\| ([\w.-]+) \| (\S+) \| (.*?) \| (.*?) ?\|$", lock.LICENCES.read_text(), re.MULTILINE
    )[1:]
    assert [row[:2] for row in rows] == [
        (each.name, each.version)
        for path in (lock.LOCK, lock.CUDA)
        for each in lock.packages(path.read_text())
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


def test_what_wheels_bundle_is_said() -> None:
    """Of those that are installed here: no wheel holds a library that the page does not tell of."""
    page = lock.LICENCES.read_text()
    assert "Nothing here is GPL" not in page
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
        assert words in next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
    assert "copyleft of the library" in next(
        line for line in page.splitlines() if line.startswith("| soxr |")
    )


def test_the_wheel_asks_for_ranges_around_the_pins() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert about["tool"]["setuptools"]["dynamic"]["dependencies"] == {
        "file": ["requirements-min.txt"]
    }
    pins = {each.name: str(each.specifier).removeprefix("==") for each in named("requirements.txt")}
    ranges = {each.name: each.specifier for each in named("requirements-min.txt")}
    assert list(ranges) == list(pins)
    for name, version in pins.items():
        assert ranges[name].contains(version), name
        assert {each.operator for each in ranges[name]} == {">=", "<"}, name
        assert not ranges[name].contains(f"{int(version.split('.')[0]) + 1}.0"), name


def test_the_extra_for_onnx_asks_for_a_range_around_the_pin() -> None:
    """Before 1.24.1 ONNX Runtime reads files that a model names wherever they lie."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ranges = {
        each.name: each.specifier
        for each in map(Requirement, about["project"]["optional-dependencies"]["onnx"])
    }
    pins = {
        each.name: str(each.specifier).removeprefix("==") for each in named("requirements-dev.txt")
    }
    assert set(ranges) == {"onnx", "onnxruntime"}
    assert all(pins[name] in wanted for name, wanted in ranges.items())
    assert [
        "1.23.2" in ranges["onnxruntime"],
        "1.24.1" in ranges["onnxruntime"],
        "2.0" in ranges["onnx"],
    ] == [False, True, False]
