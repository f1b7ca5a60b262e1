"""Hands damaged and hostile input to every door by which something from outside comes in.

    python scripts/fuzz.py [--cases 100000] [--doors pickle recipe ...] [--seed 0] [--keep FOLDER]

Every door has examples of what it takes. A case is one of them with bytes flipped, cut, repeated or spliced with
another's, or, where the door takes text or JSON, with numbers, words and structure put in that break programs. A door
may take a case, or refuse it with one line in an error of qfusion's. Anything else is a finding: another exception, a
refusal of several lines, more than ten seconds, more than a gigabyte, a file touched outside the case's folder, a
process, a connection. Findings are written to the folder of --keep, and their number is the exit status.

Doors are worked through in processes of their own, `CASES` at a time, each under a limit of memory.
"""

from __future__ import annotations

import argparse
import atexit
import copy
import io
import json
import multiprocessing
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

CASES, SECONDS, BYTES = 500, 10, 2**30
Door = Callable[[bytes, Path], Any]
TOKENS = [
    b"\x00",
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\x80",
    b"../../etc/passwd",
    b"<script>alert(1)</script>",
    b"=1+1",
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 400,
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"{" * 50,
    b"[" * 200,
    b"[" * 20_000,
    b"%s%n",
    b"\r\n",
    "\u202e\ud7ff".encode(),
    b"'\"",
    b"__import__('os').system('true')",
    b"cos\nsystem\n(S'true'\ntR.",
    b"\xed\xa0\x80",
    b"true",
    b"null",
    b"[]",
    b"{}",
]
STRANGE: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    1e308,
    -0.0,
    "",
    "\x00",
    "../x",
    "a" * 5000,
    "nan",
    [],
    {},
    [[]],
    {"": 0},
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "\u202e",
    10**30,
    10**400,
    [None] * 50,
]


WORDS = [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f"]


@st.composite
def mutated(draw: st.DrawFn, examples: list[bytes]) -> bytes:
    """One of some bytes with some of them removed, others put in, or both; it may take parts of another's."""
    data = bytearray(draw(st.sampled_from(examples)))
    for _ in range(draw(st.sampled_from((1, 1, 2, 4, 16)))):
        place, other = (
            draw(st.integers(0, len(data))),
            draw(st.sampled_from([bytes(data), *examples])),
        )
        begin, size = draw(st.integers(0, len(other))), draw(st.sampled_from((1, 8, 64, 512)))
        part = other[begin : begin + size] * draw(st.sampled_from((1, 1, 2, 50)))
        put_in = draw(
            st.just(b"")
            | st.binary(min_size=1, max_size=1)
            | st.sampled_from([*TOKENS, *WORDS, part])
        )
        gone = draw(st.sampled_from((0, 0, 1, 1, 4, 8, 64, 4096, len(data))))
        data[place : place + gone] = put_in
    return bytes(data[: 2**22])


@st.composite
def restructured(draw: st.DrawFn, examples: list[bytes]) -> bytes:
    """One of some JSON with values, keys and structure replaced; what is no JSON stays as it is."""
    data = draw(st.sampled_from(examples))
    try:
        root = [json.loads(data)]
    except ValueError:
        return data
    for _ in range(draw(st.sampled_from((1, 1, 2, 5)))):
        node: Any = root
        while isinstance(node, dict | list) and node:
            key = draw(
                st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
            )
            if (
                not isinstance(node[key], dict | list)
                or not node[key]
                or draw(st.integers(0, 4)) == 0
            ):
                how = (
                    draw(st.sampled_from(("set", "set", "remove", "rename")))
                    if isinstance(node, dict)
                    else "set"
                )
                if how == "remove":
                    del node[key]
                elif how == "rename":
                    node[str(draw(st.sampled_from(STRANGE)))[:200]] = node[key]
                else:
                    node[key] = copy.deepcopy(
                        draw(st.sampled_from(STRANGE))
                    )  # the next round may change it
                break
            node = node[key]
    try:
        return json.dumps(root[0]).encode()
    except (ValueError, TypeError):
        return data


# -- the doors: what they take, and examples of it


@lru_cache(maxsize=1)
def _planted() -> Any:
    from qfusion import data

    return data.load("planted")


@lru_cache(maxsize=1)
def _model() -> Any:
    from qfusion.training import checkpoint

    return checkpoint.load("qj-planted")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file(name: str) -> Door:
    """A file of that ending, as an import reads it."""

    def door(data: bytes, folder: Path) -> Any:
        from qfusion.data import importing

        path = folder / name
        path.write_bytes(data)
        (folder / "staged").mkdir(exist_ok=True)
        return importing.examine_files([path], folder / "staged")

    return door


def _table(ending: str) -> Door:
    """A table beside sound ones, as an import reads them."""

    def door(data: bytes, folder: Path) -> Any:
        from qfusion.data import importing
        from tests.support import importable

        importable.tables(folder / "t", count=30, suffix=ending)
        (folder / "t" / f"{'labels' if b'label' in data else 'audio'}{ending}").write_bytes(data)
        (folder / "staged").mkdir(exist_ok=True)
        return importing.examine_files([folder / "t"], folder / "staged")

    return door


def _layout(data: bytes, folder: Path) -> Any:
    """Tables in a layout that the bytes choose at random, of what programs write: what is in them must come out."""
    import numpy as np

    from qfusion.data import importing
    from qfusion.errors import QFusionError
    from scripts import table_layouts

    (folder / "t").mkdir()
    (folder / "staged").mkdir()
    rng = np.random.default_rng(list(data[:64]))
    expected = table_layouts.write(folder / "t", rng)
    try:
        examined = importing.examine_files([folder / "t"], folder / "staged")
    except QFusionError as error:
        raise AssertionError(f"a sound table is refused: {error}") from error
    expected.check(examined)
    return examined


RECORDED = (".mp4", ".webm", ".avi", ".wav", ".mp3", ".flac", ".ogg", ".m4a", ".png", ".jpg")


def _recording(ending: str) -> Door:
    """Looks into a recording or a picture and reads a part of it, in the process that does so."""

    def door(data: bytes, folder: Path) -> Any:
        from qfusion.data import frame_reader, media_probe, picture_reader, sound_reader

        path = folder / f"given{ending}"
        path.write_bytes(data)
        facts = media_probe.probe(path)
        end = min(facts.seconds, 2.0)
        if facts.kind == "image":
            return picture_reader.read_picture(path, 32)
        if facts.sound:
            sound_reader.read_sound(path, 0.0, end, 8000)
        if facts.size:
            return [*frame_reader.read_frames(path, 0.0, end, times=[0.0, end / 2], side=32)]
        return facts

    return door


def _recorded(ending: str, folder: Path) -> list[bytes]:
    """Short recordings, or pictures, of an ending, and some that ask for much work."""
    import numpy as np
    from PIL import Image

    from tests.support import hostile_media, recordings

    path, rng = folder / f"sound{ending}", np.random.default_rng(0)
    if ending in (".png", ".jpg"):
        pixels = rng.integers(0, 255, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        Image.fromarray(pixels).save(folder / f"other{ending}", progressive=True)
        files = [path.read_bytes(), (folder / f"other{ending}").read_bytes()]
        return files + ([hostile_media.scans(300, 64)] if ending == ".jpg" else [])
    tone = np.sin(np.arange(8000) / 9).astype(np.float32) / 2
    film = rng.integers(0, 255, (6, 32, 48, 3), np.uint8)
    moving = ending in (".mp4", ".webm", ".avi")
    files = [hostile_media.write(path, tone, film if moving else None).read_bytes()]
    if ending in (".mp4", ".m4a"):
        files += [hostile_media.index(n, where=w) for n, w in ((9, "sizes"), (10**7, "fragment"))]
    if ending == ".webm":
        files.append(hostile_media.timeless(folder / "t.webm", 200).read_bytes())
        files.append(recordings.write(folder / "s.webm", film, tone).read_bytes())
    return files


def _words(ending: str) -> Door:
    def door(data: bytes, folder: Path) -> Any:
        from qfusion.data import timed_words

        path = folder / f"given{ending}"
        path.write_bytes(data)
        return timed_words.read_words(path)

    return door


_CUES = [
    b"1\n00:00:01,000 --> 00:00:02,000\nhello <i>you</i>\n\n2\n00:00:02,500 --> 00:01:03,500\n{\\an8}again\n",
    b"WEBVTT\n\nNOTE a --> b\n\n00:01.000 --> 00:02.000 align:left\n<c.a>one</c> two\n",
    b"1:2:3,4 --> 1:2:4,5\n" + b"<{" * 200,
]
_GRIDS = [
    b'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2\ntiers? <exists>\nsize = 2\nitem []:\n'
    b'item [1]:\nclass = "TextTier"\nname = "p"\nxmin = 0\nxmax = 2\npoints: size = 1\npoints [1]:\nnumber = 1\n'
    b'mark = "x"\n'
    b'item [2]:\nclass = "IntervalTier"\nname = "words"\nxmin = 0\nxmax = 2\nintervals: size = 1\n'
    b'intervals [1]:\nxmin = 0\nxmax = 2\ntext = "say ""hi"""\n',
    b'"ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n"IntervalTier"\n"w"\n0\n2\n2\n0\n1\n"a"\n1\n2\n"b"\n',
]


def _weights(data: bytes, folder: Path) -> Any:
    from qfusion.training import checkpoint, checkpoint_folders

    shutil.copy(checkpoint_folders.folders()[0] / "qj-planted.json", folder / "m.json")
    (folder / "m.safetensors").write_bytes(data)
    return checkpoint.load(folder / "m.json")


def _signed(data: bytes, folder: Path) -> Any:
    """Weights whose digest the card knows: somebody made both."""
    from qfusion.training import checkpoint, checkpoint_cards, checkpoint_folders

    card = json.loads((checkpoint_folders.folders()[0] / "qj-planted.json").read_text())
    card["weights_sha256"] = checkpoint_cards.weights_digest(data, card)
    (folder / "m.json").write_text(json.dumps(card))
    (folder / "m.safetensors").write_bytes(data)
    return checkpoint.load(folder / "m.json")


def _card(data: bytes, folder: Path) -> Any:
    from qfusion.training import checkpoint, checkpoint_folders

    (folder / "m.json").write_bytes(data)
    shutil.copy(
        checkpoint_folders.folders()[0] / "qj-planted.safetensors", folder / "m.safetensors"
    )
    return checkpoint.load(folder / "m.json")


def _session(data: bytes, _: Path) -> Any:
    from qfusion.ui import session_file

    return session_file.read(data, ["Overview", "Samples", "Dynamics"])


def _address(data: bytes, _: Path) -> Any:
    from urllib.parse import parse_qs

    from qfusion.panels import pages

    said = {
        key: tuple(values) for key, values in parse_qs(_text(data), keep_blank_values=True).items()
    }
    return pages.open_page("dynamics", said)


def _run_forked(reader: str, path: Path, out: Path, memory: int, most: int) -> Any:
    """Do what `foreign_files.run_child` does by a fork instead of a new process: the same readers, the same limits, ten
    times as fast."""
    from qfusion.data import foreign_files
    from qfusion.data.isolated import child, process_limits

    folder, _watched["folder"] = _watched["folder"], None
    process = os.fork()
    if process == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        status = 1
        try:
            used = process_limits.used_address_space()
            process_limits.limit_process(used + memory, foreign_files.SECONDS)
            child.convert(reader, str(path), str(out), most)
            status = 0
        except BaseException:
            status = 1
        finally:
            os._exit(status)
    try:
        _, status, used = os.wait4(process, 0)
    except _Late:
        os.kill(process, signal.SIGKILL)
        os.wait4(process, 0)
        raise
    finally:
        _watched["folder"] = folder
    assert used.ru_maxrss * 1024 <= memory + BYTES, f"the child took {used.ru_maxrss:,} KiB"
    code = os.waitstatus_to_exitcode(status)
    return foreign_files.Ending(code, "damaged" if code else "")


def _mat(own: bool, read: Door | None = None) -> Door:
    """A .mat file, or another that a child reads, in a process of its own or in a fork of this one."""

    def door(data: bytes, folder: Path) -> Any:
        from unittest import mock

        from qfusion.data import foreign_files

        def started(*arguments: Any, real: Any = foreign_files.run_child) -> Any:
            watching, _watched["folder"] = _watched["folder"], None
            try:
                return real(*arguments)
            finally:
                _watched["folder"] = watching

        with (
            mock.patch.object(foreign_files, "run_child", started if own else _run_forked),
            mock.patch.object(tempfile, "tempdir", str(folder)),
        ):
            return (read or _file("set.mat"))(data, folder)

    return door


def _sequence(data: bytes, folder: Path) -> Any:
    """A computational sequence as labels and as features."""
    from qfusion.data import importing

    for name in ("labels.csd", "audio.csd"):
        (folder / name).write_bytes(data)
    (folder / "staged").mkdir(exist_ok=True)
    return importing.examine_files([folder / "labels.csd", folder / "audio.csd"], folder / "staged")


def _set(data: bytes, folder: Path) -> Any:
    """The manifest of an imported set, whose arrays are sound."""
    from unittest import mock

    from qfusion.data import imported_sets

    shutil.copytree(imported_set(), folder / "sets" / "own", symlinks=True)
    (folder / "sets" / "own" / imported_sets.MANIFEST).write_bytes(data)
    with mock.patch.dict(os.environ, {"QFUSION_IMPORTED": str(folder / "sets")}):
        return imported_sets.verify_imported("own")


@lru_cache(maxsize=1)
def imported_set() -> Path:
    """A small imported set, kept for the cases of this process."""
    from unittest import mock

    from qfusion.data import importing
    from tests.support import importable

    folder = Path(tempfile.mkdtemp(prefix="qfusion-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    importable.tables(folder / "t", count=30)
    with mock.patch.dict(os.environ, {"QFUSION_IMPORTED": str(folder / "sets")}):
        importing.import_set([folder / "t"], "own")
    return folder / "sets" / "own"


_RUN = [
    json.dumps(
        {
            "data": "planted",
            "model": "quantum-jump",
            "settings": {"dims": [2, 2, 2]},
            "options": {"epochs": 2},
            "seed": 0,
            "title": "t",
            "edition": 1,
        }
    ),
    json.dumps(
        {"state": "running", "epochs": 2, "history": [{"epoch": 1, "train": {"loss": 0.5}}]}
    ),
]


def _run_files(data: bytes, folder: Path) -> Any:
    """A run's plan and its record, as a folder of somebody else's holds them."""
    from qfusion.runs import folder as runs

    (folder / "plan.json").write_bytes(data if b'"settings"' in data else _RUN[0].encode())
    (folder / "record.json").write_bytes(data if b'"state"' in data else _RUN[1].encode())
    run = runs.Run(folder)
    return run.plan, run.record(), run.pending_request(), run.is_held()


def _name(data: bytes, folder: Path) -> Any:
    """A name of a set, a run or a model, wherever one is said: none may lead out of its folder."""
    from unittest import mock

    from qfusion import data as sets
    from qfusion.data import import_store, imported_sets, registry
    from qfusion.errors import QFusionError
    from qfusion.runs import run_list, run_names
    from qfusion.training import imports

    name, homes = (
        _text(data),
        {f"QFUSION_{each}": str(folder / each) for each in ("IMPORTED", "RUNS", "MODELS")},
    )
    (folder / "secret").mkdir(exist_ok=True)
    (folder / "secret" / imported_sets.MANIFEST).write_text("{}")
    allowed, refused = [], []
    rooms: dict[str, Callable[[str], Any]] = {
        "IMPORTED": import_store.check_set_name,
        "RUNS": run_names.check_name,
        "MODELS": lambda each: imports.check_name(each, None, True),
    }
    asks = [
        *rooms.items(),
        *(
            ("", ask)
            for ask in (
                sets.load,
                imported_sets.manifest,
                registry.stamp,
                imported_sets.remove_imported,
                run_list.find_run,
            )
        ),
    ]
    with mock.patch.dict(os.environ, homes):
        for room, ask in asks:
            try:
                ask(name)
                allowed += [room] * bool(room)
            except QFusionError as error:
                refused.append(str(error))
    assert not [each for each in refused if "\n" in each], f"refused in several lines: {refused}"
    for room in allowed:
        assert (folder / room / name).resolve().parent == (folder / room).resolve(), (
            f"{name!r} leads out of {room}"
        )
        assert name.isprintable(), f"{name!r} is a name"
    return allowed


def read_config(data: bytes, folder: Path) -> Any:
    """What is to be trained, as a TOML file says it."""
    from qfusion.commands import training_plan

    (folder / "t.toml").write_bytes(data)
    return training_plan.read_plan(None, "", None, [], folder / "t.toml")


def _shown(data: bytes, _: Path) -> Any:
    """A text of a sample, wherever it is shown."""
    import csv

    import pandas as pd

    from qfusion.analysis import text
    from qfusion.figures import style
    from qfusion.report import plain_text

    said = _text(data)
    for shown in (style.label(said), style.label(said, 400)):
        assert not re.search(r"[<>$\n]", shown), f"markup in a label: {shown!r}"
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`*_$\[\n]", text.escape_markdown(said)), (
        f"markdown: {text.escape_markdown(said)!r}"
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", plain_text.clean(said)), (
        "control characters in a report"
    )
    rows = csv.reader(io.StringIO(text.csv(pd.DataFrame({said: [said]})).decode(), newline=""))
    assert not any(
        cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") for row in rows for cell in row
    ), "a formula"
    return said


def _doors() -> dict[str, Door]:
    from qfusion.data.synthetic import planted_editing
    from qfusion.explain import cohort_filters
    from qfusion.figures import composed_figure, export, recipe, visible_range
    from qfusion.models import Tweak, program_card
    from qfusion.panels import pins

    return {
        "pickle": _mat(False, _file("set.pkl")),
        "npz": _file("set.npz"),
        "csv": _table(".csv"),
        "parquet": _table(".parquet"),
        "tsv": _table(".tsv"),
        "table layout": _layout,
        "weights": _weights,
        "signed weights": _signed,
        "model card": _card,
        "mat": _mat(own=False),
        "mat in its process": _mat(own=True),
        "csd": _mat(own=False, read=_sequence),
        "imported set": _set,
        "run": _run_files,
        "name": _name,
        "training file": read_config,
        "text": _shown,
        "program card": lambda data, _: program_card.read(_text(data), "card.toml"),
        "recipe": lambda data, _: recipe.parse(_text(data)),
        "file with recipe": lambda data, _: export.read_recipe(data),
        "composition": lambda data, _: composed_figure.parse_composition(_text(data)),
        "session": _session,
        "address": _address,
        "tweak": lambda data, _: Tweak.parse(_text(data), _model().model),
        "cohort": lambda data, _: cohort_filters.parse(_text(data)),
        "saved cohort": lambda data, _: cohort_filters.parse_saved(_text(data)),
        "pin": lambda data, _: pins.parse_pin(_text(data)),
        "visible range": lambda data, _: visible_range.parse_visible(_text(data)),
        "sentence": lambda data, _: planted_editing.replace_words(_text(data)),
        **{f"recording {ending}": _recording(ending) for ending in RECORDED},
        **{f"words {ending}": _words(ending) for ending in (".srt", ".vtt", ".TextGrid")},
    }


WEIGHT = {
    "csv": 0.15,
    "parquet": 0.15,
    "tsv": 0.1,
    "table layout": 0.15,
    "weights": 0.3,
    "model card": 0.3,
    "address": 0.3,
    "npz": 0.5,
    "pickle": 0.5,
    "mat": 0.1,
    "mat in its process": 0.004,
    "csd": 0.1,
    "imported set": 0.2,
    "name": 0.3,
    "run": 0.5,
    **{f"recording {ending}": 0.1 for ending in RECORDED},
}  # share of an even one: slower doors
PART = {"mat": 0.5, "csd": 0.5, "mat in its process": 0.1}  # of a batch: slow ones
AS_JSON = ("recipe", "composition", "session", "model card", "imported set", "run")


def _examples(door: str) -> list[bytes]:
    """What a door takes."""
    import numpy as np

    from tests.support import importable

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if door == "pickle":
            small = importable.mmsa(counts={"train": 6, "valid": 3, "test": 3})
            return [
                *(pickle.dumps(small, protocol=protocol) for protocol in (2, 4, 5)),
                *map(pickle.dumps, _other_pickles()),
            ]
        if door == "npz":
            rng, out = np.random.default_rng(0), io.BytesIO()
            np.savez(
                out, a=rng.normal(size=(30, 3)), b=rng.normal(size=(30, 2)), y=np.arange(30) % 3
            )
            odd = io.BytesIO()
            np.savez(
                odd,
                a=np.asfortranarray(rng.normal(size=(30, 3))),
                steps=rng.normal(size=(30, 4, 2)),
                steps_lengths=np.arange(30) % 4 + 1,
                mask=(rng.random((30, 2)) < 0.7).astype(np.uint8),
                graph=np.eye(30),
                again=np.eye(3)[np.arange(30) % 3],
                words=np.full((30, 2), "w"),
                ids=np.array([f"i{row}" for row in range(30)]),
                split=np.array(["train", "valid", "test"])[np.arange(30) % 3],
                y=(np.arange(30) % 3).astype(">i4"),
            )
            packed = io.BytesIO()
            np.savez_compressed(packed, a=np.zeros((30, 3)), y=np.arange(30) % 3)
            return [out.getvalue(), odd.getvalue(), packed.getvalue(), *_bombs()]
        if door.startswith("mat"):
            return _mats()
        if door == "csd":
            return _sequences()
        if door == "imported set":
            return [(imported_set() / "manifest.json").read_bytes()]
        if door == "table layout":
            return [bytes(range(start, start + 48)) for start in (0, 99)]
        if door in ("csv", "tsv", "parquet"):
            made = importable.tables(folder / "t", count=30, suffix=f".{door}")
            return [path.read_bytes() for path in sorted(made.iterdir())]
        if door in ("weights", "signed weights", "model card"):
            ending = ".json" if door == "model card" else ".safetensors"
            from qfusion.training import checkpoint_folders

            sound = (checkpoint_folders.folders()[0] / f"qj-planted{ending}").read_bytes()
            return [sound] if door == "model card" else [sound, *_headers(sound)]
        if door.startswith("recording"):
            return _recorded(door.removeprefix("recording "), folder)
        if door.startswith("words"):
            return _GRIDS if door.endswith(".TextGrid") else _CUES
    recipe = json.dumps(
        {
            "kind": "qfusion recipe",
            "version": 1,
            "page": "Dynamics",
            "panel": "decision-over-time",
            "address": {"model": ["qj-planted"], "sample": ["p0031"]},
            "look": {"format": "svg"},
            "made_from": {},
            "software": {},
            "numbers": "",
            "title": "",
            "caption": "",
        }
    )
    from qfusion.ui.session_file import Session

    session = Session(
        "Samples",
        {"Samples": {"model": ["qj-planted"], "H.text": ["0.5"]}},
        {"figure.format": "svg"},
        {},
    )
    return [
        each.encode()
        for each in {
            "program card": re.findall(
                r"```toml\n(.*?)```", (ROOT / "docs/model-files.md").read_text(), re.DOTALL
            ),
            "recipe": [recipe, _recipe()],
            "file with recipe": [f"<svg><metadata>{recipe}</metadata></svg>", _recipe()],
            "composition": [
                json.dumps(
                    {
                        "kind": "qfusion composition",
                        "version": 1,
                        "panels": [json.loads(recipe)] * 2,
                    }
                )
            ],
            "session": [session.text()],
            "address": [
                "model=qj-planted&data=planted&sample=p0031&H.text=0.5&view=State&t=0.5",
                "model=qcnn-parity&gate=4",
            ],
            "run": _RUN,
            "name": [
                "my-set",
                "../secret",
                "a" * 64,
                "own.json",
                "set\n",
                "secret/../../etc",
                "/etc/passwd",
                "CON",
                ".",
            ],
            "training file": [
                "data = 'planted'\nmodel = 'quantum-jump'\nseed = 1\n[set]\nepochs = 3\ndims = [2, 2, 2]",
                "data = 'digits'\nmodel = 'entangled-qcnn'",
            ],
            "text": [
                "a very good day",
                "<b>x</b> $x^2$ `code` [a](b) *c* :smile: &amp;",
                "=1+1",
                "+cmd|' /C calc'!A0",
                "\t=1",
                "@SUM(A1)",
                "\\[a",
                "-2",
            ],
            "tweak": ["H.text=0.5,D.text=2,rate.1=2,T=1.2", "H.text-audio=-1"],
            "cohort": ["relation=conflict", "error>0.3;truth<0", "split=test;entropy[text]>=0.2"],
            "saved cohort": ["hard:error>0.3"],
            "pin": ["qj-planted/planted/p0031/H.text=0.3"],
            "visible range": ["0,1", "-2.5,3e4"],
            "sentence": ["a very good day", "good and bad"],
        }[door]
    ]


def _bombs() -> list[bytes]:
    """Archives of arrays that promise or unpack to much, and whose members would like to lie elsewhere."""
    import numpy as np

    def packed(members: dict[str, bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return out.getvalue()

    huge = (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 99), }"
    )
    huge += b" " * (10 + 0x76 - len(huge) - 1) + b"\n"
    zeros, small = io.BytesIO(), io.BytesIO()
    np.save(zeros, np.zeros((2**17, 8)))
    np.save(small, np.zeros((30, 2)))
    nested = packed({"a.npy": packed({f"{k}.npy": zeros.getvalue() for k in range(8)})})
    for _ in range(3):
        nested = packed({f"{k}.npz": nested for k in range(8)} | {"a.npy": nested})
    return [
        packed({"../a.npy": b"\x93NUMPY\x01\x00" + bytes(2**20)}),
        packed({"a.npy": huge, "y.npy": huge}),
        nested,
        packed({f"a{k}.npy": zeros.getvalue() for k in range(33)} | {"y.npy": small.getvalue()}),
        packed(
            {
                "/tmp/a.npy": small.getvalue(),
                "..\\..\\b.npy": small.getvalue(),
                "y.npy": small.getvalue(),
            }
        ),
    ]


def _headers(sound: bytes) -> list[bytes]:
    """Weights whose header is as long as nothing is, deeper than anything, or says more than there is."""

    def headed(header: bytes, size: int = -1) -> bytes:
        return (len(header) if size < 0 else size).to_bytes(8, "little") + header + sound[-4096:]

    many = {f"t{k}": {"dtype": "F64", "shape": [], "data_offsets": [0, 8]} for k in range(20_000)}
    far = {"a": {"dtype": "F64", "shape": [2**40, 2**40], "data_offsets": [0, 2**62]}}
    return [
        headed(b"{}", 2**63),
        headed(b"{}", 2**40),
        headed(b"[" * 100_000),
        headed(json.dumps(many).encode()),
        headed(json.dumps(far).encode()),
        headed(b'{"__metadata__": {"a": "' + b"x" * 10**6 + b'"}}'),
    ]


def _other_pickles() -> list[Any]:
    """Small pickles in other layouts: other names, a column a class, lists of tuples."""
    import numpy as np

    from tests.support import importable

    renamed = importable.mmsa(counts={"train": 6, "valid": 3, "test": 3}, aligned=True)
    for part in renamed.values():
        part["visual"] = part.pop("vision")
        part["labels"] = part.pop("regression_labels").reshape(-1, 1, 1)
        part["classification_labels"] = np.eye(3)[part["classification_labels"]]
    tuples = {
        name: [
            (
                (["a", "b"], np.ones((2, 4)), np.ones((2, 3))),
                np.array([[0.5 * row]]),
                f"{name}[{row}]",
            )
            for row in range(4)
        ]
        for name in ("train", "dev", "test")
    }
    return [renamed, tuples]


def _sequences() -> list[bytes]:
    """Small computational sequences."""
    import h5py
    import numpy as np

    made = []
    for size, kind in ((1, "f8"), (3, ">f4"), (2, "i2")):
        out = io.BytesIO()
        with h5py.File(out, "w") as file:
            for video in ("one", "two"):
                begins = np.arange(4.0)
                file[f"scores/data/{video}/features"] = (
                    np.arange(4 * size).reshape(4, size).astype(kind)
                )
                file[f"scores/data/{video}/intervals"] = np.stack([begins, begins + 1], 1)
            file["scores/metadata/creator"] = b"fuzz"
        made.append(out.getvalue())
    return made


def _mats() -> list[bytes]:
    """Small .mat files: numbers, text, cells, structs and sparse matrices, plain, packed and of version 7.3."""
    import numpy as np
    import scipy.io
    import scipy.sparse

    rng = np.random.default_rng(0)
    views = np.empty((1, 2), dtype=object)
    views[0, 0], views[0, 1] = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
    made = []
    for content, packed in (
        ({"X": views, "Y": np.arange(12.0)[:, None] % 3}, False),
        ({"X": views, "gt": np.arange(12)[:, None] % 3, "note": "words"}, True),
        (
            {
                "a": scipy.sparse.random(12, 4, 0.3, random_state=0),
                "Y": np.arange(12)[:, None] % 2,
                "s": {"field": [1.0, "two"]},
            },
            True,
        ),
    ):
        out = io.BytesIO()
        scipy.io.savemat(out, content, do_compression=packed)
        made.append(out.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        from tests.support.matlab73 import savemat73

        for content in (
            {"X": views, "Y": np.arange(12.0)[:, None] % 3},
            {
                "data": {"image": views[0, 0], "text": views[0, 1]},
                "gt": np.arange(12)[:, None] % 3,
                "graph": scipy.sparse.random(12, 12, 0.3, random_state=0),
                "note": "words",
            },
        ):
            made.append(savemat73(Path(folder) / "new.mat", content).read_bytes())
    return [*made, b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(512)]


def _recipe() -> str:
    from qfusion.figures import recipe
    from qfusion.figures.export_style import ExportStyle

    return recipe.Recipe(
        "Dynamics",
        "decision-over-time",
        {"model": ("qj-planted",), "sample": ("p0031",)},
        ExportStyle(),
    ).text()


# -- a case, and what must not happen in it

# What reads in a process of its own: recordings and pictures.
PROCESSES = ("qfusion.data.decoder_server",)
_watched: dict[str, Any] = {"folder": None, "seen": [], "cache": "/dev/null"}
_FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "socket.bind",
    "shutil.rmtree",
    "os.remove",
    "os.rename",
    "os.chmod",
    "os.symlink",
    "ctypes.dlopen",
    "webbrowser.open",
)


def _audit(event: str, said: tuple[Any, ...]) -> None:
    folder = _watched["folder"]
    started = str(said[1]) if event == "subprocess.Popen" else ""
    if folder is None or any(own in started for own in PROCESSES):
        return
    own = (folder, _watched["cache"])  # what a model first makes of its data is kept, whoever asks
    if event == "open":
        path, _, flags = (*said, None, 0)[:3]
        writes = (
            not isinstance(path, int)
            and isinstance(flags, int)
            and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if (
            writes
            and not str(path).startswith((*own, "/dev/null"))
            and not str(path).endswith((".pyc", ".pyo"))
            and "__pycache__" not in str(path)
        ):
            _watched["seen"].append(f"opened {path} to write")
    elif event == "os.remove" and isinstance(said[-1], int) and said[-1] >= 0:
        return  # by name in an open folder: shutil.rmtree, which is asked itself
    elif event in _FORBIDDEN and not any(str(each).startswith(own) for each in said):
        _watched["seen"].append(f"{event} {str(said)[:100]}")


class _Late(BaseException):
    pass


def _ring(*_: Any) -> None:
    raise _Late


def tried(door: Door, data: bytes, folder: Path, seconds: int | None = None) -> str:
    """What went wrong in a case; empty where nothing did. It may take so many seconds, `SECONDS` unless told."""
    from qfusion.errors import QFusionError

    _watched["folder"], _watched["seen"] = str(folder), []
    signal.setitimer(signal.ITIMER_REAL, seconds or SECONDS)
    try:
        door(data, folder)
    except QFusionError as error:
        if "\n" in str(error) or not str(error).strip() or len(str(error)) > 2000:
            return f"refused in other than one line: {str(error)[:200]!r}"
    except _Late:
        return f"took more than {SECONDS} s"
    except MemoryError:
        return "took too much memory"
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
            if place is not None
            else ""
        )
        return f"{type(error).__name__} at {where}: {str(error)[:160]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _watched["folder"] = None
    return "; ".join(_watched["seen"])


def _batch(asked: tuple[str, int, int]) -> tuple[str, int, list[tuple[str, bytes]], float]:
    """Works through some cases of one door in this process."""
    name, number, count = asked
    door, examples = _doors()[name], _examples(name)
    damaged = mutated(examples)
    cases = restructured(examples) | damaged if name in AS_JSON else damaged
    found: list[tuple[str, bytes]] = []
    began = time.perf_counter()
    for place, example in enumerate(examples):  # what is sound loads what is loaded late
        with tempfile.TemporaryDirectory() as folder:
            tried(door, example, Path(folder), 120)
        assert place < 100
    limit, seen = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1000 + BYTES, set[int]()

    @hypothesis.seed(number)
    @hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases)
    def study(data: bytes) -> None:
        nonlocal limit
        hypothesis.assume(hash(data) not in seen)
        seen.add(hash(data))
        with tempfile.TemporaryDirectory() as folder:
            wrong = tried(door, data, Path(folder))
        if not wrong and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1000 > limit:
            wrong, limit = "took more than 1 GiB of memory", 2 * limit
        if wrong:
            found.append((wrong, data))

    study()
    return name, count, found, time.perf_counter() - began


def begin_process() -> None:
    import warnings

    warnings.simplefilter("ignore")
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    from qfusion import _user_folders

    _watched["cache"] = str(_user_folders.cache_root())
    signal.signal(signal.SIGALRM, _ring)
    resource.setrlimit(resource.RLIMIT_AS, (12 * BYTES, 12 * BYTES))
    sys.addaudithook(_audit)


def main() -> int:
    """Runs the cases, prints and keeps what is found; returns how many kinds of findings there are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--doors", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument(
        "--batch", type=int, default=CASES, help="cases of a door that a process works through"
    )
    asked = parser.parse_args()
    names = asked.doors or list(_doors())
    weights = [WEIGHT.get(name, 1.0) for name in names]
    sizes = {name: max(1, round(asked.batch * PART.get(name, 1))) for name in names}
    jobs = [
        (name, asked.seed * 10_000 + batch, sizes[name])
        for name, weight in zip(names, weights, strict=True)
        for batch in range(max(1, round(asked.cases * weight / sum(weights) / sizes[name])))
    ]
    counts, kinds, seconds = Counter[str](), dict[tuple[str, str], int](), Counter[str]()
    # A few cases are one process's work: it takes longer to load than to work through them.
    processes = min(os.cpu_count() or 1, 1 + sum(size for _, _, size in jobs) // 500)
    # Forked from this one, which has loaded what the doors need.
    with multiprocessing.get_context("fork").Pool(
        processes, begin_process, maxtasksperchild=8 * max(1, CASES // asked.batch)
    ) as pool:
        for name, count, found, took in pool.imap_unordered(_batch, jobs):
            counts[name] += count
            seconds[name] += took  # type: ignore[assignment]
            for wrong, data in found:
                kind = (name, wrong[:90])
                kinds[kind] = kinds.get(kind, 0) + 1
                if kinds[kind] == 1:
                    print(f"{name}: {wrong}", flush=True)
                    if asked.keep:
                        asked.keep.mkdir(parents=True, exist_ok=True)
                        (asked.keep / f"{name.replace(' ', '-')}-{len(kinds):03d}").write_bytes(
                            data
                        )
    for name in names:
        print(
            f"{name:18} {counts[name]:7,} cases {1e3 * seconds[name] / max(1, counts[name]):8.2f} ms each "
            f"{sum(n for (door, _), n in kinds.items() if door == name):5} findings"
        )
    print(f"{sum(counts.values()):,} cases, {sum(kinds.values())} findings of {len(kinds)} kinds")
    return min(len(kinds), 100)


if __name__ == "__main__":
    sys.exit(main())
