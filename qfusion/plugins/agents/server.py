"""`mcp`: a server for agents on standard input and output, by the Model Context Protocol.

Its tools give what the commands print with `--json` and what `figure` writes. They take names, never paths, and write
nothing but the cache of calculations.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qfusion
from qfusion import _read_only
from qfusion.commands import common, printing
from qfusion.errors import QFusionError, translate_import_errors, translate_system_errors
from qfusion.plugins.agents import tools

if TYPE_CHECKING:
    from mcp.server import MCPServer

INSTRUCTIONS = """qfusion explains decisions of trained multimodal fusion models. Begin with list_models, then
list_samples. A decision is split exactly: the baseline and all contributions (dividends) add up to the log-odds of a
class in nats, or to the predicted number of a regression; "a+b" is what a and b say only jointly. `spread` is the
standard deviation of a contribution over training seeds, `standard_error` that over drawn rows of the background; null
where nothing was measured. Contributions say what a model computed, not what caused an annotation. Models and samples
are named by their names, never by paths."""


_TURN = threading.Lock()  # simultaneous calls are answered one after the other


def build_server() -> MCPServer:
    """Return the server with all tools."""
    with translate_import_errors():
        from mcp.server import MCPServer
        from mcp.types import ToolAnnotations

        from qfusion.plugins.agents.checked_tool import CheckedTool

    checked_tools = [
        CheckedTool.from_checked_function(
            _answer_in_turn(tool),
            annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
            structured_output=tool is not tools.figure,
        )
        for tool in tools.TOOLS
    ]
    return MCPServer(
        "qfusion",
        version=qfusion.__version__,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        tools=checked_tools,
    )


def _answer_in_turn(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Return a tool that runs one call at a time, turns errors into those of the protocol, and returns JSON data."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def answer(**named: Any) -> Any:
        try:
            with _TURN, translate_system_errors():
                result = tool(**named)
        except (QFusionError, MemoryError) as error:
            raise ToolError(str(error) or "It takes more memory than there is.") from error
        return result if tool is tools.figure else json.loads(printing.json_text(result))

    return answer


def mcp(model: common.Folders = None) -> None:
    """Answer agents on standard input and output, by the Model Context Protocol: available models and data, reasons
    for a decision, effects of a change of couplings, figures. Nothing is written, and no path is taken from an
    agent.
    """
    common.add_models(model)
    _read_only.set_rule(lambda: True)
    printing.print_remark(
        "qfusion: an agent is answered on standard input and output; Ctrl-C ends it."
    )
    build_server().run()
