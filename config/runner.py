"""Runs the processes of a Procfile side by side: `python -m config.runner web worker beat`."""

from __future__ import annotations

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO, cast

BASE_DIR = Path(__file__).resolve().parent.parent
DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # before the 1st, 2nd … restart
STABLE_SECONDS = 60.0  # who ran that long starts again at the first delay
STARTED_SECONDS = 5.0  # who never ran that long could not be started
HOPELESS_STARTS = 5  # so many failed first starts end the whole run with status 1
GRACE_SECONDS = 30.0  # between TERM and KILL: running jobs and requests end
LONGEST_LINE = 64 * 1024
COLORS = (36, 33, 35, 32, 34, 31)
PR_SET_PDEATHSIG = 1


def read_procfile(text: str) -> dict[str, str]:
    """Read `name: command` lines; a command is one simple command (shell variables, no && or pipes)."""
    found = (re.fullmatch(r"([A-Za-z0-9_-]+):\s*(\S.*)", line.strip()) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match}


@dataclass
class Restarts:
    """When a process that ended may start again, and when to give up on it."""

    delays: Sequence[float] = DELAYS
    in_a_row: int = 0
    has_run: bool = False  # stayed up once: from then on it is restarted for ever

    def ended(self, ran_for: float) -> float:
        """Note an end after `ran_for` seconds; the seconds to wait before the next start."""
        self.has_run = self.has_run or ran_for >= STARTED_SECONDS
        self.in_a_row = 1 if ran_for >= STABLE_SECONDS else self.in_a_row + 1
        return self.delays[min(self.in_a_row, len(self.delays)) - 1]

    @property
    def hopeless(self) -> bool:
        return not self.has_run and self.in_a_row >= HOPELESS_STARTS


@dataclass
class Child:
    """One line of the Procfile and the process that runs it, if one does."""

    name: str
    command: str
    prefix: str
    restarts: Restarts
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float | None = 0.0  # when to start it; None while it runs or when it shall not

    def start(self, *, env: Mapping[str, str], cwd: Path, now: float) -> IO[bytes]:
        """Start it as the leader of its own session and return the pipe with all it says."""
        self.started_at, self.due_at = now, None
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec env {self.command}"],  # exec: the signals are for it, not for the shell
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # safe: the runner has one thread
        )
        assert self.process.stdout is not None
        return self.process.stdout

    def signal(self, number: int, *, group: bool = False) -> None:
        """Signal the main process, or what it left in its group."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):  # gone; macOS forbids a group of zombies
                (os.killpg if group else os.kill)(self.process.pid, number)


@dataclass
class Lines:
    """Cuts a byte stream into whole lines, so that processes never mix inside a line."""

    prefix: str
    rest: bytes = b""

    def feed(self, chunk: bytes) -> str:
        """Return the lines that `chunk` completes; no chunk means the end."""
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        if self.rest and (not chunk or len(self.rest) > LONGEST_LINE):
            lines, self.rest = [*lines, self.rest], b""
        return "".join(f"{self.prefix}{line.decode(errors='replace').rstrip()}\n" for line in lines)


@dataclass
class Runner:
    """Starts, watches, restarts and stops children from one thread around one select()."""

    commands: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = BASE_DIR
    out: TextIO = sys.stdout
    color: bool = False
    delays: Sequence[float] = DELAYS
    grace: float = GRACE_SECONDS
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._width = max(map(len, [*self.commands, "serve"]))
        self._selector = selectors.DefaultSelector()
        self._stop_by: float | None = None  # set once we stop: then KILL what is left
        self._status = 0
        self._mute = False
        self.children = [
            Child(name, command, self._prefix(name, COLORS[index % len(COLORS)]), Restarts(self.delays))
            for index, (name, command) in enumerate(self.commands.items())
        ]

    def run(self) -> int:
        """Run until a signal stops it (0) or a process turns out not to start at all (1)."""
        with self._woken_by_signals():
            while self._stop_by is None or any(child.process for child in self.children):
                self._start_what_is_due()
                self._read(self._seconds_to_wait())
                self._notice_ends()
                self._kill_what_is_late()
            enough = self.clock() + 1.0  # a stray grandchild may hold its pipe open
            while len(self._selector.get_map()) > 1 and self.clock() < enough:
                self._read(0.05)
        return self._status

    # --- Starting and ending ------------------------------------------------------------------
    def _start_what_is_due(self) -> None:
        for child in self.children:
            if child.due_at is not None and child.due_at <= self.clock() and self._stop_by is None:
                try:
                    pipe = child.start(env=self.env, cwd=self.cwd, now=self.clock())
                except OSError as error:  # no more processes, say
                    self._plan_restart(child, f"could not be started ({error})")
                else:
                    self._selector.register(pipe, selectors.EVENT_READ, Lines(child.prefix))

    def _notice_ends(self) -> None:
        for child in self.children:
            code = child.process.poll() if child.process else None
            if code is None:
                continue
            child.signal(signal.SIGKILL, group=True)  # what a crashed main process left behind
            child.process = None
            self._read(0)  # its last words come before ours
            if self._stop_by is not None:
                self._note(f"{child.name} ended")
            else:
                self._plan_restart(child, _reason(code))

    def _plan_restart(self, child: Child, reason: str) -> None:
        now = self.clock()
        delay = child.restarts.ended(now - child.started_at)
        if child.restarts.hopeless:
            self._note(f"{child.name} {reason} {HOPELESS_STARTS} times at its start: giving up")
            self._status = 1
            self._stop()
        else:
            self._note(f"{child.name} {reason}; starting it again in {delay:g} s")
            child.due_at = now + delay

    def _stop(self) -> None:
        """Ask the main processes only: with the group, running jobs would die too."""
        self._stop_by = self.clock() + self.grace
        for child in self.children:
            child.signal(signal.SIGTERM)

    def _kill_what_is_late(self) -> None:
        if self._stop_by is not None and self.clock() >= self._stop_by:
            for child in self.children:
                if child.process:
                    self._note(f"killing {child.name}")
                    child.signal(signal.SIGKILL)

    # --- Waiting, reading, writing --------------------------------------------------------------
    def _seconds_to_wait(self) -> float:
        moments = [child.due_at for child in self.children if child.due_at is not None]
        if self._stop_by is not None:
            moments = [self._stop_by]
        return max(0.0, min([moment - self.clock() for moment in moments] + [1.0]))

    def _read(self, timeout: float) -> None:
        """Say what has arrived, in whole lines; wait up to `timeout` for the first of it."""
        for key, _ in self._selector.select(timeout):
            chunk = os.read(key.fd, LONGEST_LINE)
            if key.data is None:
                self._obey(chunk)
                continue
            self._say(key.data.feed(chunk))
            if not chunk:
                self._selector.unregister(key.fileobj)
                cast("IO[bytes]", key.fileobj).close()

    def _obey(self, signals: bytes) -> None:
        for number in signals:
            if number == signal.SIGCHLD:
                continue
            if self._stop_by is None:
                self._note(f"stopping; what still runs after {self.grace:g} s is killed")
                self._stop()
            elif number == signal.SIGINT:  # the second Ctrl-C: now
                self._stop_by = self.clock()

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Let signals end select(); they are obeyed in the loop, never in a handler."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        old_handlers = [(number, signal.signal(number, lambda *_: None)) for number in wanted]
        old_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old_fd)
            for number, handler in old_handlers:
                signal.signal(number, handler)
            for key in list(self._selector.get_map().values()):
                if key.data is not None:
                    cast("IO[bytes]", key.fileobj).close()
            self._selector.close()
            os.close(reader)
            os.close(writer)

    def _prefix(self, name: str, color: int) -> str:
        prefix = f"{name:<{self._width}} | "
        return f"\033[{color}m{prefix}\033[0m" if self.color else prefix

    def _note(self, text: str) -> None:
        self._say(f"{self._prefix('serve', 1)}{text}\n")

    def _say(self, text: str) -> None:
        if text and not self._mute:
            try:
                self.out.write(text)
                self.out.flush()
            except BrokenPipeError:  # who read us has gone: stop, in silence
                self._mute = True
                self._stop()


def _reason(code: int) -> str:
    return f"ended with status {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


def _die_with_parent() -> Callable[[], None] | None:
    """Linux: what a child runs before exec so that the kernel TERMs it when the runner is killed with -9.

    macOS has no such call; there, children of a killed runner stay until they are ended by hand.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, runner = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != runner:  # it died before we asked
            os._exit(1)

    return ask_the_kernel


def main(names: Sequence[str]) -> int:
    """Run `names` of the Procfile beside this interpreter's own scripts (granian, celery)."""
    commands = read_procfile((BASE_DIR / "Procfile").read_text(encoding="utf-8"))
    unknown = [name for name in names if name not in commands]
    if unknown or not names:
        sys.stderr.write(f"Name processes of the Procfile: {', '.join(commands)}\n")
        return 2
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    env = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return Runner({name: commands[name] for name in names}, env=env, color=color).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
