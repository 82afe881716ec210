"""A web server on this machine that answers as it is told: with files, errors, broken connections, or not at all."""

from __future__ import annotations

import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """How to answer one request.

    `cut` closes the connection after so many bytes of the body, `reset` so that the client is told; `stall` keeps it
    open and sends nothing more. `most` is how many bytes of a range are given at once. Without `ranges`, `Range` is
    ignored; with `blind`, `If-Range` is. Without `sized`, there is no `Content-Length`.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    blind: bool = False
    cut: int | None = None
    reset: bool = False
    stall: bool = False
    most: int | None = None
    sized: bool = True


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    path: str
    range: str | None
    if_range: str | None


class Server:
    """Answers at a free port of 127.0.0.1 while it is entered; as a proxy, it answers for whole addresses.

    `answers` holds the answers of each path, one a request; the last one is repeated. `asked` is what was asked.
    """

    def __init__(self):
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[Asked] = []
        self._released = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self.stop()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def gives(self, path, *answers):
        """Set the answers of a path, and return its address."""
        self.answers[path] = list(answers)
        return f"{self.address}{path}"

    def stop(self):
        """Be gone; further connections are refused."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(Asked(self.path, self.headers["Range"], self.headers["If-Range"]))
                answers = server.answers.get(self.path) or [Answer(status=404)]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer.stall and answer.cut is None:
                    server._released.wait(10)
                    return
                body = self._head(answer)
                self.wfile.write(body if answer.cut is None else body[: answer.cut])
                self.wfile.flush()
                if answer.stall:
                    server._released.wait(10)
                if answer.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

            def _head(self, answer):
                """Send the head, and return the body that belongs to it."""
                status, body, headers = answer.status, answer.body, dict(answer.headers)
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
                condition = self.headers["If-Range"]
                same = condition is None or condition in {headers.get("ETag"), headers.get("Last-Modified")}
                if asked and answer.ranges and status == 200 and (same or answer.blind):
                    start, size = int(asked[1]), len(body)
                    end = min(size, start + answer.most) if answer.most else size
                    status = 206 if start < size else 416
                    about = f"bytes {start}-{end - 1}/{size}" if start < size else f"bytes */{size}"
                    headers = {"Content-Range": about, **headers}
                    body = body[start:end]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if answer.sized:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                return body

            def log_message(self, *_arguments):
                pass

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_arguments):
        """A client that went away is what some tests are about."""
