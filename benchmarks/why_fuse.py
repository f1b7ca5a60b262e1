"""Why fuse?: what `qfusion why` says of data sets and of shipped models, as the tables of docs/plugins/why.md.

    QFUSION_DATA=FOLDER python benchmarks/why_fuse.py [data] [models] [generators] [times] [--only NAME ...]
        [--cache FOLDER]

Every row is one run of the command that its first column names, in a process of its own. With --cache, what a command
printed is kept there and not asked for again; `times` asks anew, of `mosei` where a set of that name is imported (a
stand-in of MOSEI's size is written by `benchmarks/mosei.py --write FILE`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import mosei  # noqa: E402
import tables  # noqa: E402

DATA = (
    "planted",
    "scenes",
    "parity",
    "avparity",
    "avagree",
    "easyvqa-yesno",
    "mosi",
    "digits",
    "avdigits",
)
MODELS = (
    "qj-planted",
    "qj-scenes",
    "qj-parity",
    "qj-avparity",
    "qj-avagree",
    "qj-easyvqa",
    "qj-mosi",
    "qcnn-parity",
    "qcnn-avparity",
    "qcnn-easyvqa",
    "qcnn-digits",
    "qcnn-avdigits",
)
GENERATORS = tuple(name for name in MODELS if name.startswith("qj-"))


def asked(cache: Path | None, *words: str) -> dict[str, Any]:
    """Returns what `qfusion why WORDS --json` prints, or `problem` where it ends with an error."""
    place = cache / f"{'_'.join(words).replace('--', '')}.json" if cache else None
    if place and place.is_file():
        return json.loads(place.read_text())
    print("qfusion why", *words, file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "qfusion", "why", *words, "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        return {"problem": (ended.stderr.strip().splitlines() or ["no word"])[-1]}
    if place:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(ended.stdout)
    return json.loads(ended.stdout)


def signed(part: Mapping[str, float], digits: int = 2) -> str:
    """Returns "+.03 [.01, .05]" of a value with its interval."""
    value, low, high = (f"{part[key]:+.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def of_data(name: str, cache: Path | None) -> list[str]:
    """Returns a row of the table of data sets."""
    result = asked(cache, "--data", name)
    if "problem" in result:
        return [f"`{name}`", result["problem"], *["–"] * 6]
    worth = result["worth"]
    return [
        f"`{name}`",
        f"{result['n']:,}",
        f"{result['entropy']:.2f}",
        f"{max(result['total']['low'], 0):.2f}",
        signed(result["redundancy"]),
        signed(result["synergy"]),
        f"{signed(worth['late - single'])} {worth['metric']}",
        signed(worth["joint - late"]),
    ]


def of_model(name: str, cache: Path | None) -> list[str]:
    """Returns a row of the table of models."""
    result = asked(cache, "--model", name)
    if "problem" in result:
        return [f"`{name}`", result["problem"], *["–"] * 4]
    first = result["emap"]["metrics"][0]
    gain = {"value": first["gain"], "low": first["gain:low"], "high": first["gain:high"]}
    shapley = [row for row in result["loss"]["terms"] if row["what"] == "Shapley value"]
    most = max(shapley, key=lambda row: row["loss_reduction"])
    whole = sum(row["loss_reduction"] for row in shapley)
    pairs = [
        row for row in result.get("f_syn", {}).get("pairs", ()) if row["correlation"] is not None
    ]
    worst = min((row["correlation"] for row in pairs), default=None)
    share = result["basins"].get("share")
    return [
        f"`{name}`",
        f"{signed(gain, 3)} {first['metric']}",
        f"{most['of']}, {most['loss_reduction']:.3f} of {whole:.3f}",
        result["ranking"]["coalitions"][0]["coalition"],
        "–" if worst is None else f"{worst:.2f}",
        f"{share['value']:.1%} [{share['low']:.1%}, {share['high']:.1%}]"
        if share
        else "not measured",
    ]


def of_generator(name: str, cache: Path | None) -> list[str]:
    """Returns a row of the table of smallest generators."""
    result = asked(cache, "--model", name, "--smallest")
    if "problem" in result:
        return [f"`{name}`", result["problem"], "–", "–"]
    part = result["smallest"]
    row = part["curve"][part["size"]]
    share = f"{row['share']:.0%} [{row['share_low']:.0%}, {row['share_high']:.0%}]"
    return [
        f"`{name}`",
        f"{part['size']} of {part['of']}: {', '.join(part['left']) or 'none'}",
        f"{share} of {part['metric']}",
        f"{row['random_mean']:.3f} against {row[part['metric']]:.3f}",
    ]


def of_time(name: str, cache: Path | None) -> list[str]:
    """Returns a row of the table of times."""
    try:
        step = mosei.run("why", "--data", name, "--json")
    except RuntimeError as error:
        return [f"`{name}`", str(error), "–", "–"]
    rows = json.loads(step.said)["n"]
    return [f"`{name}`", f"{rows:,}", f"{step.seconds:.0f} s", f"{step.memory / 1e6:,.0f} MB"]


TABLES = {
    "data": (
        of_data,
        DATA,
        "why-data",
        (
            "Data",
            "Rows",
            "Bits of the target",
            "Small models find at least",
            "Redundant",
            "Synergistic",
            "Late models beyond the best single",
            "Joint beyond late",
        ),
    ),
    "models": (
        of_model,
        MODELS,
        "why-models",
        (
            "Model",
            "Joint terms are worth (EMAP)",
            "Takes most off the loss (Shapley)",
            "Says most",
            "F_syn of 16 rows, mean correlation of the worst pair",
            "Samples with several explanations (5 % may by chance)",
        ),
    ),
    "generators": (
        of_generator,
        GENERATORS,
        "why-generators",
        ("Model", "Terms left", "Carry", "As many, at random"),
    ),
    "times": (
        of_time,
        ("planted", "mosi", "mosei"),
        "why-times",
        ("Data", "Rows asked", "From command to answer", "Anonymous memory, most"),
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(TABLES)}; default all")
    parser.add_argument("--only", nargs="*", help="rows, to try the script: nothing is written")
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args(argv)
    for part in arguments.parts or TABLES:
        row, names, place, header = TABLES[part]
        chosen = arguments.only or names
        text = tables.markdown(header, [row(name, arguments.cache) for name in chosen])
        if arguments.only:
            print(text)
        else:
            tables.write(place, f"{text}\n\n{tables.provenance('why_fuse.py')}")


if __name__ == "__main__":
    main()
