"""What several rooms' tests share. TensorFlow's start-up messages are switched off before anything imports it."""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(autouse=True)
def loggers_as_they_were():
    """A test that leaves logging switched off would silence what other tests listen to."""
    before = logging.root.manager.disable
    yield
    logging.disable(before)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium that resolves no host but localhost, for tests marked `browser`."""
    pytest.importorskip("websocket", reason="websocket-client is not installed (extra `test`)")
    from chromium import Chromium, find_chromium

    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on PATH (Debian and Ubuntu: apt install chromium)")
    chromium = Chromium(executable)
    yield chromium
    chromium.close()
