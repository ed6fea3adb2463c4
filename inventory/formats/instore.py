"""In-store codes: EAN-13 numbers that a scale prints, with a weight or a price inside."""

from dataclasses import dataclass

from inventory.formats.gtin import has_valid_check_digit, normalise_gtin


@dataclass(frozen=True, slots=True)
class InStoreCode:
    """`prefix7` names the product, `embedded` is the weight or price: its unit is the shop's own rule."""

    prefix7: str
    embedded: str
    check_digit_ok: bool


def parse_instore(code: str) -> InStoreCode | None:
    """Split a variable-measure code with prefix 02 or 20 to 29; None for any other code.

    Also takes the same number as UPC-A (12 digits, leading 2) and as GTIN-14 (leading 0).
    `embedded` stays text of 5 digits: whether it is grams, cents or holds a price check digit
    differs by country and shop. Source: GS1 General Specifications, section 2
    (restricted circulation numbers, variable measure).
    """
    gtin = normalise_gtin(code)
    if gtin is None or gtin[0] != "0":
        return None
    ean13 = gtin[1:]
    if not ean13.startswith(("02", "2")):
        return None
    return InStoreCode(ean13[:7], ean13[7:12], has_valid_check_digit(ean13))
