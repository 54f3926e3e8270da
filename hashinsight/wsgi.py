"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"hashinsight.settings.{os.environ.get('HI_ENV', 'demo')}")

import celery_app  # noqa: F401 - the default app, for jobs that views promise

application = get_wsgi_application()
