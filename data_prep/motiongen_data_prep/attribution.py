"""Where the sources come from and under which terms."""

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
    "humanml3d": {
        "title": "HumanML3D (Guo et al. 2022), made from AMASS (Mahmood et al. 2019) and HumanAct12 (Guo et al. 2020)",
        "by": "their authors, and those of the corpora that AMASS unites",
        "licence": "AMASS and SMPL-H: non-commercial research by their own terms; code, texts and index: MIT",
        "url": "https://github.com/EricGuo5513/HumanML3D",
        "terms": "AMASS's terms, https://amass.is.tue.mpg.de/license.html, forbid passing on what is made of it.",
    },
    "kit": {
        "title": "KIT Motion-Language Dataset (Plappert et al. 2016), as processed by Guo et al. 2022",
        "by": "Karlsruhe Institute of Technology; Chuan Guo et al.",
        "licence": "as its authors set it; they ask to be cited",
        "url": "https://motion-annotation.humanoids.kit.edu/dataset/",
        "terms": "Cite Plappert, Mandery, Asfour: The KIT Motion-Language Dataset, Big Data 4(4), 2016.",
    },
    "babel": {
        "title": "BABEL (Punnakkal et al. 2021), labels of sequences of AMASS (Mahmood et al. 2019)",
        "by": "Max Planck Institute for Intelligent Systems, and the authors of the corpora that AMASS unites",
        "licence": "non-commercial scientific research, by the terms of BABEL and of AMASS",
        "url": "https://babel.is.tue.mpg.de",
        "terms": "AMASS's terms, https://amass.is.tue.mpg.de/license.html, forbid passing on what is made of it.",
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
