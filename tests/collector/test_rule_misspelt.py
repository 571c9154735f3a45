"""Actions that look like one of the catalogue, misspelt, are told; names of one's own are not."""

from __future__ import annotations

from pathlib import Path

from tests.support.command import command

RULES = """\
[keep]
PasswordAuthenticate = ["app.tenant"]
MagicLinkAuthenticate = ["app.tenant"]
"*" = ["app.region"]

[[rule]]
name = "vault"
action = "VaultOpen"
route = "/vault"

[[rule]]
name = "login"
action = "PasswordAuthenticate"
route = ["/log-me-in", "/let-me-in"]

[[rule]]
name = "health"
drop = true
route = "/login/health"
"""


def test_an_action_that_looks_misspelt_is_told_once(tmp_path: Path) -> None:
    """With the rule or `[keep]` where it stands; it may be meant, so the exit code is 0."""
    file = tmp_path / "auth.toml"
    file.write_text(RULES)
    done = command("rules", "check", file)
    assert done.code == 0
    login, magic = done.stderr.splitlines()
    assert login.startswith(f"{file}:11: rule 'login': action 'PasswordAuthenticate' is not in the")
    assert "'PasswordsAuthenticate' is" in login
    assert f"{file}: [keep]: action 'MagicLinkAuthenticate'" in magic
    file.write_text(RULES.replace("Password", "Passwords").replace("MagicLink", "MagicLinks"))
    assert command("rules", "check", file).stderr == ""
