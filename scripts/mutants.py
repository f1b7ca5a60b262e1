"""Changes the code a little, a mutant at a time, and asks whether a test notices.

    pip install coverage==7.17.3 mutmut==3.8.1
    python scripts/mutants.py --contexts FILE --measure [TESTS ...]
    python scripts/mutants.py --contexts FILE [--packages quantum explain] [--modules quantum/circuits.py ...]
        [--sample 250] [--seed 0] [--results FILE] [--retry] [--tests 25] [--seconds 20]
        [--part 0/1] [--pause-while FILE] [--list] [--first-tier]

The first form runs tests once under coverage and keeps in FILE which lines each of them runs, and how long it takes.
With --first-tier the second form leaves out the tests that `pytest` leaves out: the slow ones.
The second takes a sample of mutants (all of them without --sample) and runs the tests that run the changed line: the
fastest, those that run least else, those that killed others of the module, then further ones of the module; at most
--tests of them in --seconds. A mutant is killed by a test that fails or never ends. At the end the killing tests are
run on the code as it is: all must pass.

The operators are mutmut's (numbers, operators, booleans, comparisons, arguments left out or None, lambdas) and
conditions negated, numbers one down, returned values None. No mutant changes words: strings, annotations, what is
raised; nor decorators, `strict=` of zip and `device=` of tensors. Mutants that change nothing anybody could see stand
in mutants_equivalent.toml with the reason, and are counted apart.

A process that has loaded the libraries, but nothing of qfusion, forks for every mutant; the fork compiles the changed
module from memory, through whatever import hooks the tests install. Nothing in the tree is written. Results are kept in
--results, from which a run goes on; survivors stand there with their difference. The exit status is 1 where the score
is below 90 %.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import dataclasses
import gc
import hashlib
import importlib
import io
import itertools
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from importlib import machinery
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = ROOT / "scripts/mutants_equivalent.toml"
# Pages, browsers, whole figures and documents: minutes, for hardly a line of these packages that nothing else runs.
SLOW = (
    "test_browser",
    "test_app_",
    "test_foreign_model_pages",
    "test_cuda",
    "test_page_figures_as_files",
    "test_programs",
    "test_notebook",
    "test_fusion_models_on_pages",
    "test_export_styles",
    "test_read_only",
    "test_journal_presets",
    "test_renderer",
    "test_extending",
    "test_large_sets",
    "test_distributed",
    "test_figures",
    "test_train_figures",
    "test_sweep",
    "test_refinement",
)
WARM = (
    "numpy",
    "scipy.linalg",
    "scipy.stats",
    "scipy.optimize",
    "torch",
    "torch.func",
    "torch.export",
    "qutip",
    "pennylane",
    "pandas",
    "pyarrow.parquet",
    "sklearn.linear_model",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "sklearn.datasets",
    "captum.attr",
    "safetensors.torch",
    "plotly.graph_objects",
    "plotly.io",
    "optuna",
    "streamlit.testing.v1",
    "typer",
    "hypothesis",
    "hypothesis.extra.numpy",
    "beartype",
    "jaxtyping",
    "pytest",
    "xdist.scheduler",
    "PIL.Image",
    "matplotlib.pyplot",
    "matplotlib.mathtext",
    "jinja2",
    "markdown_it",
    "_hypothesis_pytestplugin",
    "_pytest.assertion.rewrite",
    "_pytest.doctest",
    "anyio.pytest_plugin",
)
# At its end pytest collects garbage, which takes longer than most tests.
PYTEST = [
    "-q",
    "-p",
    "no:xdist",
    "-p",
    "no:rerunfailures",
    "-p",
    "no:unraisableexception",
    "-o",
    "addopts=",
]
UNSEEN = (
    "strict",
    "device",
)  # arguments: of zip, which only guards; of tensors, which tests without a GPU do not see
BYTES, STUCK = (
    8 * 2**30,
    60,
)  # memory above the parent's, and seconds above --seconds after which a mutant never ends


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one module: the bytes from start to end become others."""

    module: str
    first: int
    last: int
    start: int
    end: int
    becomes: bytes

    @property
    def source(self) -> bytes:
        """The whole module, changed."""
        text = (ROOT / "qfusion" / self.module).read_bytes()
        return text[: self.start] + self.becomes + text[self.end :]

    @property
    def change(self) -> tuple[str, str]:
        """The statement that was, or the head of one with a block, and what it becomes, however they are laid out."""
        text = (ROOT / "qfusion" / self.module).read_bytes()
        begin, end = head(text, self.first)
        was, now = text[begin:end], text[begin : self.start] + self.becomes + text[self.end : end]
        return squeezed(was.decode()), squeezed(now.decode())

    @property
    def key(self) -> str:
        """Names the mutant in a file of results, as long as the module stays as it is."""
        return f"{self.module}:{self.first} {hashlib.sha256(self.source).hexdigest()[:12]}"


# Mutants.


def mutants_of(module: str) -> list[Mutant]:
    """Returns all mutants of a module of qfusion."""
    import libcst as cst
    from libcst.metadata import (
        ByteSpanPositionProvider,
        MetadataWrapper,
        ParentNodeProvider,
        PositionProvider,
    )
    from mutmut.mutation import mutators

    whole = (ROOT / "qfusion" / module).read_bytes()
    wrapper = MetadataWrapper(cst.parse_module(whole))
    spans, lines = wrapper.resolve(ByteSpanPositionProvider), wrapper.resolve(PositionProvider)
    parents = wrapper.resolve(ParentNodeProvider)
    words = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)
    operators: list[tuple[Any, Any]] = [
        (cst.BaseNumber, mutators.operator_number),
        (cst.Name, mutators.operator_name),
        (cst.UnaryOperation, mutators.operator_remove_unary_ops),
        (cst.Lambda, mutators.operator_lambda),
        (cst.AugAssign, mutators.operator_augmented_assignment),
        (cst.IfExp, mutators.operator_if_exp),
        (cst.CSTNode, mutators.operator_keywords),
        (cst.CSTNode, mutators.operator_swap_op),
    ]

    def more(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        parent = parents.get(node)
        if isinstance(node, cst.Integer) and isinstance(
            parent, (cst.Index, cst.Arg, cst.BinaryOperation)
        ):
            yield cst.parse_expression(f"({int(node.value, 0) - 1})")
        elif (
            isinstance(node, cst.Return)
            and node.value is not None
            and not isinstance(node.value, words)
        ):
            yield cst.Return(cst.Name("None"))
        elif isinstance(node, cst.Call):
            for number, arg in enumerate(node.args):
                if isinstance(arg.value, words) or (arg.keyword and arg.keyword.value in UNSEEN):
                    continue
                before, after = node.args[:number], node.args[number + 1 :]
                if not arg.star and getattr(arg.value, "value", "") != "None":
                    yield node.with_changes(
                        args=[*before, arg.with_changes(value=cst.Name("None")), *after]
                    )
                if len(node.args) > 1:
                    yield node.with_changes(args=[*before, *after])
        if isinstance(parent, (cst.If, cst.While)) and node is parent.test:
            yield cst.UnaryOperation(
                cst.Not(), node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            )

    def left_alone(node: cst.CSTNode) -> bool:
        called = getattr(getattr(node, "func", None), "value", "")
        return (
            isinstance(
                node, (cst.Annotation, cst.Raise, cst.Decorator, cst.Import, cst.ImportFrom, *words)
            )
            or (isinstance(node, cst.FunctionDef) and node.name.value in ("__repr__", "__str__"))
            or (isinstance(node, cst.If) and getattr(node.test, "value", "") == "TYPE_CHECKING")
            or called in ("cast", "TypeVar", "warn")
            or (
                isinstance(node, cst.Arg)
                and node.keyword is not None
                and node.keyword.value in UNSEEN
            )
        )

    found: dict[Mutant, None] = {}

    def visit(node: cst.CSTNode) -> None:
        if left_alone(node):
            return
        made = [
            each
            for kind, operator in operators
            if isinstance(node, kind)
            for each in operator(node)
        ]
        for each in [*made, *more(node)]:
            if getattr(node, "lpar", ()):  # the span is what stands within the parentheses
                each = each.with_changes(lpar=(), rpar=())
            span, at = spans[node], lines[node]
            mutant = Mutant(
                module,
                at.start.line,
                at.end.line,
                span.start,
                span.start + span.length,
                wrapper.module.code_for_node(each).encode(),
            )
            if mutant.source != whole:  # `return None` returns None
                found[mutant] = None
        for child in node.children:
            visit(child)

    visit(wrapper.module)
    return list(found)


def head(text: bytes, line: int) -> tuple[int, int]:
    """Returns where the innermost statement around a line begins and ends in a module; of one with a block its head."""
    places = [0, *itertools.accumulate(len(part) + 1 for part in text.split(b"\n"))]
    spans = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            block = getattr(node, "body", None) or getattr(node, "cases", None)
            last = (
                block[0].pattern.lineno
                if hasattr(node, "cases")
                else block[0].lineno
                if block
                else 0
            )
            spans.append((node.lineno, last - 1 if last > node.lineno else node.end_lineno or 0))
    first, last = max(spans)
    return places[first - 1], places[max(last, line)]


def squeezed(text: str) -> str:
    """Returns a piece of a program without its layout: no space, no comma before a closing bracket, no parentheses."""
    return re.sub(r"[()]", "", re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", text)))


def equivalent(module: str, was: str, now: str) -> bool:
    """Returns whether a change of a module, see `Mutant.change`, is listed as one that changes nothing."""
    listed = tomllib.loads(EQUIVALENT.read_text()).get("line", []) if EQUIVALENT.exists() else []
    return any(
        now == was.replace(squeezed(line["is"]), squeezed(changed))
        for line in listed
        if line["module"] == module and squeezed(line["is"]) in was
        for changed in line["becomes"]
    )


# Which test runs which line.


def measure(kept: Path, files: list[str]) -> None:
    """Runs tests under coverage and keeps which lines each runs; what was kept of other files stays."""
    import coverage
    import pytest

    measured = coverage.Coverage(data_file=None, branch=True, source=["qfusion"], messages=False)
    measured.start()

    class Contexts:
        seconds: dict[str, float] = {}
        failed: set[str] = set()

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
            measured.switch_context(item.nodeid)
            began = time.process_time()
            yield
            self.seconds[item.nodeid] = round(time.process_time() - began, 4)
            measured.switch_context("")

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.outcome != "passed":
                self.failed.add(report.nodeid)

    every = [
        str(each)
        for each in sorted((ROOT / "tests").glob("test_*.py"))
        if not each.name.startswith(SLOW)
    ]
    with tempfile.TemporaryDirectory() as folder:
        chosen = ["-m", "not browser", "-o", f"cache_dir={folder}", *(files or every)]
        pytest.main([*PYTEST, *chosen], plugins=[Contexts()])
    measured.stop()
    data = measured.get_data()
    found = (
        json.loads(kept.read_text()) if kept.exists() and files else {"seconds": {}, "lines": {}}
    )
    again = set(Contexts.seconds)
    found["seconds"] |= {
        test: took for test, took in Contexts.seconds.items() if test not in Contexts.failed
    }
    for path in data.measured_files():
        module = str(Path(path).relative_to(ROOT / "qfusion"))
        lines = found["lines"].setdefault(module, {})
        for each in lines:
            lines[each] = [test for test in lines[each] if test not in again]
        for line, contexts in data.contexts_by_lineno(path).items():
            lines[str(line)] = sorted(
                {*lines.get(str(line), []), *contexts} - Contexts.failed - {""}
            )
    kept.write_text(json.dumps(found))


class Covering:
    """Which tests to run for a mutant, and in which order."""

    def __init__(
        self,
        contexts: Path,
        most: int,
        seconds: float,
        is_left_out: Callable[[str], bool] = lambda test: False,
    ) -> None:
        kept = json.loads(contexts.read_text())
        self.took = {test: took for test, took in kept["seconds"].items() if not is_left_out(test)}
        self.lines, self.most, self.limit = kept["lines"], most, seconds
        self.killed: dict[str, Counter[str]] = defaultdict(
            Counter
        )  # how many mutants of a module each test killed
        self.breadth: Counter[str] = Counter()
        for lines in self.lines.values():
            for tests in lines.values():
                self.breadth.update(tests)

    def tests(self, mutant: Mutant) -> list[str]:
        """Returns the tests that run a mutant's lines, and others of its module while there is room: what is kept for
        later tests was worked out in the first alone."""
        lines = self.lines.get(mutant.module, {})
        spent, chosen = 0.0, dict[str, None]()
        near = self.running(lines, self.used(mutant)) or self.running(
            lines, self.used(mutant, called=True)
        )
        far = {test for tests in lines.values() for test in tests} & self.took.keys() - near
        order: list[str] = []
        for found in (near, far):
            fastest = sorted(found, key=lambda each: (self.took[each], each))
            narrowest = sorted(fastest, key=lambda each: self.breadth[each])
            best = sorted(narrowest, key=lambda each: -self.killed[mutant.module][each])
            files: dict[str, list[str]] = defaultdict(
                list
            )  # what a file's tests share is made once
            for each in dict.fromkeys(
                test for three in zip(best, narrowest, fastest, strict=True) for test in three
            ):
                if len(chosen) < self.most and spent + self.took[each] <= self.limit:
                    chosen[each] = None
                    spent += self.took[each]
                    files[each.split("::")[0]].append(each)
            first = sorted(
                files.values(),
                key=lambda tests: sum(self.took[each] for each in tests) / len(tests),
            )
            order += [each for tests in first for each in tests]
        return order if near else []

    def running(self, lines: dict[str, list[str]], numbers: set[int]) -> set[str]:
        """The tests that run any of some lines."""
        return {test for line in numbers for test in lines.get(str(line), [])} & self.took.keys()

    def used(self, mutant: Mutant, called: bool = False) -> set[int]:
        """The lines that run with a mutant: its own; of a default the function's; of what is made on import, and, when
        asked, of a function that is `called` then, those that name it."""
        tree = ast.parse((ROOT / "qfusion" / mutant.module).read_text())
        found, names, size = set(range(mutant.first, mutant.last + 1)), set[str](), -1
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and mutant.first in _lines(
                node
            ):
                if not called:
                    return (
                        found
                        if node.body[0].lineno <= mutant.first
                        else {*_lines(node)} - {node.lineno}
                    )
                names.add(node.name)
        while size < len(names):  # what is made of what is made of it
            size = len(names)
            for node in ast.walk(tree):
                if {getattr(node, "id", ""), getattr(node, "attr", "")} & names:
                    found.add(node.lineno)  # type: ignore[attr-defined]
            for node in ast.walk(tree):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and found.intersection(
                    _lines(node)
                ):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    names |= {
                        each.id
                        for target in targets
                        for each in ast.walk(target)
                        if isinstance(each, ast.Name)
                    }
        return found


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or 0) + 1)


# Running one.


def _in_fork(module: str, source: bytes, tests: list[str], seconds: float, folder: Path) -> None:
    """What a fork does: runs the tests with the module's source replaced, and never returns."""
    import pytest

    os.setsid()
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(spent + seconds + STUCK), int(spent + seconds + STUCK) + 5)
    )
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, size + BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    changed = str(ROOT / "qfusion" / module)
    get_code = machinery.SourceFileLoader.get_code

    def patched(self: machinery.SourceFileLoader, fullname: str) -> Any:
        if module and self.path == changed:
            return self.source_to_code(source, self.path)
        return get_code(self, fullname)

    machinery.SourceFileLoader.get_code = patched  # type: ignore[method-assign]
    # What other processes have worked out is what the code as it is comes to.
    os.environ |= {
        "QFUSION_TESTS_SHARED": "",
        "TMPDIR": str(folder),
        "QFUSION_CACHE": str(folder / "cache"),
    }
    tempfile.tempdir = str(folder)
    said = {"failed": "", "ran": 0}
    began = time.process_time()

    class Watch:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            said["ran"] += report.when == "call"
            if report.failed and module:  # no need to take anything down
                (folder / "said").write_text(
                    json.dumps(said | {"failed": report.nodeid, "status": 1})
                )
                os._exit(0)

        def pytest_runtest_protocol(self, item: pytest.Item) -> None:
            if time.process_time() - began > 2 * seconds + 5:
                pytest.exit("time is up", 0)

    with (folder / "output").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        status = 3
        try:
            status = int(
                pytest.main(
                    [*PYTEST, "-o", f"cache_dir={folder / 'pytest'}", *tests], plugins=[Watch()]
                )
            )
        finally:
            (folder / "said").write_text(json.dumps(said | {"status": status}))
            os._exit(0)


def run(
    module: str, source: bytes, tests: list[str], seconds: float, cache: Path
) -> dict[str, Any]:
    """Returns how the tests end with the module's source replaced (with none: as it is): state, test, seconds."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="mutant-", dir=cache.parent))
    # data sets that were read or made stay so, but for those whose own code is changed
    if cache.exists() and not module.startswith("data"):
        shutil.copytree(
            cache, folder / "cache", copy_function=os.link
        )  # files there are replaced, never written into
    began = time.monotonic()
    child = os.fork()
    if not child:
        _in_fork(module, source, tests, seconds, folder)
    _, status, _ = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # the group that the fork leads
    said = json.loads((folder / "said").read_text()) if (folder / "said").exists() else {}
    tail = (
        (folder / "output").read_text(errors="replace")[-1500:]
        if (folder / "output").exists()
        else ""
    )
    shutil.rmtree(folder, ignore_errors=True)
    state = "timeout" if not said else {0: "survived", 5: "no tests"}.get(said["status"], "killed")
    if "ERROR: not found: " in tail:  # tests that were renamed since they were measured
        state = "no tests"
    return {
        "state": state,
        "test": said.get("failed", ""),
        "ran": said.get("ran", 0),
        "signal": status & 127,
        "seconds": round(time.monotonic() - began, 2),
        "tail": tail if state == "no tests" or not module else "",
    }


# All of them.


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, hits / of
    middle, half = (
        share + z * z / 2 / of,
        z * math.sqrt(share * (1 - share) / of + z * z / 4 / of / of),
    )
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def table(states: Iterable[tuple[str, str]]) -> float:
    """Prints how the mutants of every module ended, and returns the score: killed of all that could be."""
    names = ("killed", "timeout", "survived", "not covered", "equivalent")
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for module, state in states:
        for each in (module, f"{module.split('/')[0]} together", "~ together"):
            modules[each][state] += 1
    print(
        f"{'module':44}{'mutants':>8}" + "".join(f"{each:>13}" for each in names) + f"{'score':>8}"
    )
    score = 0.0
    for module, counts in sorted(
        modules.items(), key=lambda each: (each[0].endswith("together"), each[0])
    ):
        killed = counts["killed"] + counts["timeout"]
        of = killed + counts["survived"] + counts["not covered"]
        score = killed / of if of else 1.0
        low, high = wilson(killed, of)
        print(
            f"{module:44}{counts.total():8}"
            + "".join(f"{counts[each]:13}" for each in names)
            + f"{score:8.1%}"
            + (f"  [{low:.1%}, {high:.1%}]" if module.endswith("together") else "")
        )
    return score


def main() -> int:
    """Measures, or runs mutants and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--measure", nargs="*", metavar="TESTS")
    parser.add_argument("--packages", nargs="+", default=["quantum", "explain"])
    parser.add_argument("--modules", nargs="+")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path)
    parser.add_argument(
        "--retry", action="store_true", help="only run survivors of --results again"
    )
    parser.add_argument("--tests", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument(
        "--part", default="0/1", help="K/N: of N processes beside each other, this is number K"
    )
    parser.add_argument("--pause-while", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument(
        "--first-tier", action="store_true", help="leave out slow tests, as `pytest` does"
    )
    asked = parser.parse_args()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT)]
    if asked.measure is not None:
        measure(asked.contexts, asked.measure)
        return 0

    modules = asked.modules or sorted(
        str(path.relative_to(ROOT / "qfusion"))
        for package in asked.packages
        for path in (ROOT / "qfusion" / package).rglob("*.py")
    )
    mutants = [each for module in modules for each in mutants_of(module)]
    random.Random(asked.seed).shuffle(mutants)
    mutants = mutants[: asked.sample]
    if asked.list:
        for each in mutants:
            print(f"{each.key}\n  - {each.change[0]}\n  + {each.change[1]}")
        print(len(mutants), "mutants")
        return 0
    known: dict[str, dict[str, Any]] = {}
    if asked.results and asked.results.exists():
        known = {
            each["key"]: each for each in map(json.loads, asked.results.read_text().splitlines())
        }
    covering = Covering(asked.contexts, asked.tests, asked.seconds)
    if asked.first_tier:
        from tests.support import tiers

        covering = Covering(asked.contexts, asked.tests, asked.seconds, tiers.is_slow)
    states, killers = [], set()
    for each in known.values():
        covering.killed[each["key"].split(":")[0]][each.get("test", "")] += 1
    for each in WARM:
        with contextlib.suppress(ImportError):
            importlib.import_module(each)
    assert "qfusion" not in sys.modules
    gc.freeze()
    cache = Path(os.environ.get("QFUSION_CACHE", ROOT / ".pytest_cache/d/qfusion"))
    part, parts = map(int, asked.part.split("/"))
    with asked.results.open("a") if asked.results else io.StringIO() as kept:
        for mutant in mutants[part::parts]:
            while asked.pause_while and asked.pause_while.exists():
                time.sleep(5)
            was, now = mutant.change
            try:
                compile(mutant.source, mutant.module, "exec", dont_inherit=True)
            except SyntaxError:
                continue
            done = known.get(mutant.key, {})
            if equivalent(mutant.module, was, now):
                done = {"state": "equivalent"}
            elif asked.retry and not done:
                continue
            elif not done or (asked.retry and done["state"] not in ("killed", "timeout")):
                tests = covering.tests(mutant)
                done = {"key": mutant.key, "was": was, "now": now, "tests": len(tests)}
                done |= (
                    run(mutant.module, mutant.source, tests, asked.seconds, cache)
                    if tests
                    else {"state": "not covered"}
                )
                kept.write(json.dumps(done) + "\n")
                kept.flush()
            states.append((mutant.module, done["state"]))
            if done["state"] == "killed" and done["test"]:
                killers.add(done["test"])
                covering.killed[mutant.module][done["test"]] += 1
            if done["state"] in ("survived", "not covered", "no tests"):
                print(
                    f"{mutant.key} {done['state']} {done.get('ran', '')}\n  - {was}\n  + {now}",
                    flush=True,
                )
    as_it_is = run("", b"", sorted(killers), 3600, cache) if killers else {"state": "survived"}
    if as_it_is["state"] != "survived":
        print(
            "Of the tests that killed, some fail on the code as it is:", as_it_is["tail"], sep="\n"
        )
    score = table(states)
    return int(score < 0.9 or as_it_is["state"] != "survived")


if __name__ == "__main__":
    sys.exit(main())
