"""What all tests share: one torch thread, checked shapes, seeds, real data when it is there, the app and a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before torch loads: small kernels on several threads wait for each other whenever something else wants the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from scripts import serving

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)

hypothesis.settings.register_profile("qfusion", deadline=None, derandomize=True, max_examples=30, database=None)
hypothesis.settings.load_profile("qfusion")


def _annotated_modules() -> list[str]:
    """Returns the modules of the package that annotate shapes: only those pay for the check."""
    paths = (path for path in (ROOT / "qfusion").rglob("*.py") if "jaxtyping" in path.read_text())
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


if modules := _annotated_modules():
    jaxtyping.install_import_hook(modules, "beartype.beartype")


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the tests' cache and imported sets apart from the user's; `.ci/run` sets a fresh cache."""
    os.environ["QFUSION_IMPORTED"] = tempfile.mkdtemp(prefix="qfusion-imported-")
    config.add_cleanup(lambda folder=os.environ["QFUSION_IMPORTED"]: shutil.rmtree(folder, ignore_errors=True))
    if config.cache is not None:
        os.environ.setdefault("QFUSION_CACHE", str(config.cache.mkdir("qfusion")))


class OneBrowser(LoadScopeScheduling):
    """Keeps the tests of a file in one process, and those in a browser in one, so that only one browser runs at a time.

    xdist's own `loadgroup` would do, but with pytest 9.2 it does not see the groups: it writes them to an attribute that is gone.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "browser" if Path(file).name.startswith("test_browser") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    """Puts that scheduler in the place of xdist's."""
    return OneBrowser(config, log)


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Gives every test the same random numbers, whatever ran before."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries draw from the global generator


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
    """The running app, with a cache of its own that is empty at the start."""
    folder = tmp_path_factory.mktemp("server")
    with serving.serve(folder, {"QFUSION_CACHE": str(folder / "cache"), "QFUSION_IMPORTED": str(folder / "imported")}) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; skipped without one unless QFUSION_DEMAND_BROWSER=1, which makes that a failure."""
    demanded = os.environ.get("QFUSION_DEMAND_BROWSER") == "1"
    if serving.chromium_path() is None and not demanded:
        pytest.skip("no Chromium on this machine: the browser tests are left out")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = serving.launch(playwright)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a fresh browser context, 1440 x 900."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()
