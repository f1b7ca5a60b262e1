"""Python programs that recompute the numbers of a panel.

    print(program("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

A program ends with the panel's table in `numbers`, a DataFrame with the columns of its CSV. Values of the address stand
in it as Python literals, so a reader or a data set can supply values only, never code.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from qfusion.panels.page_state import Address
from qfusion.panels.pages import find_panel
from qfusion.panels.scopes import Call, scope_calls


def program(page: str, panel: str, address: Address) -> str:
    """Return a program that recomputes the numbers of a panel. Nothing is opened.

    Args:
        page, panel, address: as of `pages.build_panel`.

    Raises:
        NotFound, InvalidInput: as of `pages.build_panel`.
    """
    view, spec, suffix = find_panel(page, panel, address)
    calls = scope_calls(view, spec.scope)
    imports = {f"from {call.module} import {call.function}" for _, call in calls}
    scope = "sample.study" if spec.scope == "study" else spec.scope
    build = inspect.unwrap(spec.build)
    if isinstance(build, partial):  # of a view, see `views.drawn`
        function, numbers = build.keywords["view"], "picture.numbers"
    else:
        function, numbers = build, "picture.table()"
    arguments = spec.arguments(view, suffix)
    picture = Call("", _name_function(function, imports), (), arguments, scope).text()
    lines = [
        f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
        *sorted(imports),
        "",
        *(f"{name} = {call.text()}" for name, call in calls),
        f"picture = {picture}",
        f"numbers = {numbers}",
        "",
        "print(numbers)",
        "",
    ]
    return "\n".join(lines)


def _name_function(function: Callable[..., Any], imports: set[str]) -> str:
    """Return the name of a function behind that of its module, and add the import of the module."""
    package, _, module = function.__module__.rpartition(".")
    imports.add(f"from {package} import {module}" if package else f"import {module}")
    return f"{module}.{function.__name__}"
