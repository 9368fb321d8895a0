"""Where the recordings of each source come from: licence, consent, citation. What cards tell, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Facts of one source.

    licence: an identifier as dataset cards use it. terms: what may be done with the data and with models from it.
    consent: of the people recorded. citation: BibTeX, empty where there is nothing to cite.
    """

    title: str
    homepage: str
    licence: str
    terms: str
    consent: str
    citation: str = ""
    languages: tuple[str, ...] = ()


_RAVDESS = """@article{livingstone2018ravdess,
  title={The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)},
  author={Livingstone, Steven R. and Russo, Frank A.},
  journal={PLoS ONE},
  volume={13},
  number={5},
  year={2018}
}"""
_HDTF = """@inproceedings{zhang2021hdtf,
  title={Flow-guided One-shot Talking Face Generation with a High-resolution Audio-visual Dataset},
  author={Zhang, Zhimeng and Li, Lincheng and Ding, Yu and Fan, Changjie},
  booktitle={CVPR},
  year={2021}
}"""

PROVENANCE: dict[str, Provenance] = {
    "ravdess_video": Provenance(
        title="RAVDESS, captured from its videos",
        homepage="https://zenodo.org/records/1188976",
        licence="cc-by-nc-sa-4.0",
        terms="RAVDESS is CC BY-NC-SA 4.0: a model from it is not for commercial use.",
        consent="Recorded for research with professional actors.",
        citation=_RAVDESS,
        languages=("en",),
    ),
    "hdtf_video": Provenance(
        title="HDTF, captured from its videos",
        homepage="https://github.com/MRzzm/HDTF",
        licence="other",
        terms="HDTF is a list of web videos with their owners' rights: a model from them is not for commercial use.",
        consent="Public videos: nothing is known of the consent of the people in them.",
        citation=_HDTF,
        languages=("en",),
    ),
    "etf3d": Provenance(
        title="3D-ETF (RAVDESS and HDTF)",
        homepage="https://github.com/psyai-net/EmoTalk_release",
        licence="other",
        terms="RAVDESS is CC BY-NC-SA 4.0 and HDTF a list of web videos with their owners' rights: a model from them "
        "is not for commercial use.",
        consent="RAVDESS was recorded for research with professional actors. HDTF's are public videos: "
        "nothing is known of the consent of the people in them.",
        citation="""@inproceedings{peng2023emotalk,
  title={EmoTalk: Speech-Driven Emotional Disentanglement for 3D Face Animation},
  author={Peng, Ziqiao and Wu, Haoyu and Song, Zhenbo and Xu, Hao and Zhu, Xiangyu and He, Jun and Liu, Hongyan and
    Fan, Zhaoxin},
  booktitle={ICCV},
  year={2023}
}
"""
        + _RAVDESS
        + "\n"
        + _HDTF,
        languages=("en",),
    ),
    "beat": Provenance(
        title="BEAT",
        homepage="https://pantomatrix.github.io/BEAT/",
        licence="cc-by-nc-4.0",
        terms="The licence beside BEAT's code and data is CC BY-NC 4.0: a model from it is not for commercial use.",
        consent="The speakers were recorded for the data set; their video was not kept, for privacy.",
        citation="""@inproceedings{liu2022beat,
  title={BEAT: A Large-Scale Semantic and Emotional Multi-Modal Dataset for Conversational Gestures Synthesis},
  author={Liu, Haiyang and Zhu, Zihao and Iwamoto, Naoya and Peng, Yichen and Li, Zhengqing and Zhou, You and
    Bozkurt, Elif and Zheng, Bo},
  booktitle={ECCV},
  year={2022}
}""",
        languages=("en", "zh", "es", "ja"),
    ),
    "aligned": Provenance(
        title="own recordings with their texts, faces made by rule (aligned)",
        homepage="",
        licence="unknown",
        terms="The rights are those of whoever made the recordings and texts: what may be done with them is not known "
        "here. The faces are made by rule from the speech sounds and show no emotion: nobody's face was recorded.",
        consent="Not known here. Voices are personal data: whoever shares this corpus, or a model from it, must have "
        "asked the people recorded.",
        languages=("en",),
    ),
    "taught": Provenance(
        title="speech with the faces of a teacher network",
        homepage="",
        licence="other",
        terms="The rights in the recordings are their owners'; the faces are a network's, whose terms go on in "
        "whatever learns from them.",
        consent="Not known here: whoever shares this corpus must have the right to share the recordings.",
    ),
    "synthetic": Provenance(
        title="synthetic speech with faces made by rule",
        homepage="https://github.com/espeak-ng/espeak-ng",
        licence="apache-2.0",
        terms="Synthetic speech with faces made by rule: nobody was recorded for it. The voices are "
        "espeak-ng's and, in the wide cast, Piper's `joe` (MIT; its recordings are CC0; it was fine-tuned from a voice "
        "of the Lessac recordings of the Blizzard Challenge 2013). Emotions are acted by rule, so those in real voices "
        "are heard poorly.",
        consent="Nobody was recorded for this corpus; the speaker of `joe` gave his recordings to the public domain.",
        languages=("en",),
    ),
}


def own_recordings(source: str) -> Provenance:
    """Of a source that reads whatever its user has."""
    return Provenance(
        title=f"own recordings ({source})",
        homepage="",
        licence="unknown",
        terms="The rights are those of whoever made the recordings: what may be done with them is not known here.",
        consent="Not known here. Faces and voices are personal data: whoever shares this corpus, or a model from it, "
        "must have asked the people recorded.",
    )


def terms_of(config: Mapping[str, Any]) -> list[str]:
    """What may be done with a corpus and with models from it, by its manifest's `config`; its teacher's included."""
    teacher = config.get("settings", {}).get("teacher", {})
    return [provenance_of(str(config.get("source", "unknown"))).terms, *teacher.get("terms", ())]


def provenance_of(source: str) -> Provenance:
    """By the source's name, as manifests hold it."""
    return PROVENANCE.get(source) or own_recordings(source)
