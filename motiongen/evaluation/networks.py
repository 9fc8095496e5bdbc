"""What every kind of evaluator's networks have in common."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from motiongen.evaluation.words import Words
from motiongen.features.normalizer import Normalizer


class Networks(nn.Module):
    """A text encoder and a motion encoder into one space, in which near is alike by Euclidean distance.

    Attributes:
        config: `features` of a frame, `word` and `pos` channels of what a reader gives, channels `embedding` of the
            space, and what else builds the networks.
        scale: mean and standard deviation that the networks were trained with.
        meta: where the field keeps these, for the messages that ask for them.
    """

    config: dict[str, Any]
    scale: Normalizer
    meta: str

    def of_words(self, words: Words) -> Float[Tensor, "b e"]:
        raise NotImplementedError

    def of_motions(self, features: Float[Tensor, "b t f"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
        """Args:
        features: not standardised; what is beyond a clip's length is ignored.
        lengths: frames, at least four.
        """
        raise NotImplementedError

    def compared(self, std: Float[Tensor, " f"]) -> Float[Tensor, " k"] | None:
        """Of published networks: a dataset's `Std.npy` divided by their own, where 1 is expected.

        None if theirs are a dataset's, with which published networks were not trained.
        """
        raise NotImplementedError
