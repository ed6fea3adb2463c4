"""Settings of the test suite: the real ones, with a private folder, fast hashing and eager jobs."""

import os
import tempfile

os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="countonme-test-")
os.environ.setdefault("SECRET_KEY", "not-secret: only for tests " + "x" * 40)
os.environ.setdefault("TOKEN_PEPPER", "not-secret: only for tests " + "y" * 40)
os.environ.setdefault("JOBS_EAGER", "true")
os.environ.setdefault("LOG_LEVEL", "WARNING")

from config.settings import *  # noqa: F403  # the environment above must be set first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "artifacts": STORAGES["artifacts"],
}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, as on a real server (WAL, several connections); each process of the suite has its own VAR_DIR.
    DATABASES["default"]["TEST"] = {"NAME": f"{VAR_DIR}/test.sqlite3"}
