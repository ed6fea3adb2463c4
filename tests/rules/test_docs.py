"""Docs and code agree: settings, commands, jobs and event actions are all written down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache

from django.core.management import get_commands

from devices.models import Standing
from inventory.models import Case
from inventory.services.job_kinds import KINDS
from tests.rules.sources import PACKAGES, ROOT, calls, modules, text_of

READERS = {"text", "flag", "number", "choice", "words", "secret", "database", "getenv"}
SHELL = ("Procfile", "bin/start")
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "PATH", "PWD", "BASH_SOURCE"}
RECORDERS = {
    *("record_event", "build_event", "insert_owned", "change_owned", "delete_owned", "restore_owned", "restamp"),
    *("record_events", "record_server_event"),
}


@cache
def words_of(*pages: str) -> frozenset[str]:
    """Every word inside `backticks` on these pages of docs/."""
    found: set[str] = set()
    for page in pages:
        for code in re.findall(r"`([^`\n]+)`", (ROOT / "docs" / page).read_text(encoding="utf-8")):
            found |= set(re.findall(r"[A-Za-z_][\w-]*", code))
    return frozenset(found)


def all_pages() -> list[str]:
    return sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").glob("*.md"))


def missing(names: Iterable[str], *pages: str) -> list[str]:
    return sorted(set(names) - words_of(*pages))


def settings_read() -> set[str]:
    """Names that our code reads from the environment, in Python and in the start scripts."""
    found: set[str] = set()
    for path in modules():
        for call in calls(path):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            source = ast.unparse(call.func)
            first = text_of(call.args[0]) if call.args else None
            if first and first.isupper() and (name in READERS or source in {"os.environ.get", "os.environ.setdefault"}):
                found.add(first)
    for script in SHELL:
        text = (ROOT / script).read_text(encoding="utf-8")
        found |= set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", text))
    return found - NOT_SETTINGS


def event_actions() -> set[str]:
    """Every action that a service records: literals, defaults, and the states that name themselves."""
    found = {state.value for state in Case.State if state != Case.State.OPEN}
    found |= {f"standing_{standing.value}" for standing in Standing}
    for path in modules("devices", "inventory"):
        if "services" not in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RECORDERS:
                found |= {text_of(keyword.value) or "" for keyword in node.keywords if keyword.arg == "action"}
            elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "action" for target in node.targets):
                found |= {text_of(leaf) or "" for leaf in ast.walk(node.value)}
            elif isinstance(node, ast.FunctionDef):
                arguments = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                found |= {text_of(default) or "" for argument, default in arguments if argument.arg == "action"}
    return found - {""}


def test_every_setting_is_in_the_operations_page() -> None:
    assert {"DATABASE_URL", "SECRET_KEY", "PORT"} <= settings_read()
    assert missing(settings_read(), "operations.md") == [], "add these to the table in docs/operations.md"


def test_every_command_is_in_the_docs() -> None:
    ours = {name for name, app in get_commands().items() if app in PACKAGES}
    assert "serve" in ours
    assert missing(ours, *all_pages()) == [], "describe these commands in docs/operations.md"


def test_every_job_kind_is_in_the_docs() -> None:
    assert KINDS
    assert missing(KINDS, "operations.md") == [], "add these kinds to the table of jobs in docs/operations.md"


def test_every_event_action_is_in_the_docs() -> None:
    assert {"created", "updated", "deleted", "restored", "standing_revoked"} <= event_actions()
    assert missing(event_actions(), *all_pages()) == [], "name these actions in `backticks` in the docs, with meaning"
