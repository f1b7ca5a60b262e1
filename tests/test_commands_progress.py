"""Progress bars of commands show rate and remaining time on a terminal only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from qfusion import _progress, cli
from qfusion._memory_cache import CACHE
from qfusion.commands import printing, train
from qfusion.study.opening import load_model_and_data
from qfusion.training import encodings

MODEL = "qj-planted"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bars are told, wherever they are drawn."""
    heard: list[str] = []
    bar = printing.Progress

    class Listening(bar):  # type: ignore[misc, valid-type]
        def update(self, *words: Any, **named: Any) -> None:
            heard.append(str(named.get("description")))
            super().update(*words, **named)

    monkeypatch.setattr(printing, "Progress", Listening)
    return heard


def run(*words: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    assert not ended.value.code


def test_rates_and_times_are_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    pace = _progress.Pace()
    assert pace.words(0, 100) == ""
    now[0] = 2.0
    assert pace.left(500, 2500) == 8.0
    assert pace.words(500, 2500) == "250 samples a second, 8 s left"
    assert [_progress.duration(seconds) for seconds in (3.2, 99, 600, 7200)] == [
        "3 s",
        "99 s",
        "10 min",
        "2 h",
    ]


def test_encoding_shows_its_rate_once(
    shown: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(encodings, "HEAVY", 0)
    CACHE.clear(encodings.CACHE_KIND)
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path))
    sample = load_model_and_data(MODEL, None)[1].ids[0]
    run("explain", "--model", MODEL, "--sample", sample, "--json")
    assert [
        words for words in shown if words.startswith("Encoding: ") and words.endswith(" s left")
    ]
    assert "samples a second" in shown[-1]
    captured = capsys.readouterr()
    assert captured.out.startswith("{")
    assert "Encoding" not in captured.err, "no terminal"
    shown.clear()
    run("explain", "--model", MODEL, "--sample", sample, "--json")
    assert not shown


def test_long_epoch_shows_rate_and_remaining_time(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ("train", "--data", "planted", "--model", "concatenation")
    words += ("--set", "epochs=2", "--set", "batch=256")
    monkeypatch.setattr(train, "SLOW_EPOCH", 600.0)
    run(*words, "--out", tmp_path / "quick")
    assert not [line for line in shown if "a second" in line], "an epoch of less than some seconds"
    assert [line for line in shown if line.startswith("Training: epoch 2, validation loss")]
    monkeypatch.setattr(train, "SLOW_EPOCH", 0.0)
    shown.clear()
    run(*words, "--out", tmp_path / "slow")
    first, second = (
        [line for line in shown if line.startswith(f"Training: epoch {n}, ")] for n in (1, 2)
    )
    assert "samples a second" in first[0]
    assert first[0].endswith(" left")
    assert "left, validation loss" in second[0]


def test_nested_bar_is_a_line_of_the_outer_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        printing, "Console", lambda stderr: Console(stderr=stderr, force_terminal=True)
    )
    with (
        printing.progress_bar("Training") as outer,
        _progress.progress_to(printing.sample_progress_bar),
    ):
        outer(1, 2, "epoch 1")
        for _ in _progress.progress_over([3, 4], "Encoding", 7, int):
            time.sleep(0.01)
            assert [task.description.partition(":")[0] for task in printing.open_bars[0].tasks] == [
                "Training",
                "Encoding",
            ]
        assert len(printing.open_bars[0].tasks) == 1
    assert not printing.open_bars
