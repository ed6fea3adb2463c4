"""The runner: whole lines, gentle stops, restarts with back-off, nothing left behind."""

import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.management.commands import serve as serve_command
from config.runner import HOPELESS_STARTS, Lines, Restarts, Runner, main, read_procfile

ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
from config.runner import Runner, read_procfile
commands = read_procfile(open("Procfile").read())
sys.exit(Runner(commands, grace=float(sys.argv[2]), delays=[0.05]).run())
"""
# On TERM it waits for its job, as Celery does; the job would tell if a TERM had reached it as well.
WORKER = """
import os, signal, subprocess, sys, time
job = (
    "import signal, sys, time; say = lambda text: print(text, flush=True);"
    "signal.signal(signal.SIGTERM, lambda *_: say('job got TERM'));"
    "say('job runs'); sys.stdin.read(); time.sleep(2); say('job done')"
)
def stop(*_):
    print("main got TERM", flush=True)
    process.stdin.close()
    process.wait()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
process = subprocess.Popen([sys.executable, "-c", job], stdin=subprocess.PIPE)
print("pids", os.getpid(), process.pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; time.sleep(60)"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(60)
"""
TALKER = """
import sys, time
for number in range(200):
    end = "last words without a newline" if number == 199 else ""
    for piece in (f"{sys.argv[1]} says ", f"{number} ", "äöü\\n" + end):
        sys.stdout.buffer.write(piece.encode()); sys.stdout.flush()
time.sleep(60)
"""


class Serve:
    """A runner in a process of its own, with the Procfile given."""

    def __init__(self, folder: Path, grace: float, **scripts: str) -> None:
        lines = []
        for name, script in scripts.items():
            (folder / f"{name}.py").write_text(script)
            lines.append(f"{name}: '{sys.executable}' -u '{folder / name}.py' {name}\n")
        (folder / "Procfile").write_text("".join(lines))
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(ROOT), str(grace)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def until(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """Read on until what was said matches."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.said)):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.said}"
            if select.select([self.process.stdout], [], [], 0.05)[0]:
                self.said += os.read(self.process.stdout.fileno(), 65536).decode()
        return match

    def pids(self, name: str) -> list[int]:
        """The main process of `name` and its own child, of the latest start."""
        self.until(rf"{name} +\| pids \d+ \d+\n")
        return [int(pid) for pid in re.findall(rf"{name} +\| pids (\d+) (\d+)\n", self.said)[-1]]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process.stdout is not None
        rest = self.process.communicate(timeout=20)[0]
        self.said += rest.decode()
        return self.process.returncode


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    started: list[Serve] = []

    def start(*, grace: float = 15, **scripts: str) -> Serve:
        folder = tmp_path / "with a space"
        folder.mkdir(exist_ok=True)
        started.append(Serve(folder, grace, **scripts))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        if one.process.stdout is not None:
            one.process.stdout.close()
        for pids in re.findall(r"pids (\d+) (\d+)", one.said):
            for pid in map(int, pids):
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Tell whether `pid` runs; a zombie that nobody has reaped yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def until_gone(*pids: int) -> None:
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.05)


def test_procfile_lines_are_read_and_the_rest_ignored() -> None:
    text = "# comment\nweb: granian --port ${PORT:-8000}\n\n  worker:celery worker  \nnot a line\n"
    assert read_procfile(text) == {"web": "granian --port ${PORT:-8000}", "worker": "celery worker"}


def test_our_own_procfile_has_the_three_processes() -> None:
    assert list(read_procfile((ROOT / "Procfile").read_text())) == ["web", "worker", "beat"]


def test_restarts_back_off_and_forget_after_a_minute() -> None:
    restarts = Restarts()
    assert [restarts.ended(10) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert restarts.ended(61) == 1
    assert restarts.ended(10) == 2


def test_only_what_never_ran_is_hopeless() -> None:
    never, once = Restarts(), Restarts()
    once.ended(6)
    for _ in range(HOPELESS_STARTS - 1):
        never.ended(0.1)
        once.ended(0.1)
    assert (never.hopeless, once.hopeless) == (False, False)
    never.ended(0.1)
    once.ended(0.1)
    assert (never.hopeless, once.hopeless) == (True, False)


def test_lines_are_cut_whole_and_very_long_ones_are_cut_anyway() -> None:
    lines = Lines("a | ")
    assert lines.feed(b"one\ntw") == "a | one\n"
    assert lines.feed(b"o\r\n\n\xff") == "a | two\na | \n"
    assert lines.feed(b"") == "a | \ufffd\n"
    assert lines.feed(b"") == ""
    assert len(lines.feed(b"x" * 70_000)) > 70_000


def test_a_process_that_never_starts_ends_the_run_with_status_1() -> None:
    out, began = io.StringIO(), time.monotonic()
    assert Runner({"bad": "no-such-command-here"}, delays=[0.05], out=out).run() == 1
    assert time.monotonic() - began >= 0.05 * (HOPELESS_STARTS - 1)
    assert out.getvalue().count("starting it again in 0.05 s") == HOPELESS_STARTS - 1
    assert "bad ended with status 127 5 times at its start: giving up" in out.getvalue()


def test_a_folder_that_is_gone_counts_as_a_failed_start(tmp_path: Path) -> None:
    out = io.StringIO()
    assert Runner({"bad": "true"}, cwd=tmp_path / "gone", delays=[0.0], out=out).run() == 1
    assert "could not be started" in out.getvalue()


def test_unknown_processes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "web, worker, beat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "names", "port"),
    [(["--port", "8199"], ["web", "worker", "beat"], "8199"), (["--no-worker"], ["web"], "8150")],
)
def test_serve_becomes_the_runner(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], names: list[str], port: str
) -> None:
    became: list[list[str]] = []
    for name in ("PORT", "BIND", "PUBLIC_URL", "ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "8150")  # what serve sets is undone after the test
    monkeypatch.setenv("BIND", "0.0.0.0")  # noqa: S104  # the command reads it, nothing listens
    monkeypatch.delenv("PUBLIC_URL")
    monkeypatch.delenv("ALLOWED_HOSTS")
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setattr(os, "execv", lambda _, command: became.append(command))
    said = io.StringIO()
    command = serve_command.Command(stdout=said)
    command.handle(**vars(command.create_parser("manage.py", "serve").parse_args(arguments)))
    assert became == [[sys.executable, "-m", "config.runner", *names]]
    assert os.environ["PORT"] == port
    assert os.environ["PUBLIC_URL"] == f"http://127.0.0.1:{port}"
    assert f"http://127.0.0.1:{port}/docs" in said.getvalue()
    assert "ALLOWED_HOSTS" in said.getvalue()


def test_every_line_is_whole_and_has_its_prefix(serve: Callable[..., Serve]) -> None:
    run = serve(a=TALKER, bee=TALKER)
    run.until(r"a +\| a says 199 äöü\n")
    run.until(r"bee +\| bee says 199 äöü\n")
    assert run.stop() == 0
    for name in ("a", "bee"):
        spoken = re.findall(rf"^{name:<5} \| (.*)$", run.said, re.MULTILINE)
        assert spoken == [
            *(f"{name} says {number} äöü" for number in range(200)),
            "last words without a newline",
        ]
    assert all(re.match(r"(a    |bee  |serve) \| ", line) for line in run.said.splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_term_reaches_the_main_process_only_and_a_running_job_ends(
    serve: Callable[..., Serve], number: signal.Signals
) -> None:
    run = serve(worker=WORKER)
    run.until("job runs")
    pids = run.pids("worker")
    assert run.stop(number) == 0
    assert run.said.index("main got TERM") < run.said.index("job done")
    assert "job got TERM" not in run.said
    until_gone(*pids)


def test_what_ignores_term_is_killed_with_all_it_started(serve: Callable[..., Serve]) -> None:
    run = serve(grace=0.3, stubborn=STUBBORN)
    pids = run.pids("stubborn")
    assert run.stop() == 0
    assert "killing stubborn" in run.said
    until_gone(*pids)


def test_a_second_interrupt_kills_at_once(serve: Callable[..., Serve]) -> None:
    run = serve(grace=60, stubborn=STUBBORN)
    pids = run.pids("stubborn")
    run.process.send_signal(signal.SIGINT)
    run.until("stopping")
    assert run.stop(signal.SIGINT) == 0
    until_gone(*pids)


def test_a_crash_is_cleared_away_and_started_again(serve: Callable[..., Serve]) -> None:
    run = serve(worker=WORKER, other=STUBBORN, grace=0.3)
    first, others = run.pids("worker"), run.pids("other")
    os.kill(first[0], signal.SIGKILL)
    run.until(r"worker was ended by SIGKILL; starting it again in 0.05 s")
    until_gone(*first)
    run.until(r"(?s)pids.*starting it again.*worker +\| pids")
    second = run.pids("worker")
    assert set(second).isdisjoint(first)
    assert run.pids("other") == others
    assert all(map(alive, [*second, *others]))
    assert run.stop() == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's parent-death signal")
def test_a_killed_runner_takes_its_children_along(serve: Callable[..., Serve]) -> None:
    run = serve(worker=WORKER)
    pids = run.pids("worker")
    run.until("job runs")
    run.process.kill()
    until_gone(*pids)


def test_it_stops_when_nobody_reads_it_any_more(serve: Callable[..., Serve]) -> None:
    run = serve(talker="import time\nwhile True: print('x' * 100, flush=True); time.sleep(0.001)\n")
    run.until("talker")
    assert run.process.stdout is not None
    run.process.stdout.close()
    assert run.process.wait(timeout=10) == 0
