"""Dubbing jobs over HTTP: `python -m jobs.dub` on the cluster, through Ray Jobs.

An order (`order`) becomes a job in the book (`book`), a folder of the store; the desk (`desk`) has a runner (`runner`,
`ray_jobs`) start it and reads from its output how far it is (`standing`). `routes` is what clients see.
"""
