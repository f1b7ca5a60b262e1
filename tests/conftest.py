"""What all tests share: one torch thread, checked shapes, seeds, real data when it is there, the app and a browser."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support import alone, tiers

# Before torch loads: small kernels on several threads wait for each other whenever something else wants the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What numba runs in parallel (UMAP) sets the threads of OpenMP to its own number, and torch then follows.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
import typer.main
import typer.testing
from streamlit import config as streamlit_config
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.caching import cache_data_api, cache_resource_api
from streamlit.testing.v1 import local_script_runner
from xdist.scheduler import LoadScopeScheduling

from scripts import serving
from tests.support import shapes

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)
# OpenMP's threads do not survive a fork, and libraries that limit them for a while give more back than there were: a
# child that then sums a large tensor waits for them for good.
os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
# A fork that outlives a process of xdist keeps its pipe open, and nobody sees that this one has crashed: it dies, too.
PR_SET_PDEATHSIG = 1  # sys/prctl.h
if sys.platform == "linux":
    prctl = ctypes.CDLL(None).prctl
    os.register_at_fork(after_in_child=functools.partial(prctl, PR_SET_PDEATHSIG, signal.SIGKILL))
# Some hundred processes start from here. Each reads what the first has compiled, whatever the machine says of bytecode,
# and keeps memory for the next tensor: given back to the system and asked for again, it took a sixth of the time of the
# pages.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for setting, size in {
    "MALLOC_MMAP_THRESHOLD_": 2**30,
    "MALLOC_TRIM_THRESHOLD_": 2**30,
    "MALLOC_TOP_PAD_": 2**26,
    "MALLOC_ARENA_MAX": 1,
}.items():
    os.environ.setdefault(setting, str(size))
os.environ.setdefault("NUMBA_OPT", "0")  # UMAP is compiled for a handful of points
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")

hypothesis.settings.register_profile(
    "qfusion", deadline=None, derandomize=True, max_examples=30, database=None
)
hypothesis.settings.load_profile("qfusion")


def _annotated_modules() -> list[str]:
    """Returns the modules of the package that annotate shapes: only those pay for the check."""
    paths = (path for path in (ROOT / "qfusion").rglob("*.py") if "jaxtyping" in path.read_text())
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
    ]


if modules := _annotated_modules():
    shapes.install()
    jaxtyping.install_import_hook(modules, "beartype.beartype")

from qfusion.errors import DataUnavailable  # noqa: E402 - below the hook
from tests.support import sharing  # noqa: E402


def _keep_more(caches: Any) -> None:
    """Lets the caches of the app hold all that a process asks for: files of tests visit the same pages, and share what
    these work out."""
    get = caches.get_cache

    def roomy(self: Any, *args: Any, **named: Any) -> Any:
        return get(self, *args, **{**named, "max_entries": None})

    caches.get_cache = roomy


def _wait(runner: Any, timeout: float = 3) -> None:
    """Waits for a page as Streamlit's test runner does, but asleep: that one asks every millisecond, at the cost of the
    page's thread."""
    runner._script_thread.join(timeout)
    if runner._script_thread.is_alive():
        raise RuntimeError(f"The page still runs after {timeout:.0f} s.")
    polled(runner, timeout)


# The app's configuration is read here, and not where a test may have gone meanwhile.
streamlit_config.get_config_options()
# Two things that Streamlit's test runner does with every page it opens, a thousand times in one run of the tests: it
# reads the description of every package of the environment, which stays the same, and asks a thousand times a second
# whether the page has ended.
manifest_scanner.scan_component_manifests = functools.cache(
    manifest_scanner.scan_component_manifests
)
polled, local_script_runner.require_widgets_deltas = (
    local_script_runner.require_widgets_deltas,
    _wait,
)
# What a command line is made of, the annotations of some fifty functions, is read once a process, not with every
# command that a test runs: that took longer than most of these.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)
for each in (cache_data_api.DataCaches, cache_resource_api.ResourceCaches):
    _keep_more(each)
sharing.install(10)  # the library keeps results by key too, and is as roomy here


# The first tier, which `pytest` runs: laws, units, the command line and a visit of every page. pyproject.toml says so.
FIRST_TIER = "not browser and not slow and not data and not large"
# Names a folder in which the processor seconds of every test are written.
TIMES = "QFUSION_TEST_TIMES"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that runs every tier but the large one."""
    parser.addoption(
        "--all", action="store_true", help="run the tests of every tier, only `-m large` not"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Chooses the tier, and keeps what tests work out beside what pytest remembers, for the next time.

    Processes of xdist read the command line themselves, and choose in the same way.
    """
    names_files = config.args_source is pytest.Config.ArgsSource.ARGS and any(
        ".py" in argument for argument in config.args
    )
    is_default = config.option.markexpr == FIRST_TIER
    if is_default and (config.getoption("--all") or names_files):
        config.option.markexpr = "not large"
    config.add_cleanup(alone.clear)
    if folder := os.environ.get(TIMES):
        Path(folder).mkdir(parents=True, exist_ok=True)
    if config.cache is not None:
        os.environ["QFUSION_CACHE"] = str(config.cache.mkdir("qfusion"))
        os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir("numba"))


# Files that are run in one process, one after the other, by the beginnings of their names: the first, so that only one
# browser is open at a time, and with those that ask the running app, so that it is started once; the others, as they
# open pages that show the same, and what one file has worked out stays at hand for the next.
TOGETHER = {
    "test_browser": "browser",
    "test_reconnect": "browser",
    "test_hostile_widgets": "browser",
    "test_app_": "pages",
    "test_sample_map": "pages",
    "test_page_figures_as_files": "figures",
    "test_programs": "figures",
    "test_path_attribution": "figures",
    "test_state_cuts": "figures",
}
# What takes longest is begun first, so that no process is left alone with it at the end.
FIRST = (
    "test_browser",
    "test_app_",
    "test_path_attribution",
    "test_state_cuts",
    "test_runs",
    "test_cli",
    "test_report",
    "test_sensitivity",
    "test_track",
    "test_lindblad",
    "test_training",
    "test_exact_values",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Looks for no garbage while files of tests and libraries are read, and never at what these have left: a sixth of
    the time that each process takes to begin."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take longest first, and the slow rest last; the tests of a file stay in their order.

    A test in a browser that fails is run up to twice more, and the summary says so: what a busy machine delays is not
    what it asks about.
    """

    def place(item: pytest.Item) -> tuple[int, int]:
        files = tiers.SLOW_FILES if (slow := tiers.is_slow_file(item.path)) else FIRST
        return slow, next(
            (number for number, start in enumerate(files) if item.path.name.startswith(start)),
            len(files),
        )

    items.sort(key=place)
    for item in items:
        if tiers.is_slow(item.nodeid):
            item.add_marker(pytest.mark.slow)
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
        if item.get_closest_marker("browser") and item.config.pluginmanager.hasplugin(
            "rerunfailures"
        ):
            item.add_marker(pytest.mark.flaky(reruns=2))


class Together(LoadScopeScheduling):
    """Keeps the tests of a file in one process, and those of some files (see `TOGETHER`).

    xdist's own `loadgroup` would do, but with pytest 9.2 it does not see the groups: it writes them to an attribute
    that is gone.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        scope = next(
            (scope for start, scope in TOGETHER.items() if Path(file).name.startswith(start)), file
        )
        return f"{scope}, slow" if tiers.is_slow_file(file) else scope

    def _assign_work_unit(self, node: Any) -> None:
        """Gives a process a file; one of a single test with what follows, as it waits with its last test for that."""
        super()._assign_work_unit(node)
        if self._pending_of(self.assigned_work[node]) < 2:
            self._reschedule(node)

    def remove_node(self, node: Any) -> str | None:
        """Gives to others what a process that crashed has left, and returns the test that crashed it.

        xdist also gives them what was done, which they wait for without end, and that test, which crashes them, too.
        """
        work = self.assigned_work.pop(node)
        left = [
            (tests, test) for tests in work.values() for test, done in tests.items() if not done
        ]
        if not left:
            return None
        tests, crashed = left[0]
        tests[crashed] = True
        self.workqueue.update(
            {scope: tests for scope, tests in work.items() if not all(tests.values())}
        )
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Puts that scheduler in the place of xdist's."""
    return Together(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """Skips a test that needs a data set which is not on this machine, unless real data are named."""
    try:
        return (yield)
    except DataUnavailable as error:
        if os.environ.get("QFUSION_DATA"):
            raise
        pytest.skip(str(error).split(":")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Writes the processor seconds of a test, with those of its processes, where a folder is named for them."""
    began = sum(os.times()[:4])
    done = yield
    if folder := os.environ.get(TIMES):
        file = Path(folder) / os.environ.get("PYTEST_XDIST_WORKER", "main")
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([item.nodeid, round(sum(os.times()[:4]) - began, 3)]) + "\n")
    return done


TOOK = {
    "slow": [0, 0.0],
    "other": [0, 0.0],
}  # tests of each kind, and seconds until the last of them had ended
SPENT: dict[str, Counter[str]] = {"file": Counter(), "process": Counter()}  # seconds
BEGAN = time.monotonic()
LONG_RUN = 60  # seconds in tests, from which the summary names the files that took longest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes when the last test of each kind ends."""
    kind = TOOK["slow" if tiers.is_slow_file(report.nodeid.split("::")[0]) else "other"]
    kind[:] = [kind[0] + (report.when == "call"), time.monotonic() - BEGAN]
    SPENT["file"][report.nodeid.split("::")[0]] += report.duration
    node = getattr(report, "node", None)
    SPENT["process"][node.gateway.id if node is not None else "one"] += report.duration


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says how long the tests took, the slow rest after them, and which files took longest."""
    if all(number for number, _ in TOOK.values()):
        (others, first), (slow, whole) = TOOK["other"], TOOK["slow"]
        terminalreporter.write_line(
            f"{others:,} tests had ended after {first:.0f} s, the slow rest of {slow:,} after "
            f"{max(first, whole):.0f} s."
        )
    files = SPENT["file"]
    if files.total() < LONG_RUN:
        return
    browser = sum(files[file] for file in files if "test_browser" in file)
    terminalreporter.write_line(
        f"Of {files.total():.0f} s in tests {browser:.0f} s drove a browser; processes: "
        + ", ".join(f"{name} {busy:.0f} s" for name, busy in sorted(SPENT["process"].items()))
        + ". Files that took longest:"
    )
    for file, seconds in files.most_common(25):
        terminalreporter.write_line(f"  {seconds:6.0f} s  {file}")


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Gives every test the same random numbers, whatever ran before."""
    if torch.cuda.is_available():
        torch.manual_seed(0)
    else:  # `torch.manual_seed` also notes, with the whole stack, what a GPU is to be told once there is one
        torch.default_generator.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries draw from the global generator


@pytest.fixture(autouse=True, scope="module")
def no_job_goes_on() -> Iterator[None]:
    """Ends what a file's pages have asked for behind them: it would go on under the tests of the next, which then wait
    for the interpreter ten times as long."""
    yield
    if jobs := sys.modules.get("qfusion.study.jobs"):
        for job in list(jobs.JOBS.values()):
            job.stop()
        until = time.monotonic() + 120
        while (jobs.RUNNING or jobs.WAITING) and time.monotonic() < until:
            time.sleep(0.01)
        jobs.JOBS.clear()
    children = multiprocessing.active_children()
    left = [
        child for child in children if type(child).__name__ != "LokyProcess"
    ]  # which joblib keeps
    for child in left:
        child.kill()
    assert not left, "processes that these tests have begun go on"


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Switches the shape annotations off, so that a test sees our own message about a wrong shape, as users do."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped when none is named."""
    if not os.environ.get("QFUSION_DATA"):
        pytest.skip("QFUSION_DATA is not set: the tests on real data are left out")
    folder = Path(os.environ["QFUSION_DATA"])
    assert folder.is_dir(), f"QFUSION_DATA names {folder}, which is not a folder"
    return folder


@pytest.fixture(scope="session")
def mosi(real_data: Path) -> Any:
    """CMU-MOSI as a DataSet."""
    from qfusion import data

    return data.load("mosi")


@pytest.fixture(scope="session")
def planted() -> Any:
    """The embedded data set with known contributions."""
    from qfusion import data

    return data.load("planted")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    """The running app; what it keeps, runs, models and imported sets lie beside its log, and are none at the start."""
    folder = tmp_path_factory.mktemp("server")
    own = serving.own_places(folder)
    with serving.serve(folder, own, limit=240, command=sharing.APP) as running:
        yield running


# The browser's microphone plays a file: a second browser for that alone compiled Streamlit's scripts again.
MICROPHONE = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--use-file-for-fake-audio-capture={alone.HEARD}%noloop",
)
# The open browser, and what ends it: its driver runs an event loop in this thread, and has to be gone before tests of
# other things.
OPEN: dict[str, Any] = {}
ENDING = contextlib.ExitStack()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends the browser after the last test that drives it; the slow rest opens another."""
    if not item.get_closest_marker("browser"):
        ENDING.close()


def pytest_unconfigure() -> None:
    """Ends it where no other test came. Then what is left is looked through for garbage once: pytest does so five times
    when it ends, in every process, a third of a second and more each, though most of it are modules of libraries."""
    ENDING.close()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def browser() -> Any:
    """Headless Chromium; skipped without one unless QFUSION_DEMAND_BROWSER=1, which makes that a failure."""
    if OPEN:
        return OPEN["browser"]
    demanded = os.environ.get("QFUSION_DEMAND_BROWSER") == "1"
    if serving.chromium_path() is None and not demanded:
        pytest.skip("no Chromium on this machine: the browser tests are left out")
    from playwright import sync_api

    # Edits for in every frame, as is usual, the words of a page are laid out sixty times a second.
    asked = functools.partialmethod(sync_api.Page.wait_for_function, polling=200)
    sync_api.Page.wait_for_function = asked  # type: ignore[assignment]
    ENDING.callback(OPEN.clear)
    playwright = ENDING.enter_context(sync_api.sync_playwright())
    launched = serving.launch(playwright, *MICROPHONE)
    OPEN["browser"] = ENDING.enter_context(contextlib.closing(launched))
    return OPEN["browser"]


@pytest.fixture(scope="module")
def pages(browser: Any) -> list[Any]:
    """The page that tests use in turn: its process has compiled the app's scripts, as a new one would have to."""
    pages: list[Any] = OPEN.setdefault("pages", [])
    return pages


@pytest.fixture
def page(browser: Any, pages: list[Any], request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page, 1440 x 900, that remembers nothing of earlier tests; a new one where a test is run once more."""
    if not pages or pages[0].is_closed() or getattr(request.node, "execution_count", 1) > 1:
        for each in pages:
            each.context.close()
        context = browser.new_context(accept_downloads=True)
        context.add_init_script(serving.STILL)
        pages[:] = [context.new_page()]
    page = pages[0]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    page.set_default_timeout(30_000)
    # the server may work out its first page meanwhile
    page.set_default_navigation_timeout(90_000)
    yield page
    if not page.is_closed() and page.url.startswith("http"):
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.context.clear_cookies()
        page.goto(
            "/".join(page.url.split("/")[:3]) + "/_stcore/health"
        )  # away from the app, in the same process
