"""Settings shared by every environment. What differs by machine is read through ``env``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from hashinsight.settings import env, schedule

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = Path(env.text("HI_VAR_DIR", str(BASE_DIR / "var")))

DEBUG = False
SECRET_KEY = env.text("HI_SECRET_KEY", "")
ALLOWED_HOSTS = env.words("HI_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
SITE_NAME = "HashInsight"
IS_DEMO = False

INSTALLED_APPS = [
    "hashinsight.backoffice",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "hashinsight.core",
    "hashinsight.web",
    "hashinsight.audit",
    "hashinsight.accounts",
    "hosting.fleet",
    "hosting.telemetry",
    "hashinsight.overview",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "hashinsight.web.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    # Last: it runs the view inside the caller's scope (transaction + row-level security).
    "hashinsight.web.middleware.ScopeMiddleware",
]

ROOT_URLCONF = "hashinsight.urls"
WSGI_APPLICATION = "hashinsight.wsgi.application"
ASGI_APPLICATION = "hashinsight.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hashinsight.web.context.portal",
            ],
        },
    },
]

# --- data ---------------------------------------------------------------------------------------
# Four database roles: migrate owns the tables; web and worker live under row-level security;
# telemetry bypasses it (COPY is refused under a policy) and is used by the collector alone.
DB_ROLE = env.choice("HI_DB_ROLE", "migrate", ("migrate", "web", "worker"))
_ROLE_URL = {"migrate": "DATABASE_URL", "web": "DATABASE_WEB_URL", "worker": "DATABASE_WORKER_URL"}
DB_ROLE_NAMES = {"web": "hi_web", "worker": "hi_worker", "telemetry": "hi_telemetry"}
DB_POOL_MAX = env.integer("HI_DB_POOL_MAX", 8, low=1, high=200)


def _database(variable: str, *, pool: bool) -> dict[str, Any]:
    url = env.database_url(variable)
    options: dict[str, Any] = {"application_name": f"hashinsight-{DB_ROLE}", "connect_timeout": 3}
    if pool:
        options["pool"] = {"min_size": 1, "max_size": DB_POOL_MAX, "timeout": 3}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.name,
        "USER": url.user,
        "PASSWORD": url.password,
        "HOST": url.host,
        "PORT": url.port,
        "CONN_MAX_AGE": 0,
        # A pooled connection is tried before use, so that a restarted database is found again at once.
        "CONN_HEALTH_CHECKS": pool,
        "OPTIONS": options,
    }


DATABASES = {
    "default": _database(_ROLE_URL[DB_ROLE], pool=DB_ROLE != "migrate"),
    "telemetry": _database("DATABASE_TELEMETRY_URL", pool=False),
}
DATABASE_ROUTERS = ["hashinsight.core.routers.OneSchemaRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_QUEUE_URL = env.text("REDIS_QUEUE_URL")
REDIS_CACHE_URL = env.text("REDIS_CACHE_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_PREFIX": "hi",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

# --- sign-in ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("overview:home")
ACCOUNT_ADAPTER = "hashinsight.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "hashinsight.web.views.csrf_failure"

# How many proxies of ours stand in front (what they write into X-Forwarded-For is believed, no more).
TRUSTED_PROXY_COUNT = 0
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# --- what a browser may do ----------------------------------------------------------------------
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- words, time, files ---------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/htmx", BASE_DIR / "node_modules" / "htmx.org" / "dist"),
    ("vendor/uplot", BASE_DIR / "node_modules" / "uplot" / "dist"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "hashinsight.web.storage.StaticStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024

# --- work in the background -----------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_QUEUE_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"hosting.telemetry.tasks.sweep_shard": {"queue": "telemetry"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
    "retry_on_timeout": True,
    # Sending gives up quickly: what could not be sent waits in the outbox.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- mining ---------------------------------------------------------------------------------------
SWEEP_INTERVAL_S = env.integer("HI_SWEEP_INTERVAL_S", 60, low=5, high=3600)
SWEEP_SHARD_SIZE = env.integer("HI_SWEEP_SHARD_SIZE", 6000, low=1, high=100_000)
SWEEP_IN_FLIGHT = env.integer("HI_SWEEP_IN_FLIGHT", 300, low=1, high=5000)
# Share of a sweep's miners whose identity is asked for as a routine (new addresses, then daily).
SWEEP_IDENTITY_PERCENT = env.integer("HI_SWEEP_IDENTITY_PERCENT", 5, low=0, high=100)
MINER_HTTP_USER = env.text("HI_MINER_HTTP_USER", "")
MINER_HTTP_PASSWORD = env.text("HI_MINER_HTTP_PASSWORD", "")
CELERY_BEAT_SCHEDULE = schedule.beat()

# Providers for the floors below (dotted paths, so that imports keep pointing down).
SCOPE_PROVIDER = "hashinsight.accounts.selectors.scope_of"
LIVE_SITES_PROVIDER = "hosting.telemetry.selectors.access.live_sites"
SITE_ASSIGNMENT_PROVIDER = "hosting.fleet.selectors.assigned_site_ids"

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "DASHBOARD_CALLBACK": "hashinsight.overview.backoffice.dashboard",
    "SCRIPTS": [lambda request: static("js/backoffice.js")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/mark.svg")}
    ],
    # The portal's blue (tokens.css) in the theme's scale.
    "COLORS": {
        "primary": {
            "50": "#eef6fb",
            "100": "#d6eaf6",
            "200": "#aed5ec",
            "300": "#7cbbe0",
            "400": "#3f9bcf",
            "500": "#0072b2",
            "600": "#005f9a",
            "700": "#004e80",
            "800": "#003e66",
            "900": "#002f4d",
            "950": "#001d30",
        }
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
