import os

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from household.models import Bought


def healthz(request):
    Bought.objects.exists()
    return HttpResponse("ok", headers={"Tealkeep-Release": os.environ.get("TEALKEEP_RELEASE", "")})


def shopping(request):
    if request.method == "POST":
        Bought.objects.create(what=request.POST["what"])
        return redirect("/")
    return render(request, "shopping.html", {"all": Bought.objects.order_by("-id")[:20]})


urlpatterns = [path("healthz", healthz), path("", shopping)]
