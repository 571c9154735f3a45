"""The site's URLs, where the documentation of Django puts them."""

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import include, path


def home(request: HttpRequest) -> JsonResponse:
    """Say who is signed in."""
    return JsonResponse({"user": request.user.get_username() or None})


urlpatterns = [
    path("", home),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]
