"""Live sessions: a WebSocket in the ingress, streams in the model replicas.

`protocol` is what goes over the wire, `sound` makes samples of a client's chunks, `session` is the one owner of a
session, `socket` lets it talk to its client. `lanes` carries the steps of many sessions to a replica together, where
`streams` computes them. None of them knows Ray.
"""
