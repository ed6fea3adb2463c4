"""GTIN-8, 12, 13 and 14: one 14-digit form, check digits as advice, UPC-E expansion."""

import re

GTIN_LENGTHS = (8, 12, 13, 14)
SSCC_LENGTH = 18

_DIGITS = re.compile(r"[0-9]+")  # not str.isdigit(): it also says yes to superscripts
_SPACE = " \t\r\n"
_UPCE_LENGTH = 8


def normalise_gtin(value: str) -> str | None:
    """The GTIN-14 form of `value`, or None where it cannot be a GTIN.

    A GTIN is 8, 12, 13 or 14 ASCII digits; space around it is ignored. The check digit is not
    looked at: 1.3 % of the codes on real products fail it and must still be stored and found.
    Shorter codes are never padded: a lost leading zero would be a guess.
    """
    digits = value.strip(_SPACE)
    if len(digits) not in GTIN_LENGTHS or not _DIGITS.fullmatch(digits):
        return None
    return digits.zfill(14)


def has_valid_check_digit(value: str) -> bool:
    """Whether `value` is a GTIN or SSCC of ASCII digits whose last digit is the right one.

    Source: GS1 General Specifications, 7.9.1 (weights 3, 1, 3, ... from the right, modulo 10).
    """
    if len(value) not in (*GTIN_LENGTHS, SSCC_LENGTH) or not _DIGITS.fullmatch(value):
        return False
    return _check_digit(value[:-1]) == value[-1]


def expand_upce(value: str) -> str | None:
    """The UPC-A (12 digits) that an 8-digit UPC-E stands for; None where its check digit is wrong.

    The check digit decides, because without it every EAN-8 that starts with 0 or 1 would expand.
    Source: GS1 General Specifications, 5.2 (UPC-E, zero suppression).
    """
    if len(value) != _UPCE_LENGTH or not _DIGITS.fullmatch(value) or value[0] not in "01":
        return None
    system, body, last, check = value[0], value[1:6], value[6], value[7]
    if last in "012":
        number = f"{body[:2]}{last}0000{body[2:]}"
    elif last == "3":
        number = f"{body[:3]}00000{body[3:]}"
    elif last == "4":
        number = f"{body[:4]}00000{body[4:]}"
    else:
        number = f"{body}0000{last}"
    upc_a = f"{system}{number}{check}"
    return upc_a if has_valid_check_digit(upc_a) else None


def gtin_candidates(value: str) -> tuple[str, ...]:
    """Every GTIN-14 that `value` may stand for, most likely first; empty where it is no GTIN.

    Only 8 digits are ambiguous: EAN-8 or UPC-E. Where both check digits hold, a leading 0 means
    UPC-E (GS1 keeps EAN-8 prefixes 000 to 099 for use inside a shop), a leading 1 means EAN-8.
    """
    gtin = normalise_gtin(value)
    if gtin is None:
        return ()
    digits = value.strip(_SPACE)
    upc_a = expand_upce(digits)
    if upc_a is None:
        return (gtin,)
    upce_first = digits[0] == "0" or not has_valid_check_digit(digits)
    both = (upc_a.zfill(14), gtin) if upce_first else (gtin, upc_a.zfill(14))
    return tuple(dict.fromkeys(both))


def _check_digit(payload: str) -> str:
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(payload)))
    return str(-total % 10)
