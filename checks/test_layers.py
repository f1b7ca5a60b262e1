"""The layers of the package: imports point one way, the light entry stays light, and tests use public names."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from inspect import ismodule
from pathlib import Path
from types import ModuleType

import pytest

import qfusion
from qfusion import _extras, plugin

ROOT = Path(__file__).resolve().parent.parent
# From the top down; what shares a bracket stands side by side and imports nothing of each other.
LAYERS = (
    ("__init__",),
    ("__main__",),
    ("pages", "cli"),
    ("plugins",),
    ("commands",),
    ("app",),
    ("report",),
    ("views",),
    ("figures", "model_export"),
    ("adapters",),
    ("study",),
    ("runs",),
    ("explain", "simulate"),
    ("training",),
    ("models", "data"),
    ("quantum", "citations"),
    ("_disk_cache",),
    ("_limits",),
    ("_read_only",),
    ("plugin",),
    ("_settings",),
    (
        "_checks",
        "_files",
        "_lazy",
        "_memory_cache",
        "_progress",
        "_sentences",
        "_user_folders",
    ),
    ("errors",),
    ("_extras",),
    ("plotly_live", "plotly_print"),
)
SEPARATE = ("plotly_live", "plotly_print")  # which can be released by themselves
HEIGHT = {name: -level for level, names in enumerate(LAYERS) for name in names}
FRONT = (
    "load",
    "open",
    "open_circuit",
    "show",
    "train",
)  # of `qfusion` itself: for users, never for the library
LOGIN = {"authlib", "httpx"}  # imported by Streamlit where a server asks for a login


def sources() -> list[Path]:
    """Returns every module of the product: the packages, the app and its pages."""
    return sorted(
        [
            *(ROOT / "qfusion").rglob("*.py"),
            *(path for name in SEPARATE for path in (ROOT / name).glob("*.py")),
            *(ROOT / "pages").glob("*.py"),
            *ROOT.glob("app.py"),
        ]
    )


def part(path: Path) -> str:
    """Returns the layer's name of a file: `quantum` of qfusion/quantum/states.py, `pages` of pages/samples.py."""
    steps = path.relative_to(ROOT).with_suffix("").parts
    return steps[1] if steps[0] == "qfusion" else steps[0]


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Returns the dotted names that a module imports, wherever in it the import stands."""
    return tuple(_imports(path))


def statements(block: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a part of a program, however deep: `ast.walk` also goes through what they are made of."""
    for each in ast.iter_child_nodes(block):
        if isinstance(each, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield each
            yield from statements(each)


def _imports(path: Path) -> Iterator[str]:
    for node in statements(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import; write the full name"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            # loaded once something of it is asked for
            library = ast.unparse(node.value.func) == "Library"
            yield from map(ast.literal_eval, node.value.args if library else ())


def named_plugins(path: Path) -> set[str]:
    """Returns the plugins whose modules a file imports or names."""
    return set(re.findall(r"\bqfusion\.plugins\.(\w+)", path.read_text()))


@pytest.mark.parametrize(
    "path",
    [path for path in sources() if part(path) != "plugins"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_the_core_names_no_plugin(path: Path) -> None:
    assert not named_plugins(path)


@pytest.mark.parametrize("one", plugin.plugins(), ids=lambda one: one.name)
def test_a_plugin_names_only_those_that_it_requires(one: plugin.Plugin) -> None:
    folder = ROOT / "qfusion" / "plugins" / one.name
    used = {name for path in folder.rglob("*.py") for name in named_plugins(path)}
    assert used <= {one.name, *one.requires}


def wrong_imports(path: Path) -> list[str]:
    """Returns the imports of a file that its layer does not allow."""
    own, wrong = part(path), []
    for name in imports(path):
        top, inner = name.split(".")[0], (name.split(".") + [""])[1]
        if own in SEPARATE and top in ("qfusion", *SEPARATE):
            outward = top != own
        elif top == "qfusion":
            outward = (inner != own and inner in HEIGHT and HEIGHT[inner] >= HEIGHT[own]) or (
                inner in FRONT and own != "__init__"
            )
        else:
            outward = top in ("pages", "app", "tests", "checks", "scripts", "benchmarks")
        if outward:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    assert part(path) in HEIGHT, f"{path} is in no layer: add its folder to LAYERS"
    assert wrong_imports(path) == [], (
        f"{path.relative_to(ROOT)} imports from its own layer's side or above"
    )


PACKAGES = sorted(
    path
    for folder in (ROOT, ROOT / "qfusion")
    for path in folder.iterdir()
    if (path / "__init__.py").is_file() and path.name != "qfusion"
)


def names(folder: Path) -> dict[str, Path]:
    """Returns the modules of a package and of those inside it, by their full names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in folder.rglob("*.py")
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_imports_have_no_cycles(package: Path) -> None:
    found = names(package)
    # `from package import module` needs the module, and `from module import name` the module that has the name.
    needs = {
        name: {each if each in found else each.rpartition(".")[0] for each in imports(path)}
        & set(found) - {name}
        for name, path in found.items()
    }
    while free := {name for name, wanted in needs.items() if not wanted}:
        needs = {name: wanted - free for name, wanted in needs.items() if name not in free}
    assert needs == {}


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")]),
    ids=lambda p: p.stem,
)
def test_names_imported_by_scripts_exist(path: Path) -> None:
    for node in statements(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "qfusion",
            *SEPARATE,
        ):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.import_module(
                    f"{node.module}.{alias.name}"
                )


def bound_names(function: ast.AST) -> set[str]:
    """Returns the arguments of a function and the names that it assigns."""
    arguments = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return arguments | {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def imported_modules(tree: ast.AST) -> dict[str, ModuleType]:
    """Returns the modules of the package that a file imports, by their names there."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            if any(alias.name == "qfusion" for alias in node.names):
                modules["qfusion"] = qfusion
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "qfusion":
            package = importlib.import_module(str(node.module))
            for alias in node.names:
                value = getattr(package, alias.name, None)
                if ismodule(value):
                    modules[alias.asname or alias.name] = value
    return modules


def missing_attributes(
    node: ast.AST, modules: dict[str, ModuleType], hidden: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yields the chains `module.name` whose module has no such name; local variables hide modules."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        hidden |= bound_names(node)
    if isinstance(node, ast.Attribute):
        chain = []
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            chain.append(root.attr)
            root = root.value
        if isinstance(root, ast.Name) and root.id in modules and root.id not in hidden:
            value: object = modules[root.id]
            for name in reversed(chain):
                if not ismodule(value):
                    break
                if not hasattr(value, name):
                    yield f"line {node.lineno}: {ast.unparse(node)}"
                    break
                value = getattr(value, name)
            return
    for child in ast.iter_child_nodes(node):
        yield from missing_attributes(child, modules, hidden)


def test_attributes_of_lazily_loaded_modules_exist() -> None:
    missing = {}
    for path in [*sources(), *ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")]:
        tree = ast.parse(path.read_text(), str(path))
        lines = list(missing_attributes(tree, imported_modules(tree)))
        if lines:
            missing[str(path.relative_to(ROOT))] = lines
    assert missing == {}


def test_a_missing_attribute_is_reported() -> None:
    tree = ast.parse(
        "import qfusion\n"
        "from qfusion.quantum import lindblad\n"
        "lindblad.evolve_states, qfusion.quantum.lindblad.evolve_states\n"
        "lindblad.nothing, qfusion.quantum.lindblad.nothing\n"
        "def f(lindblad): return lindblad.nothing\n"
    )
    missing = list(missing_attributes(tree, imported_modules(tree)))
    assert missing == ["line 4: lindblad.nothing", "line 4: qfusion.quantum.lindblad.nothing"]


def test_only_the_app_imports_streamlit() -> None:
    inner = [
        path for path in sources() if part(path) not in {"app", "pages", "plugins", "plotly_live"}
    ]
    guilty = [
        str(path.relative_to(ROOT))
        for path in inner
        if "streamlit" in {n.split(".")[0] for n in imports(path)}
    ]
    assert guilty == []


def test_a_wrong_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    bad = tmp_path / "qfusion" / "quantum" / "bad.py"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "import torch\nfrom qfusion import explain\ndef f():\n    import qfusion.app.frame\n"
    )
    assert wrong_imports(bad) == ["qfusion.explain", "qfusion.app.frame"]
    for name, other in zip(SEPARATE, reversed(SEPARATE), strict=True):
        separate = tmp_path / name / "bad.py"
        separate.parent.mkdir()
        separate.write_text(
            f"import numpy\nfrom qfusion.errors import InvalidInput\nimport {name}, {other}\n"
        )
        assert wrong_imports(separate) == ["qfusion.errors.InvalidInput", other]


def loaded_by(statement: str) -> set[str]:
    """Returns the top-level modules that a fresh interpreter holds after `statement`."""
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_heavy_libraries_are_imported_lazily(tmp_path: Path) -> None:
    """One process imports one part after the other, and says which have brought what into it; then modules that nobody
    has loaded yet are there by their names; at last a figure of a page is made by the command, which takes it from
    `views.pages.catalogue`, without Streamlit."""
    named = ("explain.counterfactual", "report.story_page", "data.media_films", "study.trust")
    statements = (
        "import qfusion",
        "import qfusion.models, qfusion.data, qfusion.training",
        "import qfusion.explain",
        "import qfusion.simulate",
        "import qfusion.cli",
        "from qfusion.training import checkpoint; checkpoint.load('qj-planted'); "
        "checkpoint.load('qcnn-parity')",
    )
    heavy = {"streamlit", "plotly", "qutip", "pennylane", "captum"}
    compiler = {"sympy", "mpmath"}  # of torch
    link, out = (
        "http://localhost:8501/samples?model=qj-parity&sample=pair-0003",
        tmp_path / "figure.svg",
    )
    words = ["figure", "--link", link, "--panel", "waterfall", "--out", str(out)]
    code = f"""import sys
for statement in {statements!r}:
    exec(statement)
    print(statement, *sorted({heavy | compiler!r} & {{name.split('.')[0] for name in sys.modules}}), sep='\t')
import contextlib, functools, io
print(*(name for name in {named!r} if "qfusion." + name in sys.modules))
for name in {named!r}:
    functools.reduce(getattr, name.split("."), qfusion)
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    qfusion.cli.main({words!r})
print(*sorted({{"plotly", "qfusion.views.pages.catalogue", "streamlit"}} & sys.modules.keys()))"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [*statements, "", "plotly qfusion.views.pages.catalogue"]
    assert b"<svg" in out.read_bytes()


def test_top_level_package_is_imported_lazily() -> None:
    assert loaded_by("import qfusion") - loaded_by("import __future__, importlib") == {"qfusion"}
    code = (
        "import qfusion, sys; print(*(name for name in sys.modules if name.startswith('qfusion')))"
    )
    assert subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split() == ["qfusion"]


def test_the_front_is_imported_in_no_time() -> None:
    def seconds() -> float:
        words = [sys.executable, "-X", "importtime", "-c", "import qfusion"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        (line,) = (
            line for line in done.stderr.splitlines() if line.split("|")[-1].strip() == "qfusion"
        )
        return int(line.split("|")[1]) / 1e6

    assert min(seconds() for _ in range(3)) < 0.1


def test_top_level_names_exist() -> None:
    import qfusion
    from qfusion.adapters.opening import open_model
    from qfusion.adapters.showing import show
    from qfusion.data import load
    from qfusion.training import train

    assert (qfusion.load, qfusion.train) == (load, train)
    assert (qfusion.open, qfusion.show) == (open_model, show)
    assert {
        name: getattr(qfusion, name).__name__ for name in qfusion.__all__ if name not in FRONT
    } == {name: f"qfusion.{name}" for name in qfusion.__all__ if name not in FRONT}
    assert set(qfusion.__all__) <= set(dir(qfusion))
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        qfusion.trian  # noqa: B018


def test_modules_of_every_package_are_loaded_by_their_names() -> None:
    """Commands name `qfusion.explain.cohort_filters` and the like, whoever has loaded it before, or nobody: that is
    asked in the process of `test_heavy_libraries_are_imported_lazily`."""
    packages = [value for name in qfusion.__all__ if ismodule(value := getattr(qfusion, name))]
    for package in packages:
        assert not hasattr(package, "__path__") or callable(vars(package)["__getattr__"])
    with pytest.raises(AttributeError, match="has no module 'nothing'; it has angle_response"):
        _ = qfusion.explain.nothing


def test_requirements_equal_the_imports() -> None:
    text = (ROOT / "requirements.txt").read_text()
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==\S+$", text, flags=re.MULTILINE)
    outside = {name.split(".")[0] for path in sources() for name in imports(path)}
    outside -= set(sys.stdlib_module_names) | {"qfusion", *SEPARATE}
    # circuits of Qiskit are opened where it is installed; requirements-dev.txt pins it for the tests
    outside -= {name for name, need in _extras.NEEDS.items() if need.extra in ("qiskit", "devices")}
    assert {_extras.PACKAGES.get(name, name).lower() for name in outside} | LOGIN == {
        name.lower() for name in pinned
    }
    assert pinned[0] == "torch", "torch must stand first: another line would choose its build"


def test_placeholder_names_are_not_used() -> None:
    """None of the words that once stood for anything that a function came to."""
    once = {"found", "each", "said", "told", "asked", "kept", "case", "subject", "Workspace"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "id", None) or getattr(node, "arg", None)
            assert name not in once, f"{path}:{getattr(node, 'lineno', '')} {name}"


def test_no_module_of_tests_imports_another() -> None:
    """What several of them use is in tests/support."""
    importing = [
        path.name
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if re.search(
            r"^\s*(from tests\.test_\w+ import|from tests import .*\btest_)", path.read_text(), re.M
        )
    ]
    assert importing == []


# Private attributes that tests use, and why there is no public one.
PRIVATE_OF_OTHERS = {
    "_exit": "os: the only way to end a forked process without the cleanup of its parent",
    "_replace": "a public method of named tuples",
    "_repr_html_": "the protocol of notebooks",
    "_repr_mimebundle_": "the protocol of notebooks",
    "_parameters": "torch: a parameter becomes a plain tensor, so that `jacrev` goes through it",
    "_script_thread": "Streamlit's test runner, which is slow to see that its thread has ended",
    "_get_command": "Typer's test runner, which builds the command line anew for every command",
    "_print_url": "Streamlit's start, which would look up the public address",
}
OWN = {"self", "cls", "super()"}
PATCHING = ("setattr", "delattr", "getattr", "hasattr")


def private_uses(tree: ast.AST) -> Iterator[str]:
    """Yields the private names of other objects and modules that a file uses; a private module counts as public."""
    modules = {path.stem for path in (ROOT / "qfusion").rglob("_*.py")}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in OWN:
            used = [node.attr]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(PATCHING):
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            used = [text.rpartition(".")[2] for text in texts if isinstance(text, str)]
        else:
            continue
        for name in used:
            is_private = re.fullmatch(r"_[A-Za-z]\w*", name) is not None
            if is_private and name not in modules and name not in PRIVATE_OF_OTHERS:
                yield f"{node.lineno} {name}"


def test_tests_use_no_private_names_of_the_package() -> None:
    """What deserves a test of its own has a public name."""
    uses = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        lines = list(private_uses(ast.parse(path.read_text())))
        if lines:
            uses[str(path.relative_to(ROOT))] = lines
    assert uses == {}


def test_a_private_name_in_a_test_is_reported() -> None:
    tree = ast.parse(
        "from qfusion import _files\n"
        "from qfusion.explain.bootstrap import _pools\n"
        "_files.atomic, _files._start, self._own, model._kets\n"
        "monkeypatch.setattr(model, '_kets', None), monkeypatch.setenv('_kets', '')\n"
        "monkeypatch.setattr('qfusion.models.registry._load', None)\n"
    )
    assert set(private_uses(tree)) == {"2 _pools", "3 _start", "3 _kets", "4 _kets", "5 _load"}


def test_slow_tests_exist() -> None:
    """A slow test that was renamed would otherwise join the first tier."""
    missing = []
    for line in (ROOT / "tests/slow.txt").read_text().split():
        file, _, name = line.partition("::")
        path = ROOT / file
        if not path.exists() or f"def {name.rpartition('::')[2]}(" not in path.read_text():
            missing.append(line)
    assert missing == [], "Rename them in tests/slow.txt, or run scripts/tiers.py."
