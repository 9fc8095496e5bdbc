"""What the clips of the two Mesh2Motion files show, by clip name. Without root motion a gait stays on the spot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """Label, verb phrases, and whether the clip is a cycle to repeat or a pose to leave untrimmed."""

    label: str
    phrases: tuple[str, ...]
    cycle: bool = False
    still: bool = False


_POSE = "a single pose, not motion"
_EMPTY = "holds the T-pose throughout, whatever its name says"
_AIRBORNE = "stays in the air, which joints above a floor at 0 cannot show"
_JOG = (
    "[jog] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
    "[jog] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
    "[run] (in place^2|on the spot^2|without moving from the spot|without getting anywhere) at an easy pace",
)
_PLACE = (
    "[walk] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
    "[walk] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
    "[take] steps without moving forward",
)
_ROLL = ("[roll] forward on the ground", "([do]|[perform]|[make]) a forward roll", "[tumble] forward over the shoulder")
_SWORD = ("[attack] with a (sword^3|blade)", "[swing] a (sword^3|blade)", "[strike] once with a (sword^3|blade)")
_CRAWL = ("[crawl] on hands and knees", "[crawl] on all fours", "[move] along on hands and knees")
_IDLE = ("[stand] (still|motionless|there|quietly)", "[stand] idle", "[stand] around", "([wait]|[stay]) standing")

CLIPS: dict[str, Clip | str] = {
    "A_TPose": _POSE,
    "T-Pose": _POSE,
    "Rest Pose": _POSE,
    "Pistol_Aim_Down": _POSE,
    "Pistol_Aim_Neutral": _POSE,
    "Pistol_Aim_Up": _POSE,
    "Crouch_Fwd_Loop": Clip(
        "crouch-walk",
        (
            "[walk] in a crouch (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "[sneak] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "[creep] in a low crouch",
        ),
        cycle=True,
    ),
    "Crouch_Idle_Loop": Clip(
        "crouch", ("[crouch]", "[stay] crouched down", "([wait]|[stay]) in a crouch"), still=True, cycle=True
    ),
    "Dance_Loop": Clip(
        "dance",
        (
            "([dance]|[show] dance moves)",
            "[dance] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "([do]|[perform]|[make]) a simple dance step",
        ),
        cycle=True,
    ),
    "Death01": Clip(
        "die", ("[die] and [fall] to the ground", "[collapse] (on the floor|to the ground|dead)", "[fall] down dead")
    ),
    "Driving_Loop": Clip(
        "drive", ("[drive] a car", "[sit] and [steer] a car", "[hold] a steering wheel"), still=True, cycle=True
    ),
    "Fixing_Kneeling": Clip(
        "fix",
        ("[kneel] and [repair] something", "[fix] something on {their} knees", "[work] on something while kneeling"),
        still=True,
    ),
    "Hit_Chest": Clip("hit-chest", ("[get] hit in the chest", "[flinch] from a blow to the chest")),
    "Hit_Head": Clip("hit-head", ("[get] hit in the head", "[flinch] from a blow to the head")),
    "Idle": _EMPTY,
    "Idle_Loop": Clip("idle", _IDLE, still=True, cycle=True),
    "Idle_Talking_Loop": Clip(
        "talk",
        ("[talk] while standing", "[stand] and [talk] with hand gestures", "[chat] with <someone>"),
        still=True,
        cycle=True,
    ),
    "Idle_Torch_Loop": Clip(
        "hold-torch",
        ("[stand] holding up a torch", "[hold] a torch", "[light] the way with a torch"),
        still=True,
        cycle=True,
    ),
    "Interact": Clip(
        "interact", ("[press] a button", "[reach] out and [use] something", "[interact] with something in front")
    ),
    "Jog_Fwd_Loop": Clip("jog-in-place", _JOG, cycle=True),
    "Jump_Land": Clip("land", ("[land] after a jump", "[come] down from a jump and [stand] up", "[absorb] a landing")),
    "Jump_Loop": _AIRBORNE,
    "Jump_Start": Clip("jump", ("[jump] up", "[crouch] and [jump]", "[take] off for a jump")),
    "PickUp_Table": Clip(
        "pick-up",
        (
            "[pick] (something|an object|a thing) up from a table",
            "[take] something off a table",
            "[grab] a thing from a table",
        ),
    ),
    "Pistol_Idle_Loop": Clip(
        "pistol-idle",
        ("[aim] a (pistol^2|gun|handgun)", "[stand] holding a (pistol^2|gun|handgun)", "[point] a gun ahead"),
        still=True,
        cycle=True,
    ),
    "Pistol_Reload": Clip(
        "pistol-reload",
        ("[reload] a (pistol^2|gun|handgun)", "[load] a gun", "[change] the magazine of a (pistol^2|gun|handgun)"),
    ),
    "Pistol_Shoot": Clip("pistol-shoot", ("[shoot] a (pistol^2|gun|handgun)", "[fire] a gun")),
    "Punch_Cross": Clip(
        "punch-cross", ("[throw] cross punches", "([punch]|[strike]) hard", "[strike] with a cross"), cycle=True
    ),
    "Punch_Enter": Clip(
        "punch-guard", ("[raise] {their} fists to box", "[take] a boxing stance", "[get] ready to punch")
    ),
    "Punch_Jab": Clip(
        "punch-jab",
        (
            "[throw] jabs",
            "[jab] (again and again|repeatedly|several times|over and over)",
            "([punch]|[strike]) with quick jabs",
        ),
        cycle=True,
    ),
    "Push_Loop": Clip(
        "push",
        (
            "[push] (something heavy|a heavy thing|a heavy object)",
            "[push] with both hands while walking",
            "[shove] a heavy box along",
        ),
        cycle=True,
    ),
    "Roll": Clip("roll", _ROLL),
    "Roll_RM": Clip("roll", _ROLL),
    "Sit": _EMPTY,
    "Sitting_Enter": Clip(
        "sit-down", ("[sit] down (slowly|)", "[sit] down (on a chair|in a chair|on a seat)", "[take] a seat")
    ),
    "Sitting_Exit": Clip("stand-up", ("[stand] up", "[stand] up from a chair", "[get] up from a seat")),
    "Sitting_Idle_Loop": Clip(
        "sit", ("[sit]", "[sit] still (on a chair|in a chair|on a seat)", "[stay] seated"), still=True, cycle=True
    ),
    "Sitting_Talking_Loop": Clip(
        "sit-talk",
        ("[sit] and [talk]", "[talk] while sitting (on a chair|in a chair|on a seat)", "[chat] in a seat"),
        still=True,
        cycle=True,
    ),
    "Spell_Simple_Enter": Clip(
        "spell-start", ("[begin] to cast a (spell^2|magic spell)", "[raise] a hand to cast a (spell^2|magic spell)")
    ),
    "Spell_Simple_Exit": Clip(
        "spell-end", ("[finish] casting a (spell^2|magic spell)", "[lower] {their} hand after a (spell^2|magic spell)")
    ),
    "Spell_Simple_Idle_Loop": Clip(
        "spell",
        ("[cast] a (spell^2|magic spell)", "[hold] a magic spell ready", "[stand] casting magic"),
        still=True,
        cycle=True,
    ),
    "Spell_Simple_Shoot": Clip("spell-shoot", ("[shoot] a magic spell", "[throw] a (spell^2|magic spell) forward")),
    "Sprint_Loop": Clip(
        "sprint-in-place",
        (
            "[sprint] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "[run] fast (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "[sprint] (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
        ),
        cycle=True,
    ),
    "Swim_Fwd_Loop": Clip(
        "swim", ("([swim]|[do] swimming strokes)", "[swim] forward", "[swim] with arms and legs"), cycle=True
    ),
    "Swim_Idle_Loop": Clip(
        "tread-water", ("[tread] water", "[float] upright in water", "[keep] afloat in water"), still=True, cycle=True
    ),
    "Sword_Attack": Clip("sword", _SWORD),
    "Sword_Attack_RM": Clip("sword", (*_SWORD, "[step] forward and [strike] with a (sword^3|blade)")),
    "Sword_Idle": Clip(
        "sword-idle",
        ("[stand] ready with a (sword^3|blade)", "[hold] a (sword^3|blade)", "([wait]|[stay]) sword in hand"),
        still=True,
        cycle=True,
    ),
    "Walk": _EMPTY,
    "Walk_Formal_Loop": Clip(
        "walk-formal",
        (
            "[walk] formally (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
            "[walk] upright and stiffly (in place^2|on the spot^2|without moving from the spot|without getting "
            "anywhere)",
            "[march] politely (in place^2|on the spot^2|without moving from the spot|without getting anywhere)",
        ),
        cycle=True,
    ),
    "Walk_Loop": Clip("walk-in-place", _PLACE, cycle=True),
    "Angry": Clip("angry", ("[show] anger", "[stand] there angrily", "[fume] with anger"), cycle=True),
    "Backflip": Clip(
        "backflip", ("([do]|[perform]|[make]) a backflip", "[flip] backward", "[perform] a backward somersault")
    ),
    "Bow": Clip("bow", ("[bow] deeply", "[take] a deep bow", "[bend] {their} upper body in a bow")),
    "Confused": Clip(
        "confused", ("[look] confused", "[scratch] {their} head in confusion", "[stand] puzzled"), still=True
    ),
    "Consume Item": Clip("eat", ("[eat] something", "[bring] something to {their} mouth", "[consume] food or drink")),
    "Crawl": Clip(
        "crawl",
        tuple(
            f"{p} (in place^2|on the spot^2|without moving from the spot|without getting anywhere)" for p in _CRAWL[:2]
        ),
        cycle=True,
    ),
    "Crawl RM": Clip("crawl", _CRAWL, cycle=True),
    "Dance Body Roll": Clip(
        "dance-body-roll",
        ("[dance] with body rolls", "[roll] {their} body in a dance", "([do]|[perform]|[make]) a body roll dance"),
    ),
    "Dance Charleston": Clip(
        "dance-charleston",
        ("[dance] the Charleston", "[do] the Charleston", "[dance] with Charleston kicks"),
        cycle=True,
    ),
    "Dance Reach Hip": Clip(
        "dance-reach-hip",
        (
            "[dance], reaching up and touching the hip",
            "[reach] up and to the hip in a dance",
            "([do]|[perform]|[make]) a disco dance",
        ),
        cycle=True,
    ),
    "Defend": Clip(
        "defend", ("[defend] against attacks", "[block] blows", "[raise] {their} arms to defend"), cycle=True
    ),
    "Dizzy": Clip("dizzy", ("[stagger] dizzily", "[sway] as if dizzy", "[feel] dizzy and [wobble]"), still=True),
    "Fighting Idle": Clip(
        "fight-idle",
        ("[stand] in a fighting stance", "([wait]|[stay]) ready to fight", "[bounce] in a fighting stance"),
        still=True,
        cycle=True,
    ),
    "Fighting Left Jab": Clip(
        "left-jab",
        (
            "[throw] left jabs",
            "[jab] with (the|{their}) left hand",
            "([punch]|[strike]) (again and again|repeatedly|several times|over and over) with (the|{their}) left fist",
        ),
        cycle=True,
    ),
    "Fighting Right Jab": Clip(
        "right-jab",
        (
            "[throw] right jabs",
            "[jab] with (the|{their}) right hand",
            "([punch]|[strike]) (again and again|repeatedly|several times|over and over) with (the|{their}) right fist",
        ),
        cycle=True,
    ),
    "Flying Forward": _AIRBORNE,
    "Flying Forward Super": _AIRBORNE,
    "Greeting": Clip("greet", ("[greet] <someone>", "[wave] in greeting", "[say] hello with a wave")),
    "Head Nod": Clip("nod", ("([nod]|[give] a nod)", "[nod] {their} head", "[nod] yes"), still=True, cycle=True),
    "Idle Listening": Clip(
        "listen", ("[stand] and [listen]", "[listen] to <someone>", "[stand] listening"), still=True, cycle=True
    ),
    "Jumping Jacks": Clip(
        "jumping-jacks",
        (
            "[do] (jumping jacks|star jumps)",
            "[perform] (jumping jacks|star jumps)",
            "[jump], spreading arms and legs, (again and again|repeatedly|several times|over and over)",
        ),
        cycle=True,
    ),
    "Kneeling Tired": Clip(
        "kneel-tired",
        ("[kneel], tired", "[rest] on {their} knees, exhausted", "[kneel] and [catch] {their} breath"),
        still=True,
        cycle=True,
    ),
    "Levitate Entrance": Clip(
        "levitate-start", ("[rise] into the air", "[begin] to levitate", "[lift] off the ground")
    ),
    "Levitate Idle": Clip(
        "levitate",
        ("([levitate]|[float] in the air)", "[hover] in the air", "[float] above the ground"),
        still=True,
        cycle=True,
    ),
    "Meditate": Clip(
        "meditate",
        (
            "([meditate]|[do] a meditation)",
            "[sit] cross-legged and ([meditate]|[do] a meditation)",
            "[sit] in meditation",
        ),
        still=True,
        cycle=True,
    ),
    "Power Up": Clip(
        "power-up", ("[power] up", "[gather] energy", "[tense] {their} body to power up"), still=True, cycle=True
    ),
    "Pushup": Clip(
        "push-up", ("[do] push-ups", "([do]|[perform]|[make]) a push-up", "[perform] push-ups on the floor"), cycle=True
    ),
    "Reject": Clip("reject", ("[refuse]", "[reject] something with a gesture", "[wave] something away")),
    "Run Anime": Clip(
        "run-anime",
        (
            "[run] (in place^2|on the spot^2|without moving from the spot|without getting anywhere) like in an anime",
            "[run] (in place^2|on the spot^2|without moving from the spot|without getting anywhere) with the arms "
            "stretched back",
            "([do]|[perform]|[make]) a ninja run (in place^2|on the spot^2|without moving from the spot|without "
            "getting anywhere)",
        ),
        cycle=True,
    ),
    "Shivering": Clip(
        "shiver", ("[shiver]", "[shiver] (with cold|from the cold|as if freezing)", "[tremble]"), still=True, cycle=True
    ),
    "Sleeping": Clip(
        "sleep",
        ("([sleep]|[nap]|[slumber])", "[lie] asleep", "[lie] and [sleep] on the ground"),
        still=True,
        cycle=True,
    ),
    "Throw Object": Clip(
        "throw", ("[throw] (something|a thing|an object)", "[throw] an object forward", "[hurl] something away")
    ),
    "Tired Hunched": Clip(
        "tired",
        ("[stand] hunched over, tired", "[pant], bent over", "[rest] with hands on the knees"),
        still=True,
        cycle=True,
    ),
    "Two-hand Blast": Clip(
        "blast", ("[shoot] a blast from both hands", "[thrust] both hands forward to blast"), still=True, cycle=True
    ),
    "Victory": Clip(
        "victory",
        ("[celebrate] a victory", "([cheer]|[rejoice])", "[throw] {their} arms up (in victory|in triumph|as a winner)"),
    ),
    "Victory Fist Pump": Clip(
        "fist-pump",
        (
            "[pump] {their} fist (in victory|in triumph|as a winner)",
            "[celebrate] with a fist pump",
            "([do]|[perform]|[make]) a fist pump",
        ),
    ),
}
