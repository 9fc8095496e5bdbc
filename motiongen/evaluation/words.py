"""How an evaluator reads a caption: GloVe vectors with parts of speech, vectors that ship, or a language model's."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.evaluation.digests import weights_digest
from motiongen.models.hf_text import HuggingFaceText
from motiongen.models.text import WordLlamaText
from motiongen.motion import MotionError

# Order of the one-hot vectors; words of the lists below count as the list and not as their part of speech.
PARTS_OF_SPEECH = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV",
    "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", "OTHER",
)  # fmt: skip
_OTHER = PARTS_OF_SPEECH.index("OTHER")
_SPECIAL = {
    "Loc_VIP": "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve",
    "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
    "Act_VIP": (
        "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower raise wash "
        "stand kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb"
    ),
    "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
}
_SPECIAL_OF = {word: PARTS_OF_SPEECH.index(name) for name, words in _SPECIAL.items() for word in words.split()}

GLOVE_FILES = ("our_vab_data.npy", "our_vab_words.pkl", "our_vab_idx.pkl")
GLOVE_DIM = 300
# Words of a caption that are read, without its start and its end.
MAX_WORDS = 20
# Readers by tokens take more, for a word may be several of them; 512 are the places that DistilBERT has.
_MAX_CAPTION_WORDS, _MAX_TOKENS = 60, 512


@dataclass(frozen=True)
class Caption:
    """A sentence, and its words with parts of speech as HumanML3D's text files have them: `walk/VERB`."""

    text: str
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class Words:
    """What a text encoder is given of `b` captions.

    Attributes:
        vectors: one a word, padded.
        pos: one-hot parts of speech; of no channels where the reader tells none.
        lengths: words of each caption.
    """

    vectors: Float[Tensor, "b s w"]
    pos: Float[Tensor, "b s p"]
    lengths: Int[Tensor, " b"]


@runtime_checkable
class Reader(Protocol):
    """Captions as an evaluator's text encoder takes them.

    Attributes:
        name: what a report calls it.
        word: channels of a vector.
        pos: parts of speech; 0 if it tells none.
    """

    name: str
    word: int
    pos: int

    def __call__(self, captions: Sequence[Caption]) -> Words: ...


class GloveReader:
    """Captions by their tokens: a start, up to 20 words, an end; unknown words are `unk`.

    Args:
        folder: holds `our_vab_data.npy`, `our_vab_words.pkl` and `our_vab_idx.pkl`.

    Raises:
        MotionError: a file is missing, or is none of that kind.
    """

    name = "glove"
    word, pos = GLOVE_DIM, len(PARTS_OF_SPEECH)

    def __init__(self, folder: Path) -> None:
        data, words, index = (folder / name for name in GLOVE_FILES)
        try:
            self.vectors = np.load(data, allow_pickle=False)
        except FileNotFoundError:
            raise MotionError(f"{data}: no such file; --glove names the folder with {', '.join(GLOVE_FILES)}") from None
        except (OSError, ValueError, EOFError) as error:
            raise MotionError(f"{data}: not readable as npy ({str(error).splitlines()[0]})") from None
        known, place = _plain_pickle(words), _plain_pickle(index)
        if not isinstance(known, list) or not isinstance(place, dict):
            raise MotionError(f"{words}: hold no list of words and no dictionary of their rows")
        if self.vectors.ndim != 2 or self.vectors.shape[1] != GLOVE_DIM:
            raise MotionError(f"{data}: holds {self.vectors.shape}, not [words, {GLOVE_DIM}]")
        self.rows = {word: place[word] for word in known if word in place}
        for word in ("sos", "eos", "unk"):
            if word not in self.rows:
                raise MotionError(f"{words}: has no word '{word}'; take the files that come with text-to-motion")
        if not all(isinstance(row, int) and 0 <= row < len(self.vectors) for row in self.rows.values()):
            raise MotionError(f"{index}: names rows that {data.name} does not have")

    def __call__(self, captions: Sequence[Caption]) -> Words:
        """Raises: MotionError: a caption has no tokens, or one without its part of speech."""
        lengths = [min(len(c.tokens), MAX_WORDS) + 2 for c in captions]
        vectors = torch.zeros(len(captions), MAX_WORDS + 2, GLOVE_DIM)
        pos = torch.zeros(len(captions), MAX_WORDS + 2, len(PARTS_OF_SPEECH))
        for i, caption in enumerate(captions):
            if not caption.tokens:
                raise MotionError(f"caption '{caption.text[:60]}' has no tokens; GloVe needs them as word/POS")
            tokens = ("sos/OTHER", *caption.tokens[:MAX_WORDS], "eos/OTHER")
            for j, token in enumerate(tokens):
                word, slash, part = token.rpartition("/")
                if not slash:
                    raise MotionError(f"token '{token[:40]}' of '{caption.text[:40]}' has no part of speech: word/POS")
                row = self.rows.get(word)
                vectors[i, j] = torch.from_numpy(self.vectors[self.rows["unk"] if row is None else row])
                pos[i, j, _OTHER if row is None else _part_of_speech(word, part)] = 1
        return Words(vectors, pos, torch.tensor(lengths))


class WordLlamaReader:
    """Captions by wordllama's tokens, whose static vectors ship with it: no files, no parts of speech."""

    name = "wordllama"
    word, pos = 256, 0

    def __init__(self) -> None:
        # Of the encoder only what reads: its tokenizer and the vectors; it has no layers.
        self._tokens = WordLlamaText(dim=1, layers=0, heads=1, max_tokens=_MAX_TOKENS)

    def __call__(self, captions: Sequence[Caption]) -> Words:
        texts = [" ".join(c.text.split()[:_MAX_CAPTION_WORDS]) for c in captions]
        batch = self._tokens.tokenize(texts)
        lengths = batch.mask.sum(1)
        if bool((lengths == 0).any()):
            raise MotionError("a caption is empty; an evaluator needs words")
        return Words(batch.vectors, batch.vectors.new_zeros(*batch.mask.shape, 0), lengths)


class LanguageModelReader:
    """Captions by the token vectors of a language model's last layer, its special tokens among them.

    Args:
        model: a folder, or an id of the hub.

    Raises:
        MotionError: `transformers` is missing, or the model cannot be loaded.
    """

    pos = 0

    def __init__(self, model: str, device: str | torch.device = "cpu") -> None:
        self._encoder = HuggingFaceText(model, max_tokens=_MAX_TOKENS).to(device)
        self.word = self._encoder.dim
        # Numbers depend on its weights as they do on the evaluator's own.
        self.name = f"{Path(model).name} ({weights_digest(self._encoder.named_parameters())})"

    def __call__(self, captions: Sequence[Caption]) -> Words:
        """Raises: MotionError: a caption has more tokens than the model reads."""
        made = self._encoder([c.text for c in captions])
        return Words(made.tokens, made.tokens.new_zeros(*made.mask.shape, 0), made.mask.sum(1))


def _part_of_speech(word: str, part: str) -> int:
    special = _SPECIAL_OF.get(word)
    if special is not None:
        return special
    return PARTS_OF_SPEECH.index(part) if part in PARTS_OF_SPEECH else _OTHER


class _PlainUnpickler(pickle.Unpickler):
    """Lists, dictionaries, text and numbers; whatever names code is refused before anything runs."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _plain_pickle(path: Path) -> Any:
    try:
        return _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file; --glove names the folder with {', '.join(GLOVE_FILES)}") from None
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise MotionError(f"{path}: not a plain list or dictionary ({reason})") from None
