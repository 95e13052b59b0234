"""What a person pastes when asking for help: one block of Markdown, without names, passwords or home folders."""

import os
import platform
import sys
from typing import Any

from ...core.errors import FarmCDError
from .fetch import free_bytes
from .locks import this_system
from .log import tail, without_person
from .machine import graphics, in_sandbox
from .manager import Manager
from .store import Store

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


def report(store: Store, about: dict[str, Any], fault: FarmCDError | None = None) -> str:
    """Write the block. `about` holds what only the caller knows: versions of FarmCD and QGIS, index, proxy."""
    status = Manager(store).status()
    card = graphics()
    proxies = any(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXY_VARIABLES)
    rows = {
        **about,
        "System": f"{platform.platform()} ({_system()})",
        "Python": f"{platform.python_version()}, {sys.base_prefix}",
        "Sandbox": "yes" if in_sandbox() else "no",
        "Graphics": f"{card.name}, driver {card.driver}, {card.capability}" if card else "no NVIDIA driver",
        "Proxy in variables": "yes" if proxies else "no",
        "Free disk": f"{free_bytes(store.home) / 1e9:.1f} GB at {store.home}",
        "Environment": f"{status.state} {status.lock}",
        "Packages": ", ".join(f"{k} {v}" for k, v in status.versions.items() if k in ("python", "torch", "numpy")),
        "Fault": f"{fault.code}: {fault}" if fault else str(status.problem or "none"),
    }
    lines = ["### FarmCD environment", "", *(f"- {name}: {value}" for name, value in rows.items()), "", "```"]
    return without_person("\n".join([*lines, *tail(store.log), "```", ""]))


def _system() -> str:
    try:
        return this_system()
    except FarmCDError as fault:
        return fault.code
