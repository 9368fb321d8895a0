"""A synthetic corpus with exact truth: synthesised speech, and the face computed from its known speech sounds.

`corpus.plan` lists the utterances, `corpus.make` speaks and animates one. The default corpus: 3,990 clips, 3.0 hours.

| split | voices | sentences | clips | hours |
|---|---|---|---|---|
| train | 12 | 20 | 3,600 | 2.7 |
| validation | 2 | 4 | 120 | 0.1 |
| test | 3 | 6 | 270 | 0.2 |

A clip lasts 1.2 to 4.4 s and takes about 30 ms of one core to make, so the whole corpus about two minutes. Within a
voice and sentence all 15 clips (neutral, and seven emotions at two levels) have the same speech sounds in order.
"""
