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
}
