"""What a pickle may ask of its reader before anything in it is looked at.

An unpickler that looks up no names runs nothing, but Python's own in C allocates what a pickle tells it to: for the
length of a string, and for the number of a memo, which a few bytes can set to billions.
"""

from __future__ import annotations

import pickle
import pickletools

_MEMOS = ("PUT", "BINPUT", "LONG_BINPUT")


def check_pickle(data: bytes) -> None:
    """Walk through a pickle without making anything of it.

    Raises:
        pickle.UnpicklingError: it is damaged or cut off, or asks for more memory than its size warrants.
    """
    try:
        for opcode, argument, _ in pickletools.genops(data):
            # Picklers number their memos one after the other, and none takes less than a byte.
            if opcode.name in _MEMOS and not 0 <= int(argument or 0) <= len(data):
                raise pickle.UnpicklingError(f"memo {argument} in {len(data)} bytes")
    except (ValueError, IndexError, OverflowError, MemoryError) as error:
        raise pickle.UnpicklingError(" ".join(str(error).split())[:80]) from None
