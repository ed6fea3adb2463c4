"""Files that are sent: one in a form, bounded, stored as they came, once per key."""

from __future__ import annotations

import hashlib
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, IdempotencyKey, User
from devices.services.enrollment import Enrolled
from inventory.models import Upload
from inventory.services import uploads
from inventory.services.artifacts import open_artifact
from inventory.services.retention import purge_files
from inventory.services.stored_files import read_file
from tests import factories
from tests.conftest import client_of, client_with
from tests.factories.threads import together

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


def test_the_files_of_a_device_have_a_bounded_room(
    api: APIClient, device: Device, other: Device, settings: Any, time_machine: Any
) -> None:
    settings.UPLOAD_BYTES_PER_DEVICE = 20
    factories.make_upload(other, b"x" * 20)
    assert send(api, form(b"x" * 12)).status_code == 201
    full = send(api, form(b"x" * 9))
    assert (full.status_code, full.json()["internal_code"]) == (413, "uploads_full")
    assert "may take 20 bytes; 12 are taken, this one has 9." in full.json()["detail"]
    as_import = api.post("/v1/imports", form(b"name\nBolt\n", kind="products"), format="multipart")
    assert (as_import.status_code, as_import.json()["internal_code"]) == (413, "uploads_full")
    assert Upload.objects.for_device(device).count() == 1
    assert send(api, form(b"x" * 8)).status_code == 201
    time_machine.move_to("2040-01-01T00:00Z", tick=False)
    full = send(api, form(b"x"))
    assert full.json()["internal_code"] == "uploads_full", "past its time, and still on the disk"
    while purge_files():
        pass
    assert send(api, form(b"x" * 20)).status_code == 201


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limit", "code"),
    [({"UPLOAD_BYTES_PER_DEVICE": 20}, "uploads_full"), ({"UPLOADS_PER_DEVICE": 1}, "too_many_uploads")],
)
def test_two_at_once_do_not_both_take_the_last_room(
    enrolled: Enrolled, settings: Any, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int], code: str
) -> None:
    for name, most in limit.items():
        setattr(settings, name, most)
    both, real, paths = Barrier(2), uploads.store_file, []

    def slow(*args: Any, **kwargs: Any) -> Any:
        both.wait(30)  # each has been told that there is room
        stored = real(*args, **kwargs)
        paths.append(stored.path)
        return stored

    monkeypatch.setattr(uploads, "store_file", slow)
    answers: list[Any] = together([lambda: send(client_with(enrolled.token), form(b"x" * 12)) for _ in range(2)])
    assert sorted(answer.status_code for answer in answers) == sorted([201, 413 if code == "uploads_full" else 429])
    assert code in {answer.json().get("internal_code") for answer in answers}
    kept = Upload.objects.get()
    [refused] = set(paths) - {kept.path}
    with open_artifact(kept) as file:
        assert len(file.read()) == 12
    with pytest.raises(FileNotFoundError):
        read_file(refused)
