"""Cells that no file format hands over, but a database would choke on."""

from __future__ import annotations

import pytest

from inventory.services.imports.fields import CellProblem, How, text


@pytest.mark.parametrize("typed", ["a\x00b", "half \ud800"])
def test_text_that_cannot_be_stored_is_refused(typed: str) -> None:
    with pytest.raises(CellProblem) as refused:
        text(10)(typed, How())
    assert refused.value.internal_code == "import_bad_text"
    assert text(10)("a b", How()) == "a b"
