"""Chains of DASCore's methods, as a user writes them: a name and words.

Nothing that is written is run as code: words are numbers, quantities, texts, or several of these.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*\*?\s*([A-Za-z%µμ°][\w%µμ°/*^ .-]*)")
_WORDS: dict[str, Any] = {"true": True, "false": False, "none": None, "...": None, "": None}
_OPENING, _CLOSING, _QUOTES = ("(", "["), (")", "]"), ('"', "'")


@dataclass(frozen=True)
class Quantity:
    """A number with a unit, which DASCore knows or not.

    Attributes
    ----------
    value : float
        The number.
    unit : str
        Such as ``Hz``.
    """

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


@dataclass(frozen=True)
class Call:
    """A method and its arguments.

    Attributes
    ----------
    text : str
        As it is written.
    name : str
        Of the method.
    words : tuple
        Arguments without a name: numbers, `Quantity`, texts, bool, None, tuples of these.
    named : dict
        Those with one.
    """

    text: str
    name: str
    words: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, place: int | None = None, default: Any = None) -> Any:
        """Return an argument, by its name or by its place among those without one."""
        if name in self.named:
            return self.named[name]
        return self.words[place] if place is not None and place < len(self.words) else default


def parse_call(text: str) -> Call:
    """Return a method and its arguments.

    Parameters
    ----------
    text : str
        A name, then arguments with spaces between them: ``NAME WORD KEY=VALUE``. Values are numbers
        (``4``), quantities (``10Hz``), ``true``, ``false``, ``none``, or texts; several with commas
        between them (``14,35``; one that is left out, or ``...``, is none: ``14,``). In brackets
        and quotation marks there may be spaces; what is quoted is a text.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> call = parse_call("pass_filter time=(10 Hz, 40 Hz) corners=4")
    >>> call.name, str(call.named["time"][1]), call.named["corners"]
    ('pass_filter', '40 Hz', 4)
    """
    name, *rest = _split(text, " ") or [""]
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} begins with no method, as does pass_filter time=14,35")
    words: list[Any] = []
    named: dict[str, Any] = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals or not _NAME.fullmatch(key):
            if named:
                raise ValueError(f"{text!r}: {word} stands after arguments with a name")
            words.append(_value(word, text))
        elif key in named:
            raise ValueError(f"{text!r}: {key} is there twice")
        elif not value:
            raise ValueError(f"{text!r}: {key} has no value")
        else:
            named[key] = _value(value, text)
    return Call(text, name, tuple(words), named)


def parse_chain(texts: Iterable[str]) -> tuple[Call, ...]:
    """Return the calls of a chain, in their order."""
    return tuple(map(parse_call, texts))


def _value(text: str, whole: str) -> Any:
    """Return what a word means."""
    text = text.strip()
    if text.startswith(_QUOTES):
        return text[1:-1]
    if text.startswith(_OPENING):
        return tuple(_value(one, whole) for one in _split(text[1:-1], ",", whole))
    if len(several := _split(text, ",", whole)) > 1:
        return tuple(_value(one, whole) for one in several)
    return _single(text)


def _single(text: str) -> Any:
    """Return what a word without commas means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(_NUMBER, text):
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    if match := _QUANTITY.fullmatch(text):
        number = _single(match[1])
        return Quantity(number, match[2].strip())
    return text


def _split(text: str, at: str, whole: str = "") -> list[str]:
    """Return the pieces of a text between separators that are in no brackets and no quotes.

    At spaces, empty pieces are left out.
    """
    pieces, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        if depth < 0:
            break
        is_end = not quote and not depth and (letter.isspace() if at == " " else letter == at)
        if is_end:
            pieces.append("")
        else:
            pieces[-1] += letter
    if quote or depth:
        raise ValueError(f"{whole or text!r}: a bracket or a quotation mark has no other one")
    return [piece for piece in pieces if piece] if at == " " else pieces
