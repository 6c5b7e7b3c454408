#!/bin/sh
# Prints the best Python for Tillbus, or one sentence on stderr and exit code 1.
# Order: $PYTHON, a python3.13 that really runs, pyenv's installed versions, uv's, then python3
# if it is at least 3.11. A pyenv shim exists even where the version behind it is not selected,
# so every candidate is run before it is believed.
set -u

version_at_least() { # interpreter, minor
    "$1" -c "import sys; sys.exit(sys.version_info < (3, $2))" >/dev/null 2>&1
}

take() { # candidate, minor
    [ -n "$1" ] && version_at_least "$1" "$2" && { "$1" -c 'import sys; print(sys.executable)'; exit 0; }
}

if [ -n "${PYTHON:-}" ]; then
    take "$PYTHON" 11
    echo "PYTHON is set to '$PYTHON', which is not a Python of at least 3.11." >&2
    exit 1
fi

pyenv_root="${PYENV_ROOT:-$HOME/.pyenv}"
for minor in 13 12 11; do
    take "$(command -v "python3.$minor" || true)" "$minor"
    for candidate in "$pyenv_root/versions/3.$minor".*/bin/python3; do
        [ -x "$candidate" ] && take "$candidate" "$minor"
    done
    if command -v uv >/dev/null 2>&1; then
        take "$(uv python find --no-python-downloads "3.$minor" 2>/dev/null || true)" "$minor"
    fi
done
take "$(command -v python3 || true)" 11

echo "Tillbus needs Python 3.13 (3.11 or 3.12 will do for the demo and the tests): install one, or set PYTHON=/path/to/python." >&2
exit 1
