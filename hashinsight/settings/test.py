"""Tests: real PostgreSQL and Redis on throw-away services (see `./hi test`), fast password hashing."""

import os

from hashinsight.settings import placeholders  # noqa: F401
from hashinsight.settings.base import *  # noqa: F403
from hashinsight.settings.base import CACHES, DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DATABASES["telemetry"]["TEST"] = {"MIRROR": "default"}
CACHES["default"]["KEY_PREFIX"] = f"hi-test-{os.getpid()}"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
IS_DEMO = False
# Static files straight from their sources: nothing is collected before the tests.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
