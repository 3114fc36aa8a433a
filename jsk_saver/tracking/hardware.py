"""What a trial runs on: processors, memory, GPUs and the instance type, read off small files at once."""

# No pathlib: this runs at the start of a trial.
# ruff: noqa: PTH123

from __future__ import annotations

import glob
import json
import os
import re
from functools import cache
from typing import Any

from jsk_saver.lineage import kernel

#: Where SageMaker says what a job runs on.
TRAINING = "/opt/ml/input/config/resourceconfig.json"
PROCESSING = "/opt/ml/config/processingjobconfig.json"
#: Where an EC2 machine (on Nitro) says what it is.
VENDOR, PRODUCT = "/sys/devices/virtual/dmi/id/sys_vendor", "/sys/devices/virtual/dmi/id/product_name"
#: One file per GPU of NVIDIA's driver.
GPUS = "/proc/driver/nvidia/gpus/*/information"
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
#: Studio's kernel gateways are named after image and instance: "datascience-1-0-ml-g4dn-xlarge-0a1b2c".
_APP = re.compile(r"-ml-([a-z]\w*)-(\d*\w+)(-|$)")


@cache
def describe() -> dict[str, Any]:
    """Return ``cpus``, ``cpu``, ``memory`` (bytes), ``gpus`` (names) and ``instance``, as far as known."""
    known = {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": _after(_read("/proc/cpuinfo"), "model name"),
        "memory": _memory(),
        "gpus": gpus(),
        "instance": instance(),
    }
    return {name: value for name, value in known.items() if value}


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use."""
    found = [_after(_read(path), "Model") or "NVIDIA GPU" for path in sorted(glob.glob(GPUS))]  # noqa: PTH207
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return found
    numbers = [int(word) for word in chosen.split(",") if word.strip().isdigit()]
    return [found[number] for number in numbers if number < len(found)]


def instance() -> str:
    """Return the instance type, such as ``ml.m5.xlarge``; nothing where this is no machine of AWS."""
    job = _json(TRAINING).get("current_instance_type") or os.environ.get("SM_CURRENT_INSTANCE_TYPE")
    cluster = _json(PROCESSING).get("ProcessingResources", {}).get("ClusterConfig", {})
    said = job or cluster.get("InstanceType") or _studio()
    if said:
        return str(said)
    return _read(PRODUCT).strip() if "amazon" in _read(VENDOR).lower() else ""


def _studio() -> str:
    app = _APP.search(str(_json(kernel.STUDIO_METADATA).get("ResourceName", "")))
    return f"ml.{app[1]}.{app[2]}" if app else ""


def _memory() -> int:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_read(path).strip() for path in _MEMORY_LIMITS]
    return min([whole, *(int(limit) for limit in limits if limit.isdigit() and int(limit))])


def _after(text: str, word: str) -> str:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == word:
            return value.strip()
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _json(path: str) -> dict[str, Any]:
    try:
        found = json.loads(_read(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
