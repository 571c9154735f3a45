"""`otel-eventlog rules suggest`: auth-looking routes without a rule, as rules ready to use."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from otel_eventlog.rulefile import parse_rules
from otel_eventlog_collector.cli import app_routes
from tests.support.captures import otlp_json
from tests.support.collector import run
from tests.support.command import Done, command
from tests.support.waiting import eventually

FLASK = """
print("an application may print")
from flask import Blueprint, Flask, redirect

auth = Blueprint("auth", __name__, url_prefix="/auth")

@auth.post("/otp/send")
def send(): return ""

@auth.route("/signing-in", methods=["GET", "POST"])
def page(): return ""

@auth.delete("/sessions/<int:number>")
def end(number): return ""

def create_app():
    app = Flask(__name__)
    app.register_blueprint(auth)
    app.add_url_rule("/login", "login", lambda: "", methods=["GET", "POST"])
    app.add_url_rule("/cart", "cart", lambda: "", methods=["POST"])
    app.add_url_rule("/promo-code", "promo", lambda: "", methods=["POST"])
    return app

app = create_app()
"""
FLASK = FLASK.replace("/signing-in", "/loginform")
FASTAPI = """
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

inner = APIRouter(prefix="/mfa")

@inner.post("/verify")
async def verify(): ...

router = APIRouter(prefix="/v7/auth")

@router.post("/signin")
async def signin(): ...

router.include_router(inner)
accounts = FastAPI()

@accounts.post("/password/reset/{token}")
async def reset(token: str): ...

async def callback(request): ...

app = FastAPI()
app.include_router(router, prefix="/api")
app.mount("/accounts", accounts)
app.mount("/static", StaticFiles(directory="."))
app.mount("/sso", Starlette(routes=[Route("/saml/acs", callback, methods=["POST"])]))

@app.get("/items")
async def items(): ...

wrapped = GZipMiddleware(app)
"""
DJANGO_SETTINGS = 'SECRET_KEY = "x"\nROOT_URLCONF = "shop_urls"\nINSTALLED_APPS = []\n'
DJANGO_URLS = """
from django.http import HttpResponse
from django.urls import include, path, re_path
from django.views.generic import FormView, View

class SignUp(FormView):
    template_name = "x"

class Verify(View):
    http_method_names = ["post"]
    def post(self, request, **kwargs): return HttpResponse()

def any_method(request, **kwargs): return HttpResponse()

urlpatterns = [
    path("members/", include([
        path("join/signup", SignUp.as_view()),
        re_path(r"^(?P<pk>[^/.]+)/reset-password/$", any_method),
    ])),
    path("otp/<int:number>/verify", Verify.as_view()),
    path("login", any_method),
    path("cart", any_method),
]
"""


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current directory with three applications."""
    for name, text in (
        ("shop_flask", FLASK),
        ("shop_fastapi", FASTAPI),
        ("shop_settings", DJANGO_SETTINGS),
        ("shop_urls", DJANGO_URLS),
    ):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def suggested(done: Done) -> dict[str, str]:
    """Return the actions of printed rules by method and route, after checking them."""
    assert done.code == 0, done
    assert parse_rules(done.stdout, "suggested.toml") is not None
    rules = tomllib.loads(done.stdout).get("rule", [])
    return {f"{rule['method']} {rule['route']}": rule["action"] for rule in rules}


@pytest.mark.parametrize("name", ["app", "create_app", "create_app()"])
def test_a_flask_applications_routes_are_found(apps: Path, name: str) -> None:
    """Blueprints and factories; what a rule covers, and what is no authentication, is left out."""
    done = command("rules", "suggest", "--app", f"shop_flask:{name}")
    assert suggested(done) == {
        "POST /auth/loginform": "PasswordsAuthenticate",
        "POST /auth/otp/send": "OTPsEmailSend",
        "DELETE /auth/sessions/<int:number>": "SessionsRevoke",
    }
    assert "an application may print" not in done.stdout
    assert "1 that look like authentication have a rule, 3 rules are suggested" in done.stderr
    assert '# when = { status = [200], content_type = "text/html" }' in done.stdout


@pytest.mark.parametrize("name", ["app", "wrapped"])
def test_a_fastapi_applications_routes_are_found(apps: Path, name: str) -> None:
    """Routers in routers, mounted applications with their whole path, middleware around it all."""
    done = command("rules", "suggest", "--app", f"shop_fastapi:{name}")
    assert suggested(done) == {
        "POST /accounts/password/reset/{token}": "PasswordsEmailReset",
        "POST /api/v7/auth/mfa/verify": "TOTPsAuthenticate",
        "POST /api/v7/auth/signin": "PasswordsAuthenticate",
        "POST /sso/saml/acs": "SSOAuthenticate",
    }


def test_a_django_projects_routes_are_found(apps: Path) -> None:
    """Includes, regular expressions and class views; a function's method is taken to be POST."""
    done = command("rules", "suggest", "--app", "django:shop_settings")
    assert suggested(done) == {
        "POST members/join/signup": "CreateUser",
        "POST members/^(?P<pk>[^/.]+)/reset-password/$": "PasswordsEmailReset",
        "POST otp/<int:number>/verify": "OTPsAuthenticate",
    }


def test_suggested_rules_take_what_they_were_suggested_for(apps: Path) -> None:
    """Written to a file and used, nothing is missing any more."""
    file = apps / "more.toml"
    for name in ("shop_flask:app", "shop_fastapi:app", "django:shop_settings"):
        file.write_text(command("rules", "suggest", "--app", name).stdout)
        assert command("rules", "check", file).code == 0
        again = command("rules", "suggest", "--app", name, "--rules", file)
        assert (again.code, again.stdout) == (0, "")
        assert " 0 rules are suggested" in again.stderr


def test_a_dropped_route_is_not_suggested_again(apps: Path) -> None:
    """A rule that drops a route is the word of a person: it covers the route."""
    file = apps / "mine.toml"
    file.write_text('[[rule]]\nname = "no"\ndrop = true\nroute = "/auth/otp/send"\n')
    done = command("rules", "suggest", "--app", "shop_flask:app", "--rules", file)
    assert "POST /auth/otp/send" not in suggested(done)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        (
            "import os, sys\nprint('last words', file=sys.stderr, flush=True)\nos._exit(7)",
            "last words",
        ),
        ("1 / 0", "ZeroDivisionError"),
        ("app = 3", "int is no application of a known framework"),
        ("x = 3", "has no attribute 'app'"),
        ("import list_routes\napp = 3", "No module named 'list_routes'"),
        (None, "ModuleNotFoundError"),
    ],
)
def test_an_application_that_misbehaves_hurts_nothing(
    apps: Path, text: str | None, told: str
) -> None:
    """It is imported elsewhere: whatever it does, this command ends with code 2 and says what."""
    if text is not None:
        (apps / "odd.py").write_text(text)
    done = command("rules", "suggest", "--app", "odd:app")
    assert done.code == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_an_application_that_never_ends_importing_is_ended(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time limit the process and all that it started are killed, and it is told."""
    monkeypatch.setattr(app_routes, "IMPORT_TIMEOUT_S", 3)
    child = "import subprocess, sys, time\nfrom pathlib import Path\n"
    child += "inner = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
    child += "Path('pid').write_text(str(subprocess.Popen(inner).pid))\ntime.sleep(600)\n"
    (apps / "odd.py").write_text(child)
    done = command("rules", "suggest", "--app", "odd:app")
    assert done.code == 2
    assert "its import took more than 3 s" in done.stderr
    if (apps / "pid").exists():
        pid = int((apps / "pid").read_text())
        assert eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_threads_that_an_application_leaves_running_are_not_waited_for(apps: Path) -> None:
    """Telemetry is off while it is imported, and it is ended once its routes are known."""
    (apps / "busy.py").write_text(
        FLASK + "import os, threading\nassert os.environ['OTEL_SDK_DISABLED'] == 'true'\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
    )
    assert "OTPsEmailSend" in command("rules", "suggest", "--app", "busy:app").stdout


def test_another_interpreter_needs_no_otel_eventlog(apps: Path) -> None:
    """`--python` names the application's interpreter; what lists the routes is plain Python."""
    seen = "import sys\nassert 'otel_eventlog' not in sys.modules\n"
    (apps / "alone.py").write_text(seen + FLASK)
    words = ("rules", "suggest", "--app", "alone:app", "--python")
    assert "OTPsEmailSend" in command(*words, sys.executable).stdout
    done = command(*words, apps / "no-python")
    assert done.code == 2
    assert "cannot be started" in done.stderr


def test_an_openapi_document_tells_routes_too(tmp_path: Path) -> None:
    """Paths under the server's path, in OpenAPI 3 and Swagger 2."""
    paths = {
        "/otp/verify": {"post": {}, "parameters": []},
        "/users/{id}/passkeys/register": {"post": {}, "get": {}},
        "/cart": {"post": {}},
    }
    file = tmp_path / "openapi.json"
    for head in (
        {"openapi": "3.1.0", "servers": [{"url": "https://shop.example/api/v2/"}]},
        {"swagger": "2.0", "basePath": "/api/v2"},
    ):
        file.write_text(json.dumps(head | {"paths": paths}))
        assert suggested(command("rules", "suggest", "--openapi", file)) == {
            "POST /api/v2/otp/verify": "OTPsAuthenticate",
            "POST /api/v2/users/{id}/passkeys/register": "WebAuthnRegister",
        }
    file.write_text("openapi: 3.1.0")
    done = command("rules", "suggest", "--openapi", file)
    assert done.code == 2
    assert "YAML has to be converted first" in done.stderr


def _span(kind: int, status: int, **texts: str) -> dict[str, Any]:
    attributes = [
        {"key": key.replace("__", "."), "value": {"stringValue": text}}
        for key, text in {"http__request__method": "POST", **texts}.items()
    ]
    code = {"key": "http.response.status_code", "value": {"intValue": status}}
    return {"kind": kind, "name": "POST", "attributes": [*attributes, code]}


def test_spans_seen_tell_routes_and_calls(tmp_path: Path) -> None:
    """Served and called; ids and tokens become placeholders; scanners' 404s are left out."""
    secret = "aGVsbG8td29ybGQtMTIzNDU2Nzg5MA"
    lines = [
        _span(2, 200, http__route="/v2/otp/verify", url__path="/v2/otp/verify"),
        _span(2, 401, http__route="/v2/otp/verify", url__path="/v2/otp/verify"),
        _span(2, 200, http__route="/members", url__path=f"/members/17/reset-password/{secret}"),
        _span(2, 404, url__path="/wp-login.php"),
        _span(2, 200, http__route="/login", url__path="/login"),
        _span(3, 200, url__full="https://idp.example:8443/v1/mfa/verify?code=1"),
        _span(3, 200, url__full="https://api.stytch.com/v1/sessions/revoke"),
        _span(1, 200, http__route="/v2/otp/send"),
    ]
    file = tmp_path / "spans.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    done = command("rules", "suggest", "--spans", file)
    assert suggested(done) == {
        "POST /v2/otp/verify": "OTPsAuthenticate",
        "POST /members/{id}/reset-password/{id}": "PasswordsEmailReset",
        "POST /v1/mfa/verify": "TOTPsAuthenticate",
    }
    assert "seen 2 times" in done.stdout
    assert 'kind = "client"' in done.stdout
    assert 'host = "idp.example"' in done.stdout
    assert secret not in done.stdout + done.stderr
    found = [
        json.loads(line)
        for line in command("rules", "suggest", "--spans", file, "--json").stdout.splitlines()
    ]
    assert [each["seen"] for each in found] == [1, 2, 1]


def test_spans_of_a_real_program_yield_its_uncovered_routes(tmp_path: Path) -> None:
    """A captured Flask program without any pack: its log-in is among what is suggested."""
    file = tmp_path / "spans.json"
    file.write_bytes(otlp_json("flask-jwt-extended", "default"))
    done = command("rules", "suggest", "--spans", file, "--no-default-packs")
    assert "PasswordsAuthenticate" in suggested(done).values()


def test_it_says_what_to_give_if_nothing_is_given() -> None:
    """Without a source there is nothing to look at: exit code 2 and the three of them."""
    done = command("rules", "suggest")
    assert done.code == 2
    assert "--app MODULE:OBJECT, --openapi FILE or --spans FILE" in done.stderr
    assert "names no object" in command("rules", "suggest", "--app", "shop").stderr


def test_it_runs_as_a_process_of_its_own(apps: Path) -> None:
    """The real command prints TOML on standard output and its summary beside it."""
    done = run("rules", "suggest", "--app", "shop_flask:app")
    assert done.returncode == 0, done.stderr
    assert len(parse_rules(done.stdout, "x").rules) == 3
    assert "rules are suggested" in done.stderr
