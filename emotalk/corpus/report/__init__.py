"""What is in a corpus, to look at: sums over shards, the report as JSON, the page."""
