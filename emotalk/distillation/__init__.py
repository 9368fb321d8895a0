"""A teacher network's faces for speech that nobody filmed: recordings become a corpus from which a student learns."""
