"""What the demo's page says about clips, as HTML: a card each, with its numbers, files and what can be done next."""

from __future__ import annotations

from html import escape

from motiongen_app.demo.results import DemoClip, Result, fixed_blocks

# Formats as people call them, and who opens them.
_FILES = {
    "glb": ("GLB", "Blender, Unity, Unreal, Godot: body, skeleton and motion"),
    "bvh": ("BVH", "skeleton and motion, for retargeting"),
    "amass": ("AMASS npz", "SMPL pose parameters"),
    "npz": ("npz", "motiongen's own: joints, features, pose, sentences"),
    "joints": ("joints npy", "positions of 22 joints, metres"),
}


def cards(result: Result, base: str, acts: bool = True) -> str:
    """Cards of all clips of a result.

    Args:
        base: path of the page on its server, without a slash at its end.
        acts: with the buttons that make something of a clip.
    """
    link = f"{base}/motiongen/results/{result.token}"
    made = "".join(_card(clip, number, result, link, acts) for number, clip in enumerate(result.clips))
    everything = f'<a class="mg-all" href="{link}/all.zip" download>Everything as ZIP</a>'
    return f'<div class="mg-cards" data-token="{result.token}">{made}</div><div class="mg-below">{everything}</div>'


def notice(text: str, kind: str = "info") -> str:
    """A line for the page: what happened, or what was wrong."""
    return f'<div class="mg-notice mg-{kind}" role="status">{escape(text)}</div>' if text else ""


def _card(clip: DemoClip, number: int, result: Result, link: str, acts: bool) -> str:
    told = clip.recipe
    numbers = clip.measured()
    # Where clips are told apart by something else, the seed is a number among the others.
    own = f"seed {told.own_seed}"
    facts = [] if clip.label == own else [("seed", str(told.own_seed), "the same seed gives the same clip")]
    facts += [
        ("made in", f"{result.seconds:.1f} s", "all samples together"),
        ("skate", f"{numbers['foot_skate_cm_per_s']:.1f} cm/s", "how fast standing feet slide"),
        ("jitter", f"{numbers['jitter']:.2f}", "100 m/s^3; captured motion has about 0.7"),
    ]
    if numbers["alignment"] is not None:
        facts.append(("fits text", f"{numbers['alignment']:.2f}", "agreement with the sentences, -1 to 1"))
    table = "".join(f'<div title="{escape(why)}"><dt>{name}</dt><dd>{value}</dd></div>' for name, value, why in facts)
    files = "".join(
        f'<a href="{link}/{number}/{kind}" download title="{escape(why)}">{name}</a>'
        for kind, (name, why) in _FILES.items()
    )
    video = ""
    if result.has(number, "mp4"):
        files += f'<a href="{link}/{number}/mp4" download title="video">MP4</a>'
        video = f'<video src="{link}/{number}/mp4" controls loop muted playsinline preload="metadata"></video>'
    elif acts:
        files += f'<button data-act="mp4" data-clip="{number}" title="drawn now, in some seconds">Make MP4</button>'
    fixed = fixed_blocks(clip)
    blocks = "".join(
        f'<button data-act="redo" data-clip="{number}" data-block="{i}" title="Make it anew; the rest stays">'
        f'<i style="--hue:var(--mg-{i % 8})"></i>{escape(s.text)}</button>'
        for i, s in enumerate(clip.motion.text)
        if i not in fixed
    )
    more = (
        f'<button class="mg-more" data-act="more" data-clip="{number}" '
        'title="The same sentences and settings with new seeds">More like this</button>'
    )
    redo = f'<div class="mg-redo"><span>Regenerate</span>{blocks}</div>'
    copies = "".join(
        f'<button data-copy="{escape(text, quote=True)}">{name}</button>'
        for name, text in (("Copy as command line", told.command()), ("Copy as Python", told.python()))
    )
    return (
        f'<section class="mg-card" aria-label="{escape(clip.label)}"><header><b>{escape(clip.label)}</b>'
        f"<dl>{table}</dl>{more * acts}</header>{video}{redo * (acts and bool(blocks))}"
        f'<div class="mg-files"><span>Download</span>{files}</div><div class="mg-copy">{copies}</div></section>'
    )
