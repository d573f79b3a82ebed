"""Fixtures of the tests of data: real files where there are some, and mirrors on this very machine."""

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """The directory of real data, or a skipped test."""
    if not os.environ.get("FNNET_DATA"):
        pytest.skip("needs real data: set FNNET_DATA to their directory")
    return Path(os.environ["FNNET_DATA"]).absolute()


@pytest.fixture
def no_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without a data directory, whose cache is empty; gives the place of the cache."""
    monkeypatch.delenv("FNNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path / "cache" / "fnnet"


class Mirror:
    """A web server that counts what it is asked for."""

    def __init__(self, files: dict[str, bytes]):
        self.asked: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                mirror.asked.append(name)
                if name not in files:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(files[name])))
                self.end_headers()
                self.wfile.write(files[name])

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def mirror() -> Iterator[Callable[[dict[str, bytes]], Mirror]]:
    """Start mirrors that serve the given files; they end with the test."""

    @contextmanager
    def running(files: dict[str, bytes]) -> Iterator[Mirror]:
        mirror = Mirror(files)
        thread = threading.Thread(target=mirror.server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mirror
        finally:
            mirror.server.shutdown()
            mirror.server.server_close()
            thread.join()

    with ExitStack() as stack:
        yield lambda files: stack.enter_context(running(files))


@pytest.fixture
def dead_mirror() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


@pytest.fixture
def silent_mirror() -> Iterator[str]:
    """An address that takes calls and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"http://127.0.0.1:{silent.getsockname()[1]}/"
