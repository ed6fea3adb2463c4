"""What the demo devices keep: invented goods under GS1's prefix for examples (952)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from inventory.formats.gtin import has_valid_check_digit

DEMO_PREFIX = "952"


@dataclass(frozen=True, slots=True)
class Good:
    """A product of the demo; `keeps_days` > 0 means it comes in lots that expire."""

    category: str
    name: str
    number: int
    unit_cost: Decimal
    keeps_days: int = 0

    @property
    def ean13(self) -> str:
        """Its barcode, with the right check digit."""
        payload = f"{DEMO_PREFIX}{self.number:09}"
        return next(code for digit in range(10) if has_valid_check_digit(code := f"{payload}{digit}"))

    @property
    def case_code(self) -> str:
        """The GTIN-14 of a case of 12 (packaging indicator 1)."""
        payload = f"1{DEMO_PREFIX}{self.number:09}"
        return next(code for digit in range(10) if has_valid_check_digit(code := f"{payload}{digit}"))

    @property
    def sku(self) -> str:
        """A shop's own short code, e.g. `DAI-0007`."""
        return f"{self.category[:3].upper()}-{self.number:04}"


SHELVES: dict[
    str, tuple[int, tuple[tuple[str, str], ...]]
] = {  # category → days it keeps, its goods and what they cost
    "Dairy": (
        21,
        (
            ("Whole milk 1 l", "0.84"),
            ("Semi-skimmed milk 1 l", "0.79"),
            ("Natural yoghurt 500 g", "0.95"),
            ("Butter 250 g", "1.85"),
            ("Gouda 400 g", "3.10"),
        ),
    ),
    "Bakery": (
        4,
        (
            ("Sourdough loaf", "1.90"),
            ("Wholemeal rolls 6 pcs", "1.20"),
            ("Butter croissant", "0.55"),
            ("Rye bread 500 g", "1.35"),
        ),
    ),
    "Drinks": (
        0,
        (
            ("Still water 1.5 l", "0.28"),
            ("Sparkling water 1.5 l", "0.29"),
            ("Apple juice 1 l", "1.05"),
            ("Orange juice 1 l", "1.45"),
            ("Iced tea 0.5 l", "0.62"),
            ("Cola 0.33 l", "0.48"),
        ),
    ),
    "Coffee & tea": (
        0,
        (
            ("Espresso beans 1 kg", "11.90"),
            ("Filter coffee 500 g", "4.75"),
            ("Earl Grey 50 bags", "2.10"),
            ("Mint tea 20 bags", "1.15"),
        ),
    ),
    "Pantry": (
        0,
        (
            ("Spaghetti 500 g", "0.74"),
            ("Basmati rice 1 kg", "2.05"),
            ("Red lentils 500 g", "1.30"),
            ("Chopped tomatoes 400 g", "0.52"),
            ("Olive oil 0.75 l", "6.40"),
            ("Sea salt 500 g", "0.45"),
            ("Wheat flour 1 kg", "0.65"),
            ("Acacia honey 250 g", "3.20"),
        ),
    ),
    "Snacks": (
        0,
        (
            ("Dark chocolate 100 g", "1.10"),
            ("Salted crisps 150 g", "0.98"),
            ("Roasted almonds 200 g", "2.60"),
            ("Oat biscuits 250 g", "1.25"),
            ("Fruit gums 200 g", "0.85"),
        ),
    ),
    "Household": (
        0,
        (
            ("Washing-up liquid 0.5 l", "0.99"),
            ("Kitchen roll 4 pcs", "1.75"),
            ("Bin bags 35 l", "1.10"),
            ("Sponges 5 pcs", "0.80"),
            ("LED bulb E27", "2.40"),
        ),
    ),
    "Pharmacy": (
        400,
        (("Plasters 20 pcs", "1.60"), ("Hand sanitiser 100 ml", "1.25"), ("Ibuprofen 200 mg 20 tablets", "1.95")),
    ),
}
GOODS: tuple[Good, ...] = tuple(
    Good(category, name, number, Decimal(cost), days)
    for number, (category, days, name, cost) in enumerate(
        ((category, days, *good) for category, (days, goods) in SHELVES.items() for good in goods), start=1
    )
)
