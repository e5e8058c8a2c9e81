import os

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
# Tealkeep's gate, and Caddy, hand on the name by which people ask.
ALLOWED_HOSTS = ["*"]
# What a proxy in front says of the scheme: without it every page over https looks like one over http, and its forms are
# refused.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ROOT_URLCONF = "household.urls"
INSTALLED_APPS = ["household"]
MIDDLEWARE = [
    "household.freshness.ask_again",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["DATABASE_PATH"],
        "OPTIONS": {
            # Both colours write during a swap: a writer waits for the other one.
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
