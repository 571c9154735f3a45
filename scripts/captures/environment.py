"""A throw-away environment for one program: its packages, and a copy of its folder to run in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

_NAME = re.compile(r"^([A-Za-z0-9._-]+)")


class Environment:
    """Holds what a program needs below `root`.

    Attributes:
        root: everything of this program is below it.
        program: the copy of the program's folder, in which it runs.
        bin: programs of the virtual environment.

    """

    def __init__(self, folder: Path, work: Path) -> None:
        """Decide where things are; nothing is created yet."""
        self.root = work / folder.name
        self.program = self.root / "program"
        self.bin = self.root / "venv" / "bin"
        self._folder = folder

    def install(self) -> None:
        """Create what is missing, and copy the program afresh."""
        self.root.mkdir(parents=True, exist_ok=True)
        modules = self.program / "node_modules"
        if modules.exists():
            modules.rename(self.root / "node_modules")
        shutil.rmtree(self.program, ignore_errors=True)
        shutil.copytree(self._folder, self.program, ignore=shutil.ignore_patterns("__pycache__"))
        if (self.root / "node_modules").exists():
            (self.root / "node_modules").rename(modules)
        if (self._folder / "requirements.txt").exists():
            self._install_python()
        if (self._folder / "package.json").exists() and not modules.exists():
            locked = (self._folder / "package-lock.json").exists()
            npm = ["npm", "ci" if locked else "install", "--no-audit", "--no-fund"]
            subprocess.run(npm, cwd=self.program, check=True)

    def _install_python(self) -> None:
        if not (self.bin / "python").exists():
            venv.create(self.bin.parent, with_pip=False)
        self.add("--requirement", "requirements.txt")

    def add(self, *what: str) -> None:
        """Install packages, given as to pip."""
        # Our own pip fills it, so that neither ensurepip nor a second pip is needed.
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        pip += ["install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *what], cwd=self.program, check=True)

    def versions(self) -> dict[str, str]:
        """Return the installed version of everything that the program's folder asks for."""
        found: dict[str, str] = {}
        if (self.program / "requirements.txt").exists():
            found |= self._python_versions()
        if (self.program / "package.json").exists():
            package = json.loads((self.program / "package.json").read_text())
            for name in sorted(package.get("dependencies", {})):
                installed = self.program / "node_modules" / name / "package.json"
                found[name] = json.loads(installed.read_text())["version"]
        return found

    def _python_versions(self) -> dict[str, str]:
        listing = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        listing += ["list", "--format", "json", "--disable-pip-version-check"]
        listed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
        installed = {_plain(entry["name"]): entry["version"] for entry in json.loads(listed)}
        lines = (self.program / "requirements.txt").read_text().splitlines()
        asked = [found[1] for line in lines if (found := _NAME.match(line.strip()))]
        version = ".".join(map(str, sys.version_info[:2]))
        return {"python": version} | {name: installed[_plain(name)] for name in sorted(asked)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
