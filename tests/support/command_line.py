"""Commands run in this process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from qfusion import cli


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document that stands alone on standard output; NaN is not JSON."""
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process."""

    def call(*words: Any) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        return Result(int(ended.value.code or 0), *capsys.readouterr())

    return call


def assert_refused(result: Result, *parts: str, code: int = 1) -> None:
    """A refusal: its code, nothing on standard output, one line on standard error that holds `parts`."""
    assert result.code == code
    assert result.out == ""
    assert result.err.startswith("qfusion: error: ")
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err
