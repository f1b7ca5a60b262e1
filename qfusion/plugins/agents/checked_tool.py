"""Tools of the Model Context Protocol with arguments checked like those of commands.

Every error is one line. An unknown argument is an error that names the known ones. Numbers are accepted as names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import ConfigDict, ValidationError, create_model

# Types of JSON schemas, in words.
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
    """A tool that accepts the arguments of its function and no others."""

    @classmethod
    def from_checked_function(cls, function: Callable[..., Any], **options: Any) -> CheckedTool:
        """Return the tool of a function.

        Args:
            function: the function. Agents read its docstring and annotations.
            options: further arguments of `Tool.from_function`.
        """
        tool = cast("CheckedTool", cls.from_function(function, **options))
        strict = create_model(
            tool.fn_metadata.arg_model.__name__, __base__=_Strict, **_fields(tool)
        )
        tool.fn_metadata.arg_model = strict
        tool.parameters = strict.model_json_schema(by_alias=True)
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Any, convert_result: bool = False
    ) -> Any:
        """Return the result of the tool.

        Raises:
            ToolError: when an argument does not exist, is missing, has another type, or has a value that the tool
                rejects. The message is one line.
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
            raise ToolError(self._describe_error(error, arguments)) from None

    def _describe_error(self, error: ValidationError, arguments: Mapping[str, Any]) -> str:
        """Return the first error of the arguments in one sentence."""
        first = error.errors()[0]
        name = str(first["loc"][0])
        expected = _describe_type(self.parameters["properties"][name])
        if name not in arguments:
            return f"Argument `{name}` of tool {self.name} is missing ({first['msg']}). Give {expected}."
        return f"Argument `{name}` must be {expected}, but is {repr(arguments[name])[:80]} ({first['msg']})."


class _Strict(ArgModelBase):
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", coerce_numbers_to_str=True
    )


def _fields(tool: Tool) -> dict[str, Any]:
    fields = tool.fn_metadata.arg_model.model_fields
    return {name: (field.annotation, field) for name, field in fields.items()}


def _describe_type(schema: Mapping[str, Any]) -> str:
    """Return the type of a JSON schema in words."""
    if "enum" in schema:
        return " or ".join(repr(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_describe_type(option) for option in schema["anyOf"])
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"an object whose values are each {_describe_type(schema['additionalProperties'])}"
    if schema.get("type") == "array" and "items" in schema:
        return f"a list of which each is {_describe_type(schema['items'])}"
    return KINDS.get(str(schema.get("type")), "another value")
