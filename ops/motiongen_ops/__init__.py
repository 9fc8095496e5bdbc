"""Selective scans (Mamba's S6) on any device torch runs on: one function, several backends, one definition."""

from motiongen_ops.dispatch import available_backends, selective_scan
from motiongen_ops.parallel_conv import parallel_conv

__all__ = ["available_backends", "parallel_conv", "selective_scan"]
