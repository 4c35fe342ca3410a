"""A page for one user of this machine: whoever has its address, which nobody can guess.

Other users of a login node can connect to any port here, and so can pages of other sites in the
user's browser, under names of their own that lead here. So all there is lies below a token, and
whoever calls this machine by another name is refused.
"""

import logging
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import panel
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError, OutputTransform, RedirectHandler, RequestHandler

from captools import process
from captools.maps.browsing import HOST, free_port, open_browser

if TYPE_CHECKING:
    from bokeh.server.server import Server
    from panel.viewable import Viewable
    from tornado.httputil import HTTPHeaders

TICK_MILLISECONDS = 200  # until a signal is heeded


def serve(page: Callable[[], "Viewable"], port: int, browser: bool) -> Iterator[str]:
    """Yield the address of a page, then serve it, to this machine only, until a signal comes.

    To be used below `process.interruptible`.

    Parameters
    ----------
    page : callable
        Makes the page of a visitor.
    port : int
        Where to serve; 0 is any that is free.
    browser : bool
        Open a browser, if there is a screen.
    """
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)  # a page that was left
    port, token = port or free_port(), secrets.token_urlsafe()
    server = panel.serve(
        page,
        address=HOST,
        port=port,
        prefix=token,
        # Where the page looks for its icon.
        extra_patterns=[("/favicon.ico", RedirectHandler, {"url": "/favicon.ico"})],
        websocket_origin=f"{HOST}:{port}",  # other web pages must not read it
        title="captools view",
        show=False,
        start=False,
        verbose=False,
    )
    _protect(server)
    try:
        server.start()
        address = f"http://{HOST}:{port}/{token}/"
        yield address
        with TemporaryDirectory(prefix="captools-") as private:
            if browser:
                open_browser(address, Path(private))
            PeriodicCallback(process.check, TICK_MILLISECONDS).start()
            server.io_loop.start()
        raise KeyboardInterrupt  # panel catches Ctrl-C and only ends the loop
    finally:
        server.stop()


def _protect(server: "Server") -> None:
    """Refuse who asks for another host, and let no other site see the address."""
    application = server._tornado
    application.add_handlers(f"(?!{re.escape(HOST)}$).*", [(".*", _Refused)])
    application.transforms.append(_Unseen)


class _Refused(RequestHandler):
    """Answers everything with 403, requests for a websocket too."""

    def prepare(self) -> None:
        """Refuse."""
        raise HTTPError(403)


class _Unseen(OutputTransform):
    """Lets a browser keep the address to itself when it follows a link."""

    def transform_first_chunk(
        self, status_code: int, headers: "HTTPHeaders", chunk: bytes, finishing: bool
    ) -> tuple[int, "HTTPHeaders", bytes]:
        """Add the header that says so."""
        headers["Referrer-Policy"] = "no-referrer"
        return status_code, headers, chunk
