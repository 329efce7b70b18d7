"""Compiled templates, shared by all processes of a run: each is compiled once, not once in each worker and site."""

import os

from jinja2 import Environment, FileSystemBytecodeCache
from litestar import Litestar

FOLDER = "MARKETPLACE_TEST_TEMPLATES"
"""Variable with the folder of the run; without it each process compiles for itself."""


def share_templates(app: Litestar) -> None:
    """Let an application read and keep compiled templates in the run's folder. What was changed is compiled anew."""
    engine = app.template_engine
    folder = os.environ.get(FOLDER)
    if folder and engine is not None:
        environment: Environment = engine.engine
        environment.bytecode_cache = FileSystemBytecodeCache(folder)
