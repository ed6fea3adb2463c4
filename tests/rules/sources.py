"""The project's own source files, as the rules read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "devices", "inventory")
DOORS = ("api", "admin", "mcp", "jobs", "management")


@cache
def modules(*packages: str) -> tuple[Path, ...]:
    """Every module of these packages (default: all of ours), without migrations."""
    found = [path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(path for path in found if "migrations" not in path.parts)


def doors() -> list[Path]:
    """The modules of api, admin, mcp, jobs and management."""
    return [path for path in modules() if path.relative_to(ROOT).parts[1].removesuffix(".py") in DOORS]


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call in one file."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def where(path: Path, node: ast.AST | None = None) -> str:
    """`inventory/api/products.py:12`, for messages."""
    name = str(path.relative_to(ROOT))
    return name if node is None else f"{name}:{getattr(node, 'lineno', 1)}"


def text_of(node: ast.AST | None) -> str | None:
    """The value of a string literal, else None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
