#!/bin/sh
# Starts docchat on this machine with the demo documents; data stay in .data (or in DOCCHAT_DATA_DIR).
set -eu
cd "$(dirname "$0")/.."
DOCCHAT_DATA_DIR=${DOCCHAT_DATA_DIR:-$(pwd)/.data}
export DOCCHAT_DATA_DIR
.venv/bin/docchat demo demo/docs
exec .venv/bin/docchat serve --port "${1:-8000}" --next-free-port
