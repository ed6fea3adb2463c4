"""What the demo devices keep: invented goods under GS1's prefix for examples (952)."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.formats.gtin import has_valid_check_digit

DEMO_PREFIX = "952"


@dataclass(frozen=True, slots=True)
class Good:
    """A product of the demo; `keeps_days` > 0 means it comes in lots that expire."""

    category: str
    name: str
    number: int
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


SHELVES: dict[str, tuple[int, tuple[str, ...]]] = {  # category → days it keeps, its goods
    "Dairy": (21, ("Whole milk 1 l", "Semi-skimmed milk 1 l", "Natural yoghurt 500 g", "Butter 250 g", "Gouda 400 g")),
    "Bakery": (4, ("Sourdough loaf", "Wholemeal rolls 6 pcs", "Butter croissant", "Rye bread 500 g")),
    "Drinks": (
        0,
        (
            "Still water 1.5 l",
            "Sparkling water 1.5 l",
            "Apple juice 1 l",
            "Orange juice 1 l",
            "Iced tea 0.5 l",
            "Cola 0.33 l",
        ),
    ),
    "Coffee & tea": (0, ("Espresso beans 1 kg", "Filter coffee 500 g", "Earl Grey 50 bags", "Mint tea 20 bags")),
    "Pantry": (
        0,
        (
            "Spaghetti 500 g",
            "Basmati rice 1 kg",
            "Red lentils 500 g",
            "Chopped tomatoes 400 g",
            "Olive oil 0.75 l",
            "Sea salt 500 g",
            "Wheat flour 1 kg",
            "Acacia honey 250 g",
        ),
    ),
    "Snacks": (
        0,
        (
            "Dark chocolate 100 g",
            "Salted crisps 150 g",
            "Roasted almonds 200 g",
            "Oat biscuits 250 g",
            "Fruit gums 200 g",
        ),
    ),
    "Household": (
        0,
        ("Washing-up liquid 0.5 l", "Kitchen roll 4 pcs", "Bin bags 35 l", "Sponges 5 pcs", "LED bulb E27"),
    ),
    "Pharmacy": (400, ("Plasters 20 pcs", "Hand sanitiser 100 ml", "Ibuprofen 200 mg 20 tablets")),
}
GOODS: tuple[Good, ...] = tuple(
    Good(category, name, number, days)
    for number, (category, days, name) in enumerate(
        ((category, days, name) for category, (days, names) in SHELVES.items() for name in names), start=1
    )
)
