"""A synthetic corpus with exact truth: synthesised speech, and the face computed from its known speech sounds.

`casts` says who speaks what, `corpus.plan` lists the utterances, `corpus.make` speaks and animates one.

| cast, split | voices | sentences of each | clips | hours |
|---|---|---|---|---|
| demo, train | 16 | 20 | 4,800 | 3.6 |
| wide, train | 40 of espeak-ng, 12 of Piper | 30, and 4 or 24 readings | 12,148 | 10.0 |
| both, validation | 2 | 4 | 120 | 0.1 |
| both, test | 3 | 6 | 270 | 0.2 |

A clip of the demo lasts 1.2 to 4.4 s and takes about 30 ms of one core to make, so the whole corpus about two minutes;
the neural voice takes ten times as long. Within a voice and sentence all clips (neutral, and seven emotions at one
level or both) have the same speech sounds in order.
"""
