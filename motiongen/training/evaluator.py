"""Training of an evaluator: captions near the motions that show them, and far from the others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.evaluation.evaluator import LONGEST, MatchingEvaluator
from motiongen.evaluation.matching import UNIT
from motiongen.evaluation.metrics import r_precision
from motiongen.evaluation.protocols import Drawn, Protocol, draw, draw_one, load_items
from motiongen.evaluation.provenance import manifest
from motiongen.evaluation.words import GloveReader, WordLlamaReader
from motiongen.motion import FPS, MotionError
from motiongen.training.data import Share, data_hash, step_generator
from motiongen.training.loop import LoopConfig, Trainer


@dataclass(frozen=True)
class EvaluatorConfig:
    """A run of `motiongen train evaluator`.

    Attributes:
        model: arguments of `MatchingEvaluator`; those of words are the reader's.
        shortest: frames; shorter clips are left out.
        loss: "margin" pulls pairs together and pushes others apart up to `margin` (Guo et al.); "choice" lets every
            caption choose among the motions of the batch by squared distance over `temperature`, and the other way.
    """

    model: dict[str, Any] = field(default_factory=dict)
    loop: LoopConfig = field(default_factory=LoopConfig)
    batch: int = 64
    shortest: int = 40
    loss: Literal["margin", "choice"] = "margin"
    margin: float = 10.0
    temperature: float = 10.0


def train_evaluator(
    config: EvaluatorConfig,
    data: Path,
    out: Path,
    glove: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
) -> MatchingEvaluator:
    """Train on `train`, measure R-precision on `val`. Without GloVe files, captions are read by wordllama's vectors.

    Raises:
        MotionError: the data or the GloVe files are not what they have to be.
    """
    reader = WordLlamaReader() if glove is None else GloveReader(glove)
    torch.manual_seed(config.loop.seed)
    arguments = {**config.model, "word": reader.word, "pos": reader.pos}
    networks = MatchingEvaluator(**arguments)
    rules = Protocol(
        "training",
        fps=float(manifest(data).get("fps", FPS)),
        features=networks.config["features"],
        shortest=config.shortest,
        too_long=LONGEST + UNIT,
    )
    clips, held_out = load_items(data, "train", rules), load_items(data, "val", rules)
    networks.scale.set_from(data)
    showing = _contents(data)

    def loss(model: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        # Every process works on the whole batch: each caption is compared with all of its motions.
        chosen = torch.randint(len(clips), (config.batch,), generator=generator)
        drawn = [draw_one(clips[i], generator) for i in chosen.tolist()]
        text, motion = model(drawn, reader)
        alike = same(drawn, showing).to(text.device)
        if config.loss == "margin":
            value = margin_loss(text, motion, alike, config.margin)
        else:
            value = choice_loss(text, motion, alike, config.temperature)
        return value, {"loss": value.item()}

    def validate(_: nn.Module) -> dict[str, float]:
        pool = min(32, len(held_out))
        drawn = draw(held_out, step_generator(config.loop.seed, 0))
        text, motion = pairs(drawn, reader)
        top = r_precision(text, motion, pool).tolist()
        return {f"r_precision_{k + 1}": value for k, value in enumerate(top)}

    pairs = Pairs(networks)
    run = {k: v for k, v in asdict(config).items() if k != "loop"}
    run = {"kind": "evaluator", **run, "model": networks.config, "words": reader.name, "data": data_hash(data)}
    Trainer(pairs, config.loop, out, run).fit(loss, validate, minutes, resume)
    return networks


class Pairs(nn.Module):
    """The networks on what was drawn: captions and their motions as two lists of vectors."""

    def __init__(self, networks: MatchingEvaluator) -> None:
        super().__init__()
        self.networks = networks

    def forward(
        self, drawn: Sequence[Drawn], reader: GloveReader | WordLlamaReader
    ) -> tuple[Float[Tensor, "b e"], Float[Tensor, "b e"]]:
        text = self.networks.of_words(reader([d.caption for d in drawn]))
        by_length = sorted(range(len(drawn)), key=lambda i: drawn[i].length)
        half = len(drawn) // 2
        motions = []
        # The short half by itself, so that it is not padded to the longest clip.
        for rows in filter(None, (by_length[:half], by_length[half:])):
            features = nn.utils.rnn.pad_sequence([drawn[i].features for i in rows], batch_first=True)
            motions.append(self.networks.of_motions(features, torch.tensor([drawn[i].length for i in rows])))
        return text, torch.cat(motions)[torch.tensor(by_length).argsort()]


def same(drawn: Sequence[Drawn], showing: dict[str, str]) -> Bool[Tensor, "b b"]:
    """Which of them say or show the same, so that they are neither right nor wrong for each other."""
    text = [d.caption.text for d in drawn]
    content = [showing.get(d.item.name.partition("#")[0], d.item.name) for d in drawn]
    return torch.tensor([[t == u or c == d for u, d in zip(text, content)] for t, c in zip(text, content)])


def margin_loss(
    text: Float[Tensor, "b e"], motion: Float[Tensor, "b e"], alike: Bool[Tensor, "b b"], margin: float
) -> Float[Tensor, ""]:
    """Mean d^2 of pairs, plus mean max(0, margin - d)^2 of all others (Hadsell et al. 2006, equation 4)."""
    distance = torch.cdist(text, motion)
    others = (margin - distance).clamp(min=0).square()[~alike]
    return distance.diagonal().square().mean() + (others.mean() if others.numel() else 0.0)


def choice_loss(
    text: Float[Tensor, "b e"], motion: Float[Tensor, "b e"], alike: Bool[Tensor, "b b"], temperature: float
) -> Float[Tensor, ""]:
    """Cross-entropy of choosing the right one by -d^2 / temperature, both ways (InfoNCE, van den Oord et al. 2018)."""
    logits = -torch.cdist(text, motion).square() / temperature
    apart = alike & ~torch.eye(len(alike), dtype=torch.bool, device=alike.device)
    logits = logits.masked_fill(apart, -torch.inf)
    target = torch.arange(len(text), device=text.device)
    cross_entropy = nn.functional.cross_entropy
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2


def _contents(folder: Path) -> dict[str, str]:
    """What a clip shows, by its name, where the dataset has a table of labels."""
    path = folder / "clips.csv"
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        try:
            return {r["name"]: f"{r['source']} {r['content']} {r['style']}" for r in csv.DictReader(file)}
        except KeyError as error:
            raise MotionError(f"{path}: has no column {error}; prepare the dataset again") from None
