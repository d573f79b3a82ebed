"""Hypothesis profiles, and what one test must not leave for the next, nor a shell for all of them.

"ci", the default profile, is quick and always the same; "deep" looks further and elsewhere.

HYPOTHESIS_PROFILE=deep python -m pytest
"""

import builtins
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=25, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "deep", max_examples=1000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    """Let Ctrl-C be heard, by the programs that tests start too, also where a shell began all this with `&`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take away what the last doctest printed: `builtins._`, over which tyro stumbles where it cannot be hashed."""
    vars(builtins).pop("_", None)
