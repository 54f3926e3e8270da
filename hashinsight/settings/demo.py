"""The demo: embedded services on loopback, everything else as in production.

A command started beside a running demo (``./hi manage ...``) uses that demo's services.
"""

import contextlib
import os
from pathlib import Path

from hashinsight.core.embedded import NotRunning, attach

_VAR = Path(os.environ.get("HI_VAR_DIR") or Path(__file__).resolve().parent.parent.parent / "var")
if "DATABASE_URL" not in os.environ:
    with contextlib.suppress(NotRunning):
        os.environ.update(attach(_VAR))

from hashinsight.settings import placeholders  # noqa: E402, F401
from hashinsight.settings.base import *  # noqa: E402, F403
from hashinsight.settings.base import STORAGES  # noqa: E402

SESSION_COOKIE_NAME = "hi_demo_session"
CSRF_COOKIE_NAME = "hi_demo_csrf"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
IS_DEMO = True
# Served from where they lie: no collecting and compressing between a newcomer and the first page.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
