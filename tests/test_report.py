"""Reports: numbers of the library, nothing loaded, literal texts, reproducible bytes, complete files."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pypdf
import pytest
import torch

import qfusion
from qfusion import citations, cli, data, models, report
from qfusion.data import Text
from qfusion.errors import InvalidInput, QFusionError
from qfusion.models.protocols import Evolution
from qfusion.report import blocks, document, sample_report
from qfusion.report.blocks import Block
from qfusion.report.document import Report
from qfusion.study.opening import load_model_and_data, open_sample
from qfusion.study.sample import Sample
from qfusion.training import metrics
from qfusion.training.checkpoint import Checkpoint
from qfusion.views.words.decisions import describe_background
from qfusion.views.words.systems import describe_notes
from tests.support import printed

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = (
    '#read("/etc/passwd") #import "x.typ" $x^2$ @shapley1953 *b* _i_ `c` \\ <script>alert(1)</script> '
    '<img src="http://x.y/z" onerror=alert(1)> & "q" =1+1 </style></main> <!-- ]]> \x00\x1b[31m\u202e '
)
LOADING = {
    "src",
    "srcset",
    "data",
    "poster",
    "background",
    "action",
    "formaction",
    "xlink:href",
    "ping",
}


class Written(NamedTuple):
    """A report in both forms, and what it is about."""

    about: Any
    found: Report
    html: str
    pdf: pypdf.PdfReader
    pages: tuple[str, ...]

    @property
    def printed(self) -> str:
        """The words of the PDF, a space where a line ends."""
        return re.sub(r"\s+", " ", " ".join(self.pages))


class Page(HTMLParser):
    """Tags with their attributes, and the words between them."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def written(about: Any, found: report.Report) -> Written:
    pdf = found.pdf()
    return Written(
        about,
        found,
        found.html().decode(),
        pypdf.PdfReader(io.BytesIO(pdf)),
        printed.words(pdf),
    )


def a_case(model: str, **chosen: Any) -> Sample:
    found, dataset = load_model_and_data(model)
    return open_sample(found, str(dataset.ids[dataset.rows("test")[3]]), dataset, **chosen)


@pytest.fixture(scope="module", params=["jump", "network"])
def one(request: pytest.FixtureRequest) -> Written:
    about = a_case("qj-planted") if request.param == "jump" else a_small_network()
    return written(about, report.sample(about))


def a_small_network(modalities: int = 3, **settings: Any) -> Sample:
    """A network on embedded data with few elements: the shipped one for digits takes seconds."""
    digits = data.load("digits")
    more = [replace(digits.modalities[0], name=f"again {n}") for n in range(3, modalities)]
    digits = replace(digits, modalities=(*digits.modalities[:modalities], *more))
    torch.manual_seed(0)
    model = models.build(
        "entangled-qcnn",
        digits.input_specs,
        digits.target.classes,
        {"elements": 4, "hidden": 8} | settings,
    )
    card = {
        "name": "small",
        "title": "A small network",
        "model": model.kind,
        "settings": model.settings,
        "weights_sha256": "0" * 64,
        "inputs": digits.input_specs,
        "outputs": digits.target.classes,
        "data": {"name": "digits", "digest": digits.digest},
        "metrics": {},
        "training": {},
    }
    return open_sample(
        Checkpoint(model.double().eval().requires_grad_(False), card),
        str(digits.ids[digits.rows("test")[3]]),
        digits,
    )


def tables(found: Report) -> list[Block]:
    return [block for block in found.blocks if block["kind"] == "table"]


def test_numbers_of_both_files_equal_explain(one: Written) -> None:
    about: Sample = one.about
    said = {term: f"{value:+.3f}".replace("-", "−") for term, value in about.dividends.items()}
    terms = next(table for table in tables(one.found) if "Contribution Δ(S)" in table["head"])
    place = terms["head"].index("Contribution Δ(S)")
    assert [row[place] for row in terms["rows"]] == [
        value if float(value.replace("−", "-")) else "+0.000" for value in said.values()
    ]
    shares = [f"{share:.1%}" for share in about.shares.values()]
    for value in (
        f"{about.score:.3f}".replace("-", "−"),
        *(row[place] for row in terms["rows"]),
        *shares,
    ):
        assert value in one.html
        assert value in one.printed
    values = [float(row[1].replace("−", "-")) for row in terms["rows"]]
    assert values == pytest.approx(about.explanation.values[0, :, about.output], abs=5.1e-4)


def test_both_files_name_model_data_and_sample(one: Written) -> None:
    about: Sample = one.about
    words = [
        about.name,
        about.id,
        about.dataset.title,
        f"{about.background.size:,} training samples",
        "Methods",
        "References",
        "BibTeX",
        "How far to trust this",
        "The circuit",
        "Harsanyi",
        "2510.27091" if about.model.part(Evolution) else "2601.07856",
        "@article{harsanyi1963",
    ]
    page = Page(one.html)
    assert [word for word in words if word not in re.sub(r"\s+", " ", page.words)] == []
    assert [word for word in words if word not in one.printed.replace("\u200b", "")] == []
    digests = one.printed.replace("\u200b", "").replace(" ", "")
    assert about.dataset.digest in digests
    assert about.study.card["weights_sha256"] in digests


def test_page_loads_and_runs_nothing(one: Written) -> None:
    page = Page(one.html)
    assert {name for name, _ in page.tags} & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
    } == set()
    policy = next(
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert str(policy).startswith("default-src 'none'; img-src data:; media-src data:;")
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} has {name}"
            if name in LOADING and tag in ("audio", "video"):
                assert str(value).startswith(f"data:{tag}/"), f"{tag} {name}"
            elif name in LOADING:
                assert str(value).startswith("data:image/svg+xml;base64,"), f"{tag} {name}={value}"
            if name == "href":
                assert tag == "a"
    assert "url(" not in one.html
    assert "@import" not in one.html
    for image in page.all("img"):
        svg = base64.b64decode(str(image["src"]).partition(",")[2]).decode()
        assert re.findall(r'(?:href|src)="(?!#|data:image/png)[^"]*"', svg) == []


def test_page_is_accessible(one: Written) -> None:
    page = Page(one.html)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert all(len(str(image["alt"])) > 10 for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {
        str(link["href"])[1:] for link in page.all("a") if str(link["href"]).startswith("#")
    } == set(ids)


def test_pdf_is_tagged_titled_and_embeds_fonts(one: Written) -> None:
    catalogue = one.pdf.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"] == True  # type: ignore[index]  # noqa: E712  pypdf's own kind of it
    assert catalogue["/Lang"] == "en"
    assert one.pdf.metadata is not None
    assert one.pdf.metadata.title == one.found.title
    assert "/CreationDate" not in one.pdf.metadata
    assert min(map(len, one.pages)) > 200
    for page in one.pdf.pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            descriptor = (
                font.get_object()["/DescendantFonts"][0]
                .get_object()["/FontDescriptor"]
                .get_object()
            )
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_citations_are_listed(one: Written) -> None:
    cited = one.found.source_keys()
    assert len(cited) > 8
    assert all(citations.text(key) in Page(one.html).words for key in cited)
    assert citations.bibtex(cited) in Page(one.html).words
    assert {
        key
        for block in one.found.blocks
        for part in block.get("parts", ())
        for key in part.get("sources", ())
    } <= set(cited)


def test_report_is_reproducible(one: Written) -> None:
    assert (one.found.html().decode(), one.found.pdf()) == (one.html, one.found.pdf())


def test_report_is_reproducible_in_another_process(tmp_path: Path) -> None:
    """Of two modalities, whose terms are worked out in half the time."""
    about, out = a_case("qj-parity"), tmp_path / "both"
    found = report.sample(about)
    words = [
        sys.executable,
        "-m",
        "qfusion",
        "report",
        "--model",
        "qj-parity",
        "--sample",
        about.id,
        "--out",
        str(out),
    ]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    assert (out / "report.html").read_text(encoding="utf-8") == found.html().decode()
    assert (out / "report.pdf").read_bytes() == found.pdf()


def test_hostile_texts_are_shown_literally() -> None:
    found, dataset = load_model_and_data("qj-parity")
    row = int(dataset.rows("test")[3])
    ids = [str(name) for name in dataset.ids]
    ids[row] = HOSTILE[:70]
    table = dataset.table.set_axis(ids).assign(**{"#x $y$ <b>": HOSTILE.replace("\x00", "")})
    bad = replace(
        dataset,
        ids=np.array(ids),
        title=HOSTILE,
        table=table,
        truth=None,
        content_of=lambda _: {"left": Text(HOSTILE)},
    )
    card = dict(found.card) | {"name": HOSTILE[:60], "title": HOSTILE, "notes": HOSTILE}
    made = written(None, report.sample(open_sample(Checkpoint(found.model, card), ids[row], bad)))
    page = Page(made.html)
    tags = {name for name, _ in page.tags}
    assert not tags & {"script", "b", "i", "em"}
    assert all(str(image["src"]).startswith("data:") for image in page.all("img"))
    assert len(page.all("main")) == 1
    shown = blocks.clean(HOSTILE)
    assert shown in page.words
    assert "\ufffd\ufffd[31m\ufffd" in page.words
    printed = re.sub(r"\s", "", made.printed)
    assert re.sub(r"\s", "", shown.split(" <img")[0]) in printed
    assert "root:" not in printed


def test_arbitrary_text_is_cleaned() -> None:
    assert blocks.clean("a\x00b\u202ec\r\nd\te") == "a\ufffdb\ufffdc\nd e"
    assert blocks.clean("\ud800") == "\ufffd"
    assert len(blocks.clean("x" * 10**6)) == blocks.MAX_TEXT
    assert blocks.break_long_words("w" * 90) == "\u200b".join(["w" * 30] * 3)


def test_missing_glyphs_are_no_error() -> None:
    made = Report("题 🙂", "", "", blocks.fill_template("<p>你好 \U0001f642 नमस्ते</p>"))
    assert made.pdf().startswith(b"%PDF")
    assert "你好" in made.html().decode()


@pytest.mark.parametrize("name", list(document.WORDS))
def test_equations_have_descriptions(name: str) -> None:
    found = document.draw_equation(name)
    assert found["svg"].startswith(b"<svg")
    assert b"<text" not in found["svg"]
    assert found["words"] in document.SOURCE
    assert 2 < found["width"] < 50, "wider than a page"


def test_every_block_of_equations_is_used() -> None:
    used = set(
        re.findall(
            r"<equation>(\w+)</equation>",
            "".join(path.read_text() for path in (ROOT / "qfusion" / "report").glob("*.html")),
        )
    )
    assert used == set(document.WORDS)


def methods_of(sample: Sample) -> str:
    names = {
        "sample": sample,
        "trained_on": "train",
        "labels": metrics.labels,
        "INERT": "",
        "notes": describe_notes,
    }
    made = blocks.fill_template(
        '{% include "methods.html" %}', **names, describe_background=describe_background
    )
    return str([block for block in made if block["kind"] in ("paragraph", "table")])


@pytest.mark.parametrize(
    ("modalities", "settings", "words"),
    [
        (2, {}, "with 4 learned angles"),
        (3, {}, "with 8 learned angles"),
        (3, {"tables": "separate"}, "with 4 learned angles"),
        (
            3,
            {"freeze_rule": True, "rule": "and"},
            "8 angles an element, which stay those of the rule ‘and’",
        ),
        (
            4,
            {},
            "with 12 learned angles an element; these qubits are then left out. More than three",
        ),
        (4, {"tables": "separate"}, "with 9 learned angles"),
    ],
)
def test_methods_count_the_angles_of_a_fusion(
    modalities: int, settings: dict[str, Any], words: str
) -> None:
    sample = a_small_network(modalities, **settings)
    learned = [p for name, p in sample.model.named_parameters() if name in ("phi", "turns")]
    assert f" {sum(p.numel() for p in learned) // 4} learned" in words or "stay" in words
    text = methods_of(sample)
    assert words in text
    assert ("P_i(b)" in text) == (modalities > 3)


def test_one_training_has_no_deviation_and_an_imported_one_no_seed() -> None:
    sample = a_small_network()
    card = sample.study.card | {"metrics": {"test": {"accuracy": {"mean": 0.5, "std": 0.0}}}}
    for seeds, words in (([0], ["–", "of one training"]), ([0, 1], ["0.000", "2 training seeds"])):
        one = replace(sample, study=replace(sample.study, card=card | {"seeds": seeds}))
        assert [word for word in words if word not in methods_of(one)] == []
    imported = replace(sample, study=replace(sample.study, card=card | {"model": "imported"}))
    for one, known in ((sample, True), (imported, False)):
        [facts] = blocks.fill_template(
            '{% from "about.html" import about with context %}{% call about() %}{% endcall %}',
            sample=one,
            made_with="",
        )
        told = dict(facts["rows"])["Training seeds"]
        assert ("this model is of seed" in told) == known
        assert ("trained elsewhere" in told) != known


def test_planted_truth_of_other_modalities_is_attributed(monkeypatch: Any) -> None:
    planted = data.load("planted")
    few = dict(list(planted.input_specs.items())[:2])
    model = models.build("late", few, planted.target.classes or ("score",), {"hidden": 4})
    card = {
        "name": "few",
        "model": model.kind,
        "settings": model.settings,
        "weights_sha256": "0" * 64,
        "inputs": few,
        "outputs": model.outputs,
        "data": {"name": "planted", "digest": planted.digest},
    }
    found = Checkpoint(model.double().eval().requires_grad_(False), card)
    told = sample_report.model_context(open_sample(found, str(planted.ids[0]), planted))["warnings"]
    words = " ".join(one.sentence for one in told)
    assert "of other modalities than the model's" in words
    assert "Nobody knows" not in words


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"contrast": "pair-6611"}, ["sample pair-6611"]),
        (
            {"background": "mixed", "tweak": "H.left-right=0,T=0.5"},
            ["maximally mixed states (no samples)", "H.left-right=0,T=0.5"],
        ),
    ],
)
def test_background_and_tweak_are_stated_and_used(chosen: dict[str, str], words: list[str]) -> None:
    about = a_case("qj-parity", **chosen)
    found = report.sample(about)
    page = Page(found.html().decode())
    assert [word for word in words if word not in page.words] == []
    terms = next(table for table in tables(found) if "Contribution Δ(S)" in table["head"])
    assert float(terms["rows"][0][2].replace("−", "-")) == pytest.approx(
        about.dividends[""], abs=5.1e-4
    )
    command = next(block["text"] for block in found.blocks if block["kind"] == "listing")
    assert all(value in command for value in chosen.values())
    assert ("measured for the model as trained" in page.words) == ("tweak" in chosen)


def test_python_accepts_a_saved_cohort_as_background() -> None:
    about = a_case("qj-planted", background="cohort", members="hard:error>0.5", tweak="T=0.5")
    assert not sample_report.has_command(about)
    call = sample_report.reproduction_lines(about)
    assert "background='cohort', members='hard:FILTER', tweak='T=0.5'" in call
    again: Any = eval(call.replace("FILTER", "error>0.5"), {"qfusion": qfusion})
    assert again.dividends == about.dividends


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sample", "p0031", "--out", "x.docx"], [".html or .pdf", "x.docx"]),
        (["--sample", "nobody", "--out", "x.html"], ["nobody"]),
        (["--sample", "p0031", "--tweak", "H.tex=1", "--out", "x.html"], ["H.tex", "H.text"]),
        (["--sample", "p0031", "--background", "mean", "--out", "x.html"], ["mean"]),
    ],
)
def test_invalid_calls_are_refused_and_write_nothing(
    words: list[str],
    said: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", "--model", "qj-planted", *words])
    assert ended.value.code != 0
    error = capsys.readouterr().err
    assert [word for word in said if word not in error] == []
    assert list(tmp_path.iterdir()) == []


def test_failed_report_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Report("t", "s", "d", blocks.fill_template("<p>words</p>"))
    with pytest.raises(InvalidInput, match="no folder"):
        report.write(made, tmp_path / "nowhere" / "a.pdf")
    monkeypatch.setattr(document, "PAPER", "#panic()")
    with pytest.raises(QFusionError, match="could not be typeset"):
        report.write(made, tmp_path / "folder")
    assert list(tmp_path.rglob("*.*")) == []
