"""Files that are sent: one in a form, bounded, stored as they came, once per key."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, IdempotencyKey, User
from inventory.models import Upload
from inventory.services.artifacts import open_artifact
from tests.conftest import client_of, client_with

URL = "/v1/uploads"
CONTENT = b"name\nBolt\n"


def form(content: bytes = CONTENT, name: str = "in.csv", **more: Any) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, content, content_type="text/csv"), **more}


def send(client: APIClient, body: Any, **headers: str) -> Any:
    return client.post(URL, body, format="multipart", headers={key.replace("_", "-"): headers[key] for key in headers})


def test_a_file_is_kept_as_it_came(api: APIClient, device: Device) -> None:
    answer = send(api, form())
    assert answer.status_code == 201
    upload = Upload.objects.get()
    assert (upload.device, str(upload.uuid)) == (device, answer.json()["id"])
    assert {key: answer.json()[key] for key in ("name", "media_type", "size", "sha256")} == {
        "name": "in.csv",
        "media_type": "text/csv",
        "size": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    with open_artifact(upload) as file:
        assert file.read() == CONTENT


def test_a_large_file_goes_through_the_disk(api: APIClient, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000  # of a body in memory: no limit for files
    content = b"0123456789" * 10_000
    for key in ("a", "a"):
        assert send(api, form(content), Idempotency_Key=key).status_code == 201
    assert Upload.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def test_the_same_form_with_the_same_key_is_one_upload(api: APIClient) -> None:
    first, again = (send(api, form(), Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, again.content, again.headers["Idempotency-Replayed"]) == (201, first.content, "true")
    for body in (form(b"other"), form(name="other.csv")):
        refused = send(api, body, Idempotency_Key="k")
        assert (refused.status_code, refused.json()["internal_code"]) == (422, "idempotency_key_reused")
    assert Upload.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"file": "no file"}, 422, "validation_failed"),
        (form(b""), 422, "upload_empty"),
        (form(colour="red"), 422, "validation_failed"),
    ],
)
def test_what_is_no_form_with_a_file(api: APIClient, body: Any, status: int, code: str) -> None:
    for headers in ({}, {"Idempotency_Key": "k"}):
        answer = send(api, body, **headers)
        assert (answer.status_code, answer.json()["internal_code"]) == (status, code)
    assert (Upload.objects.count(), IdempotencyKey.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"file": 1}', "application/json", 415),
        ("file=1", "application/x-www-form-urlencoded", 415),
        ("--x", "multipart/form-data", 400),
        ("--x\r\nbroken", "multipart/form-data; boundary=y", 422),
        ("", "multipart/form-data; boundary=y", 422),
        ("x", "multipart/form-data; boundary=ä", 400),
    ],
)
def test_what_is_no_form_at_all(api: APIClient, body: str, content_type: str, status: int) -> None:
    for headers in ({}, {"Idempotency-Key": "k"}):
        answer = api.generic("POST", URL, body, content_type=content_type, headers=headers)
        assert answer.status_code == status, answer.content
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Upload.objects.exists()


def test_a_form_that_is_too_large_is_not_read(api: APIClient, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    too_large = send(api, form(b"x" * 11))
    assert (too_large.status_code, too_large.json()["internal_code"]) == (413, "upload_too_large")
    far_too_large = send(api, form(b"x" * 100_000))
    assert (far_too_large.status_code, far_too_large.json()["internal_code"]) == (413, "payload_too_large")
    assert send(api, form(b"x" * 10)).status_code == 201
    assert Upload.objects.count() == 1


def test_a_file_belongs_to_the_acting_device(user: User, other: Device) -> None:
    assert send(client_with(), form()).status_code == 401
    assert send(client_of(user, other), form()).status_code == 404
    assert send(client_of(user), form()).status_code == 400
    assert not Upload.objects.exists()
    Device.objects.filter(pk=other.pk).update(owner=user)
    assert send(client_of(user, other), form()).status_code == 201
    assert Upload.objects.get().device == other
