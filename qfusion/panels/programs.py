"""Python programs that recompute the numbers of a panel.

    print(program("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

A program ends with the panel's table in `numbers`, a DataFrame with the columns of its CSV. Values of the address stand
in it as Python literals, so a reader or a data set can supply values only, never code.
"""

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
    package, _, module = spec.build.__module__.rpartition(".")
    imports.add(f"from {package} import {module}")
    scope = "sample.study" if spec.scope == "study" else spec.scope
    picture = Call("", f"{module}.{spec.build.__name__}", (), spec.arguments(view, suffix), scope)
    lines = [
        f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
        *sorted(imports),
        "",
        *(f"{name} = {call.text()}" for name, call in calls),
        f"picture = {picture.text()}",
        "numbers = picture.table()",
        "",
        "print(numbers)",
        "",
    ]
    return "\n".join(lines)
