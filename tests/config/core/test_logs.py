"""Logs: one line an event, as people or machines read it, with the request id."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog
from rest_framework.test import APIClient

from config.core.logs import logging_config


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_line_has_its_request_id(form: str, lines: io.StringIO) -> None:
    config = logging_config(level="info", form=form)
    formatter = config["formatters"]["lines"]
    handler = logging.StreamHandler(lines)
    handler.setFormatter(formatter["()"](**{key: value for key, value in formatter.items() if key != "()"}))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    try:
        with structlog.contextvars.bound_contextvars(request_id="abc12345"):
            logger.warning("sold %s", "tea")
    finally:
        logger.removeHandler(handler)
    assert "abc12345" in lines.getvalue()
    assert "sold tea" in lines.getvalue()
    assert lines.getvalue().count("\n") == 1
    if form == "json":
        assert json.loads(lines.getvalue())["level"] == "warning"
    assert config["root"]["level"] == "INFO"


@pytest.mark.django_db
def test_tokens_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="config")
    caplog.set_level(logging.DEBUG, logger="devices")
    caplog.set_level(logging.DEBUG, logger="django.request")
    token = APIClient().post("/v1/devices/register", {}).json()["device_token"]
    APIClient().get("/v1/products?x=1", headers={"Authorization": f"Bearer {token}"})
    APIClient().get("/v1/products", headers={"Authorization": f"Bearer {token}x"})
    assert token.partition(".")[2] not in caplog.text
