"""The portable loops compiled for AArch64, not run: its vector instructions multiply and add."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

PROGRAM = r"""
import re, sys
import llvmlite.binding as llvm
from numba import njit, types
from qsim.kernel.portable import accumulate

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
triple = "aarch64-unknown-linux-gnu"
try:
    target = llvm.Target.from_triple(triple)
except RuntimeError:
    sys.exit(3)
machine = target.create_target_machine(cpu="cortex-a72", features="+neon", opt=3)
arrays = ((types.uint8, 2), (types.int16, 2), (types.int32, 1), (types.int32, 2))
loop = njit(nogil=True)(accumulate.py_func)
loop.compile(tuple(types.Array(kind, dimensions, "C") for kind, dimensions in arrays))
text = loop.inspect_llvm(loop.signatures[0])  # not optimised: NUMBA_OPT is 0
text = re.sub(r'target triple = ".*"', f'target triple = "{triple}"', text)
text = re.sub(r'target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
module = llvm.parse_assembly(re.sub(r'"target-(cpu|features)"="[^"]*"', "", text))
options = llvm.create_pipeline_tuning_options(speed_level=3)
options.loop_vectorization = True
passes = llvm.create_pass_builder(machine, options)
passes.getModulePassManager().run(module, passes)
print(machine.emit_assembly(module))
"""


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_products_are_vectors_on_aarch64(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=300
    )
    if done.returncode == 3:
        pytest.skip("this llvmlite has no AArch64")
    assert done.returncode == 0, done.stderr
    assert "\tmla\tv" in done.stdout
