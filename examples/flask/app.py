"""A small website with a login form. Nothing in this file knows of event logs."""

import os

from flask import Flask, redirect, render_template_string, request, session
from werkzeug import Response
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.secret_key = os.urandom(32)

USERS = {"ada": generate_password_hash("correct horse battery staple")}

PAGE = """<!doctype html>
<title>Example</title>
{% if user %}
  <p>Welcome, {{ user }}.</p>
  <form method="post" action="/logout"><button>Log out</button></form>
{% else %}
  {% if mistake %}<p><strong>{{ mistake }}</strong></p>{% endif %}
  <form method="post" action="/login">
    <input name="user" placeholder="ada">
    <input name="password" type="password" placeholder="correct horse battery staple">
    <button>Log in</button>
  </form>
{% endif %}"""


@app.get("/")
def home() -> str:
    """Greet who is logged in, or show the login form."""
    return render_template_string(PAGE, user=session.get("user"))


@app.post("/login")
def login() -> str | Response:
    """Log in. As many sites do, a wrong password gets the form again, with status 200."""
    user, password = request.form["user"], request.form["password"]
    if user in USERS and check_password_hash(USERS[user], password):
        session["user"] = user
        return redirect("/")
    return render_template_string(PAGE, mistake="Wrong user or password.")


@app.post("/logout")
def logout() -> Response:
    """Log out."""
    session.clear()
    return redirect("/")


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
