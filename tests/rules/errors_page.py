"""Writes docs/errors.md from the error tree: `python -m tests.rules.errors_page > docs/errors.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module

from config.core.errors import AppError

GROUPS = {
    "config.core.errors": "Everywhere",
    "devices.errors": "Devices and people",
    "inventory.errors": "Inventory",
    "inventory.errors.counting": "Counting",
    "inventory.errors.alerts": "Alerts",
    "inventory.errors.cases": "Cases",
}
HEAD = """\
# Errors

<!-- Made from the code: python -m tests.rules.errors_page > docs/errors.md -->

Every answer that is not 2xx or 304 is a problem document (`application/problem+json`, RFC 9457):

```json
{"type": "/docs/errors#product_sku_taken", "title": "Another product of this device has this SKU", "status": 409,
 "detail": "Another product of this device has this SKU", "instance": "/v1/products",
 "internal_code": "product_sku_taken", "request_id": "0b1f…", "errors": []}
```

Decide by `internal_code`: each is unique and never changes its meaning. `errors` names the fields that are wrong
(`field`, `code`, `detail`); `request_id` is what the operator finds in the logs. 429 and 503 carry `Retry-After` in
seconds.
"""


def every_error(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """AppError and all that descend from it in the three error modules."""
    for name in GROUPS:
        import_module(name)
    if root.__module__ in GROUPS:  # a test may have made one of its own
        yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for module, title in GROUPS.items():
        mine = [error for error in every_error() if error.__module__ == module]
        parts.append(f"\n## {title}\n")
        parts += [
            f"\n### {error.internal_code}\n\n**{error.status}** {error.title}  \n{error.advice}\n"
            for error in sorted(mine, key=lambda error: (error.status, error.internal_code))
        ]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
