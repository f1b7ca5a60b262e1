"""How long a reader waits while another session asks for many reruns at once: on a bare page of Streamlit (a slider and
one `st.write`), on the same page without the collection of garbage after each run, and on Overview.

    python benchmarks/rerun_flood.py [--messages 150] [--rounds 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from scripts.serving import STREAMLIT, serve  # noqa: E402

PAGE = 'import streamlit as st\nst.write(st.slider("x", 0, 100))\n'
PATIENCE = 400  # seconds for one answer


def main() -> None:
    """Prints the seconds of a reader's rerun, quiet and behind the messages, in every round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=150, help="14 bytes each")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "page.py"
        page.write_text(PAGE)
        bare = (*STREAMLIT[:-1], page, "--runner.postScriptGC")
        servers = {
            "bare page": (*bare, "true"),
            "bare page, postScriptGC off": (*bare, "false"),
            "Overview": STREAMLIT,
        }
        for title, command in servers.items():
            with serve(folder, command=command) as server:
                rounds = [measure(server.url, asked.messages) for _ in range(asked.rounds)]
            quiet, behind = zip(*rounds, strict=True)
            print(
                f"{title}: quiet {spread(quiet)} s, behind {asked.messages} messages {spread(behind)} s"
            )


def measure(url: str, messages: int) -> tuple[float, float]:
    """Returns the seconds of a reader's rerun before and behind the messages of another session."""
    with join(url) as reader, join(url) as other:
        for socket in (reader, other):
            rerun(socket)
        quiet = rerun(reader)
        threading.Thread(target=read_all, args=(other,), daemon=True).start()
        for number in range(messages):
            other.send(message(number))
        return quiet, rerun(reader)


def join(url: str) -> Any:
    """Returns a session's connection."""
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    return connect(address, subprotocols=["streamlit"], ping_interval=None, max_size=None)


def message(number: int) -> bytes:
    """Returns a request for a rerun."""
    request = BackMsg()
    request.rerun_script.query_string = f"a={number:08d}"
    return request.SerializeToString()


def rerun(socket: Any) -> float:
    """Returns the seconds until a rerun has finished."""
    began = time.perf_counter()
    socket.send(message(0))
    while True:
        answer = ForwardMsg.FromString(socket.recv(timeout=PATIENCE))
        is_end = answer.WhichOneof("type") == "script_finished"
        if is_end and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return time.perf_counter() - began


def read_all(socket: Any) -> None:
    """Reads what a session is sent, until it ends."""
    with suppress(ConnectionClosed):
        for _ in socket:
            pass


def spread(seconds: Any) -> str:
    """Returns the lowest and the highest of some seconds."""
    return f"{min(seconds):.2f} to {max(seconds):.2f}"


if __name__ == "__main__":
    main()
