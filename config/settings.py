"""Every setting, read from the environment; docs/operations.md lists each variable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from config import env
from config.core.logs import logging_config
from config.files import file_storage

BASE_DIR = env.BASE_DIR
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# --- Safety -----------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", VAR_DIR)
# The first pepper hashes new tokens; the others still verify old ones, so peppers can be rotated.
TOKEN_PEPPERS = env.words("TOKEN_PEPPERS") or [env.secret("TOKEN_PEPPER", VAR_DIR)]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/v1/.*$"
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")  # only these may speak for a client's address
HTTPS = env.flag("HTTPS", False)  # True behind TLS: secure cookies, HSTS, redirect
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
# The plain-HTTP default is meant for one machine or a closed network behind a proxy that adds TLS.
SILENCED_SYSTEM_CHECKS = [] if HTTPS else [f"security.W{n:03}" for n in (4, 8, 12, 16)]
DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("MAX_BODY_BYTES", 5 * 1024 * 1024, least=1024)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"],  # Swagger, Redoc and the admin set styles inline
        "worker-src": ["'self'", "blob:"],  # Redoc searches in a worker
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
}

# --- Applications -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "corsheaders",
    "config",
    "devices",
    "inventory",
]
MIDDLEWARE = [
    "config.core.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.core.middleware.ContentPolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.core.middleware.ApiAnswerMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.core.middleware.RefusalMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF_FAILURE_VIEW = "config.core.problems.csrf_failure"
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
AUTH_USER_MODEL = "devices.User"
LOGIN_REDIRECT_URL = "admin:index"  # who opens the login page itself comes from nowhere
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Database, cache, files -------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'countonme.sqlite3'}")}
_database: dict[str, Any] = DATABASES["default"]
if "sqlite" in _database["ENGINE"]:
    _database["ENGINE"] = "config.core.sqlite"  # case-insensitive search beyond ASCII, as PostgreSQL has it
    # Measured: Django's defaults lose writers to "database is locked"; these lose none (docs/operations.md).
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    _database["CONN_MAX_AGE"] = None
    _database.setdefault("OPTIONS", {}).update(server_side_binding=True, prepare_threshold=5)
_cache_url = env.text("CACHE_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _cache_url}
    if _cache_url
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "artifacts": file_storage(VAR_DIR / "files"),
}
MEDIA_ROOT = VAR_DIR / "media"

# --- Language, time, logs ---------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env.text("TIME_ZONE", "UTC")  # how the admin shows times; stored and sent is always UTC
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"  # 2026-11-21 14:03, whatever the language
USE_TZ = True
CURRENCY = env.text("CURRENCY", "EUR")  # what `unit_cost` is in; written beside money, never converted
REPORT_PAPER = env.choice("REPORT_PAPER", "a4", ("a4", "letter"))
REPORT_PDF_ROWS = env.number("REPORT_PDF_ROWS", 2_000, least=1)  # 120 KB of memory each
PDF_FONTS = env.text("PDF_FONTS")  # a folder with more fonts, for CJK or emoji
LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(
    level=env.text("LOG_LEVEL", "INFO"), form=env.choice("LOG_FORMAT", "console", ("console", "json"))
)

# --- API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["devices.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["devices.api.scope.HasActor"],
    "DEFAULT_RENDERER_CLASSES": ["config.core.wire.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.core.wire.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.core.pagination.Pagination",
    "DEFAULT_FILTER_BACKENDS": [
        "config.core.filters.StrictFilterBackend",
        "config.core.filters.StrictSearchFilter",
        "config.core.filters.StrictOrderingFilter",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["devices.api.throttles.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "register": env.text("RATE_REGISTER", "30/min"),  # per address
        "sign_in": env.text("RATE_SIGN_IN", "20/min"),  # per address, API and admin together
        "sign_in_name": env.text("RATE_SIGN_IN_NAME", "10/min"),  # of one name at one address
        "unauthorized": env.text("RATE_UNAUTHORIZED", "60/min"),  # different wrong tokens per address, and each one
        "caller": env.text("RATE_CALLER", "6000/min"),  # per device or user
    },
    "DEFAULT_SCHEMA_CLASS": "config.core.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "config.core.problems.exception_handler",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.core.wire.JSONOnly",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.number("JWT_ACCESS_MINUTES", 15, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.number("JWT_REFRESH_DAYS", 30, least=1)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CountOnMe",
    "DESCRIPTION": "Inventory for fleets of devices: enrol, count, sync. Errors are RFC 9457 problems "
    "with an `internal_code`, listed in docs/errors.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ImportKindEnum": ["barcodes", "categories", "counts", "locations", "lots", "movements", "products", "stock"],
        "ImportStatusEnum": "inventory.models.imports.ImportSession.Status",
        "ImportOutcomeEnum": "inventory.models.imports.ImportRow.Outcome",
        "ColumnTypeEnum": "inventory.services.imports.column_types.TYPES",
        "TypeEnum": ["moment", "day", "whole", "flag", "choice", "id"],
        "AlertKindEnum": "inventory.models.alerts.AlertRule.Kind",
        "CaseKindEnum": "inventory.models.cases.Case.Kind",
        "CaseStateEnum": "inventory.models.cases.Case.State",
        "JobStatusEnum": "inventory.models.jobs.Job.Status",
        "CampaignStateEnum": "inventory.models.stocktakes.Campaign.State",
        "CountKindEnum": "inventory.models.stocktakes.CountKind",
        "LineStateEnum": "inventory.models.lines.StocktakeLine.State",
        "ScanOutcomeEnum": "inventory.models.sheets.ScanEvent.Outcome",
        "SheetStateEnum": "inventory.models.sheets.CountSheet.State",
        "StocktakeStateEnum": "inventory.models.stocktakes.Stocktake.State",
        "VerdictEnum": ["applied", "duplicate", "conflict", "rejected"],
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.core.schema.describe_errors",
        "config.core.schema.offer_links",
    ],
}

# --- Devices ----------------------------------------------------------------------------------
PUBLIC_URL = env.text("PUBLIC_URL", f"http://127.0.0.1:{env.text('PORT', '8000')}")  # written into enrollment QR codes
ENROLLMENT = env.choice("ENROLLMENT", "open", ("open", "code"))
DEVICE_PROVISIONERS = ["inventory.services.locations.create_default_location"]
SYNC_TABLES = "inventory.api.tables.TABLES"
EVENT_LISTENERS = ["inventory.services.listeners.hear_device"]
WEBHOOKS_PER_DEVICE = env.number("WEBHOOKS_PER_DEVICE", 50)
WEBHOOK_SECONDS = env.number("WEBHOOK_SECONDS", 10, least=1)  # a receiver has this long to answer
OUTBOUND_NETWORKS = env.words("OUTBOUND_NETWORKS")  # private networks that webhooks and the like may call
RETENTION_DAYS = env.number("RETENTION_DAYS", 90, least=1)  # finished jobs and tombstones
IDEMPOTENCY_DAYS = env.number("IDEMPOTENCY_DAYS", 30, least=1)

# --- Jobs -------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", f"countonme://{VAR_DIR / 'broker'}")
CELERY_TASK_ALWAYS_EAGER = env.flag("JOBS_EAGER", False)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = env.number("JOB_SOFT_SECONDS", 1800, least=10)
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.beat:SeedingScheduler"
CELERY_BEAT_SCHEDULE = {
    # expire_seconds: while no worker runs, bells must not pile up in the broker.
    "sweep": {
        "task": "inventory.jobs.sweep",
        "schedule": timedelta(seconds=10),
        "options": {"expire_seconds": 30},
    },
    "webhooks": {
        "task": "inventory.jobs.webhook_sweep",
        "schedule": timedelta(seconds=10),
        "options": {"expire_seconds": 30},
    },
    "alerts": {
        "task": "inventory.jobs.alert_sweep",
        "schedule": timedelta(seconds=15),
        "options": {"expire_seconds": 30},
    },
    "alerts by the clock": {
        "task": "inventory.jobs.alert_clock",
        "schedule": timedelta(minutes=15),
        "options": {"expire_seconds": 600},
    },
    # These ask for one job a day, the first time they come up on it: also where the server is on for an hour only.
    "ledger proof": {
        "task": "inventory.jobs.nightly_ledger_proof",
        "schedule": timedelta(minutes=15),
        "options": {"expire_seconds": 600},
    },
    "nightly alerts": {
        "task": "inventory.jobs.nightly_alerts",
        "schedule": timedelta(minutes=15),
        "options": {"expire_seconds": 600},
    },
    "digest": {
        "task": "inventory.jobs.daily_digest",
        "schedule": timedelta(minutes=15),
        "options": {"expire_seconds": 600},
    },
    "retention": {
        "task": "inventory.jobs.nightly_retention",
        "schedule": timedelta(minutes=15),
        "options": {"expire_seconds": 600},
    },
}
ARTIFACT_DAYS = env.number("ARTIFACT_DAYS", 30, least=1)
UPLOAD_DAYS = env.number("UPLOAD_DAYS", 7, least=1)
MAX_UPLOAD_BYTES = env.number("MAX_UPLOAD_BYTES", 100 * 1024 * 1024, least=1024)
JOBS_PER_DEVICE = env.number("JOBS_PER_DEVICE", 100, least=1)  # that have not ended: one device starves no other
UPLOADS_PER_DEVICE = env.number("UPLOADS_PER_DEVICE", 100, least=1)
UPLOAD_BYTES_PER_DEVICE = env.number("UPLOAD_BYTES_PER_DEVICE", 1024 * 1024 * 1024, least=1024)
CATALOG_MAX_BYTES = env.number("CATALOG_MAX_BYTES", 2 * 1024 * 1024 * 1024, least=1024)
JOB_LEASE_SECONDS = env.number("JOB_LEASE_SECONDS", 60, least=5)

# --- E-mail -----------------------------------------------------------------------------------
_mail = env.mail("EMAIL_URL", "console://")
EMAIL_BACKEND = f"django.core.mail.backends.{_mail.backend}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "CountOnMe <countonme@localhost>")
MAIL_ATTACHMENT_BYTES = env.number("MAIL_ATTACHMENT_BYTES", 5 * 1024 * 1024)  # a larger file is a link
DIGEST_HOUR = env.number("DIGEST_HOUR", 6)  # in TIME_ZONE

LABEL_PAGE = "admin:inventory_job_labels"  # where lists send the rows that shall get labels

# --- Admin ------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "CountOnMe",
    "SITE_HEADER": "CountOnMe",
    "SITE_SUBHEADER": "Inventory for fleets of devices",
    "SITE_SYMBOL": "inventory_2",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "inventory.admin.dashboard.dashboard",
    "COLORS": {
        "primary": {  # teal, from Tailwind's palette: readable on white and on the dark theme
            "50": "oklch(98.4% .014 180.72)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(70.4% .14 182.503)",
            "600": "oklch(51.1% .096 186.391)",
            "700": "oklch(43.7% .078 188.216)",
            "800": "oklch(38.6% .063 188.416)",
            "900": "oklch(27.7% .046 192.524)",
            "950": "oklch(20% .035 192.524)",
        }
    },
    "COMMAND": {"search_callback": "inventory.admin.search.search"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.core.display.favicon"}],
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "inventory.admin.navigation.navigation"},
}
