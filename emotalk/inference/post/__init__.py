"""From what the network says to what is seen: shaping, smoothing, silence gate, blinks, clamp, in this order.

`post_process` is one step of it, a pure function over a batch of recordings; a `Treatment` is what is done to one of
them. A `PostProcessor` holds the state of one: it takes frames in pieces of any size and gives the same frames back as
it would for one piece.
"""

from emotalk.inference.post.blinks import LONGEST_FRAMES
from emotalk.inference.post.loudness import batch_loudness_dbfs, loudness_dbfs
from emotalk.inference.post.processor import PostProcessor
from emotalk.inference.post.step import POST_VERSION, PostState, post_process, tail
from emotalk.inference.post.treatment import Treatment

__all__ = [
    "LONGEST_FRAMES",
    "POST_VERSION",
    "PostProcessor",
    "PostState",
    "Treatment",
    "batch_loudness_dbfs",
    "loudness_dbfs",
    "post_process",
    "tail",
]
