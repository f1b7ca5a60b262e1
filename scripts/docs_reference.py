"""Reference sections of the site that are made from the code, each in the place of a comment such as `<!-- panels -->`
in a page of docs/; see `SECTIONS`."""

from __future__ import annotations

import csv
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer.main

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "docs" / "notebooks" / "huggingface.ipynb"
sys.path[:0] = [str(ROOT)]
from qfusion import citations, plugin, training  # noqa: E402
from qfusion._settings import allowed_values  # noqa: E402
from qfusion.cli import app  # noqa: E402
from qfusion.data.examine import repairs  # noqa: E402
from qfusion.models import kind_texts, registry  # noqa: E402
from qfusion.models.encoders import EncoderSettings  # noqa: E402
from qfusion.quantum import circuits  # noqa: E402
from qfusion.views.pages import catalogue  # noqa: E402
from qfusion.views.pages.panel import Panel  # noqa: E402
from scripts import gallery, lock  # noqa: E402


def insert(text: str) -> str:
    """Return a page of docs/ with the sections that its comments ask for."""
    return re.sub(r"<!-- (\w+) -->", lambda found: SECTIONS.get(found[1], lambda: found[0])(), text)


def settings() -> str:
    """Return a table of the settings of the training, one of those of encoders, and one of those of every kind of
    model besides."""
    groups = {
        "The training": training.Options.model_fields,
        "The encoders of all models": EncoderSettings.model_fields,
    }
    for kind in registry.names():
        groups[f"`{kind}`"] = {
            key: field
            for key, field in registry.settings_type(kind).model_fields.items()
            if key not in EncoderSettings.model_fields
            or field.default != EncoderSettings.model_fields[key].default
        }
    sections = []
    for title, fields in groups.items():
        rows = [
            (f"`{key}`", f"`{json.dumps(field.default)}`", allowed_values(field), field.description)
            for key, field in fields.items()
        ]
        table = [_table(("setting", "default", "must", "description"), rows)] if rows else []
        sections.append("\n\n".join([f"## {title}", *table]))
    return "\n\n".join(sections)


def panels() -> str:
    """Return every page with its question and its panels: what each draws, its choices and its terms."""
    sections = []
    for title, question in catalogue.QUESTIONS.items():
        parts = catalogue.page_parts(title)
        known = {**parts.panels, **parts.families}
        if known:
            sections.append(f"## {title.capitalize()}\n\n{question}")
            sections += [_panel(name, panel) for name, panel in known.items()]
    return "\n\n".join(sections)


def _panel(name: str, panel: Panel) -> str:
    choices = "; ".join(dict.fromkeys(one.label for one in panel.choices))
    by_term = {one["term"]: one for one in entries()}
    terms = [by_term[term] for term in _terms().get(panel_of(name.rstrip("-")), [])]
    links = ", ".join(f"[{one['term']}](glossary.md#{slug(one['term'])})" for one in terms)
    return "\n\n".join(
        [
            f"### {name_of(name)}",
            _first_paragraph(panel.build),
            *([f"Choices: {choices}."] if choices else []),
            *([f"Terms: {links}."] if terms else []),
        ]
    )


def name_of(panel: str) -> str:
    """Return the name of a panel, or of several whose names begin alike, as a heading."""
    words = panel.rstrip("-").replace("-", " ")
    return words[:1].upper() + words[1:]


def _first_paragraph(build: Callable[..., Any]) -> str:
    """Return how the docstring of a panel's view begins; decorators and partial functions are taken off."""
    while isinstance(build := inspect.unwrap(build), partial):
        build = build.keywords.get("view", build.func)
    return " ".join((inspect.getdoc(build) or "").split("\n\n")[0].split())


def entries() -> list[dict[str, Any]]:
    """Return the entries of the glossary, of the core and of plugins, in alphabetical order."""
    found = [one for record in plugin.read_assets("glossary.toml") for one in record["entry"]]
    return sorted(found, key=lambda one: one["term"].casefold())


def _terms() -> dict[str, list[str]]:
    """Return the terms of every panel."""
    records = plugin.read_assets("glossary.toml")
    return {key: terms for record in records for key, terms in record["panels"].items()}


def panel_of(name: str) -> str:
    """Return the key of a panel in the glossary: its name, or the longest beginning of it that is a key.

    Without such a key, return the name.
    """
    parts = name.split("-")
    beginnings = ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((key for key in beginnings if key in _terms()), name)


def slug(term: str) -> str:
    """Return the anchor of a heading, in the site and on GitHub."""
    return re.sub(r"[^\w\- ]", "", term.lower()).replace(" ", "-")


def glossary() -> str:
    """Return the terms of the app with their definitions and formulas."""
    return "\n\n".join(map(_entry, entries()))


def _entry(one: dict[str, Any]) -> str:
    formula = f"\n\n$$\n{one['formula'].strip()}\n$$" if one.get("formula") else ""
    also = f"Also: {', '.join(one['also'])}. " if one.get("also") else ""
    return (
        f"## {one['term']}\n\n{one['words'].strip()}{formula}\n\n{also}*Source: {one['source']}.*"
    )


def every_command() -> Iterator[tuple[str, Any]]:
    """Yield the words of every command, and the command."""
    waiting: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop(0)
        if hasattr(command, "list_commands"):
            waiting += [
                (f"{words} {name}".strip(), command.get_command(None, name))
                for name in command.list_commands(None)
            ]
        else:
            yield words, command


def commands() -> str:
    """Return every command: its description, its examples and its options."""
    return "\n\n".join(_command(words, command) for words, command in every_command())


def _command(words: str, command: Any) -> str:
    examples = re.findall(r"\[bold\](.*?)\[/bold\]", command.epilog or "", re.DOTALL)
    rows = [(_spelt(one), one.help.replace("|", r"\|"), _default(one)) for one in command.params]
    return "\n\n".join(
        [
            f"## `{words}`",
            command.help or "",
            "\n".join(["```bash", *(" ".join(one.split()) for one in examples), "```"]),
            _table(("argument", "meaning", "default"), rows) if rows else "",
        ]
    )


def _spelt(argument: Any) -> str:
    names = [*argument.opts, *argument.secondary_opts]
    return f"`{', '.join(names) if names[0].startswith('-') else argument.metavar or names[0]}`"


def _default(argument: Any) -> str:
    value = argument.default
    return "" if value in (None, False, "", ()) or callable(value) else f"`{value}`"


def blocks() -> str:
    """Return a table of the blocks that a convolution can be."""
    rows = [
        (
            f"`{name}`",
            block.parameters,
            len(block.operations),
            sum(len(operation.wires) == 2 for operation in block.operations),
            block.source,
        )
        for name, block in circuits.BLOCKS.items()
    ]
    return _table(("block", "parameters", "gates", "two-qubit gates", "what it is"), rows)


def kinds() -> str:
    """Return a table of the kinds of models that can be trained."""
    described = {name: kind_texts.describe_kind(name) for name in registry.names()}
    rows = [(f"`{name}`", one.title, one.summary) for name, one in described.items()]
    return _table(("kind", "title", "what it is"), rows)


def made_repairs() -> str:
    """Return a table of the repairs that an import can make."""
    rows = [(f"`{name}`", effect) for name, effect in repairs.REPAIRS.items()]
    return _table(("repair", "effect"), rows)


def figures() -> str:
    """Return the figures of the gallery with the commands that draw them."""
    return "\n\n".join(
        f"## {one.title}\n\n{one.words}\n\n![{one.title}](gallery/{one.name}.svg)\n\n```bash\n{one.call}\n```"
        for one in gallery.PICTURES
    )


def licences() -> str:
    """Return a table of the packages that are locked, with their licences."""
    with lock.LICENCES.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return _table(head, rows)


def sources() -> str:
    """Return the sources of methods and data, as reports print them."""
    return "\n".join(f"- {citations.text(key)}" for key in citations.SOURCES)


def notebook() -> str:
    """Return the cells of the notebook on a model of Hugging Face, without its title."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    made = [
        f"```python\n{text}\n```" if cell["cell_type"] == "code" else text
        for cell, text in zip(cells, texts, strict=True)
    ]
    return "\n\n".join(made).partition("\n")[2].strip()


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


SECTIONS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "panels": panels,
    "glossary": glossary,
    "commands": commands,
    "blocks": blocks,
    "kinds": kinds,
    "repairs": made_repairs,
    "gallery": figures,
    "licences": licences,
    "sources": sources,
    "notebook": notebook,
}
