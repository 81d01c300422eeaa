"""The example with Ray, where it is installed."""

from __future__ import annotations

import pytest

pytest.importorskip("ray")
pytest.importorskip("numpy")


def test_a_worker_shares_the_object_store(run):
    assert "the libraries read one array of the object store\n" in run("ray_object_store")
