"""The site's URLs, where the documentation of django-allauth puts them."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path


def home(request: HttpRequest) -> JsonResponse:
    """Say who is signed in."""
    return JsonResponse({"user": request.user.get_username() or None})


def about(_: HttpRequest) -> HttpResponse:
    """Have nothing to do with auth."""
    return HttpResponse("<p>About us</p>")


urlpatterns = [
    path("", home),
    path("about/", about),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("admin/", admin.site.urls),
]
