"""Fifteen tasks as a new user does them: clicks, and seconds from the first click to the sentence that answers.

    python benchmarks/tasks.py [TASK ...] [--app FOLDER] [--before CHECKOUT] [--runs 1] [--shots FOLDER] [--dry]

Every task has a server and a browser of its own, both fresh, and begins at the front page with nothing but what is
shipped. Counted is what a hand does: a click, a drag, a file, a typed text one each, an entry of a select box two,
opened and chosen; scrolling and reading count nothing. Seconds are those of the machine, from the first click until the
sentence stands on the page, waiting for trainings apart. The sentence is found by a pattern, and what it says is
compared with what the library says. Two checkouts take turns, task by task; what one cannot do is said in a word.
Writes the table `tasks` of docs/results.md; a task that is not done keeps its line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import browser  # noqa: E402
import tables  # noqa: E402

from qfusion.study.text import BESIDE  # noqa: E402
from scripts import serving, visits  # noqa: E402

KEPT = ROOT / "benchmarks" / "runs" / "tasks.json"
MOST = 8  # clicks
LIMIT = 600_000  # milliseconds that a step may take, on a busy machine
LOST = 20_000  # milliseconds without a page after which somebody clicks again
TRAINING = 1800  # seconds
BUSY = 0.25  # load for each core from which seconds are told to be of a busy machine
OWN = "own-set"
# The text of the first element that is seen, matches and is not as it was.
SENTENCE = """([where, pattern, before]) => {
  for (const element of document.querySelectorAll(where)) {
    const words = element.checkVisibility() && element.innerText.replace(/\\s+/g, ' ').trim();
    if (words && words !== before && new RegExp(pattern).test(words)) return words;
  }
}"""
CHANGED = "old => (document.querySelector('.st-key-sample input')?.value ?? old) !== old"
WATERFALL = '[class*="st-key-panel-waterfall"] h4'
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d+)?")
FOLDERS = ("CACHE", "RUNS", "IMPORTED", "MODELS", "DATA")


class NotPossible(Exception):
    """What a checkout has no way to do, in a word."""


@dataclass
class Walk:
    """Somebody before the app: counts what their hand does, and the seconds from the first of it.

    Attributes:
        page: of the browser. folder: for files of their own. url: of the app.
        clicks, began, seconds: so far; the seconds are those to the sentence, without `training`.
    """

    page: Any
    folder: Path
    url: str
    clicks: int = 0
    began: float = 0.0
    seconds: float = 0.0
    training: float = 0.0
    log: list[str] = field(default_factory=list)

    def count(self, what: str) -> None:
        """Counts one thing done by hand."""
        self.began = self.began or time.monotonic()
        self.clicks += 1
        self.log.append(f"{time.monotonic() - self.began:5.1f} s: {what}")

    def ready(self, *, idle: bool = True) -> None:
        """Waits until the page stands still; where it follows a training, until its script has ended."""
        self.page.wait_for_timeout(200)
        if idle:
            visits.still(self.page, LIMIT)
        else:
            self.page.wait_for_selector(visits.STILL, timeout=LIMIT)

    def need(self, what: Any, why: str) -> Any:
        """What is looked for on a page that stands still, or why it cannot be done."""
        if not what.count():
            raise NotPossible(why)
        return what

    def click(self, what: Any, name: str = "", *, idle: bool = True) -> None:
        """Clicks."""
        self.count(f"click {name or what.first.inner_text().strip()}")
        what.first.click()
        self.ready(idle=idle)

    def choose(self, label: str, option: str, *, idle: bool = True, waits: bool = True) -> None:
        """Opens a select box and chooses an entry: two clicks; who goes on at once does not wait for the page."""
        box = self.page.get_by_role("combobox", name=label, exact=False).first
        box.scroll_into_view_if_needed()
        self.page.wait_for_timeout(100)  # a list closes when the page scrolls
        self.count(f"open {label}")
        box.click()
        self.count(f"choose {option}")
        exact = self.page.get_by_role("option", name=option, exact=True)
        # a list of models has the system on a line above the id
        word = re.compile(rf"(^|[\s(]){re.escape(option)}($|[\s)])")
        exact.or_(self.page.get_by_role("option").filter(has_text=word)).first.click()
        self.page.wait_for_timeout(300)
        if waits:
            self.ready(idle=idle)

    def type(self, label: str, words: str, *, within: Any = None) -> None:
        """Types into a field, which the first click opens."""
        self.count(f"type {words}")
        place = (within or self.page).get_by_label(label, exact=True).first
        place.click()
        place.press_sequentially(words)

    def upload(self, place: Any, path: Path) -> None:
        """Gives a file."""
        self.count(f"upload {path.name}")
        place.set_input_files(str(path))

    def drag(self, slider: Any, share: float, name: str) -> None:
        """Drags a slider's thumb."""
        slider.scroll_into_view_if_needed()
        self.count(f"drag {name}")
        browser.drag(self.page, slider, share)

    def go(self, title: str, *, idle: bool = True) -> None:
        """Goes to a page by the menu."""
        bar = self.page.locator('[data-testid="stSidebar"]')
        self.count(f"click {title} in the menu")
        bar.get_by_role("link", name=title, exact=True).first.click()
        from playwright.sync_api import TimeoutError as PlaywrightTimeout

        try:
            self.page.wait_for_selector(f"h1:has-text('{title}')", timeout=LOST)
        except PlaywrightTimeout:  # a click that was lost is made again, and counts
            self.click(
                bar.get_by_role("link", name=title, exact=True), f"{title} once more", idle=idle
            )
            self.page.wait_for_selector(f"h1:has-text('{title}')", timeout=LIMIT)
        self.ready(idle=idle)

    def link(self, name: str, title: str, *, idle: bool = True) -> None:
        """Follows a link on the page to another page."""
        found = self.page.locator('[data-testid="stMain"]').get_by_role("link", name=name)
        self.click(self.need(found, f"no link “{name}”"), name, idle=idle)
        self.page.wait_for_selector(f"h1:has-text('{title}')", timeout=LIMIT)
        self.ready(idle=idle)

    def read(self, where: str) -> str:
        """What stands somewhere now; nothing where there is none."""
        found = self.page.locator(where)
        return re.sub(r"\s+", " ", found.first.inner_text()).strip() if found.count() else ""

    def sentence(self, where: str, pattern: str, before: str = "") -> str:
        """Waits for the sentence, which ends the time, and returns it."""
        handle = self.page.wait_for_function(
            SENTENCE, arg=[where, pattern, before], polling=50, timeout=LIMIT
        )
        self.seconds = time.monotonic() - self.began - self.training
        return str(handle.json_value())

    @contextlib.contextmanager
    def at_its_folders(self) -> Iterator[None]:
        """The library looks where the app does: models and sets of one's own."""
        before = dict(os.environ)
        os.environ.update(environment(self.folder))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    @property
    def model(self) -> str:
        """The model picked in the bar."""
        return self.last_word("model")

    @property
    def sample(self) -> str:
        """The sample picked in the bar: its id, without the words beside it."""
        return str(self.page.locator(".st-key-sample input").first.input_value()).split(BESIDE)[0]

    def last_word(self, key: str) -> str:
        """The id at the end of what a picker of models or data shows."""
        words = str(self.page.locator(f".st-key-{key} input").first.input_value())
        return words.split()[-1].strip("()")


def environment(folder: Path) -> dict[str, str]:
    """Variables that say where an app keeps what is made: in folders of its own."""
    return {f"QFUSION_{word}": str(folder / word.lower()) for word in FOLDERS}


def numbers(words: str) -> list[float]:
    """The numbers in a sentence."""
    return [float(one.replace("−", "-")) for one in NUMBER.findall(words)]


def agree(said: str, library: str, within: float = 0.0) -> None:
    """Raises where the numbers of two sentences differ by more than so much."""
    both = numbers(said), numbers(library)
    if len(both[0]) != len(both[1]) or not np.allclose(*both, rtol=0, atol=within + 1e-9):
        raise AssertionError(f"The page says {said!r}, the library {library!r}")


def opened(model: str | Path, sample: str, tweak: str = "", data: str | None = None) -> Any:
    """The sample by the library."""
    from qfusion.study.opening import open_sample

    return open_sample(model, sample, data, tweak=tweak)


# The tasks. Each ends with its sentence.


def why_this_decision(walk: Walk) -> str:
    """The next sample's decision, and which modality made it."""
    from qfusion.views import overview

    where = ".st-key-question-0 p"
    visits.come(walk.page)
    before, first = walk.read(where), walk.sample
    walk.click(walk.page.locator(".st-key-_next button:visible"), "next sample")
    said = walk.sentence(where, r"Which modality decided this\? .*\d", before)
    assert walk.sample != first
    agree(said, overview.QUESTIONS["Which modality decided this?"](opened(walk.model, walk.sample)))
    return said.removeprefix("Which modality decided this? ")


def weaken_a_coupling(walk: Walk) -> str:
    """The first coupling halved on Dynamics."""
    walk.link("Understand the physics", "Dynamics")
    slider = walk.page.locator('[class*="st-key-pair-knobs"] [data-testid="stSlider"]').first
    walk.drag(slider, 0.25, "the first coupling")
    said = walk.sentence(
        ".st-key-pair-metrics p",
        r"×.*(score|log-odds) .*-?\d.* → -?\d.*decision (unchanged|now).*, test ",
    )
    walk.ready()
    address = parse_qs(urlsplit(walk.page.url).query)
    [tweak] = [f"{key}={values[0]}" for key, values in address.items() if key.startswith("H.")]
    after = opened(walk.model, walk.sample, tweak)
    agree_ends(said, after)
    return said


def agree_ends(said: str, after: Any) -> None:
    """Raises where the scores before and after a change are not the library's."""
    ends = re.search(r"(?:score|log-odds)[^,]*? (-?[\d.]+) → (-?[\d.]+)", said.replace("−", "-"))
    assert ends is not None, said
    wanted = after.untweaked.score, after.score
    assert np.allclose([float(one) for one in ends.groups()], wanted, atol=6e-3), (said, wanted)


def a_paper_figure(walk: Walk) -> str:
    """The decision's figure as a PDF of one column of APS's journals."""
    from qfusion.figures.files.export_style import SIZES

    label = next(size.label for size in SIZES.values() if size.label.startswith("APS, one"))
    walk.click(walk.page.locator(".st-key-figure-waterfall .qf-export"), "Export")
    dialog = walk.page.get_by_role("dialog")
    dialog.wait_for()
    walk.ready()
    walk.choose("Size", label)
    walk.click(dialog.get_by_role("radio", name="PDF"), "PDF")
    with walk.page.expect_download(timeout=LIMIT) as given:
        walk.click(dialog.get_by_role("button", name="Download PDF"), "Download PDF")
    path = walk.folder / given.value.suggested_filename
    given.value.save_as(path)
    said = walk.sentence('[role="dialog"] [data-testid="stCaptionContainer"]', r"\d+ × \d+ mm")
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", path.read_bytes())
    assert box is not None
    inside = [round(float(one) / 72 * 25.4) for one in box.groups()]
    assert numbers(said.partition("mm")[0])[-2:] == inside, (said, inside)
    if "print" not in said:
        raise Unanswered(said)
    return said


def own_file(folder: Path, rows: int = 240) -> Path:
    """A small set of somebody: two modalities, whose product decides between two classes."""
    chance = np.random.default_rng(7)
    left, right = chance.normal(size=(rows, 6)), chance.normal(size=(rows, 5))
    y = (left[:, 0] * right[:, 0] + 0.5 * left[:, 1] > 0).astype(int)
    path = folder / f"{OWN}.npz"
    np.savez(path, left=left.astype(np.float32), right=right.astype(np.float32), y=y)
    return path


def own_data_explained(walk: Walk) -> str:
    """An .npz of one's own, both systems trained on it, and a sample explained by each."""
    page = walk.page
    path = own_file(walk.folder)
    walk.link("Import my data", "Data")
    walk.upload(page.locator('[data-testid="stFileUploader"] input[type=file]'), path)
    page.wait_for_selector(".st-key-import-report", timeout=LIMIT)
    walk.ready()
    walk.click(page.get_by_role("button", name="Save data set"), "Save data set")
    page.wait_for_selector(".st-key-import-report", state="detached", timeout=LIMIT)
    walk.ready()
    both = page.get_by_role("button", name="Train both systems")
    start = page.locator(".st-key-_start button")
    if both.count():
        walk.click(both, "Train both systems")
        walk.go("Train", idle=False)
    else:
        walk.link("Train a model on it", "Train")
        walk.click(start, "Start", idle=False)
        if not page.get_by_role("combobox", name="Kind of model").first.is_visible():
            walk.click(page.get_by_text("New run", exact=True), "New run", idle=False)
        walk.choose("Kind of model", "entangled-qcnn", idle=False)
        walk.click(start, "Start", idle=False)
    trained(walk)
    first = explained(walk)
    other = NAMES[0] if NAMES[1] in first else NAMES[1]
    walk.choose("Model", f"{other}-{OWN}")
    return f"{first} {what_decided(walk)}"


NAMES = ("quantum-jump", "entangled-qcnn")


def trained(walk: Walk) -> None:
    """Waits until both trainings have ended, which counts apart."""
    began = time.monotonic()
    runs = walk.folder / "runs"
    while sum('"finished"' in one.read_text() for one in runs.glob("*/record.json")) < 2:
        if time.monotonic() - began > TRAINING:
            raise RuntimeError("The training takes too long.")
        time.sleep(0.2)
    walk.training += time.monotonic() - began
    walk.page.get_by_role("link", name="Explore samples of").first.wait_for()
    walk.ready()


def explained(walk: Walk) -> str:
    """Opens the samples of a trained model; the sentence that says what decided on the first."""
    walk.link("Explore samples of", "Samples")
    return what_decided(walk)


def what_decided(walk: Walk, data: str = OWN) -> str:
    """The sentence that says what decided on the sample by a model of one's own."""
    from qfusion.views import decision
    from qfusion.views.pages.panel import drawn

    if wrong := walk.read('[data-testid="stAlertContentError"]'):
        raise Unanswered(wrong)
    said = walk.sentence(WATERFALL, "^For ‘.+’: .")
    assert walk.last_word("data") == data
    with walk.at_its_folders():
        sample = opened(walk.folder / "models" / f"{walk.model}.json", walk.sample, data=data)
        library = drawn(decision.waterfall)(sample).headline
    assert NUMBER.sub("", said) == NUMBER.sub("", library), (said, library)
    agree(said, library, 0.02)  # the page may show some rows first
    return f"{walk.model}: {said}."


def two_models(walk: Walk) -> str:
    """Both systems on the same pairs of digits: on what they decide differently."""
    from qfusion.study import compare

    walk.choose("Model", "qj-parity")
    walk.click(walk.page.locator(".st-key-_pin_now button"), "Pin")
    walk.choose("Model", "qcnn-parity")
    walk.click(walk.page.locator(".st-key-pinning").get_by_role("link", name="Compare"), "Compare")
    walk.page.wait_for_selector("h1:has-text('Compare')", timeout=LIMIT)
    walk.ready()
    place = walk.page.locator(".st-key-panel-disagreements, .st-key-later-disagreements")
    if not place.count():
        walk.page.mouse.wheel(0, 20_000)
        walk.ready()
    walk.need(place, "no such list")
    visits.come(walk.page, "disagreements")
    said = walk.sentence(".st-key-panel-disagreements h4", r"on \d+ of [\d,]+ test samples")
    sides = compare.compare_samples(
        opened("qcnn-parity", walk.sample, data="parity"), "qj-parity", walk.sample, "parity"
    )
    result = compare.disagreement(sides)
    assert f"on {result.opposed:,} of {result.among:,} test samples" in said, said
    return said


def what_misled(walk: Walk) -> str:
    """How many wrong decisions would be right without the term that misled most."""
    from qfusion.study import performance
    from qfusion.views import cohort_errors
    from qfusion.views.pages.panel import drawn

    walk.go("Cohorts")
    tab = walk.page.get_by_role("tab", name="Errors", exact=True)
    if tab.count():
        walk.click(tab, "Errors")
    said = walk.sentence(".st-key-panel-wrong h4", r"Of \d+ samples .*\d")
    levels = performance.compare_cohort(opened(walk.model, walk.sample))
    agree(said, drawn(cohort_errors.wrong)(levels).headline)
    return said


def send_a_link(walk: Walk) -> str:
    """The address of what is seen, and what another browser shows at it."""
    where = ".st-key-panel-waterfall h4"
    before = walk.read(where)
    walk.click(walk.page.locator(".st-key-_next button:visible"), "next sample")
    walk.click(walk.page.locator("#qf-copy"), "Copy link")
    said = walk.sentence("#qf-said", r"^Copied")
    address = walk.page.evaluate("() => navigator.clipboard.readText()")
    sample, shown = walk.sample, walk.read(where)
    assert shown != before
    assert address.startswith(walk.url)
    other = walk.page.context.browser.new_context(viewport={"width": 1440, "height": 900})
    friend = Walk(other.new_page(), walk.folder, walk.url)
    visits.open_page(friend.page, address, LIMIT)
    assert (friend.sample, friend.read(where)) == (sample, shown)
    other.close()
    if sample not in said:
        raise Unanswered(said)
    return said


class Unanswered(Exception):
    """A task whose last words do not answer it."""


def edit_a_gate(walk: Walk) -> str:
    """An angle of the network's last gate turned, and what the decision becomes."""
    first = walk.page.locator(".st-key-sample input").first.input_value()
    walk.choose("Model", "qcnn-digits", waits=False)
    walk.page.wait_for_function(CHANGED, arg=first, timeout=LIMIT)  # the bar shows the new model
    walk.go("Circuit")
    slider = walk.page.locator('[class*="st-key-cell-editor"] [data-testid="stSlider"]').first
    where, pattern = '[data-testid="stAlert"]', "log-odds"
    if not slider.count():
        walk.click(walk.page.get_by_role("tab", name="Fusion rules"), "Fusion rules")
        where, pattern = ".st-key-panel-probabilities h4", r"stays ‘|turns the decision"
    walk.drag(walk.need(slider, "no angle to be set"), 0.9, "the angle")
    said = walk.sentence(where, pattern)
    walk.ready()
    [edits] = parse_qs(urlsplit(walk.page.url).query)["phi"]
    after = opened(walk.model, walk.sample, edits, "digits")
    if pattern == "log-odds":
        agree_ends(said, after)
    else:
        assert f"‘{after.classes[int(after.scores.argmax())]}’" in said, said
    return said.removeprefix("edit ")  # the icon's name


def own_model(folder: Path) -> Path:
    """Somebody's model for the shipped pairs of digits, trained elsewhere, as an ONNX file."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from qfusion import data

    pairs = data.load("parity")
    rng = np.random.default_rng(0)
    shapes = {m.name: m.values.shape[1:] for m in pairs.modalities}
    weights = {
        name: rng.normal(size=(int(np.prod(shape)), 6)).astype(np.float32)
        for name, shape in shapes.items()
    }
    nodes = []
    for name in shapes:
        nodes.append(helper.make_node("Flatten", [name], [f"{name}_flat"]))
        nodes.append(helper.make_node("MatMul", [f"{name}_flat", f"{name}_w"], [f"{name}_sum"]))
        nodes.append(helper.make_node("Tanh", [f"{name}_sum"], [f"{name}_part"]))
    nodes.append(helper.make_node("Mul", [f"{name}_part" for name in shapes], ["product"]))
    nodes.append(helper.make_node("MatMul", ["product", "out_w"], ["scores"]))
    weights = {f"{name}_w": values for name, values in weights.items()}
    weights["out_w"] = rng.normal(size=(6, 2)).astype(np.float32)
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "products",
        [
            helper.make_tensor_value_info(name, kind, ["rows", *shape])
            for name, shape in shapes.items()
        ],
        [helper.make_tensor_value_info("scores", kind, ["rows", 2])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    path = folder / "products.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return path


def own_model_explained(walk: Walk) -> str:
    """A PyTorch model of one's own, brought as a file, and what decided on a sample."""
    path = own_model(walk.folder)
    page = walk.page
    walk.go("Train")
    walk.click(
        page.get_by_text("Bring a model").first,
        "Bring a model",
    )
    form = page.locator('[data-testid="stForm"]', has_text="Data set of its modalities")
    walk.need(form, "no form")
    walk.choose("Data set of its modalities", "parity")
    walk.upload(form.locator('input[type="file"]'), path)
    form.get_by_text(path.name).wait_for()
    walk.type("Name", "products", within=form)
    walk.click(form.get_by_role("button", name="Check and import"), "Check and import")
    page.get_by_text("is now one of the models").wait_for(timeout=LIMIT)
    walk.ready()
    walk.link("Open it on Samples", "Samples")
    assert walk.model == "products"
    return what_decided(walk, "parity")


def a_story(walk: Walk) -> str:
    """A story of the decision as a page that plays, opened from its file."""
    button = walk.page.locator(".st-key-_story_open button")
    walk.click(walk.need(button, "no stories"), "Share as story")
    dialog = walk.page.get_by_role("dialog")
    with walk.page.expect_download(timeout=LIMIT) as given:
        walk.click(dialog.get_by_role("button", name="Download story"), "Download story")
    path = walk.folder / given.value.suggested_filename
    given.value.save_as(path)
    model, sample = walk.model, walk.sample
    walk.count("open the file")
    walk.page.goto(path.as_uri())
    said = walk.sentence(".says p, .says", r"One lever.*(score|log-odds).* → .*decision")
    from qfusion.report import decision_story

    result = decision_story.largest_lever(opened(model, sample))
    assert result is not None
    agree_ends(said, result[0])
    return said


def what_would_flip_it(walk: Walk) -> str:
    """The smallest change of one modality that turns the decision."""
    from qfusion.views import flips
    from qfusion.views.pages.panel import drawn

    walk.go("What if")
    said = walk.sentence('[class*="st-key-panel-"] h4', r"What would flip it\? .*\d")
    agree(said, drawn(flips.nearest_flips)(opened(walk.model, walk.sample)).headline)
    return said.removeprefix("What would flip it? ")


def a_sample_by_its_words(walk: Walk) -> str:
    """A sample that asks of a cross, found by these words, and what decided it."""
    from qfusion.views import overview

    words = "is there no cross"
    where = ".st-key-question-0 p"
    before = walk.read(where)
    box = walk.page.locator(".st-key-sample input").first
    walk.count("open Sample")
    box.click()
    walk.count(f"type {words}")
    box.press_sequentially(words)
    option = walk.page.get_by_role("option").filter(has_text=words).first
    option.wait_for()
    walk.click(option)
    said = walk.sentence(where, r"Which modality decided this\? .*\d", before)
    sample = opened(walk.model, walk.sample)
    assert words in str(sample.dataset.table["question"].iloc[sample.row])
    agree(said, overview.QUESTIONS["Which modality decided this?"](sample))
    return said.removeprefix("Which modality decided this? ")


def does_it_fuse(walk: Walk) -> str:
    """Whether joint terms make the model better."""
    from qfusion.plugins.why.fusion import model_fusion

    walk.go("Why fuse", idle=False)
    said = walk.sentence(".st-key-take-home p", r"^(The model fuses|Fusing|No gain).*\d")
    gain = model_fusion.emap(opened(walk.model, walk.sample).study).headline
    agree(said.split(")")[0], gain.split(")")[0])
    return said


def the_best_model(walk: Walk) -> str:
    """Which model is best on these data."""
    walk.go("Leaderboard")
    said = walk.sentence('[data-testid="stMarkdown"] p', r"leads on .* with .*\d")
    if "Pictures and questions" not in said:
        raise Unanswered(said)
    board = json.loads(
        (ROOT / "qfusion" / "plugins" / "papers" / "assets" / "leaderboard.json").read_text()
    )
    entry = board["data"]["scenes"]
    best = max(line["test"][entry["headline"]]["mean"] for line in entry["rows"].values())
    assert abs(numbers(said.partition(". ")[0])[-1] - best) < 6e-5, (said, best)
    return said


def when_not_to_trust_it(walk: Walk) -> str:
    """For what the explanations are not to be used."""
    from qfusion.study import trust
    from qfusion.views.words.reliability import describe_finding

    walk.go("Faithfulness")
    said = walk.sentence(".st-key-caution-0 p", r"\d")
    first = describe_finding(trust.reliability_findings(opened(walk.model, walk.sample).study)[0])
    agree(said, first.brief or first.sentence)
    return said.removeprefix("warning ")  # the icon's name


TASKS: dict[str, tuple[str, Callable[[Walk], str]]] = {
    "why": ("why this decision", why_this_decision),
    "coupling": ("weaken a coupling, say what happened", weaken_a_coupling),
    "figure": ("a figure for a paper", a_paper_figure),
    "data": ("own data to an explained sample, both systems", own_data_explained),
    "compare": ("two models: on what they disagree", two_models),
    "errors": ("what misled wrong decisions", what_misled),
    "link": ("send a link", send_a_link),
    "gate": ("edit a gate", edit_a_gate),
    "model": ("own PyTorch model", own_model_explained),
    "story": ("a story for a talk", a_story),
    "flip": ("what would flip it", what_would_flip_it),
    "words": ("a sample by its words", a_sample_by_its_words),
    "fuse": ("does the model fuse", does_it_fuse),
    "board": ("the best model on these data", the_best_model),
    "trust": ("when not to trust it", when_not_to_trust_it),
}


@dataclass
class Done:
    """What a task took in a checkout: how often it was done is the length of the seconds."""

    clicks: int = 0
    seconds: list[float] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    sentence: str = ""
    problem: str = ""


@contextlib.contextmanager
def visiting(app: Path) -> Iterator[Walk]:
    """A fresh server of a checkout, and a fresh browser at its front page."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="qfusion-tasks-") as name:
        folder = Path(name)
        with (
            serving.serve(folder, environment(folder), limit=240, place=app) as server,
            sync_playwright() as made,
        ):
            chromium = serving.launch(made)
            context = chromium.new_context(viewport={"width": 1440, "height": 900})
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
            page = context.new_page()
            page.set_default_timeout(LIMIT)
            visits.open_page(page, server.url, LIMIT)
            yield Walk(page, folder, server.url)
            chromium.close()


def measure(name: str, app: Path, done: Done, shot: Path | None) -> None:
    """Does a task once."""
    with visiting(app) as walk:
        try:
            done.sentence, done.problem = TASKS[name][1](walk), ""
        except NotPossible as error:
            done.problem = f"not possible: {error}"
        except Unanswered as error:
            done.problem = f"no answer: “{error}”"
        finally:
            if shot is not None:
                walk.page.screenshot(path=str(shot))
                shot.with_suffix(".txt").write_text("\n".join(walk.log))
        done.clicks = walk.clicks
        done.seconds.append(walk.seconds)
        done.training.append(walk.training)


def cells(done: Done) -> list[str]:
    """Clicks and seconds."""
    if done.problem.startswith("not"):
        return [done.problem, "–"]
    trained_for = statistics.median(done.training)
    return [
        f"{done.clicks}{', no answer' if done.problem else ''}",
        f"{statistics.median(done.seconds):.1f}"
        + (f" + {trained_for:.0f} of waiting for the trainings" if trained_for else ""),
    ]


def row(name: str, both: list[Done]) -> list[str]:
    """A task's line of the table."""
    return [TASKS[name][0], *(cell for done in both for cell in cells(done)), plain(both[0])]


def table(rows: list[list[str]]) -> str:
    """The tasks, each with its clicks, seconds and sentence."""
    head = ["task", "clicks", "seconds", "clicks before", "seconds before"]
    head = [*head[: len(rows[0]) - 1], "the sentence that answers"]
    lines = tables.markdown(head, rows).split("\n")
    lines[1] = lines[1].removesuffix("---: |") + "--- |"  # words stand left
    return "\n".join(lines)


def plain(done: Done) -> str:
    """The sentence, or what is wrong, as a cell of a table."""
    return (done.problem or done.sentence).replace("|", "\\|")


def revision(app: Path) -> str:
    """Of a checkout, in short."""
    words = ["git", "-C", str(app), "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def write(rows: dict[str, list[str]], sides: list[Path], runs: int, load: float) -> None:
    """Writes the table; a task that was done another time, beside another checkout or not as now, keeps its line."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    size = len(next(iter(rows.values())))
    rows = {name: line for name, line in kept.items() if len(line) == size} | rows
    KEPT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    text = table([rows[name] for name in TASKS if name in rows])
    text += f"\n\nSeconds: medians of {runs}."
    if len(sides) > 1:
        text += f" Before: revision {revision(sides[1])}."
    if load > BUSY * (os.cpu_count() or 1):
        text += f" The machine was busy with other things (load {load:.1f} when it began)."
    tables.write("tasks", text + " " + tables.provenance("tasks.py"))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", help=f"of {', '.join(TASKS)}; default all")
    parser.add_argument("--app", type=Path, default=ROOT, help="a checkout; default this one")
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--shots", type=Path, help="where pictures of the last state go")
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    load = os.getloadavg()[1]
    sides = [one.resolve() for one in (asked.app, asked.before) if one is not None]
    found = {name: [Done() for _ in sides] for name in asked.tasks or TASKS}
    for _ in range(asked.runs):
        for name, both in found.items():
            for number, (app, done) in enumerate(zip(sides, both, strict=True)):
                shot = asked.shots and asked.shots / f"{name}-{('now', 'before')[number]}.png"
                measure(name, app, done, shot)
                print(name, *cells(done), plain(done), sep="  ", flush=True)
    rows = {name: row(name, both) for name, both in found.items()}
    if asked.dry:
        print(table(list(rows.values())))
    else:
        write(rows, sides, asked.runs, load)
    wrong = [name for name, (now, *_) in found.items() if now.problem or now.clicks > MOST]
    if wrong:
        raise SystemExit(f"Without an answer, or by more than {MOST} clicks: {', '.join(wrong)}.")


if __name__ == "__main__":
    main()
