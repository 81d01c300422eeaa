"""Producers and what is done with their tensors, drawn from bytes; `cargo xtask evidence fuzz-python` runs more of them."""

import pytest

from kit import drawn


@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_drawn(first):
    assert drawn.scripts(first, 250) > 50
