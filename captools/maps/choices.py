"""What a visitor of the interactive map has chosen, and how the address says it."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import numpy as np
import param

from captools.maps.commanding import condition
from captools.maps.picking import Shown
from captools.maps.pointcache import DIRECTIONS
from captools.maps.raster import AGGREGATES, FARTHEST
from captools.maps.shading import HOWS, Style
from captools.maps.surveying import MapOptions
from captools.maps.viewing import Scene

COLOURS = ("viridis", "magma", "cividis", "turbo", "gray", "RdBu", "diverging", "cyclic")
GROWTH = 2  # pixels that the marks of points grow by at most


class Choices(param.Parameterized):
    """All that can be chosen; what is not of its default value stands in the address."""

    column = param.Selector(objects=[""])
    aggregate = param.Selector(objects=list(AGGREGATES))
    direction = param.Selector(objects=list(DIRECTIONS))
    years = param.ListSelector(objects=[])
    colours = param.Selector(objects=list(COLOURS))
    scale = param.Selector(objects=list(HOWS))
    percentiles = param.Range(default=(2, 98), bounds=(0, 100))
    low = param.Number(default=None, allow_None=True, label="Lower limit")
    high = param.Number(default=None, allow_None=True, label="Upper limit")
    grow = param.Integer(default=GROWTH, bounds=(0, 10), label="Points grow by (pixels)")
    extent = param.NumericTuple(default=None, length=4, allow_None=True)  # None: all points
    track = param.Integer(default=None, allow_None=True, bounds=(0, None))  # the pass picked

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self.param.column.objects = list(scene.labels)
        self.param.direction.objects = list(DIRECTIONS if scene.directed else DIRECTIONS[:1])
        self.param.years.objects = scene.cloud.years
        self.param.track.bounds = 0, len(scene.passes) - 1
        with param.parameterized.discard_events(self):
            self.column, self.years = next(iter(scene.labels)), scene.cloud.years
        self._first = self._all()

    def _all(self) -> dict[str, object]:
        return {name: value for name, value in self.param.values().items() if name != "name"}

    @property
    def address(self) -> str:
        """What the address says after the path: "" if nothing was chosen."""
        chosen = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self._all().items()
            if value != self._first[name]
        }
        return f"?{urlencode(chosen)}" if chosen else ""

    def take(self, address: str) -> list[str]:
        """Choose what an address says, and return what of it there is not."""
        values, unknown = dict(self._first), []
        for name, text in parse_qsl(address.removeprefix("?")):
            if name not in values:
                continue  # of the server, not ours
            try:
                values[name] = self._checked(name, text)
            except (ValueError, TypeError, OverflowError, RecursionError):
                unknown.append(f"{name}={text!r}")
        self.param.update(**values)
        return unknown

    def _checked(self, name: str, text: str) -> object:
        """Return the value of a text; an error if it cannot be chosen."""
        is_text = isinstance(self._first[name], str)
        value = text if is_text else json.loads(text)
        if isinstance(value, list) and name != "years":
            value = tuple(value)
        self.param[name]._validate(value)
        if is_text:
            return value
        numbers = np.asarray(value, float)
        if not (np.all(np.abs(numbers) < FARTHEST) and self._fits(name, value)):
            raise ValueError(text)
        return value

    def _fits(self, name: str, value: object) -> bool:
        """Return whether numbers, which are of the right kind, can be chosen."""
        if name == "years":
            return set(value) <= set(self.scene.cloud.years)
        if name == "percentiles":
            return value[0] <= value[1]
        if name == "extent":
            return value[0] < value[1] and value[2] < value[3]
        return not isinstance(value, bool)

    @property
    def style(self) -> Style:
        """How values become colours, without the limits that are given."""
        percentiles = tuple(map(float, self.percentiles))
        return Style(self.colours, self.scale, percentiles=percentiles)

    @property
    def chosen_years(self) -> list[int] | None:
        """The years that are shown, None if these are all: then those of unknown time are, too."""
        return None if set(self.years) == set(self.scene.cloud.years) else self.years

    @property
    def shown(self) -> Shown:
        """Which points are on the map."""
        return Shown(self.column, self.direction, self.chosen_years)

    @property
    def condition(self) -> str:
        """What these points meet, as `filter` understands it."""
        return condition(self.direction, self.chosen_years, self.scene.time)

    @property
    def request(self) -> MapOptions:
        """What `preview` would have to map."""
        return replace(self.scene.request, var=self.column, agg=self.aggregate)
