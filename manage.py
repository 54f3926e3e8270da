#!/usr/bin/env python3
"""Django's command line. Use it through ./hi, which prepares the environment."""

import os
import sys


def main() -> None:
    """Pick the settings by HI_ENV (demo when unset) and run the command."""
    environment = os.environ.get("HI_ENV", "demo")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"hashinsight.settings.{environment}")
    from django.core.management import execute_from_command_line

    import celery_app  # noqa: F401 - the process's default app, for jobs that commands promise

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
