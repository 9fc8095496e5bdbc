"""An evaluator: what puts captions and motions into one space, in which the field's metrics are distances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import motiongen_assets
from motiongen.checkpoint import CONFIG, WEIGHTS, load_module
from motiongen.evaluation import tmr
from motiongen.evaluation.digests import weights_digest
from motiongen.evaluation.matching import UNIT, MotionEncoder, MovementEncoder, TextEncoder
from motiongen.evaluation.networks import Networks
from motiongen.evaluation.words import Caption, GloveReader, LanguageModelReader, Reader, WordLlamaReader, Words
from motiongen.features.normalizer import Normalizer
from motiongen.motion import MotionError

# Frames of the longest clip, to which others were padded when the published networks were trained: their convolutions
# see zeros behind a clip, but behind the longest only what convolutions pad with.
LONGEST = 196
# Foot contacts, which are the last channels and of which the movement encoder is told nothing.
CONTACTS = 4
CHECKPOINT = Path("text_mot_match/model/finest.tar")
# Where the field keeps the statistics that its evaluators were trained with: HumanML3D's, then KIT's.
META = ("Comp_v6_KLD01/meta", "Comp_v6_KLD005/meta")
# What the training of the published evaluators weighs more, and so standardises by less: the root and the contacts.
# Their factor is 25, a weight of 5 that their training applied twice.
_ROOT = slice(0, 4)
_WEIGHED_FROM = 3.0


class MatchingEvaluator(Networks):
    """Guo et al.'s networks with the statistics that they were trained with. The defaults are the published sizes.

    Args:
        features: channels of a frame: 263 for HumanML3D, 251 for KIT-ML.
        word: channels of a word vector.
        pos: parts of speech; 0 for a reader that tells none.
        movement: channels of the movement encoder.
        motion_hidden: channels of the motion encoder's GRU.
        text_hidden: channels of the text encoder's GRU.
        embedding: channels of the common space.
    """

    meta = f"{META[0]} (KIT-ML: {META[1]})"

    def __init__(
        self,
        features: int = 263,
        word: int = 300,
        pos: int = 15,
        movement: int = 512,
        motion_hidden: int = 1024,
        text_hidden: int = 512,
        embedding: int = 512,
    ) -> None:
        super().__init__()
        self.config = {
            "features": features, "word": word, "pos": pos, "movement": movement, "motion_hidden": motion_hidden,
            "text_hidden": text_hidden, "embedding": embedding,
        }  # fmt: skip
        self.movement_encoder = MovementEncoder(features - CONTACTS, movement, movement)
        self.text_encoder = TextEncoder(word, pos, text_hidden, embedding)
        self.motion_encoder = MotionEncoder(movement, motion_hidden, embedding)
        self.scale = Normalizer(features)

    def of_words(self, words: Words) -> Float[Tensor, "b e"]:
        device = self.motion_encoder.hidden.device
        return self.text_encoder(words.vectors.to(device), words.pos.to(device), words.lengths)

    def of_motions(self, features: Float[Tensor, "b t f"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
        """As of all networks; a rest under four frames is not looked at."""
        device = self.motion_encoder.hidden.device
        real = torch.arange(features.shape[1]) < lengths[:, None]
        z = self.scale.normalize(features.to(device)) * real[..., None].to(device)
        # The convolutions of a clip's last unit reach two frames beyond it; what follows those changes nothing.
        wanted = min(LONGEST, int(lengths.max()) + UNIT)
        z = nn.functional.pad(z, (0, 0, 0, max(0, wanted - z.shape[1])))
        return self.motion_encoder(self.movement_encoder(z[..., :-CONTACTS]), lengths // UNIT)

    def compared(self, std: Float[Tensor, " f"]) -> Float[Tensor, " k"] | None:
        ratio = std / self.scale.std.to(std)
        weighed = torch.zeros_like(std, dtype=torch.bool)
        weighed[_ROOT] = weighed[-CONTACTS:] = True
        return ratio[~weighed] if ratio[weighed].amin() >= _WEIGHED_FROM else None


class Evaluator:
    """The networks, and what reads captions for them.

    Attributes:
        name: what a report calls it.
        digest: first 12 hexadecimal digits of the SHA-256 over weights and statistics.
        published: whether it is a checkpoint of the field, whose statistics are not those of a dataset's own files.
        fps: frames a second of the clips that it was trained on, where its files tell.
    """

    def __init__(
        self, networks: Networks, reader: Reader, name: str, published: bool = False, fps: float | None = None
    ) -> None:
        self.networks, self.reader, self.name = networks.eval(), reader, name
        self.published, self.fps = published, fps
        if (reader.word, reader.pos) != (networks.config["word"], networks.config["pos"]):
            raise MotionError(
                f"evaluator '{name}' reads words of {networks.config['word']} channels; {reader.name} has {reader.word}"
            )

    @property
    def features(self) -> int:
        return self.networks.config["features"]

    @property
    def digest(self) -> str:
        return weights_digest(self.networks.state_dict().items())

    @torch.no_grad()
    def texts(self, captions: Sequence[Caption], batch: int = 128) -> Float[Tensor, "n e"]:
        """One vector a caption, in float32 on the CPU."""
        parts = [captions[i : i + batch] for i in range(0, len(captions), batch)]
        return torch.cat([self.networks.of_words(self.reader(part)).cpu() for part in parts])

    @torch.no_grad()
    def motions(self, clips: Sequence[Float[Tensor, "_ f"]], batch: int = 128) -> Float[Tensor, "n e"]:
        """One vector a clip of features, as the dataset has them; in float32 on the CPU.

        Raises:
            MotionError: a clip is too short, or has other features.
        """
        for clip in clips:
            if clip.shape[1] != self.features:
                raise MotionError(f"a clip has {clip.shape[1]} features; evaluator '{self.name}' takes {self.features}")
            if len(clip) < UNIT:
                raise MotionError(f"a clip has {len(clip)} frames; an evaluator takes {UNIT} or more")
        by_length = sorted(range(len(clips)), key=lambda i: len(clips[i]))
        vectors = torch.empty(len(clips), self.networks.config["embedding"])
        for i in range(0, len(clips), batch):
            rows = by_length[i : i + batch]
            padded = nn.utils.rnn.pad_sequence([clips[row].float() for row in rows], batch_first=True)
            vectors[rows] = self.networks.of_motions(padded, torch.tensor([len(clips[row]) for row in rows])).cpu()
        return vectors


def load_evaluator(
    name_or_path: str | Path, stats: Path | None = None, glove: Path | None = None, device: str | torch.device = "cpu"
) -> Evaluator:
    """An evaluator that ships, one that `motiongen train evaluator` made, or a published checkpoint.

    Args:
        name_or_path: a name, a folder with `model.safetensors`, a published `finest.tar`, the field's folder of one
            dataset (`checkpoints/t2m`), in which it lies at `text_mot_match/model/finest.tar`, or the folder of a TMR
            run with `last_weights`.
        stats: folder with `mean.npy` and `std.npy` (TMR: `mean.pt` and `std.pt`); of a published checkpoint alone.
            Where the field keeps it if left out: `Comp_v6_KLD01/meta` beside `text_mot_match`, or
            `Comp_v6_KLD005/meta` for KIT-ML; for TMR what its `config.json` names.
        glove: folder of the GloVe files; where the field keeps it if left out: `glove` beside `checkpoints`.

    Raises:
        MotionError: something is missing, damaged, or does not fit the rest.
    """
    shipped = motiongen_assets.evaluators()
    path = shipped.get(str(name_or_path), Path(name_or_path))
    if (path / CONFIG).is_file() and (path / WEIGHTS).is_file():
        networks = load_module(MatchingEvaluator, path)
        reader: Reader = WordLlamaReader() if networks.config["pos"] == 0 else GloveReader(_given(glove, path))
        return Evaluator(networks.to(device), reader, path.resolve().name)
    if tmr.is_run(path):
        run = tmr.load_run(path, stats)
        reader = LanguageModelReader(run.language_model, device)
        return Evaluator(run.networks.to(device), reader, path.resolve().name, published=True, fps=run.fps)
    checkpoint = path / CHECKPOINT if path.is_dir() else path
    if not checkpoint.is_file():
        names = ", ".join(shipped) or "none in this build"
        raise MotionError(
            f"no evaluator '{name_or_path}'; shipped are {names}, or give a trained folder, checkpoints/t2m, or TMR's"
        )
    networks = _published(checkpoint)
    # .../checkpoints/t2m/text_mot_match/model/finest.tar
    root = checkpoint.resolve().parents[2]
    _take_statistics(networks, stats or _meta(root))
    reader = GloveReader(glove or root.parent.parent / "glove")
    return Evaluator(networks.to(device), reader, f"{root.name}/{CHECKPOINT.name}", published=True)


def _given(glove: Path | None, path: Path) -> Path:
    if glove is None:
        raise MotionError(f"evaluator {path} reads GloVe vectors; give their folder with --glove")
    return glove


def _published(path: Path) -> MatchingEvaluator:
    try:
        parts = torch.load(path, map_location="cpu", weights_only=True)
        states = {name: parts[name] for name in ("movement_encoder", "text_encoder", "motion_encoder")}
        word, pos = states["text_encoder"]["pos_emb.weight"].shape
        networks = MatchingEvaluator(
            features=states["movement_encoder"]["main.0.weight"].shape[1] + CONTACTS,
            word=word,
            pos=pos,
            movement=states["movement_encoder"]["out_net.weight"].shape[0],
            motion_hidden=states["motion_encoder"]["hidden"].shape[-1],
            text_hidden=states["text_encoder"]["hidden"].shape[-1],
            embedding=states["motion_encoder"]["output_net.3.weight"].shape[0],
        )
        for name, state in states.items():
            networks.get_submodule(name).load_state_dict(state)
    except KeyError as error:
        raise MotionError(f"{path}: holds no {error}; it is no text-motion matching checkpoint") from None
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise MotionError(f"{path}: not a text-motion matching checkpoint ({reason})") from None
    return networks


def _meta(root: Path) -> Path:
    for name in META:
        if (root / name / "mean.npy").is_file():
            return root / name
    raise MotionError(f"{root / META[0]}: no mean.npy there; name the folder of the evaluator's own with --stats")


def _take_statistics(networks: MatchingEvaluator, folder: Path) -> None:
    features = networks.config["features"]
    arrays = []
    for name in ("mean.npy", "std.npy"):
        try:
            array = np.load(folder / name, allow_pickle=False)
        except FileNotFoundError:
            raise MotionError(f"{folder / name}: no such file; --stats names the folder of the evaluator's") from None
        except (OSError, ValueError, EOFError) as error:
            raise MotionError(f"{folder / name}: not readable as npy ({str(error).splitlines()[0]})") from None
        if array.shape != (features,):
            raise MotionError(f"{folder / name}: has shape {array.shape}; this evaluator takes {features} features")
        arrays.append(torch.from_numpy(array).float())
    networks.scale.set(*arrays)
