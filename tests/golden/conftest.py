from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["make.py", "theirs.py"]  # no doctests in these without PyTorch
