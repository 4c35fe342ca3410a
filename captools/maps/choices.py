"""What a visitor of the interactive map has chosen, and how the address says it."""

import json
from urllib.parse import parse_qsl, urlencode

import param

from captools.maps.commanding import condition
from captools.maps.picking import Shown
from captools.maps.pointcache import DIRECTIONS
from captools.maps.raster import AGGREGATES
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
            except ValueError:
                unknown.append(f"{name}={text}")
        self.param.update(**values)
        return unknown

    def _checked(self, name: str, text: str) -> object:
        """Return the value of a text; ValueError if it cannot be chosen."""
        default = self._first[name]
        value = text if isinstance(default, str) else json.loads(text)
        if isinstance(value, list) and name != "years":
            value = tuple(value)
        parameter = self.param[name]
        parameter._validate(value)
        if name == "years" and not set(value) <= set(self.scene.cloud.years):
            raise ValueError(text)
        if name == "extent" and not (value[0] < value[1] and value[2] < value[3]):
            raise ValueError(text)
        return value

    @property
    def style(self) -> Style:
        """How values become colours; limits that are not given are those of the percentiles."""
        clip = None
        if self.low is not None and self.high is not None and self.low < self.high:
            clip = self.low, self.high
        return Style(self.colours, self.scale, clip, tuple(map(float, self.percentiles)))

    @property
    def chosen_years(self) -> list[int] | None:
        """The years that are shown, None if these are all: then those of unknown time are, too."""
        return None if self.years == self.scene.cloud.years else self.years

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
        given = self.scene.request
        return MapOptions(
            var=self.column,
            agg=self.aggregate,
            xy=given.xy,
            crs=given.crs,
            bbox=given.bbox,
            all_rows=given.all_rows,
            lonlat=given.lonlat,
        )
