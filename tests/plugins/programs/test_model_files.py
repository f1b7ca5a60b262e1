"""docs/plugins/programs.md: its programs and commands run in their order, and do what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from qfusion import cli
from qfusion.plugins.programs import program_card
from qfusion.training import checkpoint_cards

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "plugins" / "programs.md").read_text()
STEPS = 5  # of the training, which the page lets take 300


def test_programs_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL):
        Path(name).write_text(code.replace("MulT(), 300", f"MulT(), {STEPS}"))
    commands = re.findall(
        r"^    python (\S.*)$", PAGE.partition("## Torch program")[0], re.MULTILINE
    )
    assert len(commands) == 8
    for command in commands:
        words = command.split()
        if words[0] != "-m":
            exec(compile(Path(words[0]).read_text(), words[0], "exec"), {"__name__": "__main__"})
            continue
        with pytest.raises(SystemExit) as ended:
            cli.main(words[2:])
        assert not ended.value.code, f"{command}: {capsys.readouterr().err}"
    sys.modules.pop("mult", None)
    assert {"my-mult", "my-pipeline", "my-factory"} <= set(checkpoint_cards.available())
    assert checkpoint_cards.load_card("my-pipeline")["this_seed"]["test"]["accuracy"] > 0.9
    assert checkpoint_cards.load_card("my-mult")["this_seed"]["test"] == pytest.approx(
        checkpoint_cards.load_card("my-factory")["this_seed"]["test"], rel=1e-4
    )


def test_card_of_the_page_is_valid() -> None:
    said = program_card.read(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0], "mult.toml")
    assert [each.gives for each in said.inputs] == ["values", "mask"]
