"""Programs of torch that run in the process of the tests: torch.export takes seconds to begin, in every process anew.
What a program's own process does is asked where it has one."""

from __future__ import annotations

import functools
import io
import os
from typing import Any
from unittest import mock

from qfusion.models import _program_child as child, program as program_module
from qfusion.models.program import Program


class Process:
    """Stands for the process that `Program` starts, and answers what is written to it at once."""

    pid, returncode = os.getpid(), None

    def __init__(self, *words: Any, **settings: Any):
        self.stdin, self.stdout, self._engine = Orders(self._answer), io.BytesIO(), None

    def _answer(self, order: dict[str, Any], body: bytes) -> None:
        work = self._load if self._engine is None else self._engine.answer
        self.stdout = io.BytesIO()
        child.send(self.stdout, *child.reply(work, order, body))
        self.stdout.seek(0)

    def _load(self, order: dict[str, Any], data: bytes) -> child.Answer:
        self._engine = child.Torch(data, order["file"], order["threads"])
        return self._engine.about, b""

    def kill(self) -> None:
        """There is none."""

    def wait(self, timeout: float | None = None) -> None:
        """There is none."""


class Orders(io.BytesIO):
    """Hands on a message that was written as a whole."""

    def __init__(self, hand: Any):
        super().__init__()
        self._hand = hand

    def flush(self) -> None:
        """Ends a message."""
        self.seek(0)
        message = child.receive(self)
        self.seek(0)
        self.truncate()
        self._hand(*message)


@functools.lru_cache(4)
def program(content: bytes, file: str, kind: str) -> Program:
    """A program, begun here if it is one of torch; those of the same bytes are one."""
    if kind != "torch":
        return Program(content, file, kind)
    with mock.patch.object(program_module.subprocess, "Popen", Process):
        return Program(content, file, kind)
