"""All settings, from the environment, in headed sections. `.env.example` lists the variables.

Reference: https://docs.djangoproject.com/en/5.2/ref/settings/
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF

from copytrade.lib.environment import (
    Environment,
    check_encryption_key,
    check_ingest_key,
    check_jwt_secret,
    check_secret_key,
    refuse_start,
)
from copytrade.lib.logging import logging_of

django_stubs_ext.monkeypatch()  # lets `ModelAdmin[Row]` and its like be written at run time

# Where things are -----------------------------------------------------------
BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = Environment()
FILES = os.environ.get("ENVIRONMENT") != "test"  # tests depend on nothing but their own environment
if FILES:
    env.load(BASE_DIR / ".env")
VAR_DIR = BASE_DIR / env.text("VAR_DIR", "var")
if FILES:
    # `manage.py up` leaves the addresses of its servers in runtime.env, so that commands find them.
    env.load(VAR_DIR / "secrets.env", VAR_DIR / "runtime.env")

# What this installation is --------------------------------------------------
ENVIRONMENT = env.choice("ENVIRONMENT", "development", ("development", "test", "production"))
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.boolean("DEBUG", default=False)
if DEBUG and PRODUCTION:
    refuse_start("DEBUG", "is on: it shows internals to everyone and is refused in production")
PORT = env.integer("PORT", 8000, least=1)
SECRET_KEY = check_secret_key(env.text("SECRET_KEY"), development=not PRODUCTION)
# What the keys of trading accounts are encrypted with: the first one encrypts, the others still decrypt.
ENCRYPTION_KEYS = [
    check_encryption_key(key, development=not PRODUCTION)
    for key in (
        env.text("MASTER_ENCRYPTION_KEY", env.text("ENCRYPTION_KEY", "") or None),
        env.text("ENCRYPTION_KEY", ""),
        *env.texts("OLD_ENCRYPTION_KEYS"),
    )
    if key
]

# Who may ask ----------------------------------------------------------------
N8N_BACKEND_BASE_URL = env.text("N8N_BACKEND_BASE_URL", "")
FRONTEND_URL = env.text("FRONTEND_URL", "")
HOST = env.text("HOST", "127.0.0.1")
ALLOWED_HOSTS = env.texts("ALLOWED_HOSTS", () if PRODUCTION else ("localhost", "127.0.0.1", "[::1]", HOST))
if not ALLOWED_HOSTS:
    refuse_start("ALLOWED_HOSTS", "is missing: name the hosts that people reach this installation by")
if N8N_BACKEND_BASE_URL and (host := urlsplit(N8N_BACKEND_BASE_URL).hostname):
    ALLOWED_HOSTS.append(host)
CSRF_TRUSTED_ORIGINS = env.texts("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = [FRONTEND_URL.rstrip("/")] if FRONTEND_URL else []
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key", "x-api-key")
CORS_EXPOSE_HEADERS = ("Retry-After", "X-Request-ID")
NUM_PROXIES = env.integer("NUM_PROXIES", 0)

# Applications ---------------------------------------------------------------
INSTALLED_APPS = [
    "copytrade.ops.apps.OpsConfig",
    "copytrade.ops.apps.CopyTradeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "channels",
    "corsheaders",
    "csp",
    "copytrade.accounts",
    "copytrade.realtime",
    "copytrade.billing",
    "markets",
    "traders",
    "ingest",
    "orders",
    "replication",
    "copytrade.web",
]
MIDDLEWARE = [
    "copytrade.lib.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "copytrade.lib.middleware.EitherSlashMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]
ROOT_URLCONF = "copytrade.urls"
ASGI_APPLICATION = "copytrade.asgi.application"
APPEND_SLASH = False  # a redirect would turn a client's POST into a GET; see EitherSlashMiddleware
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
                "copytrade.web.context.appearance",
            ],
        },
    },
]

# Database -------------------------------------------------------------------
# A request that cannot get a connection or a lock answers 503 instead of hanging.
POSTGRES_OPTIONS = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
DATABASES = {
    "default": env.database("DATABASE_URL")
    | {
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "options": POSTGRES_OPTIONS,
            # Plan a statement once per connection: a third less work for PostgreSQL (docs/benchmarks.md).
            "server_side_binding": True,
            "prepare_threshold": 2,
            "pool": {
                "min_size": 2,
                "max_size": env.integer("DATABASE_POOL_MAX_SIZE", 20, least=2),
                "timeout": 10,
                # Attempts are ever further apart; a request then begins anew, so that an outage ends with it.
                "reconnect_timeout": 5,
            },
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: cache, channel layer, Celery's broker; it holds nothing that cannot be rebuilt ---------
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "copytrade",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    },
    # Counts failed logins while Redis is away; each process has its own.
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "copytrade"},
    }
}

# Celery: https://docs.celeryq.dev/en/stable/userguide/configuration.html ------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = REDIS_URL
CELERY_RESULT_EXPIRES = 24 * 3600
CELERY_TASK_IGNORE_RESULT = True
# Celery would end the pool of connections after each task, and with it all plans that PostgreSQL has made for them.
CELERY_DB_REUSE_MAX = 2**62
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {  # what waits for sources and venues does not hold up the rest
    "ingest.*": {"queue": "feeds"},
    "markets.*": {"queue": "feeds"},
    "orders.sweep": {"queue": "copy"},
    "replication.protect": {"queue": "default"},
    "replication.*": {"queue": "copy"},
    "orders.*": {"queue": "feeds"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "socket_connect_timeout": 2}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "copytrade.ops.beat.HeartbeatScheduler"

# People and sessions --------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if ENVIRONMENT == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "full_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
AUTHENTICATION_BACKENDS = ["copytrade.accounts.backends.NameOrAddressBackend"]
LOGIN_RATE_LIMIT_MAX = env.integer("LOGIN_RATE_LIMIT_MAX", 10, least=1)
# Where the paper account of a new user is opened, and what it begins with, in the currency of that venue.
PAPER_VENUE = env.text("PAPER_VENUE", "iifl")
PAPER_BALANCE = env.number("PAPER_BALANCE", "10000", least="0", most="1000000000000")
SIMPLE_JWT = {
    "SIGNING_KEY": check_jwt_secret(env.text("JWT_SECRET", ""), secret_key=SECRET_KEY, development=not PRODUCTION),
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_TOKEN_MINUTES", 15, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.integer("REFRESH_TOKEN_DAYS", 7, least=1)),
    "AUTH_HEADER_TYPES": ("Bearer", "bearer"),  # clients repeat `token_type` of the login
    "CHECK_REVOKE_TOKEN": True,  # a new password ends the tokens of before
}

# Security -------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", default=False)
SECURE_REDIRECT_EXEMPT = [r"^ingest/", r"^health"]  # a redirected POST loses its body
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# API ------------------------------------------------------------------------
API_RATE_LIMIT_MAX = env.integer("API_RATE_LIMIT_MAX", 100, least=1)
ORDER_RATE_LIMIT_MAX = env.integer("ORDER_RATE_LIMIT_MAX", 10, least=1)
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["copytrade.lib.api.rendering.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [  # a 401 asks for what the first one takes
        "copytrade.accounts.authentication.TokenAuthentication",
        "copytrade.accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["copytrade.accounts.permissions.MayReadOrTrade"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: the schema describes the API
    "DEFAULT_THROTTLE_CLASSES": ["copytrade.lib.api.throttling.ApiThrottle"],
    "DEFAULT_SCHEMA_CLASS": "copytrade.lib.api.schema.EnvelopeSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "copytrade.lib.api.rendering.AlwaysJson",
    "EXCEPTION_HANDLER": "copytrade.lib.api.exceptions.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CopyTrade",
    "DESCRIPTION": "Watches lead traders, ranks them and tells what they do, live.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/",
    "POSTPROCESSING_HOOKS": [],  # choices stay beside their fields
}

# Ingest ---------------------------------------------------------------------
INGEST_API_KEY = check_ingest_key(env.text("INGEST_API_KEY", ""), development=not PRODUCTION)
RATE_LIMIT_MAX = env.integer("RATE_LIMIT_MAX", 100, least=1)
RATE_LIMIT_WINDOW_MS = env.integer("RATE_LIMIT_WINDOW_MS", 60_000, least=1)
INGEST_MAX_BODY_BYTES = env.integer("INGEST_MAX_BODY_BYTES", 2 * 1024 * 1024, least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = INGEST_MAX_BODY_BYTES
INGEST_TIME_ZONE = env.time_zone("INGEST_TIME_ZONE")  # of eventTimeText; None: UTC, but any zone is possible
INGEST_CLOCK_TOLERANCE_SECONDS = env.integer("INGEST_CLOCK_TOLERANCE_SECONDS", 300)
INGEST_BATCH_RETENTION_DAYS = env.integer("INGEST_BATCH_RETENTION_DAYS", 30, least=1)

# Leaders and realtime -------------------------------------------------------
LEADER_STALE_AFTER_SECONDS = env.integer("LEADER_STALE_AFTER_SECONDS", 900, least=1)
STREAM_RETENTION_HOURS = env.integer("STREAM_RETENTION_HOURS", 24, least=1)

# Venues ---------------------------------------------------------------------
# Paper accounts always trade; live ones only where this is on, and the account's own switch too.
LIVE_TRADING = env.boolean("LIVE_TRADING", default=False)
CCXT_EXCHANGES = env.texts("CCXT_EXCHANGES", ("bybit", "okx", "bitget", "kraken"))
VENUE_TIMEOUT_SECONDS = env.integer("VENUE_TIMEOUT_SECONDS", 10, least=1)
# A worker sends an order within this time after it claimed it, or not at all.
ORDER_SEND_WINDOW_SECONDS = env.integer("ORDER_SEND_WINDOW_SECONDS", 5, least=1)
# Whoever stores a leader's order also sends the first copies of it; otherwise the workers send them all.
COPY_AT_ONCE = env.boolean("COPY_AT_ONCE", default=True)
BINANCE_API_KEY = env.text("BINANCE_API_KEY", "")
BINANCE_API_SECRET = env.text("BINANCE_API_SECRET", "")
BINANCE_SPOT_URL = env.text("BINANCE_SPOT_URL", "https://api.binance.com")
BINANCE_USDM_URL = env.text("BINANCE_USDM_URL", "https://fapi.binance.com")
BINANCE_COINM_URL = env.text("BINANCE_COINM_URL", "https://dapi.binance.com")
BINANCE_SPOT_STREAM_URL = env.text("BINANCE_SPOT_STREAM_URL", "wss://stream.binance.com:9443")
BINANCE_USDM_STREAM_URL = env.text("BINANCE_USDM_STREAM_URL", "wss://fstream.binance.com")
BINANCE_COINM_STREAM_URL = env.text("BINANCE_COINM_STREAM_URL", "wss://dstream.binance.com")
BINANCE_SPOT_WS_API_URL = env.text("BINANCE_SPOT_WS_API_URL", "wss://ws-api.binance.com:443/ws-api/v3")
IIFL_URL = env.text("IIFL_URL", "https://ttblaze.iifl.com")
IIFL_MARKET_DATA_KEY = env.text("IIFL_MARKET_DATA_KEY", "")
IIFL_MARKET_DATA_SECRET = env.text("IIFL_MARKET_DATA_SECRET", "")
IIFL_SOURCE = env.text("IIFL_SOURCE", "WebAPI")
IIFL_PRODUCT = env.choice("IIFL_PRODUCT", "MIS", ("MIS", "CNC", "NRML"))
if IIFL_PRODUCT == "CNC":
    refuse_start("IIFL_PRODUCT", "is CNC, whose shares are not followed once they are delivered: write MIS or NRML")
IIFL_PROTECTION_PERCENT = env.number("IIFL_PROTECTION_PERCENT", "0", least="0", most="20")
IIFL_ORDERS_PER_SECOND = env.integer("IIFL_ORDERS_PER_SECOND", 10, least=1)
IIFL_BOOK_CALLS_PER_SECOND = env.integer("IIFL_BOOK_CALLS_PER_SECOND", 1, least=1)
IIFL_MARKET_HOURS = env.text("IIFL_MARKET_HOURS", "09:15-15:30")  # in India; "always" asks no clock

# The weight of requests that Binance allows an address each minute: more where it has granted more.
BINANCE_SPOT_WEIGHT_LIMIT = env.integer("BINANCE_SPOT_WEIGHT_LIMIT", 6000, least=100)
BINANCE_FUTURES_WEIGHT_LIMIT = env.integer("BINANCE_FUTURES_WEIGHT_LIMIT", 2400, least=100)

# Markets: which candles are kept, and prices --------------------------------
TRADING_SYMBOLS = env.texts("TRADING_SYMBOLS", ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"))
TRADING_INTERVALS = env.texts("TRADING_INTERVALS", ("1m", "15m", "1h", "4h", "1d"))
TRADING_MARKET_TYPES = env.texts("TRADING_MARKET_TYPES", ("spot", "usd_m"))
CANDLESTICK_SYNC_INTERVAL = env.integer("CANDLESTICK_SYNC_INTERVAL", 60, least=5)
CANDLE_RETENTION_DAYS = env.integer("CANDLE_RETENTION_DAYS", 30, least=1)
# Days per interval where they differ: a month of daily candles would be 30 rows.
CANDLE_RETENTION = env.texts("CANDLE_RETENTION", ("1h=365", "4h=1095", "1d=3650"))
PRICE_STALE_AFTER_SECONDS = env.integer("PRICE_STALE_AFTER_SECONDS", 15, least=1)
PRICE_SYNC_SECONDS = env.integer("PRICE_SYNC_SECONDS", 5, least=1)

# Copies: what a new one begins with, and how many leaders somebody may copy at once ------------------------------
COPY_MOST_LEADERS = env.integer("COPY_MOST_LEADERS", 10, least=1)
COPY_MAX_SLIPPAGE_PERCENT = env.number("COPY_MAX_SLIPPAGE_PERCENT", "1", least="0.01", most="50")
COPY_MAX_SIGNAL_AGE_SECONDS = env.integer("COPY_MAX_SIGNAL_AGE_SECONDS", 60, least=1)

# Language, time, static files -----------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Tests serve files from where they are; everywhere else `collectstatic` has gathered them.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = ENVIRONMENT == "test"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if ENVIRONMENT == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Logging --------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ("text", "json"))
LOGGING = logging_of(level=LOG_LEVEL, form=LOG_FORMAT)
