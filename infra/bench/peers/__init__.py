"""What runs in .venv-bench, beside the libraries we are compared with: `python -m infra.bench.peers NAME`, as JSON."""
