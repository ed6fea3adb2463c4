"""The real WatermelonDB from npm, installed once into a cache folder outside of the checkout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
INSTALL_SECONDS = 120


def installed() -> Path:
    """The folder with the library and the driver; skips the test, saying why, where it cannot be installed."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"WatermelonDB needs {tool}, which is not installed here")
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("COUNTONME_TEST_CACHE") or Path.home() / ".cache" / "countonme-tests")
    folder = cache / f"watermelon-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.exists():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    """Into a folder of its own first, then renamed: two runs at once end with one whole installation."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, draft)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=draft, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"npm cannot install WatermelonDB: {error.stderr.strip()[-300:]}")
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not install WatermelonDB within {INSTALL_SECONDS} s")
        try:
            Path(draft).rename(folder)
        except OSError:
            assert folder.exists()  # another run was first
            return
        Path(draft).mkdir()  # for the context manager to remove


class Library:
    """A Node process with databases of the real library; each call is one command of driver.js."""

    def __init__(self) -> None:
        folder = installed()
        environment = {**os.environ, "NODE_PATH": str(folder / "node_modules"), "NODE_ENV": "development"}
        self.process = subprocess.Popen(
            ["node", str(HERE / "driver.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __call__(self, command: str, **given: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the driver died; see stderr"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()
