"""Selective scans (Mamba's S6) on any device torch runs on: one function, several backends, one definition."""

from motiongen_ops.dispatch import available_backends, selective_scan
from motiongen_ops.parallel_conv import parallel_conv
from motiongen_ops.parallel_scans import parallel_scans

__all__ = ["available_backends", "parallel_conv", "parallel_scans", "selective_scan"]
