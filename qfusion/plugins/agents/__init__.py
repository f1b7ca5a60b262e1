"""Agents query qfusion by the Model Context Protocol: the command `mcp`."""

from qfusion.plugin import Command, Plugin

_PURPOSE = ("Answering agents", "agents")

PLUGIN = Plugin(
    "agents",
    commands={"mcp": Command("qfusion.plugins.agents.server:mcp", ["mcp", "mcp --model my-model"])},
    extras={"mcp": _PURPOSE},
)
