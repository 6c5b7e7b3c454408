#!/bin/sh
# install_peers.sh: put what the contract suites meet beside Tillbus' own into .peers: for the
# Service Bus an older azure-servicebus, the Node SDK and Proton; for Dynamics an OData server and a
# Dataverse client of others. All pinned in tests/contract/*/peers; done once per pins. Whatever cannot be fetched is named and its scenarios skip; with PEERS=required,
# as in CI, that is exit code 1 instead.
set -u
cd "$(dirname "$0")/.."
pins=tests/contract/servicebus/peers
dynamics_pins=tests/contract/dynamics_peers/peers
missing=

# run WHAT STAMP PIN COMMAND: keep the stamp only when the command worked.
run() {
    what="$1" stamp=".peers/$2" pin="$3"
    shift 3
    if [ -e "$stamp" ] && [ "$stamp" -nt "$pin" ]; then
        return
    fi
    echo "Installing $what into .peers"
    mkdir -p .peers
    if "$@" >.peers/install.log 2>&1; then
        touch "$stamp"
    else
        rm -f "$stamp"
        why=$(grep -i -m 1 "error" .peers/install.log || tail -n 1 .peers/install.log)
        echo "Could not: $why. The suite skips the scenarios of $what."
        missing=yes
    fi
}

old_python() {
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python .peers/python-7.12 &&
        .venv/bin/uv pip install --quiet --python .peers/python-7.12/bin/python \
            -r "$pins/python-7.12.txt"
}

# node PINS DIRECTORY
node() {
    command -v npm || { echo "npm is not installed"; return 1; }
    mkdir -p "$2" &&
        cp "$1/package.json" "$1/package-lock.json" "$2" &&
        npm ci --prefix "$2" --no-audit --no-fund --ignore-scripts --omit=optional
}

# Source only: it takes a C compiler. Its users find it on PYTHONPATH.
proton() {
    rm -rf .peers/proton &&
        .venv/bin/uv pip install --quiet --python .venv/bin/python --target .peers/proton \
            -r "$pins/proton.txt"
}

run "azure-servicebus 7.12" python-7.12.installed "$pins/python-7.12.txt" old_python
run "@azure/service-bus for Node" node.installed "$pins/package-lock.json" \
    node "$pins" .peers/node
run "SAP CAP and dynamics-web-api for Node" dynamics.installed "$dynamics_pins/package-lock.json" \
    node "$dynamics_pins" .peers/dynamics
run "Apache Qpid Proton" proton.installed "$pins/proton.txt" proton
[ "${PEERS:-}" != required ] || [ -z "$missing" ]
