"""The servers that bin/test found are really used: a message through each broker, a counter in the shared cache."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.core.cache.backends.redis import RedisCache
from kombu import Connection, Exchange, Queue

from inventory.services.jobs import RUN

REDIS = os.environ.get("TEST_REDIS_URL", "")
AMQP = os.environ.get("TEST_AMQP_URL", "")
BROKERS = [
    pytest.param(REDIS, id="redis", marks=pytest.mark.skipif(not REDIS, reason="Redis: TEST_REDIS_URL is not set")),
    pytest.param(AMQP, id="rabbitmq", marks=pytest.mark.skipif(not AMQP, reason="RabbitMQ: TEST_AMQP_URL is not set")),
]


@pytest.mark.parametrize("url", BROKERS)
def test_a_rung_bell_arrives_once_with_its_arguments(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current_app.conf, "task_always_eager", False)
    name = f"countonme-test-{uuid4().hex}"  # nobody else reads it
    queue = Queue(name, Exchange(name, auto_delete=True), routing_key=name, auto_delete=True)
    arrived: list[tuple[str, Any]] = []
    with Connection(url, connect_timeout=5) as connection, connection.channel() as channel:
        bound = queue(channel)
        bound.declare()
        current_app.tasks[RUN].apply_async(kwargs={"job_id": "j1"}, connection=connection, queue=queue, retry=False)
        deadline = time.monotonic() + 5
        while not arrived and time.monotonic() < deadline:
            if (message := bound.get(no_ack=True)) is not None:
                arrived.append((message.headers["task"], message.decode()[1]))
        assert bound.get(no_ack=True) is None
        bound.delete()
    assert arrived == [(RUN, {"job_id": "j1"})]


@pytest.mark.skipif(not REDIS, reason="Redis: TEST_REDIS_URL is not set")
def test_the_limits_count_in_a_shared_cache() -> None:
    key, one, two = uuid4().hex, RedisCache(REDIS, {}), RedisCache(REDIS, {})
    assert one.add(key, 0, timeout=5)
    assert not two.add(key, 0, timeout=5)
    assert [one.incr(key), two.incr(key), one.incr(key)] == [1, 2, 3]
    assert two.delete(key)
