"""Malformed requests for the service: `documents` from its OpenAPI document, `malformed` and `malformed_live` by hand,
sent by `raw_http`, looked at by `verdict`. benchmarks/serve_fuzz.py puts them together."""
