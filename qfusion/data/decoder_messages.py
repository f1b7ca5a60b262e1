"""Messages between this process and a decoder: their length in 8 bytes, then msgpack.

Numbers, words and arrays are sent, never a pickle, since a hostile file may control the decoder.
"""

import io
from dataclasses import fields, is_dataclass
from typing import Any, BinaryIO

import msgspec
import numpy as np

from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput, NotFound, QFusionError

_PARTS = ("value", "next", "end", "error")  # of an answer
_MAX_ANSWER = 2**31  # bytes


class TooMuchWork(InvalidInput):
    """Reading a file exceeds the limits of memory or time."""


ERRORS: dict[str, type[QFusionError]] = {
    error.__name__: error
    for error in (
        QFusionError,
        InvalidInput,
        NotFound,
        DataUnavailable,
        IntegrityError,
        TooMuchWork,
    )
}


def send_message(stream: BinaryIO, message: bytes) -> None:
    """Write a message after its length."""
    stream.write(len(message).to_bytes(8, "little"))
    stream.write(message)
    stream.flush()


def read_message(stream: BinaryIO) -> bytes:
    """Return the next message; empty at the end of the stream."""
    head = stream.read(8)
    size = int.from_bytes(head, "little")
    if len(head) < 8 or size > _MAX_ANSWER:
        return b""
    return stream.read(size)


def receive_part(stream: BinaryIO) -> tuple[str, Any]:
    """Return the next part of an answer: its kind and its value.

    Raises:
        EOFError: at the end of the stream.
        ValueError: when the message is no such part.
    """
    message = read_message(stream)
    if not message:
        raise EOFError
    kind, value = msgspec.msgpack.decode(
        message, type=tuple[str, Any], ext_hook=lambda _, content: _load_array(content)
    )
    if kind not in _PARTS or (kind == "error" and value[0] not in ERRORS):
        raise ValueError(kind)
    return kind, value


def _load_array(content: memoryview) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


def _pack_value(value: Any) -> Any:
    """Return an array as an extension type of msgpack."""
    if isinstance(value, np.ndarray):
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return msgspec.msgpack.Ext(1, file.getbuffer())
    raise NotImplementedError(type(value).__name__)


def plain_value(value: Any) -> Any:
    """Return a dataclass as a dictionary of its fields, any other value unchanged."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value


def send_part(answers: BinaryIO, kind: str, value: Any) -> None:
    """Write a part of an answer."""
    send_message(answers, msgspec.msgpack.encode((kind, value), enc_hook=_pack_value))
