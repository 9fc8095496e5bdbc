"""Short hashes of weights, by which a report says what measured."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from torch import Tensor


def weights_digest(named: Iterable[tuple[str, Tensor]]) -> str:
    """First 12 hexadecimal digits of the SHA-256 over names and values."""
    digest = hashlib.sha256()
    for name, weights in sorted(named, key=lambda pair: pair[0]):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
