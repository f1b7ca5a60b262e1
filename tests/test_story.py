"""Stories of one sample: literal texts, limits, and the lever by the model's numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qfusion import cli, plugin
from qfusion.data.sample_content import Clip, Preview
from qfusion.errors import InvalidInput
from qfusion.report import decision_story
from qfusion.report.story_page import Story, render_page
from qfusion.study import recording_strip
from qfusion.study.opening import open_sample
from qfusion.study.sample import Sample
from qfusion.views import sensitivity

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = (
    '<script>alert(1)</script> <img src="http://x.y/z" onerror=alert(1)> & "q" </style></svg> <!-- ]]> $x^2$ '
    + "\x00\u202e "
    + "w" * 400
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return open_sample("qj-parity", "pair-6601")


@pytest.fixture(scope="module")
def story(sample: Sample) -> Story:
    return decision_story.build_story(sample)


class Elements(HTMLParser):
    """The elements of a page with their attributes, its words, and its script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_hostile_texts_are_shown_literally(story: Story) -> None:
    hostile = replace(
        story,
        title=HOSTILE[:200],
        says=HOSTILE,
        facts=(HOSTILE,),
        words={HOSTILE[:40]: HOSTILE},
        acts=tuple(replace(act, name=HOSTILE[:30], says=HOSTILE) for act in story.acts),
    )
    page = render_page(hostile).decode()
    assert page.count("https://") == 0
    assert page.replace("http://www.w3.org", "").count("http://") == page.count("http://x.y/z")
    elements = Elements(page)
    scripts = [attributes for tag, attributes in elements.tags if tag == "script"]
    assert scripts == [{}]
    assert plugin.asset_text("story.js") in elements.words
    loaded = [
        attributes[name]
        for tag, attributes in elements.tags
        for name in attributes
        if name.split(":")[-1] in ("src", "href", "srcset", "data", "poster")
    ]
    assert loaded
    assert all(str(address).startswith(("data:", "#")) for address in loaded)
    assert not any(name.startswith("on") for _, attributes in elements.tags for name in attributes)
    assert any("<script>alert(1)</script>" in words for words in elements.words)


def test_page_contains_the_whole_story(sample: Sample, story: Story) -> None:
    page = render_page(story)
    words = " ".join(Elements(page.decode()).words)
    for part in (story.title, story.says, story.made_from, *(act.says for act in story.acts)):
        assert part in words
    assert "python -m qfusion story --model qj-parity --data parity --sample pair-6601" in words
    assert page == render_page(decision_story.build_story(sample))
    assert len(page) < 5e6


def test_lever_equals_the_sensitivity(sample: Sample) -> None:
    for one in (sample, open_sample("qcnn-digits", "digit-0003")):
        terms, result = (
            sensitivity.effect_sensitivity(one).sensitivity,
            decision_story.largest_lever(one),
        )
        assert result is not None
        moved = [
            abs(effect)
            for term, effect in zip(terms.parameters, terms.effects[:, 0], strict=True)
            if term.kind in ("coupling", "dissipation", "fusion")
        ]
        assert abs(result[0].score - one.score) == pytest.approx(max(moved), abs=1e-4)
    network = decision_story.build_story(one)
    assert "taken out" in network.acts[1].says
    assert "decision now" in network.acts[1].says
    assert network.acts[0].figure.layout.xaxis.range == network.acts[1].figure.layout.xaxis.range


def test_tweak_of_the_reader_is_the_lever(sample: Sample) -> None:
    acts = decision_story.build_story(
        replace(sample, tweak=sample.study.model.parse_tweak("H.left=2,T=1.5"))
    ).acts
    assert acts[1].says.startswith("H: left × 2, T = 1.5: log-odds")
    assert [act.figure.layout.xaxis.range[1] for act in acts] == [1.5, 1.5]


class CutClip(Clip):
    """A recording that cannot be read."""

    def preview(self) -> Preview:
        raise InvalidInput(f"File `{self.path.name}` cannot be read.")


def test_missing_clip_is_reported(sample: Sample, monkeypatch: Any, tmp_path: Path) -> None:
    for source, words in (
        (recording_strip.Source(problem="`gone.mp4` is not there any more."), "gone.mp4"),
        (recording_strip.Source(CutClip(tmp_path / "cut.mp4", "video")), "cut.mp4"),
    ):
        monkeypatch.setattr(recording_strip, "source", lambda *_, source=source: source)
        result = decision_story.build_story(sample)
        assert "Its recording cannot be shown" in result.facts[-1]
        assert words in result.facts[-1]


def test_invalid_length_is_refused(story: Story) -> None:
    with pytest.raises(InvalidInput, match=r"`seconds` must .*, but is 400"):
        render_page(story, seconds=400)


def test_command(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "story.html"
    said = ["story", "--model", "qcnn-digits", "--sample", "digit-0003", "--tweak", "all:and"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*said, "--out", str(out), "--json"])
    assert ended.value.code == 0
    assert out.read_bytes().startswith(b"<!DOCTYPE html>")
    record = json.loads(capsys.readouterr().out)
    assert record["acts"]["One lever"].startswith("fusion rules all:and: log-odds")
    for wrong, words in (
        (["--out", "story.mp4"], "must end in .html"),
        (["--out", "story.html", "--seconds", "400"], "`seconds` must"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main([*said, *wrong])
        assert ended.value.code == 1
        assert words in capsys.readouterr().err


def test_share_as_story_on_a_page() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    app.switch_page("pages/dynamics.py")
    app.query_params["model"], app.query_params["H.left"] = "qj-parity", "2"
    app.run()
    app.button(key="_story_open").click().run()
    assert not app.exception
    assert "Download story" in [one.proto.label for one in app.get("download_button")]
    words = " ".join(one.value.replace("\\", "") for one in app.markdown)
    assert "the effect of your change of the model: H.left=2" in words
