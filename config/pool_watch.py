"""Ends a worker of the embedded broker whose whole pool died: the runner starts another, which works."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import state

SECONDS = 2.0
RECYCLED = 155  # how a child ends that has done its share (billiard's EX_RECYCLE)

logger = get_logger(__name__)


class PoolWatch(bootsteps.StartStopStep):
    """Looks every other second whether the children of a moment ago have all died by violence, at once.

    Celery starts others then, but gives them no work on this broker: what the dead ones held stays out. A worker
    that ends gives its messages back, and the leases of its jobs run out.
    """

    requires = ("celery.worker.components:Pool", "celery.worker.components:Timer")

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.known: list[Any] = []
        self.entry: Any = None

    def include_if(self, worker: Any) -> bool:
        """On the embedded broker alone: the others give the work to the new children."""
        return str(worker.app.conf.broker_url).startswith("countonme://")

    def start(self, worker: Any) -> None:
        """Begin to look, from the children that the worker starts with."""
        self.known = self.children(worker)
        self.entry = worker.timer.call_repeatedly(SECONDS, self.look, (worker,))

    def stop(self, worker: Any) -> None:
        """Look no more."""
        if self.entry is not None:
            self.entry.cancel()

    def look(self, worker: Any) -> None:
        """End the worker where all that it had is dead."""
        known, self.known = self.known, self.children(worker)
        if known and all(child.exitcode not in (None, 0, RECYCLED) for child in known):
            logger.error("All %s processes of the pool died at once: the worker ends to be started again", len(known))
            state.should_terminate = 1  # type: ignore[assignment]  # Celery's stubs say None

    def children(self, worker: Any) -> list[Any]:
        """The processes of the pool; none in a pool of threads."""
        return list(getattr(worker.pool._pool, "_pool", ()))
