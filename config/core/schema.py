"""OpenAPI: errors, headers, lists and operation ids that the code cannot say by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from config.core.fields import MAX_ATTRIBUTES
from config.core.pagination import MAX_LIMIT
from config.core.quantities import MAX_QUANTITY

PROBLEM = {
    "type": "object",
    "description": "RFC 9457; every answer other than 2xx and 304 has this shape.",
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
LARGEST = int(MAX_QUANTITY)
# status: (name among the components, what it means)
READS = {
    "400": ("Malformed", "Malformed"),
    "401": ("NotAuthenticated", "Not authenticated"),
    "403": ("Forbidden", "Device suspended or revoked"),
    "404": ("NotFound", "Not there or not yours"),
    "429": ("TooManyRequests", "Too many requests; wait for the seconds in Retry-After"),
    "503": ("Busy", "Busy for a moment; wait for the seconds in Retry-After"),
}
WRITES = {
    "409": ("Conflict", "In conflict with what is stored"),
    "412": ("ChangedMeanwhile", "Not at the revision that If-Match names"),
    "413": ("TooLarge", "Too large"),
    "415": ("NotJSON", "Not JSON"),
    "422": ("Invalid", "Well-formed but invalid; see `errors`"),
}
FILES = {
    "410": ("FileGone", "The file is past its time"),
    "416": ("RangeNotSatisfiable", "The file is shorter than that"),
}
FEED = {"410": ("StartAgain", "This cursor is no longer good: start again without one")}
X_DEVICE_ID = OpenApiParameter(
    "X-Device-ID",
    {"type": "string", "format": "uuid"},
    OpenApiParameter.HEADER,
    description="The device a person acts in: one of their own. Not needed with a device token.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,128}$"},
    OpenApiParameter.HEADER,
    description="The same key with the same request gets the stored answer; with another request: 422.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^(\*|(W/)?"[0-9]{1,18}")$', "example": '"412"'},
    OpenApiParameter.HEADER,
    description="The ETag that was read; at another revision: 412 with the current row.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string", "example": '"412"'},
    OpenApiParameter.HEADER,
    description="The ETag that was read; unchanged: 304 without a body.",
)
FIELDS = OpenApiParameter("fields", str, description="Only these fields, comma-separated")
DELETED = OpenApiParameter("deleted", bool, description="true: tombstones only")
MAY_BE_EMPTY = ("cursor", "search")
VERBS = {
    "list": "List {things}",
    "create": "Create {things}: one, or a list",
    "retrieve": "Read one of the {things}",
    "update": "Replace one of the {things}",
    "partial_update": "Change one of the {things}",
    "destroy": "Delete one of the {things}",
}


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # their registry is untyped
    """Either token travels as `Authorization: Bearer …`."""

    target_class = "devices.api.authentication.BearerAuthentication"
    name = ["deviceToken", "accessToken"]

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return [{name: []} for name in self.name]  # a list: one of them is enough

    def get_security_definition(self, auto_schema: Any) -> Any:
        token = {"type": "http", "scheme": "bearer"}
        return [
            {**token, "description": "`<installation id>.<secret>`, from POST /v1/devices/register"},
            {**token, "bearerFormat": "JWT", "description": "`access`, from POST /v1/auth/token; with X-Device-ID"},
        ]


class QuantitySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # likewise
    """Quantities are decimals as text; a JSON number is taken too."""

    target_class = "config.core.fields.QuantityWire"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        text = {"type": "string", "format": "decimal", "example": "2.5", "description": "up to 6 decimals, exact"}
        if direction == "response":
            return text
        number: dict[str, Any] = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
        if self.target.least is not None:
            number["minimum"] = self.target.least
        if self.target.above is not None:
            number |= {"minimum": self.target.above, "exclusiveMinimum": True}
        return {"oneOf": [text, number]}


class AttributesSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # likewise
    """Attributes are a JSON object, nothing else."""

    target_class = "config.core.fields.AttributesField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {}, "maxProperties": MAX_ATTRIBUTES}


class ProblemAutoSchema(AutoSchema):
    """drf-spectacular's schema with one tag per resource, short operation ids, our headers and lists.

    A view says `acts_in_device = False` where no X-Device-ID is read.
    """

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and "{" not in part]
        return [parts[1] if len(parts) > 1 else "v1"]

    def get_operation_id(self) -> str:
        """products_list, products_restore, devices_me_heartbeat; reads and changes of a view keep their verb."""
        action = getattr(self.view, "action", None)
        if action is not None and action not in VERBS:
            return f"{self.get_tags()[0]}_{action}".replace("-", "_")
        found = super().get_operation_id()
        return found.removesuffix("_create") if action is None else found

    def get_summary(self) -> str | None:
        verb = VERBS.get(getattr(self.view, "action", None) or "")
        return verb.format(things=self.get_tags()[0].replace("-", " ")) if verb else super().get_summary()

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *self._headers(), *self._queries()]

    def _headers(self) -> list[OpenApiParameter]:
        view: Any = self.view
        found = []
        if view.authentication_classes and getattr(view, "acts_in_device", True):
            found.append(X_DEVICE_ID)
        if self.method == "POST" and getattr(view, "answers_once", False):
            found.append(IDEMPOTENCY_KEY)
        if self.method in ("PUT", "PATCH", "DELETE") and getattr(view, "has_revisions", False):
            found.append(IF_MATCH)
        if self._reads_rows():
            found.append(IF_NONE_MATCH)
        return found

    def _queries(self) -> list[OpenApiParameter]:
        view: Any = self.view
        found = []
        if self._reads_rows():
            names = list(view.get_serializer().fields)
            found.append(OpenApiParameter("fields", _words(names), description=FIELDS.description))
        if self._reads_rows() and view.action == "list" and "deleted" in getattr(view, "own_parameters", ()):
            found.append(DELETED)
        return found

    def _reads_rows(self) -> bool:
        """list or retrieve of rows that have revisions."""
        return getattr(self.view, "action", "") in ("list", "retrieve") and getattr(self.view, "has_revisions", False)

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self._reads_rows():
            operation["responses"]["304"] = {"description": "Not modified"}
        for parameter in operation.get("parameters", ()):
            if getattr(self.view, "action", "") == "list" and parameter["name"] not in MAY_BE_EMPTY:
                _refuse_empty(parameter["schema"])
            if parameter["name"] == "ordering":
                names = list(getattr(self.view, "ordering_fields", None) or ())
                parameter["description"] = f"Comma-separated, `-` in front for descending: {', '.join(names)}"
                parameter["schema"] = _words(names, before="-?")
        if getattr(self.view, "reads_feed", False):
            operation["responses"]["410"] = {"$ref": "#/components/responses/StartAgain"}
        if getattr(self.view, "action", "") in getattr(self.view, "takes_lists", ()):
            _offer_list(operation)
        return operation


def _refuse_empty(schema: dict[str, Any]) -> None:
    """A filter without a value would filter nothing: it is refused."""
    if schema.get("type") == "string" and not {"format", "pattern", "enum"} & schema.keys():
        schema["minLength"] = 1


def _words(names: list[str], *, before: str = "") -> dict[str, Any]:
    """Some of these words, comma-separated, as a schema."""
    one = f"{before}({'|'.join(names)})"
    return {"type": "string", "pattern": f"^{one}(,{one})*$"}


def _offer_list(operation: dict[str, Any]) -> None:
    """A create that also takes a list answers 200 with one result per row, in order."""
    content = operation["requestBody"]["content"]["application/json"]
    one, row = content["schema"], operation["responses"]["201"]["content"]["application/json"]["schema"]
    content["schema"] = {"oneOf": [one, {"type": "array", "items": one, "maxItems": MAX_LIMIT}]}
    result = {
        "type": "object",
        "required": ["status"],
        "description": "`row` where status is 201, else `problem`",
        "properties": {
            "status": {"type": "integer"},
            "row": row,
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    }
    results = {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": result}},
    }
    operation["responses"]["201"]["description"] = "One row was sent"
    operation["responses"]["200"] = {
        "description": "A list was sent: one result per row, in order",
        "content": {"application/json": {"schema": results}},
    }


def offer_links(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: what was created leads to everything under its id, what was deleted to its restore."""
    paths = result["paths"]
    for path, methods in paths.items():
        for below, its_methods in paths.items():
            if not below.startswith(f"{path}/{{id}}"):
                continue
            for operation in its_methods.values():
                _link(methods.get("post"), "201", operation, "$response.body#/id")
        restore = paths.get(f"{path}/restore", {}).get("post")
        if restore is not None:
            _link(methods.get("delete"), "204", restore, "$request.path.id")
    return result


def _link(origin: dict[str, Any] | None, status: str, target: dict[str, Any], id_from: str) -> None:
    if origin is not None and status in origin["responses"]:
        name = target["operationId"]
        links = origin["responses"][status].setdefault("links", {})
        links[name] = {"operationId": name, "parameters": {"id": id_from}}


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: every operation may answer with a problem; each is said once, and referred to."""
    components = result["components"]
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": description, "content": content}
        for _, (name, description) in (*READS.items(), *WRITES.items(), *FILES.items(), *FEED.items())
    }
    for name, schema in components["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False  # unknown fields are refused
    for methods in result["paths"].values():
        for method, operation in methods.items():
            possible = (READS if method == "get" else READS | WRITES) | (
                FILES if "206" in operation["responses"] else {}
            )
            for status, (name, _) in possible.items():
                operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{name}"})
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result
