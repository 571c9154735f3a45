"""Programs that other interpreters run, each by its path: standard library only.

Python looks for modules beside a program first, so no module with the name of one of the standard
library may ever stand in this directory.
"""
