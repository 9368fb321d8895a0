"""Any number of plain sentences from a small grammar: a network that hears few sentences learns them by heart.

The words cover the sounds of English and favour lips and open vowels; what is said matters less than that it is said
in many orders.
"""

import numpy as np


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


_WHO = _phrases(
    """
    the baker; my uncle; the young pilot; a farmer; our teacher; the old sailor; Barbara; Tom; the judge; a tall
    boy; her mother; the plumber; Maria; the queen; a gardener; his cousin; Victor; the waiter; our neighbour; the
    painter; Emma; a shepherd; the doctor; George; their guide; the chef; Sophie
    """
)
_DID = _phrases(
    """
    bought; carried; painted; found; moved; sold; watched; borrowed; polished; opened; wrapped; pushed; washed;
    brought home; looked for; put away; remembered; fixed; picked up; covered; measured; gave us; forgot;
    photographed; chose; pulled; hid; noticed
    """
)
_WHICH = _phrases(
    """
    a big; the warm; an empty; the broken; a purple; the heavy; a cheap; the oval; a wooden; the shiny; an orange;
    the brown; a famous; the thick; a quiet; the beautiful; a huge; the soft; a yellow; the round; a cold; the
    foreign; a small; the last
    """
)
_WHAT = _phrases(
    """
    map; boat; apple; piano; bottle; lamp; coat; basket; window; pumpkin; violin; mirror; book; balloon; hammer;
    umbrella; cheese; garden chair; box; jumper; statue; fishing rod; blanket; watch; toy bear; photograph; cup of
    tea; loaf of bread; pair of boots; bag of flour; wheel; vase; oil can; paper hat; bowl of soup
    """
)
_WHERE = _phrases(
    """
    by the harbour; above the shop; in the park; behind the barn; at the market; on the bridge; near the church;
    from the attic; under the apple tree; in the kitchen; before breakfast; after the storm; this morning; at half
    past five; for my birthday; without a word; on Wednesday; for the museum; along the river; with both hands; in
    January; outside the village; every evening; over the phone; with great care
    """
)


def sentences(count: int, seed: int) -> tuple[str, ...]:
    """`count` different sentences of four parts, the same for the same seed."""
    rng = np.random.default_rng(seed)
    said: dict[str, None] = {}
    while len(said) < count:
        who, did, which, what, where = (
            parts[rng.integers(len(parts))] for parts in (_WHO, _DID, _WHICH, _WHAT, _WHERE)
        )
        text = f"{who} {did} {which} {what} {where}"
        said[text[0].upper() + text[1:]] = None
    return tuple(said)
