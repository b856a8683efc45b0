#!/bin/sh
# Writes the locks from pyproject.toml: every line pinned and hashed, none names a registry (infra/adr/0007).
set -eu
cd "$(dirname "$0")/.."
uv="${UV:-uv}"
compile() { "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"; }
compile pyproject.toml --group local --group test -o requirements.lock
pins="$(mktemp)"
trap 'rm -f "$pins"' EXIT
sed -n 's/^\([a-zA-Z0-9._-]*==[^ ]*\).*/\1/p' requirements.lock > "$pins"
compile pyproject.toml -c "$pins" -o shared/requirements.txt
compile --group bench -c "$pins" -o infra/bench/requirements.lock
