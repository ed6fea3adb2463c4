"""A service that speaks as much S3 as we need, on loopback, with its objects in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.config import Config

from config.files import file_storage
from tests.inventory.services.outside import Heard, Outside, Said, outside


@dataclass
class Bucket:
    """`objects` by key; `is_down`: every request is answered with 503."""

    site: Outside
    objects: dict[str, bytes] = field(default_factory=dict)
    is_down: bool = False

    def answer(self, heard: Heard) -> Said:
        assert heard.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/"), "unsigned"
        parts = urlsplit(heard.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        assert bucket == "stock"
        if self.is_down:
            return Said(503)
        if not key:
            return self.listed({name: found[0] for name, found in parse_qs(parts.query).items()})
        return getattr(self, f"do_{heard.method.lower()}")(key, heard)

    def do_put(self, key: str, heard: Heard) -> Said:
        self.objects[key] = heard.body
        return Said(200, headers={"ETag": '"1"'})

    def do_get(self, key: str, heard: Heard) -> Said:
        if key not in self.objects:
            error = b"<Error><Code>NoSuchKey</Code></Error>"
            return Said(404, b"" if heard.method == "HEAD" else error, {"Content-Type": "application/xml"})
        said = {"ETag": '"1"', "Last-Modified": "Wed, 21 Oct 2026 07:28:00 GMT"}
        return Said(200, self.objects[key], said)

    do_head = do_get

    def do_delete(self, key: str, heard: Heard) -> Said:
        self.objects.pop(key, None)
        return Said(204)

    def listed(self, query: dict[str, str]) -> Said:
        prefix = query.get("prefix", "")
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        files = [key for key in keys if "/" not in key[len(prefix) :]]
        folders = sorted({prefix + key[len(prefix) :].partition("/")[0] + "/" for key in keys} - set(files))
        folders = [folder for folder in folders if folder.removesuffix("/") not in files]
        body = "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in files)
        body += "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
        xml = f"<ListBucketResult><IsTruncated>false</IsTruncated>{body}</ListBucketResult>"
        return Said(200, xml.encode(), {"Content-Type": "application/xml"})


@contextmanager
def bucket(monkeypatch: Any, settings: Any) -> Iterator[Bucket]:
    """Files of jobs go to this bucket until the block ends."""
    with outside() as site:
        found = Bucket(site)
        site.answer = found.answer
        for name, value in (("BUCKET", "stock"), ("URL", site.url), ("ACCESS_KEY", "key"), ("SECRET_KEY", "secret")):
            monkeypatch.setenv(f"S3_{name}", value)
        monkeypatch.setenv("S3_REGION", "eu-central-1")
        storage = file_storage(settings.VAR_DIR / "files")
        at_once = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        storage["OPTIONS"]["client_config"] = storage["OPTIONS"]["client_config"].merge(at_once)
        settings.STORAGES = {**settings.STORAGES, "artifacts": storage}
        yield found
