"""What goes wrong between an app and the server, by seeded chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from inventory.management.fleet.client import Answer
from inventory.management.fleet.specs import Row

Send = Callable[..., Answer]


class Lost(Exception):
    """No answer: the request or the answer is gone, and nobody knows which."""


class Crash(Exception):
    """The app died; what it had not kept is gone."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances per request (or, for `crash`, per step of a sync)."""

    lost_request: float = 0.03
    lost_answer: float = 0.05
    duplicate: float = 0.05
    reorder: float = 0.08
    stale: float = 0.05
    crash: float = 0.02
    resync: float = 0.01


class Line:
    """A connection with faults. `send` reaches the server; its answer may not reach the app."""

    def __init__(self, send: Send, *, random: Random, rates: Rates, tally: Counter[str]) -> None:
        self.deliver, self.random, self.rates, self.tally = send, random, rates, tally
        self.delivered: list[Row] = []  # pushes of before: a network may deliver them once more
        self.is_quiet = False

    def hits(self, name: str) -> bool:
        """Whether this fault happens now."""
        happens = not self.is_quiet and self.random.random() < getattr(self.rates, name)
        self.tally[name] += happens
        return happens

    def step(self) -> None:
        """A moment at which an app may die."""
        if self.hits("crash"):
            raise Crash

    def send(self, method: str, path: str, body: Row | None = None) -> Answer:
        """As Connection.send(), if all goes well. Raises Lost, Crash."""
        self.step()
        if self.hits("lost_request"):
            raise Lost
        if body is not None:
            self._repeat_old_push(path)
            self.delivered = [*self.delivered[-9:], body]
        answer = self.deliver(method, path, body)
        if self.hits("duplicate"):
            answer = self.deliver(method, path, body)
        if self.hits("lost_answer"):
            raise Lost
        self.step()
        return answer

    def _repeat_old_push(self, path: str) -> None:
        if self.delivered and self.hits("stale"):
            self.deliver("POST", path, self.random.choice(self.delivered))
