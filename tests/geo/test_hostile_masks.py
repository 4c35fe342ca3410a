"""Mask files made by others: they fetch nothing, run nothing, and take no more than some memory."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio

from captools.geo import masks

VRT = """<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>EPSG:3031</SRS>
<GeoTransform>-1e6, 1e6, 0, 1e6, 0, -1e6</GeoTransform>{}</VRTDataset>"""
SOURCE = VRT.format(
    '<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="0">{}'
    "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
)
CODE = VRT.format("""<VRTRasterBand dataType="Byte" band="1" subClass="VRTDerivedRasterBand">
<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>
<PixelFunctionCode><![CDATA[
open({!r}, "w").close()
def f(in_ar, out_ar, *args, **kwargs):
    out_ar[:] = 1
]]></PixelFunctionCode></VRTRasterBand>""")
LAYER = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
LON, LAT = np.array([0.0, 90, 180, -90]), np.full(4, -85.0)


@pytest.fixture
def server():
    """A server that keeps who asked it."""

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        server.asked = []
        server.address = f"http://127.0.0.1:{server.server_port}/a.tif"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "text"), [("a.vrt", SOURCE), ("b.tif", SOURCE), ("c.shp", LAYER), ("d.kml", LAYER)]
)
def test_a_mask_does_not_lead_to_a_server(server, tmp_path, name, text):
    (tmp_path / name).write_text(text.format(f"/vsicurl/{server.address}"))
    with pytest.raises(ValueError, match="leads to a server"):
        masks.load(tmp_path / name).contains(LON, LAT)
    assert server.asked == []


def test_a_mask_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    (tmp_path / "a.vrt").write_text(CODE.format(str(tmp_path / "ran")))
    with pytest.raises(ValueError, match="runs code"):
        masks.load(tmp_path / "a.vrt").contains(LON, LAT)
    assert not (tmp_path / "ran").exists()


def test_a_vrt_of_a_file_beside_it_is_a_mask(tmp_path):
    place = rasterio.Affine(1e6, 0, -1e6, 0, -1e6, 1e6)
    shape = {"height": 2, "width": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:3031"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", transform=place, **shape) as file:
        file.write(np.array([[[1, 0], [0, 0]]], "u1"))
    (tmp_path / "a.vrt").write_text(SOURCE.format(tmp_path / "a.tif"))
    inside = masks.load(tmp_path / "a.vrt").contains(np.array([-45.0, 45]), np.full(2, -85.0))
    assert inside.tolist() == [True, False]


def test_far_points_are_not_read_in_one_window(tmp_path, monkeypatch):
    cells = np.random.default_rng(5).integers(0, 2, (300, 300)).astype("u1")
    path, place = tmp_path / "a.tif", rasterio.Affine(1e4, 0, -1.5e6, 0, -1e4, 1.5e6)
    shape = {"height": 300, "width": 300, "count": 1, "dtype": "uint8", "crs": "EPSG:3031"}
    with rasterio.open(path, "w", driver="GTiff", transform=place, **shape) as file:
        file.write(cells, 1)
    random = np.random.default_rng(6)
    lon, lat = random.uniform(-180, 180, 500), random.uniform(-90, -70, 500)
    whole = masks.load(path).contains(lon, lat)
    masks.load.cache_clear()
    monkeypatch.setattr(masks, "_WINDOW_CELLS", 1000)
    mask = masks.load(path)
    windows = []

    class Raster:
        """Keeps how large the windows are that are read."""

        def __getattr__(self, name):
            return getattr(raster, name)

        def read(self, band, window, **options):
            windows.append(np.prod([stop - start for start, stop in window]))
            return raster.read(band, window=window, **options)

    raster, mask.raster = mask.raster, Raster()
    np.testing.assert_array_equal(mask.contains(lon, lat), whole)
    assert 0 < whole.sum() < 500
    assert max(windows) <= 1000
