"""A shelf of recordings becomes animations: what is there, what it is called, what is done, and how one is dubbed.

`jobs.dub` spreads the recordings over a cluster; the command line animates one. Nothing here knows of either.
"""
