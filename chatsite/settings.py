"""The site's settings: one file, read from the environment, safe by default.

Every name read here is explained in .env.example. Each may also be given as NAME_FILE, the path
of a file that holds the value, as container secrets are.
"""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

django_stubs_ext.monkeypatch()  # lets classes name their model, as in ModelAdmin[User]

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

env = environ.FileAwareEnv()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="django-insecure-chatsite-development" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY, or DEBUG=1 to try things out on your own machine.")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOCAL_HOSTS)
# A host that is not this machine: people come over a network.
ON_A_NETWORK = not DEBUG and not set(ALLOWED_HOSTS) <= set(LOCAL_HOSTS)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
INTERNAL_IPS = ["127.0.0.1"]
SITE_NAME = env.str("SITE_NAME", default="Chat")  # on its pages and in the admin

# --- what runs -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "daphne",  # gives runserver WebSockets
    "chat",
    "realtime.jobs",
    "chatsite.apps.SiteAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "axes",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "realtime.outage.OutageMiddleware",
    "chat.middleware.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- where the truth is --------------------------------------------------------------------------

ASGI_THREADS = env.int("ASGI_THREADS", default=16)


def database(url: str, pool: bool) -> dict[str, Any]:
    """One connection for each ORM thread: kept open, or lent by psycopg's pool."""
    config: dict[str, Any] = env.db_url_config(url)
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # Readers beside one writer; a writer waits its turn instead of failing half-way.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        return config
    options = config.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 5)
    options.setdefault("tcp_user_timeout", 20_000)  # milliseconds; a network may just go silent
    options.setdefault("keepalives_idle", 10)  # seconds
    if pool:
        # It tells of an outage within a second, and tries again without longer and longer pauses.
        waits = {"timeout": 1, "reconnect_timeout": 2}
        options["pool"] = {"min_size": 1, "max_size": ASGI_THREADS, **waits}
    else:
        config.setdefault("CONN_MAX_AGE", 600)
    return config | {"CONN_HEALTH_CHECKS": True}  # the server may have restarted meanwhile


DATABASES = {
    "default": database(
        env.str("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        pool=env.bool("DATABASE_POOL", default=False),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the hint ------------------------------------------------------------------------------------

REDIS_URLS = env.list("REDIS_URL", default=[])
# Redis knows no databases when it publishes: sites that share one must not hear each other.
OWN_PREFIX = "chatsite-" + sha256(SECRET_KEY.encode()).hexdigest()[:8]
REDIS_PREFIX = env.str("REDIS_PREFIX", default=OWN_PREFIX)
CHANNEL_LAYER = env.str("CHANNEL_LAYER", default="hints")
HINTS = "realtime.channel_layer.HintLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"
IN_MEMORY = "channels.layers.InMemoryChannelLayer"
if CHANNEL_LAYER not in ("hints", "pubsub", "core"):
    raise ImproperlyConfigured("CHANNEL_LAYER has to be hints, pubsub or core.")


def channel_layers(urls: list[str], kind: str) -> dict[str, Any]:
    """Redis where it is configured; without it one process serves everybody from its memory."""
    if not urls:
        return {"default": {"BACKEND": HINTS if kind == "hints" else IN_MEMORY}}
    # redis-py 8 ends every read after 5 s, which is as long as the core layer waits for a message:
    # idle sockets would die (https://github.com/django/channels_redis/issues/422).
    connection: dict[str, Any] = {"socket_timeout": 15}
    if kind != "core":
        # The pub/sub layer subscribes again by itself. The core one has to say that the connection
        # was lost, because it comes back without its groups.
        connection["retry"] = Retry(ConstantBackoff(0.3), retries=3)
    hosts = [{"address": url, **connection} for url in urls]
    config: dict[str, Any] = {"hosts": hosts, "prefix": REDIS_PREFIX}
    if kind == "core":
        # All sockets of a process share one inbox in Redis, and what it does not hold is lost.
        return {"default": {"BACKEND": CORE, "CONFIG": {**config, "capacity": 10_000}}}
    pubsub = {"BACKEND": PUBSUB, "CONFIG": config}
    if kind == "pubsub":
        return {"default": pubsub}
    return {"default": {"BACKEND": HINTS, "CONFIG": {"beneath": "redis"}}, "redis": pubsub}


CHANNEL_LAYERS = channel_layers(REDIS_URLS, CHANNEL_LAYER)

# --- chat ----------------------------------------------------------------------------------------

RATE_LIMIT = env.int("RATE_LIMIT", default=600)  # messages a minute and user; 0: no limit
SOCKETS_PER_USER = env.int("SOCKETS_PER_USER", default=50)  # and process; 0: any
HEARTBEAT = env.float("HEARTBEAT", default=25.0)  # seconds
if HEARTBEAT <= 0 or ASGI_THREADS <= 0:
    raise ImproperlyConfigured("HEARTBEAT and ASGI_THREADS have to be more than 0.")

# A file that a worker touches whenever it has looked for work, for who supervises it.
WORKER_ALIVE = env.str("WORKER_ALIVE", default="")

# --- people --------------------------------------------------------------------------------------

AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = ["chatsite.logins.LoginBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# The first visitor of an empty site owns it; on a network, whoever has the link that
# `manage.py setup_link` prints.
SETUP_BY_LINK = env.bool("SETUP_BY_LINK", default=ON_A_NETWORK)
LOGIN_URL = "login"
SESSION_ENGINE = "chatsite.sessions"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# Log-ins that may fail within a quarter of an hour: of one account from one address, where people
# mistype; of one account from anywhere, where strangers guess and must not easily shut a person
# out; of one address, behind which an office may sit.
LOGIN_LIMITS = env.list("LOGIN_LIMITS", cast=int, default=[10, 50, 100])
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username", "ip_address"]
AXES_FAILURE_LIMIT = 1  # of these limits
AXES_HANDLER = "chatsite.logins.LoginHandler"
AXES_CLIENT_IP_CALLABLE = "chatsite.logins.client_address"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # it ends, however often one tries meanwhile
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "csrfmiddlewaretoken"]  # some type their password there

# --- on the way to the browser -------------------------------------------------------------------

HTTPS = env.bool("HTTPS", default=ON_A_NETWORK)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # preloading: promises about other sites, not this one's to make
]
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],  # the nonce is for the import map
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["chat"],
    },
}

STATIC_URL = "static/"
# While developing, files are served from where they are written.
STATIC_ROOT = None if DEBUG else env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"  # a page shows that of its reader (static/chat/times.js)
USE_I18N = True
USE_TZ = True

# --- what is told to who runs it -----------------------------------------------------------------

# What Prometheus has to show at /metrics; without one nobody gets to see them.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="").strip()
# In an address, a token comes after this: of an invitation, and of the first owner. The log leaves
# it out.
BEFORE_TOKENS = r"/invitations/|[?&](?:invitation|token)="
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured("LOG_FORMAT has to be line or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "realtime.logs.LineFormatter",
            "format": "{asctime} {levelname} {name} [{request_id}]: {message}",
            "style": "{",
        },
        "json": {"()": "realtime.logs.JsonFormatter"},
    },
    "filters": {
        "seldom": {"()": "realtime.logs.Seldom"},
        "request_id": {"()": "realtime.logs.WithRequestId"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"level": "INFO"},  # said here, it loses the handlers Django gives it
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "outage": {"filters": ["seldom"]},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # a traceback for each scanner
        # A traceback a second of what realtime.channel_layer says once, in a line.
        "channels_redis.pubsub": {"level": "CRITICAL"},
    },
}

# --- features ------------------------------------------------------------------------------------

INSTALLED_APPS += [
    # Each is one line, and gone without it: docs/features.md.
    "features.exports",
    "features.lab",
]
