"""Generates the gRPC code from proto/ into `generated/` beside this file, again whenever proto/ has changed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
PROTO = HERE.parents[2] / "proto"
TARGET = HERE / "generated"
FILES = ["types", "batch", "chain"]


def generated() -> tuple[ModuleType, ...]:
    """The modules of the batch and the chain service: messages and stubs of each."""
    last = TARGET / "fairlane/v1/chain_pb2_grpc.py"
    sources = [PROTO / f"fairlane/v1/{name}.proto" for name in FILES]
    if not last.exists() or any(last.stat().st_mtime < source.stat().st_mtime for source in sources):
        _generate()
    sys.path.insert(0, str(TARGET))
    names = ["batch_pb2", "batch_pb2_grpc", "chain_pb2", "chain_pb2_grpc"]
    return tuple(importlib.import_module(f"fairlane.v1.{name}") for name in names)


def _generate() -> None:
    from grpc_tools import protoc

    TARGET.mkdir(exist_ok=True)
    files = [f"fairlane/v1/{name}.proto" for name in FILES]
    arguments = ["protoc", f"-I{PROTO}", f"--python_out={TARGET}", f"--grpc_python_out={TARGET}", *files]
    if protoc.main(arguments) != 0:
        raise SystemExit(f"the files in {PROTO} cannot be compiled")
