"""Write `golden.safetensors`: every case run by PyTorch. `python -m tests.golden.make` needs the extra `parity`."""

import numpy as np
import torch
from safetensors.numpy import save_file

from tests.golden import theirs
from tests.golden.cases import CASES, PATH, digest


def main() -> None:
    torch.set_num_threads(1)
    results = {
        f"{case}/{name}": np.array(value, order="C")
        for case in CASES
        for name, value in theirs.run(CASES[case]).items()
    }
    save_file(results, PATH, {"torch": torch.__version__, "cases": digest(CASES)})
    print(f"{len(CASES)} cases, {len(results)} arrays, {PATH.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
