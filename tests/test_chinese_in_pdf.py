"""Chinese texts of a data set in the layout of CH-SIMS are extractable from reports and figures, with glyphs of the
named font."""

from __future__ import annotations

import functools
import io
import pickle
from pathlib import Path

import numpy as np
import pypdf
import pytest
from typer.testing import CliRunner

from plotly_print import fonts
from qfusion import data
from qfusion.cli import app
from qfusion.data import importing
from qfusion.training import Options, checkpoint, train
from tests.support import printed
from tests.support.people import stand_in
from tests.support.printed import Printed

LETTERS = "我觉得这部电影非常好看难很不真的差劲棒演员剧情"
TITLE = "中文情感"
FIRST = 20  # the number of the first test video
LINK = "http://here/samples?model=chinese&data=chinese&sample={}&inside=true"

pytestmark = pytest.mark.skipif(
    fonts.face(LETTERS[0]) is None,
    reason="No font on this machine has Chinese letters: what is printed cannot be looked at.",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in with Chinese sentences, a token each letter, and ids, and a model of it."""
    folder, rng = tmp_path_factory.mktemp("chinese"), np.random.default_rng(0)
    content = stand_in(counts=(60, 20, 40), steps=(12, 7, 6))
    for split, first in (("train", 0), ("valid", 10), ("test", FIRST)):
        part, numbers = content[split], dict(zip(LETTERS, range(2769, 2900), strict=False))
        lengths = np.array(part.pop("text_lengths"))
        sentences = ["".join(rng.choice(list(LETTERS), count - 2)) for count in lengths]
        bert = np.zeros((len(lengths), 3, part["text"].shape[1]), np.float32)
        for row, sentence in enumerate(sentences):
            tokens = [101, *(numbers[letter] for letter in sentence), 102]
            bert[row, 0, : len(tokens)], bert[row, 1, : len(tokens)] = tokens, 1
        part |= {
            "text_bert": bert,
            "raw_text": np.array(sentences),
            "id": np.array(
                [f"视频{first + row // 10:04d}$_${row % 10}" for row in range(len(lengths))]
            ),
        }
    (folder / "sims.pkl").write_bytes(pickle.dumps(content, protocol=4))
    (folder / "models").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_IMPORTED", str(folder / "imported"))
        importing.import_set([folder / "sims.pkl"], "chinese", title=TITLE)
        made = train(
            "quantum-jump", data.load("chinese"), {"dims": [2, 2, 2]}, Options(epochs=1)
        ).checkpoint("chinese")
        checkpoint.save(folder / "models" / "chinese.json", made.model, made.card)
    return folder


@pytest.fixture(autouse=True)
def own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(place / "imported"))
    monkeypatch.setenv("QFUSION_MODELS", str(place / "models"))


@pytest.fixture
def sample() -> str:
    """The test sample with the longest sentence."""
    dataset = data.load("chinese")
    rows = dataset.rows("test")
    assert dataset.modalities[0].lengths is not None
    return str(dataset.ids[rows[np.argmax(dataset.modalities[0].lengths[rows])]])


def ran(*words: str) -> str:
    """What a command says on standard error."""
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stderr


@functools.cache
def extracted(pdf: bytes) -> str:
    """The words of a PDF, by a second reader."""
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def looked_at(pdf: bytes) -> str:
    """The Chinese letters of a PDF, after each was looked at."""
    seen = list(printed.letters(pdf))
    among = {each.letter for each in seen} | set(LETTERS)
    for each in seen:
        best, likeness = printed.nearest(each, among)
        assert best == each.letter, f"{each.letter} is drawn as {best} ({likeness:.2f})"
        assert likeness > 0.9, f"{each.letter} is like its glyph by {likeness:.2f} only"
    by_pypdf = extracted(pdf)
    assert fonts.BOX not in by_pypdf
    text = "".join(each.letter for each in seen)
    assert sorted(text) == sorted(filter(printed.is_han, by_pypdf))
    return text


def test_a_report_prints_the_words_and_ids_of_a_chinese_sample(place: Path, sample: str) -> None:
    assert "No font" not in ran(
        "report", "--model", "chinese", "--sample", sample, "--out", str(place / "report")
    )
    pdf = (place / "report" / "report.pdf").read_bytes()
    text = looked_at(pdf)
    sentence = data.load("chinese").table.loc[sample, "text"]
    assert len(sentence) == 10
    for words in (sentence, TITLE, "视频"):
        assert words in text
    written = extracted(pdf).replace("\n", "")
    assert sentence in written
    assert sample in written
    html = (place / "report" / "report.html").read_text(encoding="utf-8")
    assert sentence in html
    assert sample in html


@pytest.mark.parametrize("panel", ["inside", "similar"])
def test_figures_print_chinese_words_and_ids(place: Path, sample: str, panel: str) -> None:
    kinds = ("pdf", "svg", "png") if panel == "inside" else ("pdf", "svg")  # one in dots
    files = {kind: place / f"{panel}.{kind}" for kind in kinds}
    for file in files.values():
        assert "No font" not in ran(
            "figure",
            "--link",
            LINK.format(sample.replace("$", "%24")),
            "--panel",
            panel,
            "--title",
            "--caption",
            "--out",
            str(file),
        )
    text = looked_at(files["pdf"].read_bytes())
    svg = files["svg"].read_text(encoding="utf-8")
    if panel == "inside":
        sentence = data.load("chinese").table.loc[sample, "text"]
        assert sentence in text
        assert all(f">{letter}<" in svg for letter in sentence)
    else:
        assert "视频" in text
        assert "视频" in svg
    assert panel != "inside" or files["png"].read_bytes().startswith(b"\x89PNG")


def test_missing_glyphs_are_detected() -> None:
    face = fonts.face(LETTERS)
    assert face is not None
    name, own = face.family.replace(" ", ""), LETTERS[0]
    for letter in (fonts.BOX, LETTERS[3], own):
        assert printed.nearest(Printed(own, name, printed.glyph(name, letter)), LETTERS) == (
            letter,
            pytest.approx(1),
        )
    empty = np.zeros((48, 48))
    assert printed.nearest(Printed(own, name, empty), LETTERS)[0] == printed.BLANK
    thin = np.pad(empty[3:-3, 3:-3], 3, constant_values=255)
    assert printed.nearest(Printed(own, name, thin), LETTERS)[0] == fonts.BOX
