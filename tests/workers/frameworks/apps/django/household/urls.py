from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
# IMPORT
from django.views.decorators.cache import cache_control
from django.views.generic import RedirectView


def home(request):
    return render(request, "home.html")


@cache_control(max_age=600)
def about(request):
    return HttpResponse("<!doctype html><title>About</title>")


def fail(request):
    raise ValueError("It fails each time.")


def shared(request):
    response = HttpResponse("<!doctype html><title>Shared</title>")
    response["Cache-Control"] = "public, max-age=0, must-revalidate, s-maxage=600"
    # SHARED
    return response


urlpatterns = [
    path("", home),
    path("about/", about),
    path("fail/", fail),
    path("shared/", shared),
    path("old/", RedirectView.as_view(url="/about/", permanent=True)),
]
