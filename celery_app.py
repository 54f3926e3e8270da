"""The Celery application: ``celery -A celery_app worker`` and ``... beat``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"hashinsight.settings.{os.environ.get('HI_ENV', 'demo')}")

app = Celery("hashinsight")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
