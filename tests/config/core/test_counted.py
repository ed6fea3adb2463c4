"""How many there are, as people say it."""

from __future__ import annotations

import pytest

from config.core.quantities import counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 lots"), (1, "1 lot"), (2, "2 lots"), (1200, "1,200 lots")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "lot") == said
