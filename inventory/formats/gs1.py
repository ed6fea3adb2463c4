"""GS1 data as scanners send it, as people type it and as web links carry it."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

from biip import ParseConfig, ParseError
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message

from inventory.formats.gtin import GTIN_LENGTHS, SSCC_LENGTH, has_valid_check_digit

MAX_LENGTH = 4096  # longer than any GS1 symbol holds; bounds the time of a hostile string

_FNC1 = "\x1d"
_SPACE = " \t\r\n"
_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_GS1_SYMBOLOGIES = ("]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1")
_GTIN_SYMBOLOGIES = {"]E0": 13, "]E4": 8, "]I1": 14}
_COMPOSITE = "|]e0"
_UNMARKED = {"00": SSCC_LENGTH, "01": 14, "02": 14}
_GTIN_AIS = ("01", "02", "03")
_EXPIRY_AIS = ("17", "7003", "15")
_COUNT_AIS = ("30", "37")
# Trade measures only: gross weights and box sizes (33nn, 34nn, 3x2n width ...) are no quantity.
_MEASURES = {
    "310": "kg",
    "320": "lb",
    "356": "ozt",
    "357": "oz",
    "315": "l",
    "316": "m³",
    "360": "qt",
    "361": "gal",
    "364": "in³",
    "365": "ft³",
    "366": "yd³",
    "314": "m²",
    "350": "in²",
    "351": "ft²",
    "352": "yd²",
    "311": "m",
    "321": "in",
    "322": "ft",
    "323": "yd",
}

_BRACKETED = re.compile(r"\(([0-9]{2,4})\)((?:\\\(|[^(\\])+)")

_PATH_CHARACTERS = r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/]"
_LINK = re.compile(
    r"(?:https?|HTTPS?)://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?"
    rf"/({_PATH_CHARACTERS}*)(?:\?((?:{_PATH_CHARACTERS}|\?)*))?(?:#.*)?"
)
# Primary keys of a Digital Link and the qualifiers that may follow, in this order: dlpkey in GS1's
# syntax dictionary.
_LINK_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "01": (("22", "10", "21"), ("235",)),
    "8006": (("22", "10", "21"),),
    "414": (("254",), ("7040",)),
    "415": (("8020",),),
    "417": (("7040",),),
    "8004": (("7040",),),
    "8010": (("8011",),),
    "8017": (("8019",),),
    "8018": (("8019",),),
    **dict.fromkeys(("00", "253", "255", "401", "402", "8003", "8013"), ((),)),
}
_LINK_WORDS = {"gtin": "01", "sscc": "00", "cpv": "22", "lot": "10", "ser": "21"}

_LENIENT = ParseConfig(gs1_element_strings_verify_date=False)  # 000000 as a date must not cost us the GTIN
_STRICT = ParseConfig()


@dataclass(frozen=True, slots=True)
class Gs1Scan:
    """What one scan says.

    `gtin14`: AI 01, else the content 02 or 03; its check digit is not verified. `expires_on`: use by
    (17, 7003), else best before (15); day 00 is the last of the month. `quantity`: a count (30, 37:
    `unit` is "") or a net measure (31nn, 32nn, 35nn, 36nn: `unit` is "kg", "l", "m" ...).
    `ais`: every application identifier with its raw text, in the order scanned.
    """

    gtin14: str | None = None
    sscc: str | None = None
    lot: str | None = None
    expires_on: date | None = None
    serial: str | None = None
    quantity: Decimal | None = None
    unit: str = ""
    ais: dict[str, str] = field(default_factory=dict, hash=False)


def split_symbology(code: str) -> tuple[str, str]:
    """The symbology identifier a scanner puts in front ("]E0"; "" where there is none) and the rest.

    Source: ISO/IEC 15424.
    """
    return (code[:3], code[3:]) if _SYMBOLOGY.match(code) else ("", code)


def parse_gs1(code: str) -> Gs1Scan | None:
    """Read a GS1 element string, its "(01)...(10)..." form or a GS1 Digital Link; None for anything else.

    A plain GTIN is None: it is a GTIN, not a message, although many start like one. Without a
    symbology identifier, FNC1 or brackets only a string that starts with AI 00, 01 or 02 and a
    right check digit is read. Never raises.
    Source: GS1 General Specifications, 7.8, and GS1 Digital Link URI Syntax.
    """
    if len(code) > MAX_LENGTH or not code.isascii():
        return None
    symbology, payload = split_symbology(code.strip(_SPACE))
    elements = _read(symbology, payload)
    if not elements:
        return None
    ais: dict[str, str] = {}
    for element in elements:
        if not element.value or ais.setdefault(element.ai.ai, element.value) != element.value:
            return None  # an empty value, or one identifier with two values: trust neither
    dates = {element.ai.ai: element.date for element in elements if element.date}
    quantity, unit = _quantity(elements)
    return Gs1Scan(
        gtin14=next((ais[ai] for ai in _GTIN_AIS if ai in ais), None),
        sscc=ais.get("00"),
        lot=ais.get("10"),
        expires_on=next((dates[ai] for ai in _EXPIRY_AIS if ai in dates), None),
        serial=ais.get("21"),
        quantity=quantity,
        unit=unit,
        ais=ais,
    )


def _read(symbology: str, payload: str) -> list[GS1ElementString] | None:
    if symbology in _GTIN_SYMBOLOGIES:
        return _read_gtin(payload, _GTIN_SYMBOLOGIES[symbology])
    if payload.startswith("("):
        return _read_brackets(payload)
    if "://" in payload[:8]:
        return _read_link(payload)
    if symbology in _GS1_SYMBOLOGIES:
        return _read_message(payload, _LENIENT)
    return None if symbology else _read_unmarked(payload)


def _read_gtin(payload: str, length: int) -> list[GS1ElementString] | None:
    """An EAN-13, EAN-8 or ITF-14 symbol, perhaps with a composite part.

    The reader verified the check digit, so a wrong one is a damaged transmission.
    """
    gtin, composite, rest = payload.partition(_COMPOSITE)
    if len(gtin) != length or not has_valid_check_digit(gtin):
        return None
    elements = [GS1ElementString.extract(f"01{gtin.zfill(14)}")]
    if composite:
        more = _read_message(rest, _LENIENT)
        return None if more is None else elements + more
    return elements


def _read_message(payload: str, config: ParseConfig) -> list[GS1ElementString] | None:
    try:
        return list(GS1Message.parse(payload, config=config).element_strings)
    except ParseError:
        return None


def _read_unmarked(payload: str) -> list[GS1ElementString] | None:
    body = payload.rstrip(_FNC1)
    if _FNC1 in body:
        return _read_message(body, _LENIENT)
    length = _UNMARKED.get(body[:2], 0)
    if not has_valid_check_digit(body[2 : 2 + length]):
        return None
    return _read_message(body, _STRICT)


def _read_brackets(payload: str) -> list[GS1ElementString] | None:
    elements: list[GS1ElementString] = []
    place = 0
    while place < len(payload):
        match = _BRACKETED.match(payload, place)
        if match is None:
            return None
        element = _element(match[1], match[2].strip(_SPACE).replace(r"\(", "("))
        if element is None:
            return None
        elements.append(element)
        place = match.end()
    return elements


def _read_link(uri: str) -> list[GS1ElementString] | None:
    match = _LINK.fullmatch(uri)
    if match is None:
        return None
    parts = [unquote(part) for part in match[1].split("/")]
    for start in range(len(parts) % 2, len(parts), 2):  # keys and values come in pairs, up to the end
        pairs = list(zip(parts[start::2], parts[start + 1 :: 2], strict=True))
        if elements := _read_link_pairs(pairs, match[2] or ""):
            return elements
    return None


def _read_link_pairs(path: list[tuple[str, str]], query: str) -> list[GS1ElementString] | None:
    keys = [_LINK_WORDS.get(key, key) for key, _ in path]
    orders = [order for order in _LINK_KEYS.get(keys[0], ()) if _in_order(keys[1:], order)]
    if not orders:
        return None
    pairs = list(zip(keys, (value for _, value in path), strict=True))
    for part in query.replace(";", "&").split("&"):
        key, _, value = part.partition("=")
        if not key.isdigit():
            continue  # singletons and other parameters belong to the web site
        if any(key in order for order in orders):
            return None  # a qualifier of this key has its place in the path
        pairs.append((key, unquote(value)))
    elements = [element for key, value in pairs if (element := _element(key, value))]
    complete = len(elements) == len(pairs) == len({key for key, _ in pairs})
    return elements if complete else None


def _in_order(keys: list[str], order: tuple[str, ...]) -> bool:
    places = iter(order)
    return all(key in places for key in keys)


def _element(ai: str, value: str) -> GS1ElementString | None:
    """One identifier with exactly this value.

    Through extract(), not parse(): with an end anchor the patterns of the address fields (4300 to
    4320) backtrack for minutes on "%41%41..." (biip 5.2).
    """
    if ai in _GTIN_AIS and len(value) in GTIN_LENGTHS:
        value = value.zfill(14)
    if not value.isascii():  # \d in biip's patterns takes any script's digits
        return None
    try:
        element = GS1ElementString.extract(f"{ai}{value}", config=_LENIENT)
    except ParseError:
        return None
    return element if (element.ai.ai, element.value) == (ai, value) else None


def _quantity(elements: list[GS1ElementString]) -> tuple[Decimal | None, str]:
    for element in elements:
        if element.ai.ai in _COUNT_AIS:
            return Decimal(element.value), ""
    measures = {element.ai.ai[:3]: element.decimal for element in elements}
    for family, unit in _MEASURES.items():
        if measures.get(family) is not None:
            return measures[family], unit
    return None, ""
