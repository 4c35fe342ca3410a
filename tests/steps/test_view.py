"""The step view: its page in a real browser, its messages, and its end."""

import contextlib
import json
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
import rasterio
from flatfiles import damage, make_endless, truncate, write_flat
from processes import call, start
from pyproj import Proj
from straightforward import read_flat

from captools.errors import InputError
from captools.maps import overlays, serving, viewing
from captools.maps import page as page_module
from captools.maps.choices import Choices
from captools.maps.overlays import Overlay
from captools.maps.surveying import MapOptions

CHROMIUM = shutil.which("chromium") or ""
HARMLESS = {"log", "info", "debug"}
COAST_X, COAST_Y = (-1.1e6, -0.9e6), 3.5e5  # of an overlay; no track comes there


def track(number, rows=3000, **more):
    """Points along a ground track, ascending if the number is even, of 2019 and later."""
    random = np.random.default_rng(number)
    along = np.linspace(-5e5, 5e5, rows)
    x, y = along - 1e6, random.uniform(-1, 1) * along + random.uniform(-2e5, 2e5)
    return {
        "lat": np.full(rows, -80.0),
        "lon": np.linspace(-100, -80, rows),
        "h_li": (1000 + 300 * np.sin(x / 1e5)).astype("f4"),
        "s_li": random.random(rows).astype("f4"),
        "x": x,
        "y": y,
        "t_year": np.full(rows, 2019.5 + number % 3),
        "is_asc": np.full(rows, number % 2 == 0),
    } | more


def write_tracks(folder, count=12):
    """A folder of flat files, one a track."""
    for number in range(count):
        write_flat(folder / f"track_{number:02d}.h5", track(number), crs="EPSG:3031")
    return folder


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Flat files of twelve tracks. Not to be changed."""
    return write_tracks(tmp_path_factory.mktemp("tracks"))


@contextlib.contextmanager
def served(*words, silent=("--no-browser",), **options):
    """Run ``captools view`` and yield its process, with its address, when it serves."""
    with start("view", *words, *silent, **options) as process:
        try:
            lines = queue.Queue()
            reading = threading.Thread(target=lambda: lines.put(process.stdout.readline()))
            reading.start()
            process.address = lines.get(timeout=120).strip()
            reading.join()
            if not process.address:
                raise AssertionError(process.stderr.read())
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def coast(tmp_path_factory):
    """A line to lay over the tracks, where there are none, in degrees. Not to be changed."""
    lon, lat = Proj("EPSG:3031")(np.linspace(*COAST_X, 50), np.full(50, COAST_Y), inverse=True)
    path = tmp_path_factory.mktemp("coast") / "coast.geojson"
    path.write_text(json.dumps({"type": "LineString", "coordinates": np.c_[lon, lat].tolist()}))
    return path


@pytest.fixture(scope="module")
def server(tracks, coast):
    """A server of the tracks, for all tests that only look; none of it is worth a warning."""
    with served(tracks, "-v", "h_li,s_li", "--overlay", coast) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1]
    # The server names requests that it refuses, and one test asks for a column that is not there.
    known = "tornado.access", "the address asks for what is not there: column='none'"
    warned = [line for line in said.splitlines() if "warning" in line.lower()]
    assert [line for line in warned if not any(words in line for words in known)] == []


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    api = pytest.importorskip("playwright.sync_api") if not os.environ.get("CI") else None
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed here")
    if api is None:
        import playwright.sync_api as api
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser, server, wrong):
    """A new page; anything wrong that the browser reports is added to a list."""
    page = browser.new_page(viewport={"width": 1000, "height": 640})
    page.on("console", lambda message: message.type in HARMLESS or wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on("response", lambda came: came.status < 400 or wrong.append((came.status, came.url)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((server.address, "blob:", "data:")) or wrong.append(request.url)
        ),
    )
    return page


@pytest.fixture(scope="module")
def visit(browser, server):
    """A page that tests share, and what went wrong in it."""
    wrong = []
    page = opened(browser, server, wrong)
    page.goto(server.address)
    said(page, TITLE, lambda title: title.endswith(": 36,000 points"))
    yield page, wrong
    page.close()


@pytest.fixture
def page(visit):
    """The page as it is when nothing is chosen; anything wrong fails the test at its end."""
    page, wrong = visit
    page.mouse.move(5, 630)
    page.evaluate("() => { for (const m of Bokeh.documents[0].all_models)"
                  " if (m.type.endsWith('Location')) m.search = '' }")  # fmt: skip
    said(page, TITLE, lambda title: title.startswith("mean") and title.endswith(": 36,000 points"))
    said(page, EXTENT, lambda extent: extent[0] < -1.4e6 and extent[1] > -0.6e6)
    yield page
    assert wrong == []


OF = "const of = name => Bokeh.documents[0].get_model_by_name(name)"
TITLE = "return of('map').title.text"
EXTENT = "const {x_range: x, y_range: y} = of('map'); return [x.start, x.end, y.start, y.end]"
FRAME = """
const view = Bokeh.index.find_one(of('map'))
const box = view.el.getBoundingClientRect(), frame = view.frame.bbox
return [box.left + frame.left, box.top + frame.top, frame.width, frame.height]
"""
IMAGE = """
const {image, x, y, dw, dh} = of('map').renderers[0].data_source.data
return image.length ? [image[0].shape, [x[0], x[0] + dw[0], y[0], y[0] + dh[0]]] : null
"""
PROFILE = "return of('profile').visible ? of('profile').title.text : ''"


def said(page, script, until=lambda answer: True, seconds=30):
    """What a script says of models by their names, once it is what is waited for."""
    words = f"() => {{ if (!window.Bokeh?.documents?.length) return null; {OF}; {script} }}"
    deadline, answer = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        answer = page.evaluate(words)
        if answer is not None and until(answer):
            return answer
        page.wait_for_timeout(100)
    raise AssertionError(f"never comes: {answer}")


def picture(page):
    """What the map shows: pixels (red, green, blue in 0..1) of its frame."""
    from matplotlib.image import imread

    left, top, wide, high = said(page, FRAME)
    clip = {"x": left + 1, "y": top + 1, "width": wide - 2, "height": high - 2}
    return imread(BytesIO(page.screenshot(clip=clip)))[..., :3]


def rested(page):
    """What the map shows at last: its title and its edges."""
    deadline, last, since = time.monotonic() + 60, None, 0.0
    while time.monotonic() < deadline:
        now = said(page, TITLE), said(page, EXTENT)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 1:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("the map never stops to change")


def coloured(pixels):
    """How many pixels have a colour."""
    return int((np.ptp(pixels, axis=-1) > 0.2).sum())


def settled(page, before=None):
    """The picture, once it differs from the one before, and changes no more."""
    deadline, last = time.monotonic() + 60, None
    while time.monotonic() < deadline:
        now = picture(page)
        changed = before is None or not np.array_equal(now, before)
        if changed and last is not None and np.array_equal(now, last):
            return now
        last = now
        page.wait_for_timeout(300)
    raise AssertionError("the map does not change, or never stops to")


def points(page, number):
    """Wait until the map says how many points it has."""
    return said(page, TITLE, lambda title: title.endswith(f": {number:,} points"))


def choose(page, label, value):
    """Choose from a list."""
    page.get_by_label(label, exact=True).select_option(value)


def place(page, x, y):
    """Where a point of the map is in the window."""
    left, top, wide, high = said(page, FRAME, lambda frame: frame[2] > 0)
    west, east, south, north = said(page, EXTENT, lambda extent: extent[1] > extent[0])
    return left + (x - west) / (east - west) * wide, top + (north - y) / (north - south) * high


def zoom(page, clicks=3):
    """Turn the mouse wheel over the map, and return what it says then."""
    page.mouse.move(*place(page, -1e6, 0))
    for _ in range(clicks):
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(50)
    title, extent = rested(page)
    assert extent[1] - extent[0] < 5e5
    return title


# --- the page ---------------------------------------------------------------------


def test_the_page_shows_the_map_and_fills_the_window(page):
    assert page.title() == "captools view"
    assert coloured(settled(page)) > 3000
    left, top, wide, high = said(page, FRAME)
    assert left + wide > 840
    assert top + high > 560
    assert urlsplit(page.url).query == ""


def test_a_zoom_aggregates_anew(page):
    zoom(page)
    _, _, wide, high = said(page, FRAME)
    extent = said(page, EXTENT)
    shape, edges = said(page, IMAGE, lambda image: image[1] == pytest.approx(extent))
    # An image that was only enlarged would have fewer pixels than the frame.
    assert shape == pytest.approx([high, wide], abs=1)
    assert edges[1] - edges[0] < 5e5


def test_reset_leads_back_also_after_the_scale_was_changed(page):
    home = said(page, EXTENT)
    near = zoom(page)
    choose(page, "Scale", "log")
    said(page, "return location.search", lambda search: "log" in search)
    assert said(page, TITLE) == near
    page.get_by_title("Reset", exact=True).first.click()
    points(page, 36_000)
    assert said(page, EXTENT) == pytest.approx(home, abs=2e3)


def test_direction_and_years_leave_points_out(page):
    both = settled(page)
    choose(page, "Direction", "ascending")
    points(page, 18_000)
    ascending = settled(page, both)
    choose(page, "Direction", "descending")
    descending = settled(page, ascending)
    assert coloured(ascending) < coloured(both)
    assert coloured(descending) < coloured(both)
    page.get_by_label("2020", exact=True).uncheck()
    points(page, 12_000)
    assert coloured(settled(page, descending)) < coloured(descending)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        *(("Column", "s_li"), ("Aggregate", "std"), ("Aggregate", "count")),
        *(("Colours", "turbo"), ("Scale", "log"), ("Scale", "eq_hist")),
    ],
)
def test_every_choice_changes_the_map(page, label, value):
    before = settled(page)
    choose(page, label, value)
    settled(page, before)


def test_limits_change_the_colours(page):
    before = settled(page)
    page.get_by_label("Lower limit").fill("1250")
    page.keyboard.press("Enter")
    settled(page, before)


def test_points_grow_where_there_is_room(page):
    grown = settled(page)
    page.get_by_label("Points grow by (pixels)").fill("0")
    page.keyboard.press("Enter")
    assert coloured(settled(page, grown)) < 0.7 * coloured(grown)


def test_hover_says_all_of_the_nearest_point_and_of_its_pixel(page):
    one, row = track(4), 1500
    x, y = (float(one[name][row]) for name in "xy")
    page.mouse.move(*place(page, x, y))
    tip = said(page, "return of('tip').text", lambda text: "pixel" in text)
    lon, lat = (float(tip.split(f"{name}: <b>")[1].split("°")[0]) for name in ("lon", "lat"))
    assert Proj("EPSG:3031")(lon, lat) == pytest.approx((x, y), abs=2e4)
    assert "rgt: <b>1</b><br>cycle: <b>2</b><br>spot: <b>3</b>" in tip
    assert "time: <b>20" in tip
    value, mean, count = re.search(
        r"h_li: <b>([\d,.]+) m<.*pixel: <b>mean ([\d,.]+), (\d+) points", tip
    ).groups()
    assert 700 <= float(value.replace(",", "")) <= 1300
    assert 700 <= float(mean.replace(",", "")) <= 1300
    assert int(count) > 1
    page.get_by_text("cycle").wait_for(state="visible", timeout=30_000)


def test_a_click_draws_the_profile_of_the_pass_and_one_beside_puts_it_away(page):
    one = track(4)
    page.mouse.click(*place(page, one["x"][1500], one["y"][1500]))
    title = said(page, PROFILE, bool)
    assert title == "rgt 1, cycle 2, spot 3: 36,000 points on the map, one in 4 of them drawn"
    points(page, 36_000)
    page.mouse.click(*place(page, np.mean(COAST_X), COAST_Y))
    said(page, PROFILE, lambda title: not title)


def test_an_overlay_is_drawn(page):
    pixels = settled(page)
    left, top, *_ = said(page, FRAME)
    x, y = place(page, np.mean(COAST_X), COAST_Y)
    column, row = int(x - left), int(y - top)
    assert pixels[row - 3 : row + 4, column].min() < 0.75  # of grey
    assert pixels[row - 12 : row - 5, column].min() == 1


def test_an_address_opens_the_same_view_in_another_page(page, browser, server):
    choose(page, "Direction", "descending")
    choose(page, "Colours", "magma")
    points(page, 18_000)
    zoom(page)
    one = track(11)  # of descending ones, near the middle
    page.mouse.click(*place(page, one["x"][1500], one["y"][1500]))
    said(page, PROFILE, bool)
    said(page, "return location.search", lambda search: "track=0" in search)
    (title, extent), wrong = rested(page), []
    other = opened(browser, server, wrong)
    other.goto(page.url)
    said(other, PROFILE, bool)
    assert rested(other) == (title, pytest.approx(extent, rel=1e-9))
    page.mouse.move(5, 630)
    np.testing.assert_array_equal(settled(other), settled(page))
    other.go_back()
    other.close()
    assert wrong == []


def test_the_button_writes_a_command_that_runs(page, run, monkeypatch, tmp_path):
    choose(page, "Aggregate", "count")
    said(page, TITLE, lambda title: title.startswith("count"))
    page.get_by_text("preview command").click()
    text = page.get_by_label("Command")
    text.wait_for(state="visible")
    command = text.input_value()
    assert "--agg count" in command
    monkeypatch.chdir(tmp_path)
    assert run(*shlex.split(command)[1:]).exit_code == 0
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_place_without_points_and_choices_that_are_not_there_are_no_fault(page, server):
    page.goto(f"{server.address}?extent=[5e6,6e6,5e6,6e6]&column=none")
    points(page, 0)
    page.mouse.move(*place(page, 5.5e6, 5.5e6))
    page.mouse.wheel(0, -300)
    said(page, EXTENT, lambda extent: extent[1] - extent[0] < 9e5)
    points(page, 0)


# --- the server -------------------------------------------------------------------


def test_it_listens_to_this_machine_only(server):
    port = urlsplit(server.address).port
    assert server.address.startswith(f"http://127.0.0.1:{port}/")
    assert urllib.request.urlopen(server.address, timeout=30).status == 200
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{port:04X}"]


def upgraded(address, origin="", host=""):
    """What the server answers to a page of some origin that asks for a connection."""
    where = urlsplit(address)
    ask = (
        f"GET {where.path}ws HTTP/1.1\r\nHost: {host or where.netloc}\r\n"
        f"Origin: {origin or f'http://{where.netloc}'}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=30) as line:
        line.sendall(ask.encode())
        return line.recv(100).split()[1]


def test_pages_from_elsewhere_are_not_let_in(server):
    assert upgraded(server.address) == b"101"
    assert upgraded(server.address, "http://example.com") == b"403"


def status(address, **headers):
    """What the server answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_only_who_has_the_address_is_let_in(server):
    """Any user of a login node can connect to the port."""
    whole = urlsplit(server.address)
    bare = f"http://{whole.netloc}/"
    guessed = f"{server.address[:-2]}{'AB'[server.address[-2] == 'A']}/"
    assert len(whole.path) > 40
    assert status(server.address) == 200
    assert [status(each) for each in (bare, guessed, f"{bare}autoload.js")] == [404] * 3
    assert [upgraded(each) for each in (bare, guessed)] == [b"404"] * 2


def test_a_name_of_elsewhere_that_leads_here_is_refused(server):
    """So a page from elsewhere would be of the same origin as ours."""
    evil = f"evil.example:{urlsplit(server.address).port}"
    assert status(server.address, Host=evil) == 403
    assert upgraded(server.address, f"http://{evil}", evil) == b"403"
    assert upgraded(server.address, host=evil) == b"403"


def test_a_link_does_not_give_the_address_away(server):
    with urllib.request.urlopen(server.address) as answer:
        assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("number", "code", "screen", "opened"),
    [(signal.SIGINT, 130, {"DISPLAY": ":99"}, True), (signal.SIGTERM, 143, {}, False)],
)
def test_a_browser_is_opened_where_there_is_a_screen_and_a_signal_ends_it_and_leaves_nothing(
    tracks, tmp_path, number, code, screen, opened
):
    script, opened_at, temporary = (tmp_path / name for name in ("browser", "opened", "temporary"))
    temporary.mkdir()
    # Its words are seen by every user, so they must not give the address away.
    script.write_text(f'#!/bin/sh\necho "$1" > {opened_at}; cat "${{1#file://}}" >> {opened_at}\n')
    script.chmod(0o755)
    environment = {name: text for name, text in os.environ.items() if "DISPLAY" not in name}
    environment |= {**screen, "BROWSER": f"{script} %s", "TMPDIR": str(temporary)}
    with served(tracks, env=environment, silent=()) as process:
        with pytest.raises(HTTPError, match="404"):  # once it serves, and without drawing a page
            urllib.request.urlopen(f"{process.address}none", timeout=30)
        assert opened_at.exists() == opened
        if opened:
            words, page = opened_at.read_text().splitlines()
            assert process.address in page
            assert urlsplit(process.address).path not in words
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    assert list(temporary.iterdir()) == []


def test_the_port_can_be_chosen_and_a_taken_one_is_reported(tracks):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = call("view", tracks, "--no-browser", "--port", port)
    assert (ended.code, ended.stdout) == (1, "")
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr
    with served(tracks, "--port", port) as process:
        assert process.address.startswith(f"http://127.0.0.1:{port}/")


def serve_count(monkeypatch):
    """Let the number of points be said in place of an address."""

    def serve(scene, port, browser):
        yield f"{scene.cloud.rows} points"

    monkeypatch.setattr(page_module, "page_of", lambda scene: scene)
    monkeypatch.setattr(serving, "serve", serve)


def test_damaged_files_are_named_and_the_others_served(run, tmp_path, monkeypatch):
    serve_count(monkeypatch)
    write_tracks(tmp_path, 3)
    truncate(tmp_path / "track_00.h5")
    write_flat(tmp_path / "track_01.h5", track(1), "gzip", crs="EPSG:3031")
    damage(tmp_path / "track_01.h5")
    result = run("view", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "3000 points\n")
    assert "track_00.h5" in result.stderr
    assert "track_01.h5" in result.stderr
    assert "3,000 points of 1 file" in result.stderr


def test_a_file_that_is_never_read_to_its_end_is_left_out(run, tmp_path, monkeypatch):
    serve_count(monkeypatch)
    write_tracks(tmp_path, 2)
    endless = make_endless(tmp_path / "track_00.h5")
    result = run("view", tmp_path, "--timeout", 2)
    assert (result.exit_code, result.stdout) == (0, "3000 points\n")
    assert f"failed: {endless}: no progress for 2 s (--timeout)" in result.stderr


# --- what it says -----------------------------------------------------------------


def write_pair(folder, first, second, crs=("EPSG:3031", "EPSG:3031")):
    for number, (columns, name) in enumerate(zip((first, second), crs, strict=True)):
        write_flat(folder / f"{number}.h5", columns, crs=name)
    return folder


def without(columns, *names):
    return {name: values for name, values in columns.items() if name not in names}


def test_a_missing_column_is_reported(run, tracks):
    result = run("view", tracks, "-v", "h_li,none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "has no column none" in result.stderr


def test_different_crs_are_reported(run, tmp_path):
    write_pair(tmp_path, track(0), track(1), ("EPSG:3031", "EPSG:3413"))
    result = run("view", tmp_path)
    assert result.exit_code == 1
    assert "differ: CRS EPSG:3031 and CRS EPSG:3413" in result.stderr


def test_a_column_without_values_is_reported(run, tmp_path):
    write_flat(tmp_path / "0.h5", track(0, h_li=np.full(3000, np.nan)), crs="EPSG:3031")
    result = run("view", tmp_path)
    assert result.exit_code == 1
    assert "no point has a value of h_li" in result.stderr


def test_an_empty_box_is_reported(run, tracks):
    result = run("view", tracks, "-b", 10, 20, -80.5, -79.5)
    assert result.exit_code == 1
    rows = [read_flat(path) for path in sorted(tracks.glob("*.h5"))]
    (lon, lat) = (np.concatenate([one[name] for one in rows]) for name in ("lon", "lat"))
    assert (
        f"no point in 12 files lies there: the points have lon {lon.min():g} to {lon.max():g}, "
        f"lat {lat.min():g} to {lat.max():g}" in result.stderr
    )


def test_points_of_both_hemispheres_ask_for_a_projection(run, tmp_path):
    bare = without(track(0), "x", "y")
    write_pair(tmp_path, bare, bare | {"lat": -bare["lat"]})
    result = run("view", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "2 files lie in both hemispheres" in result.stderr
    assert "choose one projection (-p)" in result.stderr


def test_points_far_from_the_area_of_use_are_counted_in_one_warning(tmp_path, log):
    write_pair(tmp_path, track(0), track(1))
    assert gather(tmp_path, crs="3413").cloud.rows == 6000
    warnings = [one.message for one in log.records if "area of use" in one.getMessage()]
    assert len(warnings) == 1
    assert "6,000 points far outside the area of use of EPSG:3413" in log.text


def test_no_file_that_can_be_read_is_reported(run, tmp_path):
    (tmp_path / "a.h5").write_text("<html>")
    result = run("view", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a.h5" in result.stderr


def test_no_input_is_wrong_usage_and_an_empty_list_is_none(run, tmp_path):
    assert run("view", tmp_path).exit_code == 2
    result = run("view", "-", input="")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to do" in result.stderr


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_an_output_is_answered_with_the_step_that_draws_one(run, tracks, tmp_path, option):
    result = run("view", tracks, option, tmp_path / "map.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "captools preview draws a picture" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ["-v ,", "-v h_li,,x", "--port 65536", "--xy x", "-p none"])
def test_a_bad_value_is_wrong_usage(run, tracks, words):
    result = run("view", tracks, *words.split())
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_missing_extra_is_reported_with_its_remedy(run, tracks, monkeypatch):
    monkeypatch.setitem(sys.modules, "datashader", None)
    result = run("view", tracks)
    assert result.exit_code == 1
    assert "needs datashader: pip install 'captools[preview]'" in result.stderr


# --- what it shows ----------------------------------------------------------------


def gather(folder, names=("h_li",), **request):
    return viewing.gather(
        sorted(folder.glob("*.h5")), list(names), MapOptions(var=names[0], **request)
    )


def test_the_scene_has_the_points_and_what_the_columns_are(tracks):
    scene = gather(tracks, ("h_li", "s_li"))
    assert scene.cloud.rows == 12 * 3000
    assert scene.cloud.years == [2019, 2020, 2021]
    assert (scene.crs, scene.directed) == ("EPSG:3031", True)
    assert list(scene.labels) == ["h_li", "s_li"]
    assert scene.labels["h_li"][1] == "m"


def test_a_box_and_a_crs_do_as_in_other_steps(tracks):
    scene = gather(tracks, bbox=(-90, -80, -81, -79), crs="3976")
    assert scene.crs == "EPSG:3976"
    assert scene.cloud.rows == 12 * 1500


@pytest.mark.parametrize(
    "words", [("--lonlat", "long", "lati", "-p", "3031"), ("--xy", "e", "n"), ("--xy", "e,n")]
)
def test_places_may_have_other_names(run, tmp_path, monkeypatch, words):
    there = track(0)
    theirs = {"long": "lon", "lati": "lat", "e": "x", "n": "y"}
    columns = {name: there[ours] for name, ours in theirs.items()} | {"h_li": there["h_li"]}
    write_flat(tmp_path / "a.h5", columns, crs="EPSG:3031")

    def serve(scene, port, browser):
        yield json.dumps([scene.cloud.rows, scene.crs, *map(float, scene.cloud.bounds)])

    monkeypatch.setattr(page_module, "page_of", lambda scene: scene)
    monkeypatch.setattr(serving, "serve", serve)
    result = run("view", tmp_path, "--no-browser", *words)
    assert result.exit_code == 0
    rows, crs, *shown = json.loads(result.stdout)
    assert (rows, crs) == (3000, "EPSG:3031")
    if "--xy" in words:
        bounds = (there["x"].min(), there["x"].max(), there["y"].min(), there["y"].max())
    else:
        x, y = Proj("EPSG:3031")(there["lon"], there["lat"])
        bounds = (x.min(), x.max(), y.min(), y.max())
    assert shown == pytest.approx(bounds)


@pytest.mark.parametrize("option", ["--lonlat", "--xy"])
def test_columns_of_places_that_no_file_has_are_wrong_usage(run, tracks, option):
    result = run("view", tracks, "--no-browser", option, "h_li", "nope")
    assert result.exit_code == 2
    assert "no column nope" in result.stderr.splitlines()[-1]


def test_years_come_from_gps_seconds_where_there_are_no_decimal_ones(tmp_path):
    columns = without(track(0), "t_year", "is_asc") | {"t_gps": np.full(3000, 1261872018.0)}
    write_flat(tmp_path / "0.h5", columns, crs="EPSG:3031")
    scene = gather(tmp_path)
    assert (scene.cloud.years, scene.directed) == ([2020], False)


def test_what_not_all_files_have_is_no_filter(tmp_path):
    write_pair(tmp_path, track(0), without(track(1), "t_year", "is_asc"))
    scene = gather(tmp_path)
    assert (scene.cloud.years, scene.directed, scene.cloud.rows) == ([], False, 6000)
    choices = Choices(scene)
    assert choices.take("?direction=ascending") == ["direction='ascending'"]
    assert choices.condition == ""


def test_a_bad_file_in_the_list_is_an_error_only_if_all_are(tmp_path, log):
    write_flat(tmp_path / "0.h5", track(0), crs="EPSG:3031")
    assert viewing.gather(
        [tmp_path / "0.h5", tmp_path / "none.h5"], ["h_li"], MapOptions(var="h_li")
    ).cloud.rows
    assert "none.h5" in log.text
    with pytest.raises(InputError):
        viewing.gather([tmp_path / "none.h5"], ["h_li"], MapOptions(var="h_li"))


def test_the_map_has_the_points_that_are_chosen(tracks):
    one = page_module.Page(gather(tracks), [])
    one.look(one.scene.cloud.bounds, (400, 300))
    title = one.display.map.title
    assert title.text.startswith("mean of ")
    assert title.text.endswith("(m): 36,000 points")
    one.choices.param.update(aggregate="count", direction="ascending", years=[2019])
    assert "(m)" not in title.text
    assert title.text.endswith(": 6,000 points")
    one.choices.years = []
    assert title.text.endswith(": 0 points")


def test_the_command_draws_what_is_shown(run, tracks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = page_module.Page(replace(gather(tracks), files=(str(tracks),)), [])
    one.look(one.scene.cloud.bounds, (400, 300))
    one.choices.take("?direction=descending&years=[2019,2021]&extent=[-1.2e6,-8e5,-1e5,2e5]")
    write_flat(tmp_path / "shown_points/before.h5", track(1), crs="EPSG:3031")
    kept = ""  # what the first command prints goes to the second
    for command in one.command().split("|"):
        done = run(*shlex.split(command.replace("map.png", "map.tif"))[1:], input=kept)
        assert done.exit_code == 0, done.stderr
        kept = done.stdout
    with rasterio.open("map.tif") as drawn:
        np.testing.assert_array_equal(drawn.read(1), one.pixels.values.astype("f4"))


@pytest.mark.parametrize(
    "address",
    ["", "?colours=magma&scale=eq_hist", "?low=900&scale=log", "?percentiles=[60,60]"],
)
def test_colours_are_those_of_preview(run, tracks, tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    one = page_module.Page(replace(gather(tracks), files=(str(tracks),)), [])
    one.look(one.scene.cloud.bounds, (300, 200))
    one.choices.take(f"{address}&grow=0")
    words = shlex.split(one.command())[1:]
    assert run(*words, "--bare").exit_code == 0
    (shown,) = one.display.sources["image"].data["image"]
    with rasterio.open("map.png") as drawn:
        seen = np.moveaxis(drawn.read(), 0, 2)
    there = seen[..., 3] > 0
    np.testing.assert_array_equal(
        seen[there], shown[::-1].copy().view("u1").reshape(*seen.shape)[there]
    )
    np.testing.assert_array_equal(there, np.isfinite(one.pixels.values))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("percentiles=[0,100]", (700, 1300)),
        ("percentiles=[0,100]&low=800&high=1000", (800, 1000)),
        ("percentiles=[0,100]&high=1000&scale=eq_hist", (700, 1000)),
        ("percentiles=[0,100]&scale=log", (700, 1300)),
        ("percentiles=[0,100]&low=-2&scale=log", (700, 1300)),
    ],
)
def test_limits_of_colours(tracks, address, expected):
    one = page_module.Page(gather(tracks), [])
    one.look(one.scene.cloud.bounds, (400, 300))
    one.choices.take(f"?{address}")
    labels = one.display.bar.major_label_overrides
    first, last = (float(labels[place].replace(",", "")) for place in (0.0, 1.0))
    assert (first, last) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("scale", ["linear", "log", "cbrt", "eq_hist"])
def test_nothing_has_no_colours(tracks, scale):
    one = page_module.Page(gather(tracks), [])
    one.look(one.scene.cloud.bounds, (400, 300))
    one.choices.take(f"?scale={scale}&years=[]")
    assert one.display.sources["image"].data["image"] == []


def test_an_address_tells_all_that_was_chosen_and_nothing_else(tracks):
    scene = gather(tracks, ("h_li", "s_li"))
    one, other = Choices(scene), Choices(scene)
    assert one.address == ""
    one.param.update(column="s_li", low=0.25, years=[2020], extent=(0.0, 1.0, 2.0, 3.0), grow=0)
    assert other.take(one.address) == []
    assert other.param.values() | {"name": ""} == one.param.values() | {"name": ""}
    wrong = {
        "column": ["none", "<b>", "\x1b[1m"],
        "extent": ["[1,0,0,1]", "[0,1,0,NaN]", "[0,1e999,0,1]", "null", "[[0],1,0,1]"],
        "percentiles": ["[98,2]", "[NaN,98]"],
        "low": ["x", "NaN", "9" * 400, "true", "[" * 9999],
        "years": ["[1]", "[[2019]]", "[{}]", "null"],
        "direction": ["sideways"],
        "grow": ["true", "99"],
    }
    for name, texts in wrong.items():
        for text in texts:
            assert other.take(f"?{urlencode({name: text})}&scale=log") == [f"{name}={text!r}"]
            assert other.address == "?scale=log"


def test_an_overlay_is_laid_over_the_map_in_its_projection(tmp_path):
    ring = [[lon, -80.0] for lon in range(0, 181, 2)]
    path = tmp_path / "coast.geojson"
    path.write_text(json.dumps({"type": "LineString", "coordinates": ring}))
    lines = Overlay(overlays.read(path), "EPSG:3031").within((-2e6, 2e6, -2e6, 2e6), 10.0)
    radius = Proj("EPSG:3031")(0, -80)[1]
    np.testing.assert_allclose(np.hypot(*np.concatenate(lines).T), radius, rtol=1e-4)
    with pytest.raises(ValueError, match=r"overlay none\.gpkg: does not exist"):
        overlays.read("none.gpkg")
