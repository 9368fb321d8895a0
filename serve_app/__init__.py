"""The service: an HTTP ingress in front of model replicas, on Ray Serve.

`api` is a plain FastAPI application around one function (samples, controls → Animation); `ingress` and `model` put it
on Ray. `app:app` builds the Serve application, `python -m serve_app` runs it on this machine.
"""
