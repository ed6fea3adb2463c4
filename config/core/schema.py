"""OpenAPI: errors, headers and operation ids that the code cannot say by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "internal_code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "internal_code": {"type": "string", "description": "unique; see docs/errors.md"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {key: {"type": "string"} for key in ("field", "code", "detail")},
            },
        },
    },
}
READS = {
    "400": "Malformed",
    "401": "Not authenticated",
    "403": "Device suspended or revoked",
    "404": "Not there or not yours",
    "429": "Too many requests",
    "503": "Busy for a moment",
}
WRITES = {"409": "Conflict", "412": "Changed meanwhile", "413": "Too large", "415": "Not JSON", "422": "Invalid"}


class ProblemAutoSchema(AutoSchema):
    """drf-spectacular's schema with one tag per resource."""

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and "{" not in part]
        return [parts[1] if len(parts) > 1 else "v1"]


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: every operation may answer with a problem; say so in one place."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in result["paths"].values():
        for method, operation in methods.items():
            statuses = READS if method == "get" else READS | WRITES
            for status, description in statuses.items():
                operation["responses"].setdefault(status, {"description": description, "content": content})
    return result
