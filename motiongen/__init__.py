"""Text in, human motion out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motiongen.motion import Motion, Segment
    from motiongen.pipeline import TextToMotionPipeline

__version__ = "0.1.0"
__all__ = ["Motion", "Segment", "TextToMotionPipeline", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported when they are asked for: the command line's help should not wait for torch.
    if name == "TextToMotionPipeline":
        from motiongen.pipeline import TextToMotionPipeline

        return TextToMotionPipeline
    if name in ("Motion", "Segment"):
        from motiongen import motion

        return getattr(motion, name)
    raise AttributeError(f"module 'motiongen' has no attribute '{name}'")
