"""What of other people's OData there is on this machine: Node, and packages in .peers/dynamics."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NODE_FILES = Path(__file__).parent
MODULES = NODE_FILES.parents[2] / ".peers" / "dynamics" / "node_modules"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not MODULES.exists(),
    reason="needs Node and its packages: tools/install_peers.sh",
)


@contextmanager
def cap_server(directory: Path) -> Iterator[str]:
    """SAP CAP serving the model of `tills/` from a new database in memory; its service root."""
    project = directory / "tills"
    shutil.copytree(NODE_FILES / "tills", project)
    (project / "node_modules").symlink_to(MODULES)
    command = ["node", str(MODULES / "@sap/cds/bin/serve.js"), "all", "--in-memory", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if listening := re.search(r"listening on .*'http://localhost:(\d+)'", line):
                yield f"http://localhost:{listening[1]}/data"
                return
        raise AssertionError(f"CAP did not start: {said}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
