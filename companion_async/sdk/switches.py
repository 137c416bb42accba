"""The documents' two switches for the log of the library, which says nothing until it is asked to."""

from __future__ import annotations

import logging
import os

from loguru import logger

VARIABLE = "CONCURRENT_FRAMEWORK_LOG_LEVEL"
NAME = "concurrent_framework"


def follow() -> None:
    """Turn the log on if the environment or the standard logger of that name has a level.

    Both are looked at whenever a facade is made. Which lines are shown is the program's own loguru sinks' to say.
    """
    if os.environ.get(VARIABLE) or logging.getLogger(NAME).level != logging.NOTSET:
        logger.enable("companion_async")
