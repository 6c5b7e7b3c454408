#!/bin/sh
# install.sh EXTRAS: make .venv and install Tillbus with the named extras into it, everything pinned
# by constraints.txt. Done once per set of extras and pins: a stamp in .venv remembers.
set -eu
cd "$(dirname "$0")/.."
extras="$1"

# An environment whose making was interrupted has a Python and no pip.
if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    python=$(sh tools/find_python.sh)
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

stamp=".venv/installed-$(printf '%s' "$extras" | tr ',' '-')"
if [ -e "$stamp" ] && [ "$stamp" -nt pyproject.toml ] && [ "$stamp" -nt constraints.txt ]; then
    exit 0
fi

echo "Installing Tillbus [$extras] into .venv (pinned, a minute or three on a first run)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
# Compiled once here rather than in every process: a child process of the demo starts twice as fast.
.venv/bin/uv pip install --compile-bytecode --python .venv/bin/python \
    -c constraints.txt -b constraints.txt -e ".[$extras]"

# azure-functions-runtime declares Python >= 3.13 and runs on 3.11 and 3.12 all the same; pip can be
# told so, uv cannot. Its dependencies are among ours.
if .venv/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
        --ignore-requires-python "$(grep -o '^azure-functions-runtime==[0-9.]*' constraints.txt)"
fi
touch "$stamp"
