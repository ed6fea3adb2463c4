"""Subtotals: lines of a sheet that add up others."""

from __future__ import annotations

import re
import unicodedata

_TOTALS = (
    *("total", "totals", "totale", "totales", "totaux", "totaal", "totalt", "suma", "sum", "somme", "soma", "somma"),
    *("summe", "gesamt", "gesamtsumme", "zwischensumme", "endsumme", "итого", "всего"),
)
_BESIDES = ("sub", "sous", "grand", "general", "generale", "generaal", "parcial", "partiel", "parziale")
_GLUED = re.compile(r"sub(?=tota)")
_WORD = re.compile(r"[^\W\d_]+")


def is_total(text: str) -> bool:
    """Whether a name says nothing but that the line is a sum: `Sous-total 2`, but not `Total Quartz 5W40`."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = _WORD.findall(_GLUED.sub("", plain))
    return any(word in _TOTALS for word in words) and all(word in _TOTALS or word in _BESIDES for word in words)
