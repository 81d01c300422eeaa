"""Producers and what is done with their tensors, drawn from bytes; `cargo xtask evidence fuzz-python` runs more of them."""

import pytest

from kit import rounds


@pytest.mark.parametrize("first", range(0, 512, 64))
def test_drawn(first):
    assert rounds.scripts(first, 64) > 300
