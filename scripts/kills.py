"""Kills trainings, sweeps, imports, the filling of encodings, whatever keeps files, and servers, at random
moments and in the middle of writing, and looks whether anything is lost.

    python scripts/kills.py [--kills 200] [--seed 0] [--inside] [--kinds training sweep import encodings ...]

The processes are those of the app and the command line, made to write slowly (`scripts/slow_writes.py`); each is killed
with its process group by SIGKILL, two of three times, and with --inside always, while it is opening, syncing, renaming
or removing a file. After
each kill everything that was there before is read again and its digest compared: what was being written must be as
before or as wanted, and nothing else may have changed. Trainings and sweeps go on, and their ends are compared with
those of processes that nobody disturbed. Last, two servers on one folder are asked the same at the same moment.
Prints counts by kind; exits with 1 when anything is lost. Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from qfusion import runs  # noqa: E402
from qfusion._files import atomic, is_running  # noqa: E402
from qfusion._user_folders import cache_root  # noqa: E402
from qfusion.data import (  # noqa: E402
    array_cache,
    imported_sets,
    importing,
    load,
)
from qfusion.errors import QFusionError  # noqa: E402
from qfusion.runs import Plan, Run, recorder, search_space, sweeps  # noqa: E402
from qfusion.training import checkpoint, checkpoint_folders  # noqa: E402
from qfusion.training.encodings import encoded_numbers, encoded_place  # noqa: E402
from scripts import serving, slow_writes  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402

SHARES = {
    "training": 0.3,
    "sweep": 0.1,
    "import": 0.1,
    "encodings": 0.1,
    "keeping": 0.15,
    "server": 0.15,
}
FORK = multiprocessing.get_context("fork")
SMALL = dict(dims=2, measurements=4, hidden=8, dropout=0.2)
TRIALS = 4
INSIDE = 60.0  # seconds in which a process must begin to write where only such are killed
ZYGOTE = """
import json, os, signal, sys
import streamlit.web.cli as cli, torch, plotly.graph_objects, qfusion.ui.overview
import qfusion.ui.pages.data
from scripts import slow_writes
from pathlib import Path
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        for number, name in ((0, os.devnull), (1, order["log"]), (2, order["log"])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
        slow_writes.install(Path(order["folder"]), Path(order["flag"]))
        cli.main(["run", "app.py", *order["options"]], prog_name="streamlit")
    print(pid, flush=True)
"""


class Killer:
    """Kills process groups, and counts.

    Args:
        folder: where everything is kept. seed: of the moments. inside: whether only what is writing is killed.
    """

    def __init__(self, folder: Path, seed: int, inside: bool = False):
        self.folder, self.chance, self.always_inside = folder, random.Random(seed), inside
        self.flag = folder / "flag"
        self.flag.write_bytes(b"\0")
        self.inside = slow_writes.shared(self.flag)
        self.kills, self.within, self.ends, self.lost = (
            Counter[str](),
            Counter[str](),
            Counter[str](),
            list[str](),
        )

    def strike(self, kind: str, pid: int, longest: float, over: Callable[[], bool]) -> bool:
        """Kills a process group within so many seconds; False when it was over before."""
        until = time.monotonic() + self.chance.uniform(0, longest)
        aims = self.always_inside or self.chance.random() < 2 / 3
        while time.monotonic() < until and not over():
            time.sleep(0.001)
        give_up = time.monotonic() + (INSIDE if self.always_inside else longest)
        while aims and not self.inside[0] and time.monotonic() < give_up and not over():
            time.sleep(0.0005)
        inside = bool(self.inside[0])
        if over():
            self.ends[kind] += 1
            return False
        os.killpg(pid, signal.SIGKILL)
        self.kills[kind] += 1
        self.within[kind] += inside
        self.inside[0] = 0
        return True

    def forked(self, kind: str, study: Callable[[], Any], longest: float) -> bool:
        """Does some work in a process of its own and kills it; False when it was over before."""

        def run() -> None:
            os.setpgid(0, 0)
            out = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 2)
            slow_writes.install(self.folder, self.flag)
            study()

        process = FORK.Process(target=run)
        process.start()
        with contextlib.suppress(OSError):  # done by both, so that neither is late
            os.setpgid(process.pid, process.pid)
        struck = self.strike(kind, process.pid, longest, lambda: not process.is_alive())
        process.join()
        if process.exitcode not in (0, -signal.SIGKILL):
            self.wrong(
                f"{kind}: a process ended with {process.exitcode}: {_last(self.folder / 'log.txt')}"
            )
        return struck

    def wrong(self, words: str) -> None:
        """Notes what was lost."""
        self.lost.append(words)
        print(f"LOST {words}", flush=True)

    def same(self, what: str, found: Any, *wanted: Any) -> None:
        """Compares what is found with what may be there."""
        if found not in wanted:
            self.wrong(
                f"{what} is {found!r:.80}, not {' or '.join(f'{each!r:.80}' for each in wanted)}"
            )


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:200] if lines else ""


def parts(folder: Path) -> list[str]:
    """Half-written files below a folder."""
    return [path.name for path in folder.rglob("*.part")]


def exports() -> Path:
    """Where exported files go."""
    return runs.runs_folder().parent / "out"


def weights(run: Run) -> str:
    """Digest of a run's model."""
    return str(checkpoint.load(run.model_path).card["weights_sha256"])


def training(killer: Killer, wanted: int) -> None:
    """Kills trainings, which are also stopped and gone on with, until one has ended; then the next."""
    plan = Plan(
        "planted",
        "quantum-jump",
        SMALL,
        options=dict(epochs=8, patience=0, batch=256),
        digest=load("planted").digest,
    )
    whole = runs.create_run(plan, name="whole")
    began = time.perf_counter()
    runs.train_run(whole)
    length, truth = time.perf_counter() - began, weights(whole)
    losses = [row["valid_loss"] for row in whole.record().history]
    number, number_kept, run, stopped = 0, 0, runs.create_run(plan, name="killed-0"), ""
    while killer.kills["training"] < wanted:
        stop_at = killer.chance.choice((0, 0, 2, 4, 6))

        def study(run: Run = run, stop_at: int = stop_at) -> None:
            recorder.PULSE = 0.02
            runs.train_run(run, lambda p: run.send_request("stop") if p.epoch == stop_at else None)

        killer.forked("training", study, length / 2)
        try:
            record, kept = run.record(), run.load_state()
            here = [row["valid_loss"] for row in record.history]
            killer.same(f"state of {run.name}", record.state, "interrupted", "stopped", "finished")
            killer.same(f"history of {run.name}", here, losses[: len(here)])
            epochs = (
                len(kept["fit"]["history"])
                if kept
                else len(here)
                if record.state == "finished"
                else 0
            )
            if epochs < number_kept:
                killer.wrong(
                    f"{run.name} was kept after epoch {number_kept}, and now after {epochs}"
                )
            number_kept = epochs
            if stopped and not run.model_path.exists():
                killer.wrong(f"the model of {run.name} is gone")
            stopped = weights(run) if run.model_path.exists() else ""
            if run.name not in [each.name for each in runs.list_runs()]:
                killer.wrong(f"{run.name} is no longer listed")
            if record.state == "finished" or (len(here) == len(losses) and stopped == truth):
                if record.state != "finished":
                    runs.train_run(run)
                killer.same(f"weights of {run.name}", weights(run), truth)
                killer.same(f"half-written files of {run.name}", parts(run.path), [])
                if killer.chance.random() < 0.5:
                    run.delete()
                number, number_kept, stopped = number + 1, 0, ""
                run = runs.create_run(plan, name=f"killed-{number}")
        except QFusionError as error:
            killer.wrong(f"{run.name}: {error}")
            return
    runs.train_run(run)
    killer.same(f"weights of {run.name}", weights(run), truth)
    killer.same("half-written files of trainings", parts(runs.runs_folder()), [])


def sweeping(killer: Killer, wanted: int) -> None:
    """Kills processes of a sweep; ended trials keep their values, and none is left out."""
    search = search_space.read_search(
        "planted", "quantum-jump", {**SMALL, "epochs": 2}, ["rate=1e-4:1e-2:log"], [], "loss"
    )
    began, number = time.perf_counter(), 0
    truth = sweeps.begin("whole", search, TRIALS)
    sweeps.run_trials(truth)
    length, values = (
        time.perf_counter() - began,
        {each.number: each.value for each in truth.attempts()},
    )
    while killer.kills["sweep"] < wanted:
        found, known = sweeps.begin(f"swept-{number}", search, TRIALS), dict[int, float]()
        while not found.is_done:
            if killer.kills["sweep"] >= wanted:
                sweeps.run_trials(found)
            else:
                killer.forked(
                    "sweep",
                    lambda name=found.name: sweeps.run_trials(sweeps.find(name)),
                    length / 2,
                )
            try:
                found = sweeps.find(found.name)
                now = {
                    each.number: each.value
                    for each in found.attempts()
                    if each.state == sweeps.FINISHED
                }
            except QFusionError as error:
                killer.wrong(f"sweep {found.name}: {error}")
                return
            for place, value in known.items():
                killer.same(f"trial {place} of {found.name}", now.get(place), value)
            known = {place: value for place, value in now.items() if value is not None}
        killer.same(f"first trial of {found.name}", known.get(0), values[0])
        killer.same(f"number of trials of {found.name}", len(known), TRIALS)
        number += 1


def tables(folder: Path, variant: int) -> Path:
    """A small set of tables, whose numbers depend on `variant`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, ids, label = (
        np.random.default_rng(variant),
        [f"s{row:03d}" for row in range(60)],
        np.arange(60) % 3,
    )
    for name, size in (("text", 4), ("audio", 3)):
        frame = pd.DataFrame(
            rng.normal(size=(60, size)) + label[:, None],
            columns=[f"{name} {place}" for place in range(size)],
        )
        frame.insert(0, "id", ids)
        frame.to_csv(folder / f"{name}.csv", index=False)
    pd.DataFrame(
        {
            "id": ids,
            "label": np.array(["low", "mid", "high"])[label],
            "split": np.repeat(["train", "valid", "test"], [36, 12, 12]),
        }
    ).to_csv(folder / "labels.csv", index=False)
    return folder


class Kept:
    """What was kept, by kind and name, as digests; and how it is found again."""

    def __init__(self, killer: Killer):
        self.killer, self.sets, self.models, self.files = (
            killer,
            dict[str, str](),
            dict[str, str](),
            dict[str, str](),
        )
        self.variants = [tables(killer.folder / f"tables-{number}", number) for number in range(2)]
        self.digests = []
        for number, folder in enumerate(self.variants):
            importing.import_set([folder], f"reference-{number}")
            self.digests.append(imported_sets.load_imported(f"reference-{number}").digest)
            self.sets[f"reference-{number}"] = self.digests[-1]

    def look(self) -> dict[str, dict[str, str]]:
        """Everything as it is, read whole; what cannot be read is an empty digest."""
        found: dict[str, dict[str, str]] = {"sets": {}, "models": {}, "files": {}}
        for name in imported_sets.imported_names():
            with self.named(f"set {name}"):
                found["sets"][name] = imported_sets.verify_imported(name).digest
        for path in checkpoint_folders.folders()[-1].glob("*.json"):
            if path.stem.startswith(
                "page-"
            ):  # of a training that goes on beside the killed servers
                continue
            with self.named(f"model {path.stem}"):
                found["models"][path.stem] = str(checkpoint.load(path.stem).card["weights_sha256"])
        for path in exports().glob("[!.]*"):
            found["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    @contextlib.contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Notes what cannot be read."""
        try:
            yield
        except QFusionError as error:
            self.killer.wrong(f"{what}: {error}")

    def compare(self, what: str, name: str, *wanted: str | None) -> None:
        """Compares everything with what was kept; `name` of the kind `what` may be one of `wanted` (None: not there),
        and is noted as it is."""
        found = self.look()
        for kind, known in (("sets", self.sets), ("models", self.models), ("files", self.files)):
            for each in known.keys() | found[kind].keys():
                choices = wanted if (kind, each) == (what, name) else (known.get(each),)
                self.killer.same(f"{kind}: {each}", found[kind].get(each), *choices)
            known.clear()
            known.update(found[kind])


def keeping(killer: Killer, wanted: int) -> None:
    """Kills processes that import, replace and remove sets, keep and replace models, write caches and exports."""
    kept, out = Kept(killer), exports()
    out.mkdir()
    made = []
    for seed in range(2):
        run = runs.create_run(
            Plan("planted", "quantum-jump", SMALL, options=dict(epochs=1), seed=seed),
            name=f"source-{seed}",
        )
        runs.train_run(run)
        made.append(checkpoint.load(run.name))
        kept.models[run.name] = weights(run)
    content = [bytes([65 + number]) * 200_000 for number in range(2)]
    arrays = {"values": np.arange(200_000.0)}

    def write(place: Path, number: int) -> None:
        with atomic(place) as part:
            part.write_bytes(content[number])

    def kill(
        study: Callable[[], Any],
        longest: float,
        known: Mapping[str, str],
        kind: str,
        name: str,
        wanted: str | None,
    ) -> None:
        before = known.get(name)
        struck = killer.forked("keeping", study, longest)
        kept.compare(kind, name, wanted, *([before] if struck else []))

    while killer.kills["keeping"] < wanted:
        what = killer.chance.choice(("import", "import", "remove", "model", "file", "cache"))
        number, name = killer.chance.randrange(2), f"own-{killer.chance.randrange(4)}"
        if what == "import":
            kill(
                partial(importing.import_set, [kept.variants[number]], name, replace=True),
                0.6,
                kept.sets,
                "sets",
                name,
                kept.digests[number],
            )
        elif what == "remove" and name in kept.sets:
            kill(partial(imported_sets.remove_imported, name), 0.05, kept.sets, "sets", name, None)
        elif what == "model":
            kill(
                partial(
                    checkpoint.save,
                    checkpoint_folders.folders()[-1] / name,
                    made[number].model,
                    made[number].card,
                ),
                0.1,
                kept.models,
                "models",
                name,
                str(made[number].card["weights_sha256"]),
            )
        elif what == "file":
            kill(
                partial(write, out / name, number),
                0.05,
                kept.files,
                "files",
                name,
                hashlib.sha256(content[number]).hexdigest(),
            )
        elif what == "cache":
            make = partial(array_cache.cached_arrays, name, str(number), lambda: arrays)
            killer.forked("keeping", make, 0.1)
            killer.same(f"cache {name}", bool((make()["values"] == arrays["values"]).all()), True)
            (cache_root() / f"{name}-{number}.npz").unlink(missing_ok=True)
    for name in kept.sets.keys() - {"reference-0", "reference-1"}:
        imported_sets.remove_imported(name)
    checkpoint.save(checkpoint_folders.folders()[-1] / "last", made[0].model, made[0].card)
    write(out / "last", 0)
    array_cache.cached_arrays("last", "0", lambda: arrays)
    killer.same("half-written files", parts(killer.folder), [])


def imports(killer: Killer, wanted: int) -> None:
    """Kills processes that import sets and replace them: each is as before or as wanted."""
    kept = Kept(killer)
    while killer.kills["import"] < wanted:
        number, name = killer.chance.randrange(2), f"own-{killer.chance.randrange(4)}"
        before = kept.sets.get(name)
        study = partial(importing.import_set, [kept.variants[number]], name, replace=True)
        struck = killer.forked("import", study, 0.6)
        kept.compare("sets", name, kept.digests[number], *([before] if struck else []))
    importing.import_set([kept.variants[0]], "last", replace=True)
    killer.same("half-written files of imports", parts(imported_sets.imported_root()), [])


def small_model(seed: int = 0) -> checkpoint.Checkpoint:
    """A model of the planted set, trained for an epoch."""
    plan = Plan("planted", "quantum-jump", SMALL, options=dict(epochs=1), seed=seed)
    run = runs.create_run(plan, name=f"source-{seed}")
    runs.train_run(run)
    return checkpoint.load(run.name)


def encodings(killer: Killer, wanted: int) -> None:
    """Kills processes that fill the cache of what encoders make of a set: it is there whole or not at all."""
    model, dataset = small_model().model, load("planted")
    fill, place = (
        partial(encoded_numbers, model, dataset),
        encoded_place(model, dataset),
    )

    def filled() -> dict[str, np.ndarray]:
        """What a process fills that nobody kills; this one would remember it."""
        process = FORK.Process(target=fill)
        process.start()
        process.join()
        return array_cache.read_arrays(place) or {}

    truth = filled()
    while killer.kills["encodings"] < wanted:
        place.unlink(missing_ok=True)
        killer.forked("encodings", fill, 0.2)
        if place.exists():
            compare_arrays(killer, place, truth)
    place.unlink(missing_ok=True)
    filled()
    compare_arrays(killer, place, truth)
    killer.same("half-written files of encodings", parts(place.parent), [])


def compare_arrays(killer: Killer, place: Path, truth: Mapping[str, np.ndarray]) -> None:
    """Compares the arrays of a file with what they are, bit for bit."""
    found = array_cache.read_arrays(place) or {}
    equal = found.keys() == truth.keys() and all(
        np.array_equal(found[name], values) for name, values in truth.items()
    )
    killer.same(f"{place.name} is whole", equal and bool(truth), True)


class Zygote:
    """Forks servers from a process that has loaded the libraries."""

    def __init__(self, killer: Killer):
        self.killer, self.log = killer, killer.folder / "server.log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", ZYGOTE],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            text=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def serve(self) -> tuple[int, str]:
        """Starts a server; returns its number and its address once it answers."""
        port = serving.free_port()
        options = [
            "--server.port",
            str(port),
            "--server.headless",
            "true",
            "--server.fileWatcherType",
            "none",
        ]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(
            json.dumps(
                {
                    "folder": str(self.killer.folder),
                    "flag": str(self.killer.flag),
                    "log": str(self.log),
                    "options": options,
                }
            )
            + "\n"
        )
        self.process.stdin.flush()
        pid, url, until = (
            int(self.process.stdout.readline()),
            f"http://127.0.0.1:{port}",
            time.monotonic() + 120,
        )
        while not serving.answers(url):
            if time.monotonic() > until or not is_running(pid):
                raise RuntimeError(f"The server does not answer: {_last(self.log)}")
            time.sleep(0.05)
        return pid, url

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def served(killer: Killer, wanted: int) -> None:
    """Kills servers while a reader imports, replaces and removes sets, and starts and deletes runs, page by page."""
    kept, zygote = Kept(killer), Zygote(killer)
    kept.compare("", "")
    files = [
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in kept.variants
    ]
    started: dict[str, bool] = {}
    address = {"new.data": "planted", "new.kind": "quantum-jump"}
    known = runs.list_runs()
    while killer.kills["server"] < wanted:
        what = killer.chance.choice(("import", "import", "import", "remove", "run", "delete"))
        number = killer.chance.randrange(2)
        name, done, words = f"own-{killer.chance.randrange(6)}", threading.Event(), list[str]()
        before = kept.sets.get(name)
        gone = [
            run
            for run in runs.list_runs()
            if run.record().state in ("finished", "interrupted") and run not in known
        ]
        if (
            (what == "remove" and before is None)
            or (what == "delete" and not gone)
            or (what == "run" and len(started) > 5)
        ):
            continue
        if what in ("run", "delete"):
            name = gone[0].name if what == "delete" else f"page-{len(started)}"
        pid, url = zygote.serve()
        ready = threading.Event()

        def act(
            what: str = what,
            name: str = name,
            number: int = number,
            url: str = url,
            ready: Any = ready,
            done: Any = done,
            words: Any = words,
            before: Any = before,
        ) -> None:
            with contextlib.suppress(Exception), Visitor(url) as visitor:  # killed
                page = "train" if what in ("run", "delete") else "data"
                more = (
                    {"set": name}
                    if what == "remove"
                    else {"run": name}
                    if what == "delete"
                    else (
                        {**address, "new.quantum-jump.planted.epochs": 1} if what == "run" else {}
                    )
                )
                words += visitor.open(page, **more).exceptions
                if what == "import":
                    visitor.upload("_import_files", files[number])
                    words += visitor.set("Examine", True).exceptions
                    visitor.set("_import_name", name)
                    if before is not None:
                        visitor.set("_import_replace", True)
                if what == "run":
                    visitor.set("_new.name", name)
                ready.set()
                key = {
                    "import": "_import_keep",
                    "remove": "_remove_set",
                    "run": "_start",
                    "delete": "_delete",
                }[what]
                words += visitor.set(key, True).exceptions
                done.set()

        reader = threading.Thread(target=act)
        reader.start()
        early = killer.chance.random() < 0.2  # also while pages are drawn and files are read
        while not early and not ready.is_set() and reader.is_alive():
            time.sleep(0.01)
        struck = killer.strike(
            "server", pid, 8.0 if early else 2.0 if what == "run" else 0.4, done.is_set
        )
        if not struck:
            os.killpg(pid, signal.SIGKILL)  # at rest, which is not counted
        reader.join()
        for each in words:
            killer.wrong(f"the page of {what}: {each}")
        while is_running(pid):
            time.sleep(0.01)
        if what == "run":
            started[name] = done.is_set()
            kept.compare("", "")
        elif what == "delete":
            left = name in [run.name for run in runs.list_runs()]
            if done.is_set():
                killer.same(f"{name} is listed", left, False)
            if not left:
                started[name] = False
            kept.compare("", "")
        else:
            new = None if what == "remove" else kept.digests[number]
            kept.compare("sets", name, new, *([] if done.is_set() else [before]))
    together(killer, zygote, files, kept.digests)
    zygote.close()
    for name in started:
        found = {run.name: run for run in runs.list_runs()}.get(name)
        if found is None:
            killer.same(f"{name} is there", started[name], False)
            continue
        until = time.monotonic() + 120
        while found.is_held() and time.monotonic() < until:
            time.sleep(0.2)
        if found.record().state != "finished":
            runs.train_run(found)
        killer.same(f"state of {name}", found.record().state, "finished")


def together(
    killer: Killer, zygote: Zygote, files: list[dict[str, bytes]], digests: list[str]
) -> None:
    """Two servers on one folder, of which readers ask the same at the same moment: it is done once.

    Args:
        killer, zygote: see there. files: of two data sets, by their names. digests: of these.
    """
    servers = [zygote.serve() for _ in range(2)]
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(Visitor(url, 600)) for _, url in servers]

        def both(
            page: str, before: Callable[[int, Visitor], Any], key: str, **query: str
        ) -> list[str]:
            for number, each in enumerate(readers):
                each.open(page, **query)
                before(number, each)
            threads = [threading.Thread(target=each.set, args=(key, True)) for each in readers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for each in readers:
                for words in each.seen.exceptions:
                    killer.wrong(f"two servers, {key}: {words}")
            return [each.seen.words() for each in readers]

        def uploaded(number: int, reader: Visitor) -> None:
            reader.upload("_import_files", files[number])
            reader.set("Examine", True)
            reader.set("_import_name", "both")

        said = both("data", uploaded, "_import_keep")
        killer.same(
            "sets kept by two servers", sum("It can now be chosen" in words for words in said), 1
        )
        killer.same("set of two servers", imported_sets.verify_imported("both").digest, *digests)
        run = {
            "new.data": "planted",
            "new.kind": "quantum-jump",
            "new.quantum-jump.planted.epochs": "1",
        }
        both("train", lambda _, reader: reader.set("_new.name", "both"), "_start", **run)
        killer.same(
            "runs of two servers", [each.name for each in runs.list_runs()].count("both"), 1
        )
        until, found = time.monotonic() + 120, runs.find_run("both")
        while found.record().state != "finished" and time.monotonic() < until:
            time.sleep(0.2)
        killer.same("state of a run of two servers", found.record().state, "finished")
        both("train", lambda *_: None, "_delete", run="both")
        killer.same(
            "runs of two servers", [each.name for each in runs.list_runs()].count("both"), 0
        )
        both("data", lambda *_: None, "_remove_set", set="both")
        killer.same("sets of two servers", "both" in imported_sets.imported_names(), False)
    for pid, _ in servers:
        os.killpg(pid, signal.SIGKILL)


def run(kills: int, seed: int, kinds: Mapping[str, float] = SHARES, inside: bool = False) -> Killer:
    """Kills so many processes, and returns what was found.

    Args:
        kills: how many. seed: of the moments. kinds: which, with their shares. inside: whether only while they write.
    """
    studies = {
        "training": training,
        "sweep": sweeping,
        "import": imports,
        "encodings": encodings,
        "keeping": keeping,
        "server": served,
    }
    with tempfile.TemporaryDirectory(prefix="qfusion-kills-") as place:
        folder = Path(place)
        os.environ["QFUSION_CACHE"] = str(folder / "cache")
        killer, total, began = Killer(folder, seed, inside), sum(kinds.values()), time.monotonic()
        for kind, share in kinds.items():
            for name in ("RUNS", "MODELS", "IMPORTED"):
                os.environ[f"QFUSION_{name}"] = str(folder / kind / name.lower())
            studies[kind](killer, max(1, round(kills * share / total)))
            print(
                f"{kind}: {killer.kills[kind]} kills, {killer.within[kind]} in the middle of writing, "
                f"{killer.ends[kind]} were over before; {len(killer.lost)} losses; {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return killer


def main() -> int:
    """Kills; returns 1 when anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inside", action="store_true", help="kill only what is writing")
    parser.add_argument("--kinds", nargs="+", choices=list(SHARES), default=list(SHARES))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = run(asked.kills, asked.seed, {kind: SHARES[kind] for kind in asked.kinds}, asked.inside)
    kills, within = found.kills.total(), found.within.total()
    print(
        f"{kills} kills, {within} ({within / kills:.0%}) in the middle of writing: {len(found.lost)} losses"
    )
    return int(bool(found.lost))


if __name__ == "__main__":
    sys.exit(main())
