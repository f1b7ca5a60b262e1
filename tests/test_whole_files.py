"""Files are written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from qfusion._files import atomic
from qfusion.errors import InvalidInput


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail_half_way() -> None:
        with atomic(target) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["missing/a.txt", ".", "n" * 300])
def test_unwritable_folder_is_reported(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with pytest.raises(InvalidInput, match="cannot be written"), atomic(target) as part:
        part.write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No space left on device"), atomic(tmp_path / "a.txt"):
        Path("/dev/full").write_text("x")
    assert list(tmp_path.iterdir()) == []
