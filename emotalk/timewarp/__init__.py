"""Where each moment of one recording is said in another one of the same words, by the same speaker or not.

Cross-reconstruction takes the words of one recording for the face of another. Three ways to find the moments:
stretching (`even_positions`), the borders of known speech sounds (`phone_map`) and dynamic time warping of the sounds
themselves (`warp`). Numpy alone: the tasks that read clips use it.
"""

from emotalk.timewarp.dtw import warp
from emotalk.timewarp.maps import TimeMap, even_positions, phone_map

__all__ = ["TimeMap", "even_positions", "phone_map", "warp"]
