"""What `preview` draws, by the kind of its inputs: points, or one of those that are drawn alone."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from captools.engine.crew import Crew
from captools.extras import require
from captools.io.atomic import Outputs
from captools.maps.alone import Lone
from captools.maps.categories import YEAR
from captools.maps.drawing import draw, outputs, save
from captools.maps.figure import Look
from captools.maps.mapping import make_map
from captools.maps.shading import Style
from captools.maps.surveying import MapOptions

if TYPE_CHECKING:
    from captools.maps.geoparquet import Geometry


@dataclass(frozen=True)
class Wanted:
    """The picture that is asked for; the fields are the options of the same names."""

    kind: str
    request: MapOptions
    look: Look
    style: Style
    bare: bool
    channel: int | None = None
    band: tuple[float, float] | None = None


def draw_points(files: list[str], output: Path, wanted: Wanted, crew: Crew) -> Outputs:
    """Draw flat files as a map or a chart; errors as the step has them."""
    if wanted.kind != "map":
        from captools.maps.charting import draw_chart
        from captools.maps.charts import make_chart

        chart = make_chart(wanted.kind, files, wanted.request)
        save(draw_chart(chart, wanted.look), output)
        return outputs([output], chart)
    picture = make_map(files, wanted.request, wanted.look.canvas, crew)
    paths = draw(picture, output, wanted.style, wanted.look, wanted.bare)
    return outputs(paths, picture)


def draw_alone(lone: Lone, output: Path, wanted: Wanted) -> Outputs:
    """Draw a cube, a table or a grid; errors as the step has them."""
    look = wanted.look
    if lone.kind == "cube":
        from captools.maps.spectra import draw_cube

        style, channel, band = wanted.style, wanted.channel, wanted.band
        return draw_cube(lone.path, output, style, look.title, channel, band)
    require("preview", "matplotlib")
    if lone.kind == "table":
        from captools.maps.tables import draw_table

        return draw_table(lone.path, output, look.title, look.dpi)
    from captools.maps.grids import make_grid_map

    picture = make_grid_map(lone.path, wanted.request, look.canvas)
    look = replace(look, point=look.point or 0)  # no pixel of a grid is a sparse point
    written = outputs(draw(picture, output, wanted.style, look, wanted.bare), picture)
    written.unit = "pixel"
    return written


def draw_geoparquet(
    path: str, geometry: "Geometry", output: Path, wanted: Wanted, crew: Crew
) -> Outputs:
    """Draw points of GeoParquet, as flat files that are gone at the end; errors as the step."""
    from captools.maps.geoparquet import flattened

    request, of_time = wanted.request, wanted.kind == "time"
    timed = of_time or wanted.kind == "profile" or request.diff or request.by == YEAR
    columns = [None if of_time else request.column, "t_gps" if timed else None]
    columns += [None if request.by == YEAR else request.by]
    with flattened(path, geometry, [*filter(None, columns)], output) as flat:
        return draw_points(flat, output, wanted, crew)
