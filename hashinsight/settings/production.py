"""Production: refuses to start on anything that would be unsafe, naming the variable."""

from django.core.exceptions import ImproperlyConfigured

from hashinsight.settings import env
from hashinsight.settings.base import *  # noqa: F403
from hashinsight.settings.base import DB_ROLE

SECRET_KEY = env.text("HI_SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("HI_SECRET_KEY is shorter than 50 characters. Make: openssl rand -base64 60")
ALLOWED_HOSTS = env.words("HI_ALLOWED_HOSTS")
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("HI_ALLOWED_HOSTS must list the host names that this installation answers to.")
if DB_ROLE == "migrate" and not env.flag("HI_MIGRATING", True):
    raise ImproperlyConfigured("HI_DB_ROLE=migrate is for migrations only; set it to web or worker.")

IS_DEMO = False
SECURE_SSL_REDIRECT = env.flag("HI_SSL_REDIRECT", True)
_BEHIND_PROXY = env.flag("HI_BEHIND_PROXY", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _BEHIND_PROXY else None
# Sign-in attempts are counted by address: without this all visitors would share the proxy's.
TRUSTED_PROXY_COUNT = 1 if _BEHIND_PROXY else 0
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
SECURE_HSTS_SECONDS = env.integer("HI_HSTS_SECONDS", 31_536_000, low=3600, high=126_144_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# ".example.org" stands for the domain and all below it; as an origin that is written "*.example.org".
CSRF_TRUSTED_ORIGINS = [
    origin
    for host in ALLOWED_HOSTS
    for origin in (
        [f"https://{host[1:]}", f"https://*{host}"] if host.startswith(".") else [f"https://{host}"]
    )
]

EMAIL_HOST = env.text("HI_EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("HI_EMAIL_PORT", 587, low=1, high=65535)
EMAIL_HOST_USER = env.text("HI_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("HI_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env.flag("HI_EMAIL_TLS", True)
DEFAULT_FROM_EMAIL = env.text("HI_EMAIL_FROM", "hashinsight@localhost")
