"""Tools for agents, with arguments checked like those of commands. Every error is one line; unknown arguments are
errors that name the known ones, and numbers are accepted where a name is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import ConfigDict, ValidationError, create_model

# What JSON calls a kind, and what a sentence calls it.
KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class CheckedTool(Tool):
    """Tool that takes the arguments of its function and no others."""

    @classmethod
    def of(cls, function: Callable[..., Any], **about: Any) -> CheckedTool:
        """Return the tool of a function.

        Args:
            function: whose docstring and annotations an agent reads. about: see `Tool.from_function`.
        """
        tool = cast("CheckedTool", cls.from_function(function, **about))
        strict = create_model(
            tool.fn_metadata.arg_model.__name__, __base__=_Strict, **_fields(tool)
        )
        tool.fn_metadata.arg_model = strict
        tool.parameters = strict.model_json_schema(by_alias=True)
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Any, convert_result: bool = False
    ) -> Any:
        """Runs the tool.

        Raises:
            ToolError: in one line, when an argument does not exist, is missing or is of another kind, or the tool
                refuses its value.
        """
        self._check(arguments)
        return await super().run(arguments, context, convert_result)

    def _check(self, arguments: Mapping[str, Any]) -> None:
        known = list(self.parameters["properties"])
        unknown = [name for name in arguments if name not in known]
        if unknown:
            raise ToolError(
                f"Argument `{unknown[0][:80]}` does not exist. Tool {self.name} takes {', '.join(known)}."
            )
        try:
            self.fn_metadata.validate_arguments(dict(arguments))
        except ValidationError as error:
            raise ToolError(self._said(error, arguments)) from None

    def _said(self, error: ValidationError, arguments: Mapping[str, Any]) -> str:
        """The first thing that is wrong with arguments, in one sentence."""
        first = error.errors()[0]
        name = str(first["loc"][0])
        wanted = _wanted(self.parameters["properties"][name])
        if name not in arguments:
            return (
                f"Argument `{name}` of tool {self.name} is missing ({first['msg']}). Give {wanted}."
            )
        return f"Argument `{name}` must be {wanted}, but is {repr(arguments[name])[:80]} ({first['msg']})."


class _Strict(ArgModelBase):
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", coerce_numbers_to_str=True
    )


def _fields(tool: Tool) -> dict[str, Any]:
    fields = tool.fn_metadata.arg_model.model_fields
    return {name: (field.annotation, field) for name, field in fields.items()}


def _wanted(schema: Mapping[str, Any]) -> str:
    """Return in words what a JSON schema asks for."""
    if "enum" in schema:
        return " or ".join(repr(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_wanted(one) for one in schema["anyOf"])
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"an object whose values are each {_wanted(schema['additionalProperties'])}"
    if schema.get("type") == "array" and "items" in schema:
        return f"a list of which each is {_wanted(schema['items'])}"
    return KINDS.get(str(schema.get("type")), "another value")
