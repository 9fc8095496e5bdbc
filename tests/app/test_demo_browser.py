"""The demo as people have it: a real Chromium on a real server, with a small untrained pipeline."""

from __future__ import annotations

import io
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from motiongen.export import load
from motiongen_app.demo.server import Server, Serving, start
from motiongen_app.demo.wish import Wish

pytest.importorskip("gradio", reason="the demo needs Gradio; install motiongen[demo]")
playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright; install motiongen[test]")

CHROMIUM = os.environ.get("MOTIONGEN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
)  # fmt: skip
PATIENCE = 180_000  # milliseconds; what is waited for comes far sooner unless the machine is loaded

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium found: install Debian's chromium, or name one in MOTIONGEN_CHROMIUM"
    ),
    # Gradio's queue uses options of pandas that are going away.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting", "ignore:The copy keyword"),
]


@pytest.fixture(scope="module")
def server(tiny_pipeline: Path) -> Iterator[Server]:
    made = start(Serving(port=0, pipeline=str(tiny_pipeline), device="cpu"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


class Page:
    """A page of the demo, with what went wrong in it and what it asked of other hosts."""

    def __init__(self, browser: Any, server: Server, **options: Any) -> None:
        size = options.pop("size", (1000, 700))
        # Less motion: the view stands still until it is played, which spares a machine without a GPU.
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **{"reduced_motion": "reduce", **options}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.url = server.url
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._seen)
        self.page.goto(server.url)
        self.dressed()

    def _seen(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def dressed(self) -> None:
        self.page.wait_for_selector('#mg-right .viewer[data-state="body"]')

    @property
    def token(self) -> str:
        return str(self.page.locator("#mg-made .mg-cards").get_attribute("data-token"))

    def changed(self, act: Any, before: str | None = None) -> None:
        """Do something after which another result is shown than `before`, or than now."""
        before = before or self.token
        act()
        self.page.wait_for_function(
            "old => document.querySelector('#mg-made .mg-cards')?.dataset.token !== old", arg=before
        )
        self.page.wait_for_selector(f'#mg-right .viewer[data-shown$="{self.token}"]')

    def generate(self, *sentences: str, seconds: float = 1.0) -> None:
        self.tell(*sentences, seconds=seconds)
        self.changed(lambda: self.page.locator("#mg-generate").click())

    def tell(self, *sentences: str, seconds: float = 1.0) -> None:
        while self.page.locator(".tl-block").count() > 1:
            self.page.locator(".tl-away").last.click()
        for number, sentence in enumerate(sentences):
            if number:
                self.page.locator(".tl-add").click()
            self.page.locator(".tl-text").nth(number).fill(sentence)
            field = self.page.locator(".tl-seconds").nth(number)
            field.fill(str(seconds))
            field.press("Tab")

    def frame(self) -> int:
        return int(self.page.locator("#mg-right .viewer").get_attribute("data-frame") or -1)

    def picture(self) -> np.ndarray:
        """The view, 0..1, [h, w, 3]."""
        shot = self.page.locator("#mg-right .viewer canvas").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float32) / 255

    def download(self, name: str) -> Path:
        with self.page.expect_download() as waited:
            self.page.locator("#mg-made").get_by_role("link", name=name, exact=True).first.click()
        return Path(waited.value.path()).rename(Path(waited.value.path()).with_name(waited.value.suggested_filename))

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="module")
def page(browser: Any, server: Server) -> Iterator[Page]:
    opened = Page(browser, server)
    yield opened
    opened.close()


def test_type_generate_and_see_it_move(page: Page) -> None:
    page.generate("a person walks forward", "he waves", seconds=1.0)
    assert page.page.locator("#mg-right .parts div").all_inner_texts() == ["a person walks forward", "he waves"]
    assert page.page.locator("#mg-made .mg-card").count() == 1
    page.page.locator("#mg-right .viewer").focus()
    page.page.keyboard.press("Home")
    page.page.wait_for_function("document.querySelector('#mg-right .viewer').dataset.frame === '0'")
    first = page.picture()
    page.page.keyboard.press("End")
    page.page.wait_for_function("document.querySelector('#mg-right .viewer').dataset.frame === '39'")
    last = page.picture()
    assert (np.abs(first - last).max(-1) > 0.1).mean() > 0.002, "the view does not change"
    # In view: amid the picture there is something that its upper corners, which show the background alone, have not.
    height, width = first.shape[:2]
    middle = first[height // 5 : -height // 5, width // 4 : -width // 4]
    assert (np.abs(middle - first[height // 4, 4]).max(-1) > 0.25).mean() > 0.02, "the figure is not in view"


def test_keys_and_buttons_of_the_view(page: Page) -> None:
    viewer = page.page.locator("#mg-right .viewer")
    viewer.focus()
    page.page.keyboard.press("Home")
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function("document.querySelector('#mg-right .viewer').dataset.frame === '1'")
    page.page.keyboard.press(" ")
    page.page.wait_for_function("Number(document.querySelector('#mg-right .viewer').dataset.frame) > 3")
    page.page.keyboard.press(" ")
    assert "playing" not in str(viewer.get_attribute("class"))
    body = page.picture()
    viewer.get_by_role("button", name="Skeleton").click()
    page.page.wait_for_selector('#mg-right .viewer[data-look="skeleton"]')
    assert (np.abs(page.picture() - body).max(-1) > 0.1).mean() > 0.002
    viewer.get_by_role("button", name="Body", exact=True).click()
    # In a field, a space is a space.
    page.page.locator(".tl-text").first.focus()
    page.page.keyboard.press(" ")
    assert "playing" not in str(viewer.get_attribute("class"))


def test_regenerating_a_block_leaves_the_rest(page: Page) -> None:
    page.generate("a person walks forward", "he waves")
    before = np.load(page.download("joints npy"))
    page.changed(lambda: page.page.locator('[data-act="redo"]').nth(1).click())
    after = np.load(page.download("joints npy"))
    assert (before[:20] == after[:20]).all()
    assert (before[20:] != after[20:]).any()


def test_sentences_are_dragged_to_another_place_and_length(page: Page) -> None:
    page.tell("a person walks forward", "he waves", seconds=2.0)
    mouse = page.page.mouse
    source, target = (page.page.locator(".tl-grip").nth(i).bounding_box() for i in (1, 0))
    mouse.move(source["x"] + 9, source["y"] + 20)
    mouse.down()
    mouse.move(target["x"] + 9, target["y"] + 20, steps=3)
    mouse.up()
    assert page.page.locator(".tl-text").first.input_value() == "he waves"
    edge = page.page.locator(".tl-edge").first.bounding_box()
    mouse.move(edge["x"] + 7, edge["y"] + 15)
    mouse.down()
    mouse.move(edge["x"] + 7 - page.page.locator(".tl-strip").bounding_box()["width"] / 4, edge["y"] + 15, steps=3)
    mouse.up()
    assert 0.8 < float(page.page.locator(".tl-seconds").first.input_value()) < 1.2


def test_every_download_opens(page: Page) -> None:
    page.generate("a person walks forward", seconds=0.5)
    frames = {name: len(load(page.download(name))) for name in ("GLB", "BVH", "AMASS npz", "npz")}
    assert set(frames.values()) == {10}
    assert np.load(page.download("joints npy")).shape == (10, 22, 3)
    page.page.locator('[data-act="mp4"]').click()
    page.page.locator("#mg-made video").wait_for()
    assert page.download("MP4").read_bytes()[4:8] == b"ftyp"
    with zipfile.ZipFile(page.download("Everything as ZIP")) as file:
        assert file.testzip() is None and "manifest.json" in file.namelist() and len(file.namelist()) == 7


def test_bad_input_is_one_line(page: Page) -> None:
    token = page.token
    page.tell("   ")
    page.page.locator("#mg-generate").click()
    page.page.locator("#mg-status .mg-error").wait_for()
    said = page.page.locator("#mg-status").inner_text()
    assert "empty" in said and "\n" not in said.strip()
    assert page.token == token


def test_cancel_frees_the_worker(page: Page, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, released, made = threading.Event(), threading.Event(), []
    add = server.studio.results.add

    def counted(*args: Any, **named: Any) -> Any:
        made.append(args)
        return add(*args, **named)

    monkeypatch.setattr(server.studio.results, "add", counted)

    def hold(*_: object) -> None:
        reached.set()
        released.wait(PATIENCE / 1000)

    page.tell("a person walks forward", "he waves", seconds=25.0)
    held = server.studio.pipeline(server.studio.default).denoiser.register_forward_pre_hook(hold)
    try:
        page.page.locator("#mg-generate").click()
        assert reached.wait(PATIENCE / 1000)
        page.page.locator("#mg-cancel").click()
        page.page.get_by_text("Stopped.").wait_for()
    finally:
        released.set()
        held.remove()
    # Its turn comes only when what was stopped has ended.
    page.generate("a person walks forward")
    assert page.page.locator("#mg-right .parts div").count() == 1
    assert len(made) == 1


def test_who_comes_second_is_told_the_place(page: Page, server: Server) -> None:
    begun, done = threading.Event(), threading.Event()

    def hold(share: float, text: str) -> None:
        begun.set()
        done.wait(PATIENCE / 1000)

    wish = Wish(("a person walks",), (0.5,), steps=1, pipeline=server.studio.default)
    holder = threading.Thread(target=server.studio.generate, args=(wish, "another page", hold))
    holder.start()
    try:
        assert begun.wait(PATIENCE / 1000)
        before = page.token
        page.page.locator("#mg-generate").click()
        page.page.get_by_text("number 1 in the queue").wait_for()
    finally:
        done.set()
        holder.join()
    page.changed(lambda: None, before)


def test_a_refresh_keeps_the_last_result(page: Page) -> None:
    token = page.token
    page.page.reload()
    page.dressed()
    assert page.token == token


def test_two_people_have_their_own(page: Page, browser: Any, server: Server) -> None:
    other = Page(browser, server)
    mine = page.token
    other.generate("he bows")
    assert other.token != mine == page.token
    assert "he bows" in other.page.locator("#mg-made").inner_text()
    assert "he bows" not in page.page.locator("#mg-made").inner_text()
    other.close()


def test_compare_shows_both(page: Page) -> None:
    page.page.get_by_role("tab", name="Compare").click()
    page.page.locator("#mg-compare-go").click()
    page.page.wait_for_selector('#mg-compare .viewer[data-state="body"]')
    assert page.page.locator("#mg-compare .labels span").all_inner_texts() == ["A", "B"]
    token = page.page.locator("#mg-compare-made .mg-cards").get_attribute("data-token")
    page.page.reload()
    page.page.get_by_role("tab", name="Compare").click()
    page.page.locator(f'#mg-compare-made [data-token="{token}"]').wait_for()
    page.page.wait_for_selector(f'#mg-compare .viewer[data-state="body"][data-shown$="{token}"]')
    page.page.get_by_role("tab", name="Create").click()


def test_a_batch_is_uploaded_and_comes_back(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text("a person walks\nhe bows\n", encoding="utf-8")
    page.page.get_by_role("tab", name="Batch").click()
    page.page.locator('input[type="file"]').first.set_input_files(path)
    page.page.get_by_text("two.txt is here: 2 clips").wait_for()
    page.page.locator("#mg-batch-go").click()
    with page.page.expect_download() as waited:
        page.page.get_by_role("link", name="Download the ZIP").click()
    with zipfile.ZipFile(waited.value.path()) as file:
        assert len(file.namelist()) == 5
    page.page.reload()
    page.page.get_by_role("tab", name="Batch").click()
    page.page.get_by_role("link", name="Download the ZIP").wait_for()
    page.page.get_by_role("tab", name="Create").click()


def test_a_phone_has_it_all(browser: Any, server: Server) -> None:
    phone = Page(browser, server, size=(390, 800), has_touch=True, is_mobile=True)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 391
    phone.page.locator(".tl-text").first.fill("a person bows")
    button = phone.page.locator("#mg-generate").bounding_box()
    assert button and button["y"] + button["height"] <= 800, "Generate is not in view"
    phone.close()


def test_dark_is_dark_and_moves_before_anything_is_asked_for(browser: Any, server: Server) -> None:
    night = Page(browser, server, color_scheme="dark", reduced_motion="no-preference", size=(700, 600))
    night.page.wait_for_function("Number(document.querySelector('#mg-right .viewer').dataset.frame) > 1")
    night.page.keyboard.press(" ")
    assert night.picture()[4, 4].mean() < 0.3
    night.close()


def test_nothing_went_wrong_and_nothing_left_the_host(page: Page) -> None:
    assert page.errors == []
    assert page.foreign == []
    shown = page.page.content()
    assert "Traceback" not in shown and "/tmp/" not in shown
