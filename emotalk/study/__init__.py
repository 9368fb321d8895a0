"""A blind comparison by people: a page of pairs of films to rate, and what the raters' answers say."""
