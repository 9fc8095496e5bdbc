"""How the fifteen and the seven styles of the two Bandai-Namco data sets look, in words; `normal` has none."""

from __future__ import annotations

from motiongen_data_prep.captions import Style

_YOUNG = ("like a young person", "with youthful energy", "in a youthful way", "with a light, bouncy movement")
_OLD = Style(
    subjects=(
        ("an old person", "their"),
        ("an elderly person", "their"),
        ("an old man", "his"),
        ("an elderly man", "his"),
        ("an old woman", "her"),
        ("a frail old person", "their"),
    ),
    adverbs=("stiffly", "feebly"),
    pace=("slowly",),
    tails=(
        "like an old person",
        "like an elderly person",
        "like an old man",
        "in an elderly manner",
        "with a bent back",
        "as if very old",
    ),
    gait=("with slow, stiff steps", "with short, shuffling steps"),
)
_FEMININE = Style(
    subjects=(("a woman", "her"), ("a lady", "her"), ("an elegant woman", "her"), ("a graceful woman", "her")),
    adverbs=("gracefully", "elegantly", "daintily"),
    tails=("in a feminine way", "like a woman", "like a lady", "in a feminine manner", "with feminine grace"),
    gait=("with dainty steps",),
)
_MASCULINE = Style(
    subjects=(("a manly man", "his"), ("a tough man", "his"), ("a burly man", "his"), ("a macho man", "his")),
    adverbs=("firmly", "robustly"),
    tails=(
        "in a masculine way",
        "like a tough man",
        "in a manly way",
        "in a masculine manner",
        "with masculine strength",
        "like a macho man",
    ),
    gait=("with broad, firm steps",),
)

STYLES: dict[str, Style] = {
    "normal": Style(),
    "active": Style(
        subjects=(("an energetic person", "their"), ("an active person", "their"), ("a lively man", "his")),
        adverbs=("energetically", "actively", "vigorously"),
        pace=("briskly", "quickly"),
        tails=("in an active way", "full of energy", "with great energy", "in a lively manner", "with vigor"),
        gait=("with brisk steps", "with bouncing steps"),
    ),
    "angry": Style(
        subjects=(("an angry person", "their"), ("an angry man", "his"), ("a furious person", "their")),
        adverbs=("angrily", "furiously", "crossly"),
        tails=("in anger", "in an angry way", "full of rage", "as if furious", "in a bad temper", "looking angry"),
        gait=("with angry steps",),
    ),
    "childish": Style(
        subjects=(
            ("a child", "their"),
            ("a little kid", "their"),
            ("a small child", "their"),
            ("a playful kid", "their"),
        ),
        adverbs=("playfully", "childishly"),
        tails=("like a child", "like a little kid", "in a childish way", "as children do", "in a childlike manner"),
        gait=("with playful steps",),
    ),
    "chimpira": Style(
        subjects=(("a thug", "his"), ("a punk", "his"), ("a swaggering gangster", "his"), ("a street tough", "his")),
        adverbs=("cockily", "insolently"),
        tails=("like a thug", "like a punk", "with a swagger", "like a cocky gangster", "in a rude, swaggering way"),
        gait=("with swaggering steps",),
    ),
    "feminine": _FEMININE,
    "giant": Style(
        subjects=(("a giant", "its"), ("a huge giant", "its"), ("a lumbering giant", "its")),
        adverbs=("heavily", "ponderously"),
        tails=(
            "like a giant",
            "as if huge and heavy",
            "in the manner of a giant",
            "with enormous weight",
            "like a huge monster",
        ),
        gait=("with heavy steps", "with heavy, stomping steps"),
    ),
    "happy": Style(
        subjects=(("a happy person", "their"), ("a cheerful person", "their"), ("a happy man", "his")),
        adverbs=("happily", "cheerfully", "joyfully"),
        tails=("in a happy mood", "with joy", "in a cheerful way", "full of joy", "in high spirits"),
        gait=("with a spring in the step",),
    ),
    "masculine": _MASCULINE,
    "musical": Style(
        subjects=(
            ("a person listening to music", "their"),
            ("a musical person", "their"),
            ("someone grooving to music", "their"),
        ),
        adverbs=("rhythmically", "musically"),
        tails=("to music", "to the beat", "in rhythm with music", "as if dancing to music", "to the rhythm of a song"),
        gait=("with rhythmic steps", "with dancing steps"),
    ),
    "not-confident": Style(
        subjects=(
            ("a timid person", "their"),
            ("a shy person", "their"),
            ("an insecure person", "their"),
            ("a nervous man", "his"),
        ),
        adverbs=("timidly", "nervously", "shyly", "hesitantly"),
        tails=(
            "without confidence",
            "in an insecure way",
            "with little confidence",
            "as if afraid",
            "in a timid manner",
        ),
        gait=("with hesitant steps",),
    ),
    "elderly": _OLD,
    "proud": Style(
        subjects=(("a proud person", "their"), ("a proud man", "his"), ("a haughty person", "their")),
        adverbs=("proudly", "haughtily"),
        tails=("with pride", "in a proud way", "with the chest out", "with the head held high", "as if very important"),
        gait=("with proud steps",),
    ),
    "sad": Style(
        subjects=(("a sad person", "their"), ("a sad man", "his"), ("a depressed person", "their")),
        adverbs=("sadly", "gloomily", "mournfully"),
        tails=("in a sad mood", "with sadness", "in a depressed way", "with the head hanging", "as if heartbroken"),
        gait=("with slow, sad steps",),
    ),
    "tired": Style(
        subjects=(("a tired person", "their"), ("a weary person", "their"), ("a tired man", "his")),
        adverbs=("tiredly", "wearily", "sluggishly"),
        tails=(
            "in a tired way",
            "as if very tired",
            "with weariness",
            "like a tired person",
            "with drooping shoulders",
        ),
        gait=("with tired steps",),
    ),
    "exhausted": Style(
        subjects=(("an exhausted person", "their"), ("a worn-out person", "their"), ("an exhausted man", "his")),
        adverbs=("exhaustedly", "limply"),
        tails=(
            "in an exhausted way",
            "as if exhausted",
            "with all strength gone",
            "completely worn out",
            "gasping for breath",
        ),
        gait=("with exhausted, dragging steps",),
    ),
    "youthful": Style(
        subjects=(("a young person", "their"), ("a young man", "his"), ("a youth", "their"), ("a teenager", "their")),
        adverbs=("youthfully", "lightly"),
        tails=_YOUNG,
        gait=("with light, springy steps",),
    ),
}
# The two data sets name three styles differently.
STYLES["old"] = STYLES["elderly"]
STYLES["masculinity"] = STYLES["masculine"]
