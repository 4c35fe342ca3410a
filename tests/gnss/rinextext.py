"""Small RINEX files with known content, and a reader of good ones that goes line by line."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import hatanaka

START = datetime(2024, 5, 6)


def line(text, label):
    """Return a header line."""
    return f"{text:<60}{label:<20}".rstrip()


@dataclass
class Epoch:
    """An epoch: for each satellite, as written, thousandths (or None) by type."""

    satellites: dict[str, dict[str, int | None]]
    time: datetime = START
    flag: int = 0
    before: list[str] = field(default_factory=list)  # lines that stand before it
    count: int | None = None  # of satellites, if it shall be wrong
    head: str | None = None  # date and time, if they shall be odd


def value(number):
    """Return a field of 16 columns."""
    if number is None:
        return " " * 16
    sign, number = "-" if number < 0 else "", abs(number)
    return f"{sign}{number // 1000}.{number % 1000:03d}".rjust(14) + "  "


def header(version, types, more=(), system="M", clock="GPS"):
    """Return the header lines of a file; `types` are a list (RINEX 2) or by system."""
    kind = f"{version:>9}           OBSERVATION DATA    {system}"
    found = [line(kind, "RINEX VERSION / TYPE"), line("STATION", "MARKER NAME")]
    found += [line("1234                RECEIVER TYPE       1.0", "REC # / TYPE / VERS")]
    found += [line("5678                ANTENNA TYPE", "ANT # / TYPE")]
    found += [*listed(types), line("    30.000", "INTERVAL")]
    first = f"  {START:%Y}{START.month:6d}{START.day:6d}     0     0    0.0000000     {clock}"
    return [*found, *more, line(first, "TIME OF FIRST OBS"), line("", "END OF HEADER")]


def listed(types):
    """Return the lines that list types."""
    found = []
    if isinstance(types, list):
        for at in range(0, len(types), 9):
            count = f"{len(types):6d}" if not at else " " * 6
            names = "".join(f"    {one:>2}" for one in types[at : at + 9])
            found.append(line(count + names, "# / TYPES OF OBSERV"))
        return found
    for system, names in types.items():
        for at in range(0, len(names), 13):
            count = f"{system}  {len(names):3d}" if not at else " " * 6
            text = count + "".join(f" {one}" for one in names[at : at + 13])
            found.append(line(text, "SYS / # / OBS TYPES"))
    return found


def clock(time, version):
    """Return date and time as the lines of epochs have them."""
    seconds = f"{time.second + time.microsecond / 1e6:11.7f}"
    rest = f"{time.month:3d}{time.day:3d}{time.hour:3d}{time.minute:3d}{seconds}"
    return f" {time:%y}{rest}" if version < "3" else f"> {time.year:4d}{rest}"


def body(epochs, types, version="3.05"):
    """Return the lines after the header."""
    found = []
    for epoch in epochs:
        found += epoch.before
        names = [*epoch.satellites]
        count = len(names) if epoch.count is None else epoch.count
        head = f"{epoch.head or clock(epoch.time, version)}  {epoch.flag}{count:3d}"
        if version >= "3":
            found.append(head)
            for name, values in epoch.satellites.items():
                text = "".join(value(values.get(one)) for one in types[name[0]])
                found.append((name + text).rstrip())
            continue
        for at in range(0, max(len(names), 1), 12):
            found.append((head if not at else " " * 32) + "".join(names[at : at + 12]))
        for values in epoch.satellites.values():
            for at in range(0, len(types), 5):
                found.append("".join(value(values.get(one)) for one in types[at : at + 5]).rstrip())
    return found


def written(epochs, types, version="3.05", **more):
    """Return the bytes of a file."""
    lines = header(version, types, **more) + body(epochs, types, version)
    return ("\n".join(lines) + "\n").encode()


@cache
def compact(data):
    """Return the same in Hatanaka's form, by the program that everybody uses."""
    return hatanaka.rnx2crx(data)


def truth(epochs):
    """Return the cells that there are: thousandths by time, satellite and code; 0 is none."""
    found = {}
    for epoch in epochs:
        for name, values in epoch.satellites.items():
            for one, number in values.items():
                if one[0] == "S" and number is not None:
                    code = "1C" if one == "S1" else one[1:]
                    found[epoch.time, name.replace(" ", "0"), code] = number
    return {cell: number for cell, number in found.items() if number}


def cells(found):
    """Return the same of what was read."""
    names = [f"{s.decode()}{n:02d}" for s, n in zip(found.system, found.satellite, strict=True)]
    codes = found.code.astype("U2").tolist()
    keys = zip(found.time.tolist(), names, codes, strict=True)
    read = dict(zip(keys, found.thousandths.tolist(), strict=True))
    assert len(read) == len(found.thousandths)  # each cell once
    return read


def day(count=4, types=("C1C", "L1C", "S1C", "S2W"), names=("G01", "G02", "G31", "R07")):
    """Return epochs with values that change as those of a receiver do."""
    return [
        Epoch(
            {
                name: {
                    one: 23_000_000_000 + at * 70_000_123 + place
                    if one[0] in "CL"
                    else 30_000 + 250 * ((7 * at * at + 11 * place + 5 * number) % 80)
                    for number, one in enumerate(types)
                }
                for place, name in enumerate(names)
            },
            START + timedelta(seconds=30 * at),
        )
        for at in range(count)
    ]


# --- a reader of good plain files, line by line -----------------------------------


def line_by_line(data):
    """Return the cells of a plain file, zeros left out; the last one of a cell counts."""
    lines = iter(data.decode("latin1").splitlines())
    types, version = {}, None
    found = {}

    def take_header(one):
        nonlocal version, current
        label = one[60:80].strip()
        if label == "RINEX VERSION / TYPE":
            version = one[:9].strip()
        elif label == "# / TYPES OF OBSERV":
            if one[:6].strip():
                types[""] = []
            types[""] += one[6:60].split()
        elif label == "SYS / # / OBS TYPES":
            if one[0] != " ":
                current = one[0]
                types[current] = []
            types[current] += one[6:60].split()
        return label

    current = ""
    while take_header(next(lines)) != "END OF HEADER":
        pass
    for one in lines:
        is_3 = version >= "3"
        shift = 3 if is_3 else 0
        if one[60:80].strip() == "COMMENT" or not one.strip():
            continue
        flag, count = int(one[28 + shift]), int(one[29 + shift : 32 + shift])
        if flag in (2, 3, 4, 5):
            for _ in range(count):
                take_header(next(lines))
            continue
        date = one[1 : 26 + shift].split()
        year = int(date[0]) if is_3 else int(date[0]) + (2000 if int(date[0]) < 80 else 1900)
        second = Decimal(date[5])
        time = datetime(year, *map(int, date[1:5])) + timedelta(milliseconds=int(second * 1000))
        names = one[32:].ljust(36)[:36] if not is_3 else ""
        for _ in range((count - 1) // 12 if not is_3 else 0):
            names += next(lines)[32:].ljust(36)
        for number in range(count):
            if is_3:
                text = next(lines)
                name, fields = text[:3], text[3:]
                kinds = types[name[0]]
            else:
                name, kinds = names[3 * number : 3 * number + 3], types[""]
                fields = "".join(next(lines)[:80].ljust(80) for _ in range(-(-len(kinds) // 5)))
            if flag > 1:
                continue
            name = f"{name[0].replace(' ', 'G')}{int(name[1:]):02d}"
            for place, kind in enumerate(kinds):
                written_value = fields[16 * place : 16 * place + 14].strip()
                if kind[0] == "S" and written_value:
                    code = "1C" if kind == "S1" else kind[1:]
                    found[time, name, code] = int(Decimal(written_value) * 1000)
    return {cell: number for cell, number in found.items() if number}
