"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"hashinsight.settings.{os.environ.get('HI_ENV', 'demo')}")

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

import celery_app  # noqa: F401 - the default app, for jobs that views promise

if settings.DB_ROLE == "migrate":
    raise ImproperlyConfigured("HI_DB_ROLE=migrate owns the tables and serves nobody; set it to web.")

application = get_wsgi_application()
