"""Serving the demo: what `motiongen demo` starts, and stops."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from motiongen.motion import MotionError
from motiongen_app.errors import InputError, in_range

log = logging.getLogger("motiongen.demo")
WAITING = 24


@dataclass(frozen=True)
class Serving:
    """How the demo is reached."""

    port: int = 7860
    host: str = "127.0.0.1"
    share: bool = False
    auth: str | None = None
    root_path: str = ""
    pipeline: str = "base"
    device: str = "auto"
    mcp: bool = False

    def login(self) -> list[tuple[str, str]] | None:
        """Users and passwords of `--auth`. Raises: InputError: one is not NAME:PASSWORD."""
        if self.auth is None:
            return None
        pairs = [entry.partition(":") for entry in self.auth.split(",")]
        if not all(name and password for name, _, password in pairs):
            raise InputError("--auth is not NAME:PASSWORD; several are separated by commas")
        return [(name, password) for name, _, password in pairs]


def run(serving: Serving) -> None:
    """Serve the demo until it is interrupted.

    Raises:
        InputError: Gradio is not installed, the port is taken, or an option cannot be used.
    """
    server = start(serving)
    print(f"motiongen demo: {server.url}  (stop with Ctrl+C)", flush=True)
    if server.share_url:
        print(f"shared: {server.share_url}", flush=True)
    # Files go away when the process is told to end, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.blocks.block_thread()
    finally:
        server.close()


@dataclass
class Server:
    """A demo that is being served."""

    blocks: Any
    studio: Any
    url: str
    share_url: str | None

    def close(self) -> None:
        """Stop all work and serving, and remove all files."""
        self.studio.stops.stop_all()
        self.blocks.close(verbose=False)
        self.studio.results.close()


def start(serving: Serving) -> Server:
    """Serve the demo in threads of its own; raises as `run` does."""
    in_range("--port", serving.port, 0, 65535)
    login = serving.login()
    base = "/" + serving.root_path.strip("/") if serving.root_path.strip("/") else ""
    try:
        import gradio
    except ImportError:
        raise InputError('the demo needs Gradio, which is not installed; pip install "motiongen[demo]"') from None
    if serving.mcp and not _has("mcp"):
        raise InputError('--mcp needs a package that is not installed; pip install "motiongen[mcp]"')
    from motiongen_app.demo.create import EXAMPLES
    from motiongen_app.demo.jobs import Studio
    from motiongen_app.demo.page import build
    from motiongen_app.demo.parts import theme
    from motiongen_app.demo.routes import add_routes
    from motiongen_app.demo.viewer import web_file
    from motiongen_app.settings import chosen_device

    studio = Studio(serving.pipeline, chosen_device(serving.device))
    # Uploads go where results are, and away with them.
    os.environ["GRADIO_TEMP_DIR"] = studio.results.uploads
    try:
        studio.welcome(*EXAMPLES[0][1:])
    except MotionError as error:
        log.warning("no welcome clip: %s", error)
    blocks = build(studio, base)
    blocks.queue(max_size=WAITING, default_concurrency_limit=4)
    try:
        app, url, share_url = blocks.launch(
            server_name=serving.host,
            server_port=serving.port or None,
            share=serving.share,
            auth=login,
            root_path=base or None,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            max_file_size="256kb",
            ssr_mode=False,
            mcp_server=serving.mcp,
            footer_links=[],
            theme=theme(),
            css=web_file("demo.css") + web_file("viewer.css"),
            head='<meta name="viewport" content="width=device-width, initial-scale=1">',
        )
    except OSError:
        studio.results.close()
        raise InputError(f"port {serving.port} is taken; give another --port") from None
    add_routes(app, studio.results)
    log.info("gradio %s, python %s", gradio.__version__, sys.version)
    return Server(blocks, studio, url, share_url)


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
