"""The shape of the code: sizes, names, the sign on each door, and no signals."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rules.sources import ROOT, calls, modules, tree, where

FILE_LINES = 400
FUNCTION_LINES = 40
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "extras", "selectors", "managers"}
SIGNALS = ("django.dispatch", "django.db.models.signals", "django.core.signals", "django.db.backends.signals")
# Measured: they backtrack exponentially on hostile input; GS1Message.parse and GS1ElementString.extract do not.
SLOW_PARSERS = {"biip.parse", "biip._parser", "biip.gs1_digital_link_uris"}
OURS = modules()
TESTS = modules("tests")


@pytest.mark.parametrize("path", OURS + TESTS, ids=where)
def test_a_file_stays_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES, "make it a package of the same name"


@pytest.mark.parametrize("path", OURS, ids=where)
def test_a_function_stays_small(path: Path) -> None:
    long = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _body_lines(node)
            if lines > FUNCTION_LINES:
                long[f"{where(path, node)} {node.name}"] = lines
    assert long == {}, f"at most {FUNCTION_LINES} lines below signature and docstring"


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", OURS + TESTS, ids=where)
def test_a_file_is_named_by_its_thing(path: Path) -> None:
    assert BANNED.isdisjoint({*path.relative_to(ROOT).parts[:-1], path.stem})


@pytest.mark.parametrize("path", OURS + TESTS, ids=where)
def test_a_module_has_the_sign_on_its_door(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    sign = ast.get_docstring(tree(path))
    assert sign, "say in one line what the module is"
    assert "\n" not in sign.partition("\n\n")[0], "the first line stands alone"


@pytest.mark.parametrize("path", OURS, ids=where)
def test_no_signals_and_no_slow_parsers(path: Path) -> None:
    banned = [name for name in _imports(path) if name.startswith(SIGNALS) or name in SLOW_PARSERS]
    assert banned == []
    attributes = {call.func.attr for call in calls(path) if isinstance(call.func, ast.Attribute)}
    assert attributes.isdisjoint({"parse_hri"})


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, and every name it takes from one."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
