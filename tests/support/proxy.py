"""A reverse proxy on this machine: asks for a password, says for whom it asks, and passes websockets through."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Iterator

PASSWORD = "Basic " + base64.b64encode(b"lab:door").decode()
_REFUSED = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="lab"\r\nContent-Length: 0\r\n\r\n'
)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """One connection, one request: each says `Connection: close` unless it becomes a websocket."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
        return
    named = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:]}
    if named.get("authorization") != PASSWORD:
        writer.write(_REFUSED)
        writer.close()
        return
    kept = [
        line
        for line in head
        if not line.lower().startswith(("authorization:", "x-forwarded-"))
        and (named.get("upgrade") or not line.lower().startswith("connection:"))
    ]
    more = [
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Proto: http",
        *([] if named.get("upgrade") else ["Connection: close"]),
    ]
    there, answer = await asyncio.open_connection("127.0.0.1", port)
    answer.write("\r\n".join([*kept, *more, "", ""]).encode("latin-1"))
    await asyncio.gather(_pass(reader, answer), _pass(there, writer))


@contextlib.contextmanager
def proxy(own: int, port: int) -> Iterator[str]:
    """Runs one before a server's port while the block lasts, and yields its address.

    Args:
        own: the port that it listens on. port: the server's.
    """
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(lambda r, w: _serve(r, w, port), "127.0.0.1", own)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
