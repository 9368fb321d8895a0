"""What an operator watches: rules and alerts for Prometheus, dashboards for Grafana."""
