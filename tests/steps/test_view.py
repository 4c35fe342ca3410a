"""The step view: its page in a real browser, its messages, and its end."""

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import holoviews
import numpy as np
import pytest
from flatfiles import damage, make_endless, truncate, write_flat
from processes import call, start
from pyproj import Proj
from straightforward import read_flat

from captools.errors import InputError
from captools.maps import serving, viewing
from captools.maps.mapping import MapOptions
from captools.maps.viewing import limits

CHROMIUM = shutil.which("chromium") or ""
HARMLESS = {"log", "info", "warning", "debug"}


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
            process.address = lines.get(timeout=60).strip()
            reading.join()
            if not process.address:
                raise AssertionError(process.stderr.read())
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def server(tracks):
    """A server of the tracks, for all tests that only look."""
    with served(tracks, "-v", "h_li,s_li") as process:
        yield process


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


@pytest.fixture
def page(browser, server):
    """The page, loaded; anything wrong that the browser reports fails the test at its end."""
    page, wrong = browser.new_page(), []
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
    page.goto(server.address)
    page.wait_for_selector("canvas", state="attached", timeout=60_000)
    settled(page)
    yield page
    page.close()
    assert wrong == []


def picture(page):
    """What the map shows: pixels (red, green, blue in 0..1) of its frame."""
    from matplotlib.image import imread

    clip = {"x": 360, "y": 50, "width": 750, "height": 560}
    return imread(BytesIO(page.screenshot(clip=clip)))[..., :3]


def coloured(pixels):
    """How many pixels have a colour."""
    return int((np.ptp(pixels, axis=-1) > 0.2).sum())


def settled(page, before=None, until=lambda pixels: True):
    """The picture, once it has colour, differs from the one before, and changes no more.

    On a busy machine the browser shows the old map enlarged for a while before the new one
    comes: `until` says whether a picture can be the one that is waited for.
    """
    deadline, last = time.monotonic() + 60, None
    while time.monotonic() < deadline:
        now = picture(page)
        changed = before is None or not np.array_equal(now, before)
        still = last is not None and np.array_equal(now, last)
        if coloured(now) and changed and still and until(now):
            return now
        last = now
        page.wait_for_timeout(400)
    raise AssertionError("the map does not change, or never stops to")


def choose(page, label, value):
    """Choose from a list, and return the picture before."""
    before = settled(page)
    page.get_by_label(label, exact=True).select_option(value)
    return before


def zoom(page, clicks=3):
    """Turn the mouse wheel over the map."""
    page.mouse.move(730, 330)
    for _ in range(clicks):
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(50)


# --- the page ---------------------------------------------------------------------


def test_the_page_shows_the_map(page):
    assert page.title() == "captools view"
    assert coloured(picture(page)) > 3000


def test_a_zoom_aggregates_anew(page):
    before = settled(page)
    zoom(page)
    after = settled(page, before, until=lambda pixels: coloured(pixels) < coloured(before))
    # An image that was only enlarged would have large pixels, and so more colour than thin lines.
    assert 300 < coloured(after) < coloured(before)


def test_reset_leads_back_also_after_the_scale_was_changed(page):
    before = settled(page)
    zoom(page)
    near = settled(page, before, until=lambda pixels: coloured(pixels) < coloured(before))
    choose(page, "Scale", "log")
    assert coloured(settled(page)) < coloured(before)  # still near
    page.wait_for_timeout(500)
    page.get_by_title("Reset", exact=True).first.click()
    page.mouse.move(5, 700)

    def is_home(pixels):
        return abs(coloured(pixels) - coloured(before)) < 0.1 * coloured(before)

    assert is_home(settled(page, near, until=is_home))


def test_direction_and_years_leave_points_out(page):
    both = choose(page, "Direction", "ascending")
    ascending = settled(page, both)
    choose(page, "Direction", "descending")
    descending = settled(page, ascending)
    assert coloured(ascending) < coloured(both)
    assert coloured(descending) < coloured(both)
    page.get_by_label("2020", exact=True).uncheck()
    assert coloured(settled(page, descending)) < coloured(descending)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        *(("Column", "s_li"), ("Aggregate", "std"), ("Aggregate", "count")),
        *(("Colours", "turbo"), ("Scale", "log"), ("Scale", "eq_hist")),
    ],
)
def test_every_choice_changes_the_map(page, label, value):
    before = choose(page, label, value)
    settled(page, before)


def test_limits_change_the_colours(page):
    before = settled(page)
    page.get_by_label("Lower limit").fill("1250")
    page.keyboard.press("Enter")
    settled(page, before)


def test_hover_shows_value_and_count(page):
    rows, columns = np.nonzero(np.ptp(settled(page), axis=-1) > 0.2)
    some = np.random.default_rng(0).permutation(len(rows))[:20]
    for row, column in zip(rows[some], columns[some], strict=True):
        page.mouse.move(360 + int(column), 50 + int(row))
        page.wait_for_timeout(150)
        shown = page.locator(".bk-tooltip-row-value").all_inner_texts()
        if shown and shown[3] != "0":
            assert -1.5e6 <= float(shown[0].replace(",", "")) <= -0.5e6
            assert 700 <= float(shown[2]) <= 1300
            return
    raise AssertionError(f"no count on coloured pixels: {shown}")


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

    monkeypatch.setattr(viewing, "page_of", lambda scene: scene)
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
    monkeypatch.setitem(sys.modules, "holoviews", None)
    result = run("view", tracks)
    assert result.exit_code == 1
    assert "needs holoviews: pip install 'captools[preview]'" in result.stderr


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

    monkeypatch.setattr(viewing, "page_of", lambda scene: scene)
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


def test_a_bad_file_in_the_list_is_an_error_only_if_all_are(tmp_path, log):
    write_flat(tmp_path / "0.h5", track(0), crs="EPSG:3031")
    assert viewing.gather(
        [tmp_path / "0.h5", tmp_path / "none.h5"], ["h_li"], MapOptions(var="h_li")
    ).cloud.rows
    assert "none.h5" in log.text
    with pytest.raises(InputError):
        viewing.gather([tmp_path / "none.h5"], ["h_li"], MapOptions(var="h_li"))


def image(page, **changed):
    """The image that the page makes of all points, with some other choices."""
    holoviews.extension("bokeh")
    chosen = {name: widget.value for name, widget in page.widgets.items()} | changed
    home = page.home
    return page.image((home.xmin, home.xmax), (home.ymin, home.ymax), **chosen)


def test_the_image_has_values_and_counts_and_says_what_they_are(tracks):
    page = viewing.Page(gather(tracks))
    whole = image(page)
    values, counts = whole.dimension_values("value"), whole.dimension_values("count")
    assert counts.sum() == 36_000
    np.testing.assert_array_equal(np.isfinite(values), counts > 0)
    assert "mean of " in str(whole.opts.get().kwargs["title"])
    assert "(m): 36,000 points" in str(whole.opts.get().kwargs["title"])
    title = image(page, kind="count", direction="ascending", years=[2019]).opts.get()
    assert "(m)" not in title.kwargs["title"]
    assert title.kwargs["title"].endswith(": 6,000 points")


def test_no_year_chosen_shows_nothing(tracks):
    shown = image(viewing.Page(gather(tracks)), years=[])
    assert shown.opts.get().kwargs["title"].endswith(": 0 points")


VALUES = np.array([[-5.0, 0.0, 1.0], [2.0, 10.0, np.nan]])


@pytest.mark.parametrize(
    ("how", "asked", "expected"),
    [
        ("linear", ((0, 100), None, None), (-5.0, 10.0)),
        ("linear", ((0, 100), 0.0, 3.0), (0.0, 3.0)),
        ("eq_hist", ((0, 100), None, 3.0), (-5.0, 3.0)),
        ("log", ((0, 100), None, None), (1.0, 10.0)),
        ("log", ((0, 100), -2.0, None), (1.0, 10.0)),
    ],
)
def test_limits(how, asked, expected):
    assert limits(VALUES, how, *asked) == expected


@pytest.mark.parametrize("how", ["linear", "log", "eq_hist"])
def test_limits_of_nothing_are_some(how):
    low, high = limits(np.full((2, 2), np.nan), how, (2, 98), None, None)
    assert 0 < low < high
