"""Commands print on consoles and pipes with any encoding without a traceback, and JSON stays valid."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qfusion import cli

ROOT = Path(__file__).resolve().parents[1]

NAMES = {"greek": ("άλφα", "βήτα"), "chinese": ("图像", "声音"), "signs": ("a→b", "x ≤ y")}


def file_of(folder: Path, classes: tuple[str, str]) -> Path:
    """Writes a file whose names no code page of the west has."""
    rng = np.random.default_rng(5)
    place = folder / f"{classes[0]}.npz"
    views = {f"view_{number}": rng.normal(size=(60, 3)) for number in (1, 2)}
    labels = np.array(classes)[np.arange(60) % 2]
    np.savez(place, **views, labels=labels)
    return place


def printed(encoding: str, *words: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and error of a command whose output has an encoding."""
    done = subprocess.run(
        [sys.executable, "-m", "qfusion", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.mark.parametrize(
    ("names", "encoding"), [("greek", "cp1252"), ("chinese", "ascii"), ("signs", "cp437")]
)
def test_report_with_any_names_is_printed(tmp_path: Path, names: str, encoding: str) -> None:
    code, out, err = printed(encoding, "data", "check", file_of(tmp_path, NAMES[names]))
    assert (code, "Traceback" in err) == (0, False), err
    assert "36 train, 6 valid, 18 test" in out
    assert "?" in out  # in the place of what cannot be printed


@pytest.mark.parametrize("names", NAMES)
def test_json_stays_valid(tmp_path: Path, names: str) -> None:
    code, out, err = printed("cp1252", "data", "check", file_of(tmp_path, NAMES[names]), "--json")
    assert code == 0, err
    assert out.isascii()
    assert NAMES[names][0] in json.dumps(json.loads(out), ensure_ascii=False)


@pytest.mark.parametrize(
    "words", [("data", "check", "図.npz"), ("evaluate", "--model", "→"), ("train", "--data", "ω")]
)
def test_errors_print_one_line(words: tuple[str, ...]) -> None:
    code, out, err = printed("cp1252", *words)
    assert code in (1, 2)
    assert out == ""
    assert err.startswith("qfusion: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("encoding", "errors", "then"),
    [
        ("cp1252", "strict", "replace"),
        ("ascii", "surrogateescape", "replace"),  # the locale C
        ("utf-8", "strict", "replace"),  # names of files that are no UTF-8
        ("utf-8", "surrogateescape", "surrogateescape"),
        ("cp1252", "xmlcharrefreplace", "xmlcharrefreplace"),  # chosen by PYTHONIOENCODING
    ],
)
def test_only_unencodable_characters_are_replaced(
    monkeypatch: pytest.MonkeyPatch, encoding: str, errors: str, then: str
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, errors)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert stream.errors == then


@pytest.mark.parametrize("words", ["data list", "models", "why --help"])
def test_commands_print_in_ascii(words: str) -> None:
    code, out, err = printed("ascii", *words.split())
    assert code == 0, err
    assert len(out) > 100


def test_missing_and_foreign_streams_are_left_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with pytest.raises(SystemExit):
            cli.main(["--help"])
