"""Many modules become one that does the same."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from otel_eventlog_collector.api.joining import join_modules

MODULES = {
    "main.js": """\
import { twice } from "./deep/twice.js";
import { told, tell as say } from "./told.js";

/** @type {import("./deep/twice.js").Whatever} types in comments are left alone */
const LATER = { view: () => import("./deep/later.js") };

say(`main ${twice(21)}`);
LATER.view().then(({ view, Kind }) => {
  say(view(), new Kind().name);
  console.log(told.join());
});
""",
    "told.js": """\
export const told = ["told ran once"];

export function tell(...words) {
  told.push(...words);
}
""",
    "deep/twice.js": """\
import { tell } from "../told.js";

const FACTOR = 2; // the same name as in another module

/** Doubles. */
export function twice(number) {
  tell("twice");
  return number * FACTOR;
}
""",
    "deep/later.js": """\
import {
  tell,
} from "../told.js";

const FACTOR = "later";
tell("later ran");

export function view() {
  return FACTOR;
}

export class Kind {
  name = "kind";
}

export async function unused() {}
""",
}
SAID = "told ran once,later ran,twice,main 42,later,kind\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to run the modules")
def test_the_joined_module_does_what_the_modules_did() -> None:
    """Each runs once, before whoever imports it; names of one are not those of another."""
    joined = join_modules(MODULES, "main.js")
    command = ["node", "--input-type=module", "-"]
    ran = subprocess.run(command, input=joined, capture_output=True, text=True, check=True)
    assert ran.stdout == SAID


def test_what_no_entry_needs_is_left_out() -> None:
    """A module that is not imported does not run."""
    assert "later" not in join_modules(MODULES, "deep/twice.js")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('import main from "./other.js";', "cannot be joined: import main"),
        ('import * as all from "./other.js";', "cannot be joined: import *"),
        ('import "./other.js";', "cannot be joined: import"),
        ("export default 1;", "cannot be joined: export default"),
        ("export let changing = 1;", "cannot be joined: export let"),
        ('export { one } from "./other.js";', "cannot be joined: export {"),
        ("const here = import.meta.url;", "cannot be joined: const here"),
        ('await import("./other.js");', "cannot be joined: await import"),
        ('import { one } from "./none.js";', "none.js: is not there, by way of main.js"),
        ('import { one } from "./main.js";', "main.js: imports itself, by way of main.js"),
    ],
)
def test_what_it_does_not_know_it_refuses(source: str, told: str) -> None:
    """Nothing is joined by guessing: an unknown form is named, with its file."""
    modules = {"main.js": f"{source}\n", "other.js": "export const one = 1;\n"}
    with pytest.raises(ValueError, match="main") as refused:
        join_modules(modules, "main.js")
    assert told in str(refused.value)
