"""The demo's addresses, and its functions for other programs, on a real server."""

from __future__ import annotations

import io
import re
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gradio", reason="the demo needs Gradio; install motiongen[demo]")

from motiongen_app.demo.server import Server, Serving, start

# Gradio's queue uses options of pandas that are going away.
pytestmark = pytest.mark.filterwarnings("ignore:.*no_silent_downcasting", "ignore:The copy keyword")

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(scope="module")
def server(tiny_pipeline: Path) -> Iterator[Server]:
    made = start(Serving(port=0, pipeline=str(tiny_pipeline), device="cpu"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    from gradio_client import Client

    return Client(server.url, verbose=False)


def fetched(server: Server, address: str) -> bytes:
    with urllib.request.urlopen(server.url.rstrip("/") + address, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def refused(server: Server, address: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as error:
        fetched(server, address)
    text = error.value.read().decode()
    assert "Traceback" not in text and "/tmp" not in text
    return error.value.code


def generated(client: Any, **further: Any) -> dict[str, Any]:
    asked = {"texts": ["a person walks", "he waves"], "seconds": [1.0, 0.5], "steps": 2, **further}
    told: dict[str, Any] = client.predict(**asked, api_name="/generate")
    return told


def test_the_api_generates_and_its_files_open(server: Server, client: Any, tmp_path: Path) -> None:
    told = generated(client, samples=2)
    clip = told["clips"][1]
    assert clip["seed"] == 8 and clip["seconds"] == 1.5
    for kind, address in clip["files"].items():
        content = fetched(server, address)
        if kind == "glb":
            assert content[:4] == b"glTF"
        elif kind == "bvh":
            assert content.startswith(b"HIERARCHY")
        elif kind == "joints":
            assert np.load(io.BytesIO(content)).shape == (30, 22, 3)
        else:
            assert ("poses" in np.load(io.BytesIO(content))) is True
    with zipfile.ZipFile(io.BytesIO(fetched(server, told["zip"]))) as file:
        assert len(file.namelist()) == 11


def test_the_api_regenerates_one_sentence(server: Server, client: Any) -> None:
    told = generated(client)
    changed = client.predict(told["token"], 0, 1, 5, "he bows", api_name="/regenerate")
    before, after = (np.load(io.BytesIO(fetched(server, t["clips"][0]["files"]["joints"]))) for t in (told, changed))
    assert (before[:20] == after[:20]).all() and (before[20:] != after[20:]).any()


def test_the_readme_s_example(server: Server, client: Any) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    example = next((block for block in blocks if "gradio_client" in block), "")
    assert "http://127.0.0.1:7860" in example, "README.md shows no use of gradio_client"
    there: dict[str, Any] = {}
    exec(example.replace("http://127.0.0.1:7860", server.url), there)
    before, after = (
        np.load(io.BytesIO(fetched(server, t["clips"][0]["files"]["joints"]))) for t in (there["made"], there["again"])
    )
    assert (before[:60] == after[:60]).all() and (before[60:] != after[60:]).any()


def test_the_api_makes_more(client: Any) -> None:
    told = client.predict(generated(client, seconds=[0.5, 0.5])["token"], 0, api_name="/more")
    assert [clip["seed"] for clip in told["clips"]] == [8, 9, 10, 11]


def test_the_api_draws_the_video(server: Server, client: Any) -> None:
    told = generated(client, texts=["walks"], seconds=[0.5])
    assert refused(server, told["clips"][0]["files"]["npz"].replace("npz", "mp4")) == 404
    drawn = client.predict(told["token"], 0, api_name="/video")
    assert fetched(server, drawn["clips"][0]["files"]["mp4"])[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"seconds": [1.0]}, "one length"),
        ({"texts": ["", ""]}, "empty"),
        ({"samples": 99}, "samples is 99"),
        ({"steps": "many"}, "number"),
        ({"texts": ["walk " * 100, "b"]}, "characters"),
    ],
)
def test_the_api_tells_what_is_wrong(client: Any, asked: dict[str, Any], word: str) -> None:
    with pytest.raises(Exception, match=word) as error:
        generated(client, **asked)
    assert "Traceback" not in str(error.value)


def test_two_at_once_get_their_own(client: Any) -> None:
    told: dict[int, dict[str, Any]] = {}

    def ask(seed: int) -> None:
        told[seed] = generated(client, seed=seed)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {seed: t["clips"][0]["seed"] for seed, t in told.items()} == {1: 1, 2: 2}
    assert told[1]["token"] != told[2]["token"]


def test_a_client_that_goes_takes_its_work_along(server: Server) -> None:
    from gradio_client import Client

    begun, stops = threading.Event(), server.studio.stops
    asked = Client(server.url, verbose=False)
    name = f"{asked.session_hash}/api"
    with stops.watching("another") as other, server.studio._queue.turn(other, lambda share, text: None):
        job = asked.submit(texts=["walks"], seconds=[0.5], steps=2, api_name="/generate")
        for _ in range(600):
            if any(waiting == name for waiting, _ in stops._wanted):
                begun.set()
                break
            threading.Event().wait(0.05)
        assert begun.is_set(), "the work is not known by its client's name"
        assert stops.stop(asked.session_hash) and not other.is_set()
        with pytest.raises(Exception, match="Stopped"):
            job.result(timeout=60)
    asked.close()


@pytest.mark.parametrize(
    "address",
    [
        "/motiongen/results/nothing/joints",
        "/motiongen/results/nothing/all.zip",
        "/motiongen/web/demo.py",
        "/motiongen/web/..%2Fcli.py",
        "/gradio_api/file=/etc/hostname",
        "/gradio_api/file=pyproject.toml",
    ],
)
def test_nothing_else_is_served(server: Server, address: str) -> None:
    assert refused(server, address) in (403, 404)


def test_formats_and_clips_that_are_not_there(server: Server, client: Any) -> None:
    at = generated(client)["zip"].removesuffix("/all.zip")
    assert refused(server, f"{at}/0/exe") == 404
    assert refused(server, f"{at}/7/glb") == 404
    assert refused(server, f"{at}/-1/glb") == 404


def test_documented_names(client: Any) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/generate", "/regenerate", "/more", "/video", "/describe"}


def test_a_password_guards_the_results_too(tiny_pipeline: Path) -> None:
    made = start(Serving(port=0, pipeline=str(tiny_pipeline), device="cpu", auth="ann:secret"))
    try:
        welcome = made.studio.results.welcome
        assert refused(made, f"/motiongen/results/{welcome.token}/joints") == 401
        assert refused(made, "/config") == 401
    finally:
        made.close()
