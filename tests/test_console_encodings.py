"""Commands print on consoles and pipes with any encoding without a traceback, and JSON stays valid."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
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


Printed = tuple[int, str, str]  # exit code, standard output and error


def print_in_a_process(encoding: str, *words: str | Path) -> Printed:
    """Runs a command in a process of its own whose output has an encoding."""
    done = subprocess.run(
        [sys.executable, "-m", "qfusion", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Printed]:
    """Runs a command here, with streams as Python opens them for an encoding."""

    def call(encoding: str, *words: str | Path) -> Printed:
        out = io.TextIOWrapper(io.BytesIO(), encoding, "strict")
        err = io.TextIOWrapper(io.BytesIO(), encoding, "backslashreplace")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                cli.main([str(word) for word in words])
        return int(ended.value.code or 0), content(out), content(err)

    def content(stream: io.TextIOWrapper) -> str:
        stream.flush()
        return stream.buffer.getvalue().decode(encoding=stream.encoding)  # type: ignore[attr-defined]

    return call


@pytest.mark.parametrize(
    ("names", "encoding"), [("greek", "cp1252"), ("chinese", "ascii"), ("signs", "cp437")]
)
def test_report_with_any_names_is_printed(
    tmp_path: Path, printed: Callable[..., Printed], names: str, encoding: str
) -> None:
    code, out, err = printed(encoding, "data", "check", file_of(tmp_path, NAMES[names]))
    assert (code, "Traceback" in err) == (0, False), err
    assert "36 train, 6 valid, 18 test" in out
    assert "?" in out  # in the place of what cannot be printed


@pytest.mark.parametrize("names", NAMES)
def test_json_stays_valid(tmp_path: Path, printed: Callable[..., Printed], names: str) -> None:
    code, out, err = printed("cp1252", "data", "check", file_of(tmp_path, NAMES[names]), "--json")
    assert code == 0, err
    assert out.isascii()
    assert NAMES[names][0] in json.dumps(json.loads(out), ensure_ascii=False)


@pytest.mark.parametrize(
    "words", [("data", "check", "図.npz"), ("evaluate", "--model", "→"), ("train", "--data", "ω")]
)
def test_errors_print_one_line(printed: Callable[..., Printed], words: tuple[str, ...]) -> None:
    code, out, err = printed("cp1252", *words)
    assert code in (1, 2)
    assert out == ""
    assert err.startswith("qfusion: error: ")
    assert err.count("\n") == 1


def test_a_process_prints_the_same(tmp_path: Path, printed: Callable[..., Printed]) -> None:
    """A report and an error, with names that the encoding lacks."""
    for words in (
        ("data", "check", file_of(tmp_path, NAMES["greek"])),
        ("evaluate", "--model", "→"),
    ):
        code, out, err = print_in_a_process("cp1252", *words)
        assert (code, out, err) == printed("cp1252", *words)


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


@pytest.mark.parametrize("words", ["data list", "models", "explain --help"])
def test_commands_print_in_ascii(printed: Callable[..., Printed], words: str) -> None:
    code, out, err = printed("ascii", *words.split())
    assert code == 0, err
    assert len(out) > 100


def test_missing_and_foreign_streams_are_left_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with pytest.raises(SystemExit):
            cli.main(["--help"])
