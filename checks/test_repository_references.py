"""References in docstrings, comments and documents lead to modules, names and files that exist.

The test reads the repository with `ast` and imports none of it. It checks four kinds of reference:

- a path: a file with one of the suffixes in `SUFFIXES`, and its anchor, for example `docs/explain.md`;
- a dotted name: a module, function, class or attribute, for example `DataSet.row`;
- a bare name in CamelCase or with underscores, which must occur somewhere in the code;
- a dotted name that starts with the package, in backticks or not.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "qfusion",
    "plotly_live",
    "plotly_print",
    "benchmarks",
    "checks",
    "scripts",
    "tests",
    "pages",
)
SUFFIXES = "py|md|toml|js|css|html|typ|json|lock|txt|yml|yaml|svg|png|conf|cff"
HISTORY = {"CHANGELOG.md"}  # names things as they were
BACKTICKS = re.compile(r"(?<![`\w])`([^`\n]+)`(?!`)")
DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(.*\))?")
BARE = re.compile(r"([A-Za-z_]\w*)(?:\(\))?")
PATH = re.compile(rf"(?<![\w/.<>{{}}*-])((?:[\w.-]+/)*[\w-][\w.-]*\.(?:{SUFFIXES}))\b(#[\w-]+)?")
FENCE = re.compile(r"(?ms)^```python\n(.*?)^```$")
COMMENT = re.compile(r"(?m)(?:^|[ \t])#[ \t]([^\n]*[`/.][^\n]*)$")
OWN = re.compile(rf"(?<![`\w./-])((?:{'|'.join(PACKAGES[:3])})(?:\.[A-Za-z_]\w*)+)")
ALIASES = {"np", "pd", "plt", "st", "nn", "F", "go", "px", "sys", "self", "cls"}
# names of other programs' settings and files, of columns in readers' tables, and of metrics
FOREIGN = re.compile(
    r"(server|browser|client)\.[a-z]+[A-Z]\w*|DASK_\w+|PyTorchJob|face_landmarker\.task|NAME\.py"
    r"|(entanglement|dividend|fusing)\.\w+|label_[A-Z]|\w+_mask|VIEW_\w+|Y_onehot|row_id|\w+_digit|views\.mat"
    r"|Lib/pickletools\.py|handwritten\.mat"
)
# variables of the examples in the documents
VARIABLES = {"sample", "study", "figure", "model", "dataset", "picture", "explanation", "state"}
PLAIN_BASES = {"ABC", "Protocol", "Generic", "NamedTuple", "object"}


@dataclass
class Class:
    """A class of the project: its members, and the expressions of its bases."""

    members: set[str] = field(default_factory=set)
    bases: list[str] = field(default_factory=list)


@dataclass
class Module:
    """A module of the project.

    Attributes:
        names: top-level names. imports: the dotted name that each imported name stands for.
        classes: top-level classes. lazy: names in `__all__`, some of which load on first use.
        variables: arguments and assigned names, at any depth. words: all identifiers.
        docstrings: with the line of each. strings: all other strings.
    """

    path: Path
    name: str
    text: str
    names: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    lazy: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    docstrings: list[tuple[int, str]] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Text:
    """A piece of prose: a docstring, a comment or a document, with the line that it starts on."""

    path: Path
    line: int
    content: str
    module: Module | None = None


# --- index of the project -----------------------------------------------------------------------


@functools.cache
def tracked_files() -> frozenset[str]:
    """Return the paths of all files in git, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(line for line in listed.stdout.splitlines() if (ROOT / line).is_file())


@functools.cache
def modules() -> dict[str, Module]:
    """Return all modules of the project by dotted name."""
    result = {}
    for path in sorted(name for name in tracked_files() if name.endswith(".py")):
        name = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
        text = (ROOT / path).read_text(encoding="utf-8")
        result[name] = index_module(ROOT / path, name, text)
    for name, module in result.items():  # submodules are attributes of their package
        parent, _, tail = name.rpartition(".")
        if parent in result:
            result[parent].names.add(tail)
            result[parent].imports.setdefault(tail, name)
        module.names |= {"__doc__", "__file__", "__name__", "__path__"}
    return result


def index_module(path: Path, name: str, text: str) -> Module:
    """Return a module with its names, imports, classes, docstrings and words, from one walk through its tree."""
    tree = ast.parse(text)
    module = Module(path, name, text)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        index_node(module, node, package)
    for statement in top_level(tree.body):
        module.names |= defined_names(statement)
        if isinstance(statement, ast.ClassDef):
            module.classes[statement.name] = index_class(statement)
    module.lazy = listed_names("__all__", tree)
    module.names |= set(module.imports)
    module.words |= module.variables | set(module.imports)
    documented = {content for _, content in module.docstrings}
    module.strings = [value for value in module.strings if value not in documented]
    return module


def index_node(module: Module, node: ast.AST, package: str) -> None:
    """Add what one node of the tree tells of a module."""
    if isinstance(node, ast.Name):
        module.words.add(node.id)
        if isinstance(node.ctx, ast.Store):
            module.variables.add(node.id)
    elif isinstance(node, ast.Attribute):
        module.words.add(node.attr)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            module.strings.append(node.value)
    elif isinstance(node, ast.arg):
        module.variables.add(node.arg)
    elif isinstance(node, ast.keyword):
        module.words.add(node.arg or "")
    elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        module.words.add(node.name)
    elif isinstance(node, ast.Expr):
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            module.docstrings.append((value.lineno, value.value))
    elif isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            module.imports[alias.asname or top] = alias.name if alias.asname else top
    elif isinstance(node, ast.ImportFrom):
        base = package if node.level else ""
        source = ".".join(part for part in (base, node.module or "") if part)
        for alias in node.names:
            module.imports[alias.asname or alias.name] = f"{source}.{alias.name}"


def listed_names(variable: str, tree: ast.Module) -> set[str]:
    """Return the strings in a top-level list or tuple, and in those that it unpacks."""
    result: set[str] = set()
    for statement in tree.body:
        if variable in defined_names(statement):
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    result.add(node.value)
                elif isinstance(node, ast.Starred) and isinstance(node.value, ast.Name):
                    result |= listed_names(node.value.id, tree)
    return result


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, and those inside its `if`, `try`, `with` and `for` blocks."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            for block in ("body", "orelse", "finalbody"):
                yield from top_level(getattr(node, block, []))


def defined_names(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AnnAssign | ast.For):
        targets = [node.target]
    else:
        return set()
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def index_class(node: ast.ClassDef) -> Class:
    """Return the members of a class, those assigned to `self` included, and its bases."""
    result = Class(bases=[ast.unparse(base).split("[")[0] for base in node.bases])
    for statement in top_level(node.body):
        result.members |= defined_names(statement)
    for inner in ast.walk(node):
        is_set = isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
        if is_set and ast.unparse(inner.value) in ("self", "cls"):
            result.members.add(inner.attr)
    return result


@functools.cache
def classes() -> dict[str, list[Class]]:
    """Return all classes of the project by name."""
    result: dict[str, list[Class]] = {}
    for module in modules().values():
        for name, one in module.classes.items():
            result.setdefault(name, []).append(one)
    return result


@functools.cache
def by_tail() -> dict[str, list[str]]:
    """Return the dotted names of all modules by their last part."""
    result: dict[str, list[str]] = {}
    for name in modules():
        result.setdefault(name.rpartition(".")[2], []).append(name)
    return result


@functools.cache
def vocabulary() -> frozenset[str]:
    """Return all identifiers of the code, and the words of its strings (docstrings excluded) and of its data files."""
    words: set[str] = set()
    for module in modules().values():
        words |= module.words
        if module.path.name != "test_repository_references.py":
            words.update(re.findall(r"\w+", "\n".join(module.strings)))
    for name in tracked_files():
        if re.search(r"\.(toml|js|css|html|typ|txt|ya?ml|conf)$", name) or name.startswith(".ci/"):
            words.update(re.findall(r"\w+", (ROOT / name).read_text(encoding="utf-8")))
    return frozenset(words)


@functools.cache
def definitions() -> frozenset[str]:
    """Return the names of all modules, their top-level names, members of classes, and variables."""
    names = set(by_tail())
    for module in modules().values():
        names |= module.names | module.variables | module.lazy
        names.update(*(one.members for one in module.classes.values()))
    return frozenset(names)


@functools.cache
def external() -> frozenset[str]:
    """Return the names of the standard library's and the installed packages' modules."""
    installed = importlib.metadata.packages_distributions()
    return frozenset({*sys.stdlib_module_names, *dir(__builtins__), *installed, *ALIASES})


# --- prose of the project -----------------------------------------------------------------------


def texts() -> Iterator[Text]:
    """Yield all docstrings, comments and documents."""
    for module in modules().values():
        for line, content in module.docstrings:
            yield Text(module.path, line, content, module)
        for comment in COMMENT.finditer(module.text):
            line = module.text.count("\n", 0, comment.start(1)) + 1
            yield Text(module.path, line, comment[1], module)
    for name in tracked_files():
        if name.endswith(".md") and name not in HISTORY:
            yield Text(ROOT / name, 1, (ROOT / name).read_text(encoding="utf-8"))


# --- resolution ---------------------------------------------------------------------------------


def resolves(parts: list[str], module: Module | None) -> bool:
    """Return whether a dotted name leads to something, seen from a module or from a document."""
    head, rest = parts[0], parts[1:]
    if module and head in module.imports:
        target = module.imports[head]
        if target.split(".")[0] not in PACKAGES:
            return True
        if leads_to(target.split(".") + rest):
            return True
    if module and leads_to(module.name.split(".") + parts):
        return True
    if head in PACKAGES and leads_to(parts):
        return True
    if any(leads_to(name.split(".") + rest) for name in by_tail().get(head, [])):
        return True
    if any(has_member(one, rest[0]) for one in classes().get(head, [])):
        return True
    if head in external():
        return True
    variable = head in module.variables if module else head in VARIABLES
    if (head in by_tail() or head in classes()) and not variable:
        return False
    return head in vocabulary() and all(part in vocabulary() for part in rest)


def leads_to(parts: list[str], depth: int = 0) -> bool:
    """Return whether an absolute dotted name leads to a module, a name in it, or a member of a class in it."""
    for cut in range(len(parts), 0, -1):
        module = modules().get(".".join(parts[:cut]))
        if module is None:
            continue
        rest = parts[cut:]
        if not rest:
            return True
        if rest[0] in module.classes and len(rest) > 1:
            return has_member(module.classes[rest[0]], rest[1])
        if rest[0] in module.imports and depth < 5:
            target = module.imports[rest[0]].split(".")
            if target[0] not in PACKAGES:
                return True
            return leads_to(target + rest[1:], depth + 1)
        if rest[0] in module.names:
            return all(part in vocabulary() for part in rest[1:])
        return rest[0] in module.lazy
    return False


def has_member(one: Class, name: str, depth: int = 0) -> bool:
    """Return whether a class or one of its bases has a member; bases from libraries may have any."""
    if name in one.members:
        return True
    for base in one.bases:
        tail = base.rpartition(".")[2]
        if tail in classes():
            if depth < 8 and any(has_member(parent, name, depth + 1) for parent in classes()[tail]):
                return True
        elif tail not in PLAIN_BASES:
            return name in vocabulary()
    return False


@functools.cache
def find_file(path: str, source: Path) -> Path | None:
    """Return the file that a path names, from the folder of the text, the root, or as the end of a path."""
    for folder in (source.parent, ROOT):
        if (folder / path).is_file():
            return folder / path
    for name in tracked_files():
        if name.endswith(f"/{path}"):
            return ROOT / name
    return None


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of the headings of a Markdown document."""
    content = path.read_text(encoding="utf-8")
    result = set(re.findall(r'<a id="([\w-]+)"', content))
    for heading in re.findall(r"(?m)^#+ (.*)$", content):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        result.add(re.sub(r"\s", "-", re.sub(r"[^\w\- ]", "", plain)))
    return frozenset(result)


# --- the checks ---------------------------------------------------------------------------------


def broken_paths(text: Text) -> Iterator[tuple[int, str]]:
    """Yield the paths in a text that lead to no file or to no heading."""
    for match in PATH.finditer(text.content):
        path, anchor = match[1].removeprefix("../"), match[2]
        strict = re.search(r"\.(py|md|toml|js|css|typ)$", path)
        if not strict and not (ROOT / path.split("/")[0]).is_dir():
            continue
        in_ticks = text.content[: match.start()].rpartition("\n")[2].count("`") % 2 == 1
        if ("/" not in path and not in_ticks) or FOREIGN.fullmatch(path.split("/")[-1]):
            continue
        file = find_file(path, text.path)
        if file is None:
            if path.split("/")[-1] not in written_files():
                yield match.start(), match[0]
        elif anchor and file.suffix == ".md" and anchor[1:] not in anchors(file):
            yield match.start(), match[0]


@functools.cache
def written_files() -> frozenset[str]:
    """Return the names of files in the strings of the code, such as those that programs write."""
    names: set[str] = set()
    for module in modules().values():
        if module.path.name == "test_repository_references.py":
            continue
        short = [value for value in module.strings if len(value) < 200]
        names.update(n.split("/")[-1] for n in re.findall(r"[\w./-]+\.\w+", "\n".join(short)))
    return frozenset(names)


def broken_names(text: Text) -> Iterator[tuple[int, str]]:
    """Yield the names in backticks that lead to nothing."""
    for match in BACKTICKS.finditer(text.content):
        code = match[1].strip()
        if re.search(rf"\.(?:{SUFFIXES}|csv|pt2?|onnx|npz|npy|pkl|zip|pdf|mp4|wav|webm)$", code):
            continue
        if FOREIGN.fullmatch(code):
            continue
        dotted = DOTTED.fullmatch(code)
        bare = BARE.fullmatch(code)
        if (dotted and not resolves(dotted[1].split("."), text.module)) or (
            bare and is_unknown(bare[1])
        ):
            yield match.start(), code


def is_unknown(name: str) -> bool:
    """Return whether a name with underscores or in CamelCase occurs nowhere in the code."""
    is_name = "_" in name or re.search("[a-z][A-Z]|[A-Z][a-z]", name) is not None
    return is_name and name not in vocabulary() and name not in external()


def broken_own(text: Text) -> Iterator[tuple[int, str]]:
    """Yield the dotted names of the packages, in backticks or not, that lead to nothing."""
    for match in OWN.finditer(text.content):
        parts = match[1].split(".")
        if parts[-1] in SUFFIXES.split("|"):
            continue
        if not leads_to(parts):
            yield match.start(), match[1]


def broken_programs(text: Text) -> Iterator[tuple[int, str]]:
    """Yield what the Python programs of a document import or call, of this project, that does not exist."""
    for match in FENCE.finditer(text.content):
        program = index_module(text.path, "", match[1])
        for name, target in program.imports.items():
            parts = target.split(".")
            if parts[0] not in PACKAGES:
                continue
            if not leads_to(parts):
                yield match.start(), target
            for node in ast.walk(ast.parse(match[1])):
                is_use = isinstance(node, ast.Attribute) and ast.unparse(node.value) == name
                if is_use and not leads_to([*parts, node.attr]):
                    yield match.start(), f"{target}.{node.attr}"


def nearest(reference: str) -> str:
    """Return the existing name that is most like a reference."""
    known = {*modules(), *tracked_files(), *classes()}
    tail = re.split(r"[./#]", reference.removesuffix("()"))[-1]
    close = difflib.get_close_matches(reference, known, 1, 0.6) or difflib.get_close_matches(
        tail, vocabulary(), 1, 0.7
    )
    return f"; the nearest name is {close[0]}" if close else ""


def problems(text: Text) -> Iterator[str]:
    """Yield a line for each broken reference of a text."""
    broken = {*broken_paths(text), *broken_names(text), *broken_own(text)}
    if text.module is None:
        broken |= set(broken_programs(text))
    for start, reference in sorted(broken):
        line = text.line + text.content.count("\n", 0, start)
        yield f"{text.path.relative_to(ROOT)}:{line}: `{reference}` does not exist{nearest(reference)}"


def test_a_broken_reference_is_reported_with_the_nearest_name() -> None:
    content = "As `DataSet.rows`, `spec.numbered` and `docs/faq.md`.\nSee `models.explorable`,\n"
    content += "`docs/fax.md`, `qfusion.explain.gauge()` and docs/explain.md#no-such-heading."
    text = Text(ROOT / "docs" / "x.md", 1, content)
    assert [line.split(" does not exist")[0] for line in problems(text)] == [
        "docs/x.md:2: `models.explorable`",
        "docs/x.md:3: `docs/fax.md`",
        "docs/x.md:3: `qfusion.explain.gauge()`",
        "docs/x.md:3: `docs/explain.md#no-such-heading`",
    ]
    assert any("the nearest name is docs/faq.md" in line for line in problems(text))


def test_every_reference_resolves() -> None:
    broken = [line for text in texts() for line in problems(text)]
    assert not broken, f"{len(broken)} broken references:\n" + "\n".join(broken)
