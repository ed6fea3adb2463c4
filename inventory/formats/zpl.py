"""Labels in ZPL II, the language of Zebra printers and of many others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from inventory.formats.label_sheets import Label, Layout
from inventory.formats.symbols import QUIET, Symbology, draw_symbol

DOTS = 8  # per millimetre: 203 dpi
SAFE = frozenset(" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;/()-+*'&%#=?!@")
PAD = 10  # dots
LINE = 26  # dots, the height of a line of text
FNC1 = "\x1d"


def write_zpl(labels: Sequence[Label], layout: Layout, *, copies: int = 1) -> str:
    """One ^XA…^XZ a label, each printed `copies` times. Text is UTF-8 with every other byte as ^FH hex."""
    return "".join(_label(label, layout, copies) for label in labels)


def escape(text: str) -> str:
    """A text for ^FD after ^FH: what could be read as a command is written as _XX."""
    return "".join(letter if letter in SAFE else "".join(f"_{byte:02X}" for byte in _bytes(letter)) for letter in text)


def _bytes(letter: str) -> bytes:
    return letter.encode("utf-8", "replace")


def _label(label: Label, layout: Layout, copies: int) -> str:
    width, height = _dots(layout.width), _dots(layout.height)
    symbol = draw_symbol(label.symbology, label.code)
    head = f"^XA^CI28^PW{width}^LL{height}^LH0,0\n"
    tail = f"^PQ{copies}\n^XZ\n"
    if symbol.is_linear:
        module = max(1, (width - 2 * PAD) // symbol.width)
        tall = max(LINE, height * 4 // 10)
        left = max(PAD, (width - module * (symbol.width - 2 * QUIET[label.symbology])) // 2)
        code = f"^FO{left},{height - tall - LINE - PAD}^BY{module}{_command(label.symbology, module, tall)}"
        text = _lines(label.lines, x=PAD, room=width - 2 * PAD, height=height - tall - LINE - 2 * PAD)
    else:
        side = min(height - 2 * PAD, width * 45 // 100)
        module = max(1, side // symbol.width)
        code = f"^FO{PAD},{PAD}{_command(label.symbology, module, 0)}"
        x = PAD + module * symbol.width + PAD
        shown = (label.shown,) if label.shown else ()
        text = _lines((*label.lines, *shown), x=x, room=width - x - PAD, height=height - PAD)
    return f"{head}{code}^FH^FD{escape(_payload(label))}^FS\n{''.join(text)}{tail}"


def _command(symbology: Symbology, module: int, tall: int) -> str:
    return {
        Symbology.QR: f"^BQN,2,{min(10, module)}",
        Symbology.GS1_DATAMATRIX: f"^BXN,{module},200,,,,_",
        Symbology.CODE128: f"^BCN,{tall},Y,N,N,A",
        Symbology.EAN13: f"^BEN,{tall},Y,N",
    }[symbology]


def _payload(label: Label) -> str:
    """^BQ wants its error correction and mode in front; ^BX its FNC1 as _1 (written _5F1 under ^FH)."""
    if label.symbology == Symbology.QR:
        return f"MA,{label.code}"
    if label.symbology == Symbology.EAN13:
        return label.code[:12]  # the printer adds the check digit
    if label.symbology == Symbology.CODE128:
        return label.code.replace(">", ">0")  # which begins its own commands there
    return gs1_elements(label.code).replace(FNC1, "_1")


def gs1_elements(bracketed: str) -> str:
    """(01)…(10)…(21)… as it is scanned: FNC1 in front, and after each element of no fixed length but the last."""
    elements = [part.partition(")") for part in bracketed.split("(")[1:]]
    found = FNC1
    for number, (ai, _, value) in enumerate(elements, 1):
        ends = ai in ("01", "11", "15", "17") or number == len(elements)
        found += f"{ai}{value}{'' if ends else FNC1}"
    return found


def _lines(lines: Sequence[str], *, x: int, room: int, height: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        y = PAD + number * (LINE + 4)
        if line and y + LINE <= height:
            yield f"^FO{x},{y}^A0N,{LINE},{LINE - 4}^TBN,{room},{LINE}^FH^FD{escape(line)}^FS\n"


def _dots(millimetres: Decimal) -> int:
    return int(millimetres * DOTS)
