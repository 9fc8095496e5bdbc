"""What the demo serves beside Gradio's own: its scripts, what the view draws, and files of results, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from motiongen.export import EXPORTERS
from motiongen_app.demo.results import Result, ResultStore
from motiongen_app.demo.viewer import joints_view, skin_view, web_file
from motiongen_app.errors import InputError

_SCRIPTS = ("player.js", "stage.js", "camera.js", "clips.js", "timeline.js")
_TYPES = {"glb": "model/gltf-binary", "mp4": "video/mp4"}


def add_routes(app: Any, results: ResultStore) -> None:
    """Add the demo's addresses, all under `/motiongen/`, to Gradio's server."""

    def signed_in(request: Request) -> None:
        # Gradio's own rule: with --auth, a cookie that it gave.
        if app.auth is not None:
            names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
            if not any(request.cookies.get(name) in app.tokens for name in names if request.cookies.get(name)):
                raise HTTPException(401, "sign in first")

    def kept(token: str) -> Result:
        result = results.get(token)
        if result is None:
            raise HTTPException(404, "this result is no longer kept; generate it again")
        return result

    def script(name: str) -> Any:
        if name not in _SCRIPTS:
            raise HTTPException(404, "no such file")
        return PlainTextResponse(web_file(name), media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    def joints(token: str) -> Any:
        result = kept(token)
        return JSONResponse(joints_view([c.motion for c in result.clips], [c.label for c in result.clips]))

    def skin(token: str) -> Any:
        result = kept(token)
        return JSONResponse(skin_view([result.posed(n) for n in range(len(result.clips))]))

    def everything(token: str) -> Any:
        result = kept(token)
        return FileResponse(_written(result.zip), media_type="application/zip", filename="motiongen.zip")

    def one(token: str, number: int, kind: str) -> Any:
        result = kept(token)
        drawn = kind != "mp4" or (0 <= number < len(result.clips) and result.has(number, "mp4"))
        if kind not in {*EXPORTERS, "joints"} or not 0 <= number < len(result.clips) or not drawn:
            raise HTTPException(404, "no such file")
        path = _written(lambda: result.file(number, kind))
        name = result.clips[number].file_name(kind)
        return FileResponse(path, media_type=_TYPES.get(kind, "application/octet-stream"), filename=name)

    def _written(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except InputError:
            raise HTTPException(500, "the file cannot be written now") from None

    guarded = {"dependencies": [Depends(signed_in)], "include_in_schema": False}
    app.add_api_route("/motiongen/web/{name}", script, include_in_schema=False)
    app.add_api_route("/motiongen/results/{token}/joints", joints, **guarded)
    app.add_api_route("/motiongen/results/{token}/skin", skin, **guarded)
    app.add_api_route("/motiongen/results/{token}/all.zip", everything, **guarded)
    app.add_api_route("/motiongen/results/{token}/{number}/{kind}", one, **guarded)
