"""Several commands at once: they mostly wait, and a test of each needs not wait for the one before."""

import subprocess
import sys


def at_once(*commands, bound_s=60, **how):
    """Run Python with each of these arguments, side by side; what `subprocess.run` says of each, in their order."""
    running = []
    try:
        for arguments in commands:
            command = [sys.executable, *map(str, arguments)]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how))
        # One whose output fills its pipe waits for its turn to be read, and for nothing else.
        said = [process.communicate(timeout=bound_s) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return [subprocess.CompletedProcess(one.args, one.returncode, *words) for one, words in zip(running, said, strict=True)]
