"""Where the starter set's sources come from and under which terms."""

from __future__ import annotations

from collections.abc import Iterable

LICENCES: dict[str, dict[str, str]] = {
    "bandai-namco": {
        "title": "Bandai-Namco-Research-Motiondataset 1 and 2",
        "by": "Bandai Namco Research Inc.",
        "licence": "CC BY-NC 4.0, https://creativecommons.org/licenses/by-nc/4.0/",
        "url": "https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset",
        "terms": "Non-commercial, as are weights trained on it. Changed here: retargeted, trimmed, encoded.",
    },
    "cmu": {
        "title": "CMU Graphics Lab Motion Capture Database",
        "by": "Carnegie Mellon University; BVH conversion by B. Hahne (cgspeed.com)",
        "licence": "free for research and in commercial products; the data, converted or not, may not be resold",
        "url": "http://mocap.cs.cmu.edu",
        "terms": "The data was obtained from mocap.cs.cmu.edu, created with funding from NSF EIA-0196217.",
    },
    "mesh2motion": {
        "title": "Mesh2Motion animations",
        "by": "the Mesh2Motion project",
        "licence": "CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
        "url": "https://mesh2motion.org",
        "terms": "No conditions.",
    },
    "folder": {
        "title": "the user's own clips",
        "by": "the user",
        "licence": "as their owner set it",
        "url": "",
        "terms": "Not known here.",
    },
}


def attribution_text(sources: Iterable[str]) -> str:
    """The text that goes with a prepared folder: what it is made from and under which terms."""
    blocks = ["This folder was made from:"]
    for source in sorted(sources):
        entry = LICENCES[source]
        lines = [f"{entry['title']}, {entry['by']}", f"Licence: {entry['licence']}", entry["url"], entry["terms"]]
        blocks.append("\n".join(line for line in lines if line))
    return "\n\n".join(blocks) + "\n"
