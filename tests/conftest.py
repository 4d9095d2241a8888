"""What several rooms' tests share. TensorFlow's start-up messages are switched off before anything imports it."""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

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
