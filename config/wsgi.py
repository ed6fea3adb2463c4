"""What the web server loads; everything loaded here is frozen out of the garbage collector's rounds."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
_ = get_resolver().url_patterns  # load the views now: not in the first request, and before the freeze

# Measured (docs/performance.md): full collections walk the whole of Django for nothing.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
