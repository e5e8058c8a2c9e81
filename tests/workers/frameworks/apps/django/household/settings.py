from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
SECRET_KEY = "of no use to anybody"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "household.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "household"]
MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # MIDDLEWARE
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
STATIC_ROOT = BASE / "collected"
STATICFILES_DIRS = [BASE / "assets"]
# SETTINGS
