"""Make requirements.lock, every package with the hashes of all its files, and docs/licences.csv.

    pip install uv && python scripts/lock.py [--upgrade]

uv resolves requirements.txt once for every platform and every Python from 3.11 on, and takes the hashes that PyPI lists
of each wheel and source archive. Versions stay as they are in the present lock unless requirements.txt, or --upgrade,
asks otherwise. Licences are those that the packages declare (`pip install --dry-run --report`, for Linux, as other
systems lack NVIDIA's, and Windows).
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from packaging.tags import platform_tags

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
LICENCES = ROOT / "docs" / "licences.csv"
PACKAGE = re.compile(
    r"^([A-Za-z0-9_.-]+)==([^\s;]+)(?: ; ([^\\\n]+?))? \\\n((?:    .*\n?)+)", re.MULTILINE
)
FOR_CARDS = re.compile(r"(nvidia|cuda)-|triton$")
HEAD = (
    "# requirements.txt and all that it needs, with the hashes of PyPI's files for Linux, macOS and Windows,\n"
    "# Python 3.11 and newer. A CPU build of torch does not need the packages for NVIDIA's cards; the Containerfile\n"
    "# shows how to leave them out. Made by scripts/lock.py.\n"
)


class Locked(NamedTuple):
    """A package in a lock: its name, version, where it is for (empty: everywhere) and its hashes."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def packages(text: str) -> list[Locked]:
    """Return the packages of a lock."""
    return [
        Locked(name, version, marker, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", rest)))
        for name, version, marker, rest in PACKAGE.findall(text)
    ]


def resolve(upgrade: bool) -> None:
    """Write the lock."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "lock.txt"
        if LOCK.exists():
            out.write_text(LOCK.read_text())
        command = [
            *("uv", "pip", "compile", "requirements.txt"),
            *(
                "--universal",
                "--python-version=3.11",
                "--generate-hashes",
                "--no-header",
                "--quiet",
            ),
            f"--output-file={out}",
        ]
        if upgrade:
            command.append("--upgrade")
        subprocess.run(command, cwd=ROOT, check=True)
        entries = [entry.group() for entry in PACKAGE.finditer(out.read_text())]
    LOCK.write_text(HEAD + "".join(entries))


def declared_licence(metadata: dict[str, Any]) -> str:
    """Return the licence in a package's metadata: an expression, a short text, or else its classifiers."""
    text = metadata.get("license_expression") or metadata.get("license") or ""
    classifiers = [
        classifier.split(" :: ")[-1]
        for classifier in metadata.get("classifier", [])
        if classifier.startswith("License :: ")
    ]
    is_short = bool(text) and len(text) <= 120 and "\n" not in text
    is_vague = text in ("BSD", "Apache") and classifiers not in ([], ["OSI Approved"])
    if is_short and not is_vague:
        return text
    if classifiers:
        return classifiers[0]
    if text:
        return text.strip().splitlines()[0]
    return "not declared"


def kind(licence: str) -> str:
    """Return the kind of a licence that asks something of what imports the package, empty for a permissive one."""
    if re.search(r"\bA?GPL|Affero|(?<!Lesser )General Public", licence):
        return "copyleft"
    if re.search(r"LGPL|Lesser", licence):
        return "copyleft of the library"
    if re.search(r"MPL|Mozilla|EPL|CDDL", licence):
        return "copyleft within its files"
    return "proprietary" if re.search(r"proprietary|NVIDIA", licence, re.IGNORECASE) else ""


# What wheels hold besides their own package, and no package declares.
BUNDLED = {
    "av": "bundles x264 and x265 (GPL), FFmpeg, LAME, GnuTLS and others (LGPL)",
    "soundfile": "bundles libsndfile, LAME and mpg123 (LGPL)",
}


def asks(name: str, licence: str) -> str:
    """Return what a package asks of who hands it out: the kind of its licence, and what its wheel bundles."""
    return "; ".join(filter(None, (kind(licence), BUNDLED.get(name, ""))))


def write_licences(locked: list[Locked]) -> None:
    """Write every package, its version and its licence, from which the site makes its page."""
    # of two versions of a package the first, for the older Python
    versions = {package.name: package.version for package in reversed(locked)}
    with tempfile.TemporaryDirectory() as name:
        requirements = Path(name) / "all.txt"
        report = Path(name) / "report.json"
        requirements.write_text("\n".join(f"{name}=={number}" for name, number in versions.items()))
        # wheels for this machine, and for Windows of what is needed there alone
        platforms = [f"--platform={tag}" for tag in (*platform_tags(), "win_amd64")]
        command = [
            # a pip of its own: older ones do not know of licence expressions
            *("uv", "tool", "run", "--quiet", "--python=3.11", "pip>=25", "install"),
            *("--dry-run", "--ignore-installed", "--ignore-requires-python", "--no-deps", "-qq"),
            # a Python for which every one has a wheel: some are for newer ones than the oldest
            *("--python-version=3.13", "--only-binary=:all:", *platforms, f"--target={name}"),
            *("--report", str(report), "-r", str(requirements)),
        ]
        subprocess.run(command, check=True)
        installed = json.loads(report.read_text())["install"]
    declared = {
        re.sub(r"[-_.]+", "-", entry["metadata"]["name"]).lower(): declared_licence(
            entry["metadata"]
        )
        for entry in installed
    }
    for name, licence in declared.items():
        if licence == "not declared" and FOR_CARDS.match(name):
            declared[name] = "not declared, NVIDIA's"
    with LICENCES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("package", "version", "licence", "asks more"))
        for package in locked:
            licence = declared[package.name]
            writer.writerow((package.name, package.version, licence, asks(package.name, licence)))


def main() -> int:
    """Write both files; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest version of what is not pinned"
    )
    resolve(parser.parse_args().upgrade)
    locked = packages(LOCK.read_text())
    write_licences(locked)
    print(f"{len(locked)} packages, {sum(len(package.hashes) for package in locked)} hashes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
