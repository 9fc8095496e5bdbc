"""The registry of motion codecs; what is written on disk says which one it is."""

from __future__ import annotations

from motiongen.models.token_codec import TokenCodec
from motiongen.models.vae import MotionCodec, TemporalCodec

CODECS: dict[str, type[MotionCodec]] = {"TemporalCodec": TemporalCodec, "TokenCodec": TokenCodec}
