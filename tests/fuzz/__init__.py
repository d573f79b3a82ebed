"""Coverage-guided fuzzing of everything that reads files: `python -m tests.fuzz NAME --seconds 600`.

Needs atheris (`pip install -e '.[experiments,fuzz]'`). What it finds goes to corpus/NAME and is tried again by
`test_corpus.py` ever after.
"""
