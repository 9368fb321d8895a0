"""Sentences of many words and forms, for voices that are to cover the language: clauses, questions, asides.

`grammar` says few things about few objects, which is enough to tell voices and emotions apart. Sounds are learnt from
the company they keep, so here are some seven hundred words in all positions, with the small words, contractions and
turns that readings and talk are full of. What is said makes sense by accident only.
"""

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


_NOUNS = _words(
    """
    time year people way day man thing woman life child world school state family student group country problem hand
    part place case week company system program question work government number night point home water room mother
    area money story fact month lot right study book eye job word business issue side kind head house service friend
    father power hour game line end member law car city community name president team minute idea body information
    back parent face others level office door health person art war history party result change morning reason
    research girl guy moment air teacher force education foot boy age policy music market sense plan cost interest
    death experience effect job use class control field development role effort rate heart drug show leader light
    voice wife police mind price report decision son view relationship town road arm difference value building action
    season society tax director position player record paper space ground form event matter centre couple project
    hotel painting bird kitchen garden summer winter autumn bridge mountain river ocean island forest valley desert
    village castle tower church temple palace farm field barn stable meadow orchard apple orange lemon cherry peach
    plum grape melon berry pepper garlic onion potato tomato carrot cabbage pumpkin mushroom bread butter cheese milk
    cream coffee sugar honey salt soup sauce beef mutton lamb pork bacon sausage fish salmon oyster shrimp chicken
    turkey goose duck rabbit horse pony donkey cow sheep goat pig dog puppy cat kitten mouse rat fox wolf bear tiger
    lion monkey elephant camel snake lizard frog turtle shark whale dolphin eagle owl crow pigeon sparrow spider
    beetle ant bee wasp moth fly mosquito leaf branch root flower rose lily tulip daisy violet bush thorn stone rock
    sand mud dust smoke flame ash coal iron copper silver gold diamond pearl glass plastic leather wool cotton silk
    thread needle button zip pocket collar sleeve shirt jacket coat trousers skirt dress scarf glove hat boot shoe
    sock belt purse wallet watch ring chain bracelet mirror comb brush soap towel sponge bath bucket broom mop knife
    fork spoon plate bowl cup mug jug bottle jar box basket bag sack trunk chest drawer shelf cupboard wardrobe
    curtain carpet pillow blanket mattress lamp candle torch match fire oven stove fridge freezer chimney roof wall
    ceiling floor stairs cellar attic balcony porch gate fence hedge path lane avenue square corner pavement
    motorway tunnel airport harbour station platform engine wheel tyre brake pedal anchor sail oar mast captain sailor
    pilot soldier general king queen prince princess lord lady knight judge lawyer doctor nurse dentist surgeon
    engineer plumber carpenter butcher baker grocer tailor painter poet author actor singer dancer drummer
    """
)
_VERBS = _phrases(
    """
    saw; heard; found; took; gave up; kept; held; left; lost; brought; bought; sold; broke; threw; caught; drew; wrote
    about; read about; spoke of; thought about; talked about; looked at; waited for; asked for; paid for; dreamt of;
    laughed at; worried about; believed in; ran after; jumped over; walked past; drove through; flew above; swam
    across; climbed over; reached; touched; pushed; pulled; lifted; dropped; carried; moved; turned; opened; closed;
    locked; fixed; cleaned; washed; painted; covered; wrapped; filled; poured; mixed; boiled; baked; tasted; smelled;
    swallowed; chewed; bit; kissed; hugged; loved; hated; feared; missed; wanted; needed; preferred; chose; picked;
    gathered; measured; weighed; counted; compared; described; explained; mentioned; promised; refused; accepted;
    offered; borrowed; stole; hid; showed; followed; led; joined; visited; watched; noticed; recognised; forgot;
    remembered; imagined; invented; discovered; destroyed; built; rebuilt; repaired; replaced; removed; shaved; proved
    """
)
_ADJECTIVES = _words(
    """
    good new first last long great little own other old right big high different small large next early young important
    few public bad same able human local sure free better true whole clear open full special hard main best major simple
    easy strong possible common poor natural single private past foreign fine final green red blue black white brown
    grey purple yellow pink golden heavy light dark bright warm hot cold cool fresh dry wet soft rough smooth sharp
    blunt thick thin narrow wide broad deep shallow tall short round square flat hollow empty quiet loud silent noisy
    quick slow sudden gentle cruel kind rude polite proud humble brave shy honest clever foolish wise lazy busy tired
    hungry thirsty sleepy angry happy sad lonely jealous curious nervous calm eager afraid worthy precious cheap dear
    rare famous strange familiar ancient modern broken perfect rotten ripe bitter sour sweet salty spicy delicious
    beautiful ugly pretty handsome lovely terrible horrible wonderful marvellous peculiar obvious impossible
    """
)
_ADVERBS = _phrases(
    """
    again; already; always; never; often; usually; sometimes; suddenly; slowly; quickly; quietly; probably; perhaps;
    almost; hardly; only; even; still; soon; later; yesterday; tomorrow; today; tonight; once more; at last; at once;
    by mistake; on purpose; in the meantime; for a while; from time to time; more or less; above all; after all; in
    fact; of course; as usual; in public; by heart; on foot; far away; over there; up and down; in front of everybody
    """
)
_PLACES = _phrases(
    """
    in the {n}; on the {n}; under the {n}; behind the {n}; beside a {n}; above the {n}; below the {n}; between the {n}
    and the {n}; among the {n}; around the {n}; across the {n}; through a {a} {n}; into the {n}; out of the {n}; off
    the {a} {n}; near my {n}; far from the {n}; without a {n}; with his {n}; with both of her {a} {n}; for the {n};
    before the {n}; after the {n}; during the {a} {n}; against the {n}; toward the {n}; along the {n}; past the {n}
    """
)
_CLAUSES = _phrases(
    """
    the {a} {n} {v} the {n}; my {n} {v} a {a} {n}; nobody {v} the {n}; everybody {v} your {a} {n}; somebody else
    {v} our {n}; she {v} the {a} {n} {p}; he {d} {v} the {n} {p}; they {v} every {n} {p}; we {d} {v} that {n}; it
    was the {a} {n} who {v} the {n}; there was a {a} {n} {p}; there were two or three of them {p}; I don't know why
    the {n} {v} me; I can't remember which {n} {v} them; you should have told me about the {n}; if you ask me, the
    {n} was {a}; what a {a} {n} that was; how {a} the {n} looked {p}; would you mind if we {v} the {n}; do you
    think the {n} is too {a}; why did the {n} have to be so {a}; when the {n} came back, the {n} was {a}; as soon
    as she {v} it, he {v} the {n}; although the {n} was {a}, the {n} was not; I'd rather have a {a} {n} than a {n};
    you'll never find the {n} {p}; they've been {p} for more than an hour; we're going to need another {n}; that
    isn't what the {n} meant; he said that his {n} was {a}; she told them to put the {n} {p}; neither the {n} nor
    the {n} {v} it; both the {n} and the {a} {n} are mine; it's about time you {v} the {n}; both of us {v} what the
    {n} gave up; most of my {n} is {a} and {a}; thank you very much for the {n}; give it back to the {n}; please
    put the {a} {n} {p}; come and look at this {n}; stop it, or I shall call the {n}; my brother believes that the
    {n} {v} him; the more he {v} it, the more {a} it became
    """
)
_JOINS = _phrases(", and; , but; , because; , so; , while; , until; , where; , which is why; , as if")


def sentences(count: int, seed: int, *, clauses: int = 1) -> tuple[str, ...]:
    """`count` different sentences of so many clauses each, the same for the same seed; without final punctuation."""
    rng = np.random.default_rng(seed)
    said: dict[str, None] = {}
    while len(said) < count:
        text = _clause(rng)
        for _ in range(clauses - 1):
            text += _pick(_JOINS, rng) + " " + _clause(rng)
        said[text[0].upper() + text[1:]] = None
    return tuple(said)


def _clause(rng: np.random.Generator) -> str:
    text = _pick(_CLAUSES, rng).replace("{p}", _pick(_PLACES, rng))
    if rng.random() < 0.25:
        text = f"{text} {_pick(_ADVERBS, rng)}"
    for slot, words in (("{n}", _NOUNS), ("{v}", _VERBS), ("{a}", _ADJECTIVES), ("{d}", _ADVERBS[:14])):
        while slot in text:
            text = text.replace(slot, _pick(words, rng), 1)
    return text


def _pick(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]
