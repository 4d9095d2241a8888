"""A headless Chromium, driven through its DevTools protocol.

Needs a `chromium` (or `google-chrome`) on PATH and the package websocket-client,
which jupyter_server brings. No driver program and no download: the protocol is
JSON over one WebSocket.

The browser resolves no host name but localhost, so that a page that wants
something from another host fails in a test as it would on a train.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}


def find_chromium() -> str | None:
    """Return the path of a Chromium on PATH, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One browser with one profile; `page()` opens pages in it."""

    def __init__(self, executable: str, timeout: float = 60) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="unrolled-chromium-"))
        self.process = subprocess.Popen(
            [executable, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._last_id = 0
        self.events: list[dict[str, Any]] = []
        try:
            port, path = self._wait_for_port(timeout)
            self._socket = websocket.create_connection(
                f"ws://127.0.0.1:{port}{path}", timeout=timeout, suppress_origin=True
            )
        except BaseException:
            self.close()
            raise

    def _wait_for_port(self, timeout: float) -> tuple[str, str]:
        """Return port and path of the protocol, which Chromium writes into its profile."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"Chromium ended with status {self.process.returncode}")
            try:
                port, path = (self.profile / "DevToolsActivePort").read_text().split()
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)
            else:
                return port, path
        raise TimeoutError(f"Chromium did not open its DevTools port in {timeout} s")

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; events are kept aside."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") != self._last_id:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def next_event(self, session: str, method: str) -> dict[str, Any]:
        """Return the next event of this kind and session, waiting for it if needed."""
        while True:
            for position, event in enumerate(self.events):
                if event.get("sessionId") == session and event["method"] == method:
                    return self.events.pop(position)["params"]
            self.events.append(json.loads(self._socket.recv()))

    @contextmanager
    def page(self, **settings: Any) -> Iterator[Page]:
        """Open an empty page; the settings are those of `Page`."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        try:
            yield Page(self, session, **settings)
        finally:
            self.send("Target.closeTarget", targetId=target)

    def close(self) -> None:
        """End the browser and remove its profile."""
        if hasattr(self, "_socket"):
            self._socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A page: width in CSS pixels, light or dark, with or without scripts, screen or paper."""

    def __init__(
        self,
        browser: Chromium,
        session: str,
        *,
        width: int = 1200,
        dark: bool = False,
        scripts: bool = True,
        paper: bool = False,
    ) -> None:
        self.browser, self.session, self.scripts = browser, session, scripts
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media="print" if paper else "", features=[scheme])
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.send(method, self.session, **params)

    def open(self, url: str) -> None:
        """Load a page and wait until it is complete, its formulas included."""
        self.browser.events.clear()
        failure = self.send("Page.navigate", url=url).get("errorText")
        if failure:
            raise RuntimeError(f"{url}: {failure}")
        self.browser.next_event(self.session, "Page.loadEventFired")
        if self.scripts:
            self.evaluate(
                "(async () => { if (window.MathJax) await MathJax.startup.promise; await document.fonts.ready; })()"
            )

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key of `KEYS` where the focus is."""
        text = {"Enter": "\r", " ": " "}.get(key)
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code="Space" if key == " " else key,
                windowsVirtualKeyCode=KEYS[key],
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def _own_events(self) -> list[dict[str, Any]]:
        """Return this page's events: a page that is being closed may still send some of its own."""
        return [event for event in self.browser.events if event.get("sessionId") == self.session]

    def requested(self) -> list[str]:
        """Return the addresses requested since `open`."""
        return [
            event["params"]["request"]["url"]
            for event in self._own_events()
            if event["method"] == "Network.requestWillBeSent"
            and not event["params"]["request"]["url"].startswith("data:")
        ]

    def complaints(self) -> list[str]:
        """Return what failed since `open`: requests, bad answers, script errors."""
        found = []
        for event in self._own_events():
            params = event.get("params", {})
            match event["method"]:
                case "Network.loadingFailed" if not params.get("canceled"):
                    found.append(f"a request failed: {params['errorText']}")
                case "Network.responseReceived" if params["response"]["status"] >= 400:
                    found.append(f"{params['response']['url']}: {params['response']['status']}")
                case "Runtime.exceptionThrown":
                    found.append(params["exceptionDetails"]["text"])
                case "Log.entryAdded" if params["entry"]["level"] == "error":
                    found.append(params["entry"]["text"])
        return found

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on localhost and give its address, without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
