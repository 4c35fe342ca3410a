"""Plain RINEX 3 files with values that a test knows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

Place = tuple[int, str, int, str]  # time in ms since 1970, system, satellite, code


def write(
    path: Path, values: Mapping[Place, int], station: str = "TEST", interval: float | None = 30.0
) -> Path:
    """Write a file of signal strengths in thousandths of a dB-Hz; 0 is a zero."""
    codes: dict[str, list[str]] = {}
    for _, system, _, code in sorted(values, key=lambda place: (place[1], place[3])):
        if code not in codes.setdefault(system, []):
            codes[system].append(code)
    lines = [
        f"{'     3.05           OBSERVATION DATA    M':60}RINEX VERSION / TYPE",
        f"{station:60}MARKER NAME",
        *(_types(system, of) for system, of in codes.items()),
        *([] if interval is None else [f"{f'{interval:10.3f}':60}INTERVAL"]),
        f"{'  2024     5     6     0     0    0.0000000     GPS':60}TIME OF FIRST OBS",
        f"{'':60}END OF HEADER",
    ]
    for time in sorted({place[0] for place in values}):
        seen = sorted({place[1:3] for place in values if place[0] == time})
        lines.append(f"> {_moment(time)}  0{len(seen):3}")
        for system, satellite in seen:
            fields = (values.get((time, system, satellite, code)) for code in codes[system])
            lines.append(f"{system}{satellite:02}" + "".join(map(_field, fields)).rstrip())
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def _types(system: str, codes: list[str]) -> str:
    names = "".join(f" S{code}" for code in codes)
    return f"{f'{system}  {len(codes):3}{names}':60}SYS / # / OBS TYPES"


def _moment(time: int) -> str:
    date, _, clock = str(np.datetime64(time, "ms")).partition("T")
    return f"{date} {clock}0000".replace("-", " ").replace(":", " ")


def _field(value: int | None) -> str:
    return " " * 16 if value is None else f"{value / 1000:14.3f}  "
