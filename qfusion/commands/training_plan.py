"""Read a training plan from command-line options and a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qfusion
from qfusion._checks import check, choose, read_toml
from qfusion.errors import translate_errors


def read_plan(
    data: str | None,
    model: str | None,
    seed: int | None,
    assignments: list[str],
    config: Path | None,
    replay: int = 0,
) -> qfusion.runs.Plan:
    """Return the plan of a training, checked as far as possible without training."""
    file = _read_config(config)
    data = data or file.get("data")
    model = model or str(file.get("model", "quantum-jump"))
    seed = int(file.get("seed", 0)) if seed is None else seed
    check(
        isinstance(data, str),
        "Say what to train on: --data NAME, or data = 'NAME' in the file of --config. See `data list`.",
    )
    return qfusion.runs.plans.make_plan(
        str(data),
        model,
        {**file.get("set", {}), **parse_settings(assignments)},
        seed,
        replay=replay,
    )


def parse_settings(assignments: list[str]) -> dict[str, str]:
    """Return the texts of settings given as `key=value`."""
    settings = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        check(
            bool(equals),
            f"Argument `--set` must have the form key=value, but is {word[:80]!r}. Write --set epochs=30, say.",
        )
        settings[key.strip()] = text.strip()
    return settings


def _read_config(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    with translate_errors(
        f"Argument `--config` names {config}, which cannot be read as TOML",
        "Correct it.",
        *(OSError, ValueError),
        why="{words}",
    ):
        file = read_toml(config.read_text(encoding="utf-8"))
    for key in file:
        choose(f"In {config.name}, key", key, ("data", "model", "seed", "set"))
    check(
        isinstance(file.get("set", {}), dict)
        and isinstance(file.get("seed", 0), int)
        and isinstance(file.get("model", ""), str),
        f"File {config.name} must hold data and model as words, seed as a whole number, and settings in a table "
        "[set].",
    )
    return file
