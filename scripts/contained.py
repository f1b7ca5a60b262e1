"""The app as the container runs it, without a container: every page opened and a model trained by nobody, on a root
that is read-only.

    python scripts/contained.py [NAME ...]      # of scripts/visits.py; every page without one

Takes command and variables from `Containerfile`. As root on Linux all but one folder is made read-only for the server,
which then runs as nobody; elsewhere it runs as whoever asks, and says so. Exits with 1 when a page shows an exception,
the model is not trained, or the log has a traceback.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from scripts import serving  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402
from scripts.visits import chosen  # noqa: E402

LINES = re.sub(
    r"\\\n\s*",
    "",
    "\n".join(
        line
        for line in (ROOT / "Containerfile").read_text().splitlines()
        if not line.startswith("#")
    ),
).splitlines()
# A checkout in a folder of root's needs the right to read.
_ALONE = (
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    'mount --bind "$0" /mnt && mount -o remount,bind,ro / && exec setpriv --reuid=65534 --regid=65534 '
    '--clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search --no-new-privs "$@"',
)


def said(word: str) -> list[str]:
    """What the container file says after a word, line by line."""
    return [line.split(None, 1)[1] for line in LINES if line.startswith(f"{word} ")]


ENV = dict(pair.split("=", 1) for line in said("ENV") for pair in line.split())
COMMAND = json.loads(said("CMD")[-1])


def can_seal() -> bool:
    """Whether this is root on a Linux that lets it have mounts of its own."""
    if (
        sys.platform != "linux"
        or os.getuid()
        or not shutil.which("setpriv")
        or not shutil.which("unshare")
    ):
        return False
    return (
        subprocess.run([*_ALONE, "/tmp", "true"], capture_output=True, check=False).returncode == 0
    )


@contextlib.contextmanager
def serve(
    folder: Path, variables: Mapping[str, str], options: Sequence[str] = (), path: str = ""
) -> Iterator[tuple[serving.Server, Path]]:
    """Runs the container's command while the block lasts, and yields the server and the folder that is its /data.

    Args:
        folder: for the log, and for a folder `data`, whose files it may have already.
        variables: of the environment, on top of the container's.
        options: of the command; `DATA` in them, and in `variables`, is where the server finds its /data.
        path: of its addresses.
    """
    data, sealed = folder / "data", can_seal()
    data.mkdir(exist_ok=True)
    inside = "/mnt" if sealed else str(data)
    if sealed:
        for each in (data, *data.iterdir()):
            os.chown(each, 65534, 65534)
    environment = {name: re.sub("^/(data|tmp)", inside, value) for name, value in ENV.items()}
    environment |= {"TMPDIR": inside, "PYTHONPATH": str(ROOT), **variables}
    command = [
        *([*_ALONE, str(data)] if sealed else []),
        sys.executable,
        *COMMAND[1:],
        *(option.replace("DATA", inside) for option in options),
    ]
    with serving.serve(folder, environment, limit=240, command=command, path=path) as server:
        yield server, data


def main() -> int:
    """Opens every page and trains a model; returns 1 when something goes wrong."""
    visits, folder, wrong = chosen(sys.argv[1:]), Path(tempfile.mkdtemp()), []
    print(
        "as nobody, all but one folder read-only"
        if can_seal()
        else "as this user, nothing is read-only",
        flush=True,
    )
    with serve(folder, {"QFUSION_TRAIN": "yes"}) as (server, data):
        for visit in visits:
            asked = urlsplit(visit.address)
            with Visitor(server.url, limit=300) as visitor:
                seen = visitor.open(asked.path.strip("/"), **dict(parse_qsl(asked.query)))
                wrong += [f"{visit.name}: {each}" for each in seen.exceptions]
                print(
                    f"{visit.name}: {len(seen.elements)} elements, {seen.seconds:.1f} s", flush=True
                )
        with Visitor(server.url, limit=300) as visitor:
            visitor.open("train", **{"new.quantum-jump.planted.epochs": 2})
            visitor.set("_start", True)
        until = time.monotonic() + 240
        while not list(data.glob("models/*.json")) and time.monotonic() < until:
            time.sleep(0.5)
        found = sorted(str(path.relative_to(data)) for path in data.glob("models/*"))
        wrong += [] if found else ["no model was trained"]
        wrong += ["the log has a traceback"] if "Traceback" in server.log.read_text() else []
        print(
            f"trained: {', '.join(found)}; folders: {', '.join(sorted(path.name for path in data.iterdir()))}"
        )
    print("\n".join(wrong) or f"{len(visits)} pages, nothing wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
