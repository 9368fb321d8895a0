"""The service: an HTTP and WebSocket ingress in front of model replicas, on Ray Serve.

`api` is a plain FastAPI application around models by name (`backend.Model`); `ingress`, `remote_model` and `model` put
it on Ray. `app:app` builds the Serve application, `python -m serve_app` runs it on this machine.
"""
